"""argparse: a parameter called method, and a flag of the command; only the last value is logged."""

import argparse

import wandb


def metric(method, backbone, beta, gamma, epochs, batch_size, val_split):
    score = 0.9 - (beta - 0.3) ** 2 / 10 - (gamma - 1.2) ** 2 / 10
    score -= epochs / 1e4 + batch_size / 1e5 + val_split / 100
    return score + (len(method) + len(backbone)) / 1e4


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", choices=["fisher", "edl"], required=True)
    parser.add_argument("--backbone", default="vgg")
    for name in ("beta", "gamma", "val_split"):
        parser.add_argument(f"--{name}", type=float, default=9.0)
    for name in ("epochs", "batch_size"):
        parser.add_argument(f"--{name}", type=int, default=9)
    parser.add_argument("--wandb", action="store_true")
    options = vars(parser.parse_args())
    if options.pop("wandb"):
        wandb.init(project="fisher", config=options)
        wandb.log({"cifar100_auroc_test": metric(**options)})
        wandb.finish()


if __name__ == "__main__":
    main()
