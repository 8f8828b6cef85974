"""A file of JSON with all values, whose names are paths; results in the output of wandb."""

import argparse
import json
from pathlib import Path

import wandb

INIT_ARGS = "optimizer_config/optimizer/init_args"


def metric(values):
    first, second = values[f"{INIT_ARGS}/betas"]
    value = values[f"{INIT_ARGS}/lr"] * 1e3 + first - second / 10
    return value + 0.5 * (values["freeze"] is True) + 0.25 * (values["checkpoint"] is None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["fit"])
    parser.add_argument("--json-file", type=Path, required=True)
    values = json.loads(parser.parse_args().json_file.read_text())
    wandb.init(project="cli", config=values)
    wandb.log({"train/loss": metric(values)})


if __name__ == "__main__":
    main()
