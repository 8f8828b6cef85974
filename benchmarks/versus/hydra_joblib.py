"""A Hydra app for --multirun with hydra/launcher=joblib."""

import hydra
from omegaconf import DictConfig
from train import train_one


@hydra.main(version_base=None, config_path=".", config_name="hydra_joblib")  # type: ignore[untyped-decorator]
def main(config: DictConfig) -> float:
    """Run the trial of the configuration."""
    return train_one({"optimizer": config.optimizer, "b0": config.b0, "seed": config.seed})


if __name__ == "__main__":
    main()
