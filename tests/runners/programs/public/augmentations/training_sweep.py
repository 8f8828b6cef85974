"""A function for wandb.agent without a sweep of its own; values with commas and parentheses."""

import re

import wandb


def metric(transform, batch_size):
    name, *numbers = re.split(r"[(), ]+", transform.rstrip(")"))
    return len(name) / 10 + sum(map(float, numbers)) + batch_size / 1000


def train():
    with wandb.init() as run:
        for epoch in range(2):
            loss = metric(run.config["transform"], run.config["batch_size"])
            run.log({"epoch": epoch, "test_loss": loss * (2 - epoch)})


if __name__ == "__main__":
    train()
