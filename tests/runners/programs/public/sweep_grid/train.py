"""Attributes of wandb.config, with defaults that the sweep replaces; no command line."""

import time

import wandb

DEFAULTS = {"direction": 0, "base": 0, "increment": 0, "sleep": 0, "epochs": 1, "variance": 0}


def metric(direction, base, increment, sleep, epochs, variance):
    return base + direction * increment * epochs + variance / 100 + sleep / 1000


def main():
    wandb.init(config=DEFAULTS)
    config = wandb.config
    for epoch in range(1, config.epochs + 1):
        time.sleep(config.sleep / 100)
        loss = metric(
            config.direction, config.base, config.increment, config.sleep, epoch, config.variance
        )
        wandb.log({"epoch": epoch, "loss_metric": loss})


if __name__ == "__main__":
    main()
