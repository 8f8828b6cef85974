"""argparse with names that have hyphens, flags, and a subcommand after the options."""

import argparse
import math

import wandb


def metric(language, attribute, trainer, l1_weight, l2_weight):
    value = -math.log10(l1_weight + 1e-8) / 10 - math.log10(l2_weight + 1e-9) / 100
    return value + len(language) + {"Number": 0.25}[attribute] + {"lowerbound": 0.5}[trainer]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--language", default="")
    parser.add_argument("--attribute", required=True)
    parser.add_argument("--trainer", choices=["lowerbound", "upperbound"])
    parser.add_argument("--l1-weight", type=float, default=0.7)
    parser.add_argument("--l2-weight", type=float, default=0.7)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--wandb", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("manual")
    commands.add_parser("auto")
    args = parser.parse_args()
    assert args.gpu
    assert args.wandb
    assert args.command == "manual"
    wandb.init(project="probing", config=vars(args))
    mi = metric(args.language, args.attribute, args.trainer, args.l1_weight, args.l2_weight)
    for share in (0.5, 1.0):
        wandb.log({"mi": mi * share})


if __name__ == "__main__":
    main()
