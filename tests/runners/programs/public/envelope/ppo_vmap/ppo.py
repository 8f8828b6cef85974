"""tyro with a dataclass, whose booleans are written out; started as a module."""

import dataclasses
import random

import tyro
import wandb


@dataclasses.dataclass(frozen=True)
class Args:
    env_name: str = ""
    total_timesteps: int = 1
    seed: int = 7
    num_envs: int = 1
    num_steps: int = 1
    policy_lr: float = 0.5
    value_wd: float = 0.5
    gamma: float = 0.5
    normalize_observations: bool = False
    normalize_rewards: bool = True
    use_symlog: bool = False
    activation: str = "relu"
    num_runs: int = 1


def metric(**values):
    args = Args(**values)
    total = len(args.env_name) + args.total_timesteps / 1e8 + args.num_envs / 1e4
    total += args.num_steps / 1e4 + args.policy_lr + args.value_wd + args.gamma
    total += 0.5 * args.normalize_observations - 0.25 * args.normalize_rewards
    total += 0.125 * args.use_symlog + len(args.activation) / 1e3 + args.num_runs / 1e4
    return total + 0.01 * random.Random(args.seed).random()


def main():
    args = tyro.cli(Args, config=(tyro.conf.FlagConversionOff,))
    values = dataclasses.asdict(args)
    run = wandb.init(project="envelope", config=values)
    for step in (64, 128):
        run.log({"mean_return": metric(**values) * step / 128}, step=step)


if __name__ == "__main__":
    main()
