"""argparse with flags that are there or not, for points that are drawn."""

import argparse

import wandb


def metric(prenorm, query_zero_init, mup, position_embedding_type, generator_config, **numbers):
    value = 1.0 * prenorm + 2.0 * query_zero_init + 4.0 * mup + len(position_embedding_type) / 100
    value += len(generator_config) / 1e4
    return value + sum((place + 1) * numbers[name] for place, name in enumerate(sorted(numbers)))


def main():
    parser = argparse.ArgumentParser()
    for flag in ("prenorm", "query_zero_init", "mup"):
        parser.add_argument(f"--{flag}", action="store_true")
    for text in ("position_embedding_type", "generator_config"):
        parser.add_argument(f"--{text}", required=True)
    for name in ("lr", "weight_decay", "dropout", "noise", "global_clip_norm"):
        parser.add_argument(f"--{name}", type=float, required=True)
    for name in ("output_mult", "hidden_size"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = parser.parse_args()
    wandb.init(project="bio-chem-lm", config=args)
    wandb.log({"val_loss": metric(**vars(args))})


if __name__ == "__main__":
    main()
