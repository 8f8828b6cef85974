"""Creates the sweep and calls its own agent, which calls a function that reads wandb.config."""

import random
from pathlib import Path

import wandb
import yaml


def metric(seed, model_name, learning_rate, focal):
    value = 0.5 + learning_rate * 1e3 + 0.1 * (focal is True) + len(model_name) / 1e4
    return value + 0.01 * random.Random(seed).random()


def main():
    with wandb.init() as run:
        config = wandb.config
        f1 = metric(config.seed, config.model_name, config.learning_rate, config["focal"])
        for epoch in range(2):
            run.log({"eval/f1": f1 - 0.1 * (1 - epoch)})


if __name__ == "__main__":
    sweep = yaml.safe_load(Path("sweep.yaml").read_text())
    sweep_id = wandb.sweep(sweep=sweep, entity="team", project="KLUE")
    wandb.agent(sweep_id, function=main, entity="team", project="KLUE", count=10)
