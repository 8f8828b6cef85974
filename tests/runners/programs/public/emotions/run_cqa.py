"""A configuration that wandb.config updates; a single point."""

from types import SimpleNamespace

import wandb


def metric(batch_size, lr, bce_w, mse_w):
    return 0.5 + 10 * lr + bce_w / 8 + mse_w / 16 + batch_size / 1e4


def main():
    settings = SimpleNamespace(batch_size=1, lr=0.5, bce_w=0, mse_w=0)
    with wandb.init(project="comics", config=vars(settings)):
        vars(settings).update(wandb.config)
        for epoch in range(3):
            area = metric(**vars(settings)) - (2 - epoch) / 10
            wandb.log({"epoch": epoch, "AUC_val": area, "AUC_train": area + 0.05})


if __name__ == "__main__":
    main()
