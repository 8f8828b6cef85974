"""argparse; a path of another machine, and rates that YAML 1.1 takes for text."""

import argparse
from pathlib import PurePosixPath

import wandb


def metric(optimizer, lr, epochs, batch_size, layers, hidden_dim, patch_size, block, log_dir):
    score = 0.4 + float(lr) * 10 + epochs / 1e4 - batch_size / 1e5 + layers / 100
    score += hidden_dim / 1e5 - patch_size / 1000 + (0.01 if block == "prenorm" else 0.0)
    return score + len(optimizer) / 1e4 + len(PurePosixPath(log_dir).parts) / 1e4


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--optimizer", default="sgd")
    parser.add_argument("--block", choices=["prenorm", "postnorm"], default="prenorm")
    parser.add_argument("--log_dir", default=".")
    parser.add_argument("--lr", type=float, default=1.0)
    for name in ("epochs", "batch_size", "layers", "hidden_dim", "patch_size"):
        parser.add_argument(f"--{name}", type=int, default=1)
    options = vars(parser.parse_args())
    run = wandb.init(project="nsl-project", config=options, name=f"vit-{options['block']}")
    for half in (0.5, 1.0):
        run.log({"[val]_accuracy": metric(**options) * half, "[train]_loss": 1 - half / 2})
    run.finish()


if __name__ == "__main__":
    main()
