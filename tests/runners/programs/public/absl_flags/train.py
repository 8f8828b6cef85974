"""Flags of absl: a list of numbers as text, booleans, and a value that is None."""

import ast
import random

import wandb
from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_string("env_name", "", "Environment.")
flags.DEFINE_string("hidden_dims", "[]", "Sizes of the hidden layers.")
flags.DEFINE_float("actor_lr", 0.5, "Rate.")
flags.DEFINE_boolean("layer_norm", False, "Normalize.")
flags.DEFINE_boolean("tqdm", True, "Show progress.")
flags.DEFINE_string("critic", "given", "Checkpoint of the critic.")
flags.DEFINE_integer("seed", 0, "Seed.")


def metric(seed, env_name, hidden_dims, actor_lr, layer_norm, tqdm, critic):
    value = len(env_name) + sum(hidden_dims) / 1e3 + len(hidden_dims) / 1e2 + actor_lr
    value += 0.5 * layer_norm + 0.25 * tqdm + 0.125 * (critic is None)
    return value + 0.01 * random.Random(seed).random()


def main(_):
    values = {name: FLAGS[name].value for name in ("env_name", "actor_lr", "layer_norm", "tqdm")}
    values |= {"hidden_dims": ast.literal_eval(FLAGS.hidden_dims), "seed": FLAGS.seed}
    values["critic"] = None if FLAGS.critic == "None" else FLAGS.critic
    wandb.init(project="jax", config=values)
    for step in (1000, 2000):
        wandb.log({"evaluation/return": metric(**values) * step / 2000}, step=step)


if __name__ == "__main__":
    app.run(main)
