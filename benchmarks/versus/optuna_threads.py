"""Optuna's GridSampler with n_jobs, which starts threads."""

import optuna
from space import Space, run_folder
from train import train_one

SPACE = Space.load(run_folder())


def objective(trial: optuna.Trial) -> float:
    """Run a trial with the sampler's value of each field."""
    return train_one(
        {name: trial.suggest_categorical(name, values) for name, values in SPACE.axes.items()}
    )


def main() -> None:
    sampler = optuna.samplers.GridSampler(SPACE.axes)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.optimize(objective, n_jobs=SPACE.workers)
    print(study.best_params)


if __name__ == "__main__":
    main()
