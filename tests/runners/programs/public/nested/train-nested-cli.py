"""wandb.config with nested values, which the command line has as a text that is not used."""

import argparse

import wandb

EPOCHS = 3


def metric(batch_size, optimizer_lr, optimizer_nadam_beta):
    return 1 - optimizer_lr * batch_size - optimizer_nadam_beta / 10


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--optimizer", default=None)
    with wandb.init(project="nested", config=parser.parse_args()) as run:
        inner = run.config["optimizer"]
        loss = metric(wandb.config["batch_size"], inner["lr"], inner["nadam"]["beta"])
        for epoch in range(EPOCHS):
            wandb.log({"loss": loss + EPOCHS - 1 - epoch})


if __name__ == "__main__":
    main()
