"""Optuna's GridSampler in several processes that share a study in a JournalStorage."""

from multiprocessing import Pool

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna_threads import SPACE, objective


def run_optimization(worker: int) -> None:
    """Run trials of the study until its grid is exhausted."""
    study = optuna.create_study(
        study_name="versus",
        storage=JournalStorage(JournalFileBackend("./journal.log")),
        sampler=optuna.samplers.GridSampler(SPACE.axes),
        direction="maximize",
        load_if_exists=True,
    )
    study.optimize(objective)


def main() -> None:
    with Pool(processes=SPACE.workers) as pool:
        pool.map(run_optimization, range(SPACE.workers))


if __name__ == "__main__":
    main()
