"""What run.sh starts: argparse with booleans as text, and lines of JSON instead of wandb."""

import argparse
import json
import os
from pathlib import Path


def metric(n_clients, l2_norm_clip, dp, learning_rate, batch_size, epochs, **texts):
    value = 0.9 - 0.01 * n_clients - 0.1 / l2_norm_clip - 0.05 * dp + learning_rate * epochs
    return value + batch_size / 1e5 + sum(map(len, texts.values())) / 1e6


def boolean(text):
    return {"true": True, "false": False}[text.lower()]


def main():
    parser = argparse.ArgumentParser()
    for name, kind in (
        *(("n_clients", int), ("l2_norm_clip", float), ("dp", boolean), ("learning_rate", float)),
        *(("batch_size", int), ("epochs", int), ("dataset", str), ("aggregation_type", str)),
        ("partition_type", str),
    ):
        parser.add_argument(f"--{name}", type=kind, required=True)
    accuracy = metric(**vars(parser.parse_args()))
    with Path(os.environ["ADALOSS_REPORT"]).open("a") as reports:
        for share in (0.5, 1.0):
            reports.write(json.dumps({"accuracy": accuracy * share}) + "\n")


if __name__ == "__main__":
    main()
