"""Hydra, with parameters that its configuration does not have; results in wandb's summary."""

import hydra
import wandb
from omegaconf import OmegaConf


def metric(depth, optimizer_lr, optimizer_nesterov, widths):
    return depth / 10 + optimizer_lr + 0.5 * (optimizer_nesterov is True) + sum(widths) / 1e3


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    values = OmegaConf.to_container(cfg)
    run = wandb.init(config=values)
    optimizer = values["optimizer"]
    loss = metric(values["depth"], optimizer["lr"], optimizer["nesterov"], values["widths"])
    run.summary["val_loss"] = loss
    run.finish()


if __name__ == "__main__":
    main()
