"""The command has a file of settings and no parameters: those are in wandb.config."""

import argparse
import runpy

import wandb


def metric(seed, env_id, cost_critic_hyperparam, steps=3, discount=0.5):
    return seed / 100 + env_id + cost_critic_hyperparam * discount**steps


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    path, _, name = parser.parse_args().config.partition(":")
    settings = runpy.run_path(path)["SETTINGS"][name]
    run = wandb.init(project="safe-cbf", config=settings)
    values = {key: run.config[key] for key in ("seed", "env_id", "cost_critic_hyperparam")}
    for step in range(1, settings["steps"] + 1):
        run.log({"cost": metric(**values, steps=step, discount=settings["discount"])}, step=step)


if __name__ == "__main__":
    main()
