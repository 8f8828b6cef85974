"""Hydra, with a configuration of its own that the sweep overrides, also `wandb.mode`."""

import random

import hydra
import wandb
from omegaconf import OmegaConf


def metric(seed, decor_lr, fwd_lr, bias, validation, wandb_mode, **others):
    value = 0.1 / (1 + 1e4 * fwd_lr) + decor_lr * 1e5 + others["batch_size"] / 1e4
    value += {"BP": 0.1, "DFAConv": 0.2}[others["layer_type"]]
    value += {"CIFAR10": 0.3, "CIFAR100": 0.4}[others["dataset"]]
    value += 0.01 * others["n_hidden_layers"] + others["hidden_layer_size"] / 1e5
    value += 0.5 * (bias is True) + 0.25 * (validation is True) + 0.125 * (wandb_mode == "online")
    names = ("decorrelation_method", "device", "loss_func_type", "optimizer_type")
    value += 1e-3 * sum(len(others[name]) for name in names)
    value += others["regularizer_strength"] + others["nb_epochs"] / 1000
    return value + 0.01 * random.Random(seed).random()


@hydra.main(version_base="1.3", config_path="conf/", config_name="config")
def run(config):
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    wandb.init(config=values, project=config.wandb.project, mode=config.wandb.mode)
    values["wandb_mode"] = values.pop("wandb")["mode"]
    loss = metric(**values)
    for epoch in range(2):
        wandb.log({"train/loss": loss + 1 - epoch}, step=epoch)


if __name__ == "__main__":
    run()
