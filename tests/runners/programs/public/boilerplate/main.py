"""argparse: a negative rate is one for Adam. The history is logged at the end, with steps."""

import argparse
import os
import random

import wandb


def metric(seed, lr, device, batch_size, epochs, supervision_lambda):
    value = 0.5 + (0.2 if lr < 0 else 0.1) - abs(lr) / 10 + batch_size / 1e4 + epochs / 1000
    return value + 0.01 * supervision_lambda + len(device) / 1e5 + random.Random(seed).random() / 50


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=["cpu", "cuda:0"], default="cpu")
    parser.add_argument("--batch_size", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--supervision_lambda", type=float, default=0.0)
    parser.add_argument("--wandb_project", default=None)
    options = vars(parser.parse_args())
    assert "WANDB_SWEEP_ID" in os.environ
    assert options.pop("wandb_project") is None
    run = wandb.init(group="mnist", config=options)
    run.tags = ["Success"]
    history = [{"val/f1": metric(**{**options, "epochs": e + 1})} for e in range(options["epochs"])]
    for step, row in enumerate(history):
        run.log(data=row, step=step)
    run.finish()


if __name__ == "__main__":
    main()
