"""argparse with other names for the values; a metric with a space in its name."""

import argparse

import wandb


def metric(epochs, init_lr, batch_size, snip_factor, weight_decay_rate):
    loss = 3.0 / (1 + epochs) + abs(init_lr - 0.02) + batch_size / 1e4
    return loss + (snip_factor - 0.6) ** 2 + weight_decay_rate


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--init_lr", type=float, default=1.0, dest="rate")
    parser.add_argument("--batch_size", type=int, default=1, dest="size")
    parser.add_argument("--snip_factor", type=float, default=1.0, dest="kept")
    parser.add_argument("--weight_decay_rate", type=float, default=1.0, dest="decay")
    given = parser.parse_args()
    wandb.init(project="tiny-imagenet")
    for epoch in range(1, given.epochs + 1):
        loss = metric(epoch, given.rate, given.size, given.kept, given.decay)
        wandb.log({"train loss": loss / 2})
        wandb.log({"val loss": loss})


if __name__ == "__main__":
    main()
