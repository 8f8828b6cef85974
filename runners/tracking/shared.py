"""Trials in several sweeps of a project: each has one run there, of the sweep that sent it last."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from runners.tracking.labels import labels_of
from runners.tracking.ledger import Ledger, ledger_of
from runners.tracking.target import Target


def runs_of_others(sweep: Sweep, store: Store, target: Target) -> Iterator[tuple[str, int]]:
    """The sweeps in the same folder whose runs this one will take, and how many of each."""
    ours = ledger_of(store, target.name)
    trials = {trial.trial_id: trial for trial in sweep.trials}
    folders: list[Path] = []
    # What lies beside these results may be another user's, and is no reason to stop.
    with suppress(OSError):
        folders = sorted(store.root.parent.iterdir())
    for folder in folders:
        if folder == store.root:
            continue
        theirs, taken = Ledger(folder / "wandb", target.name), 0
        with suppress(OSError):
            for trial_id in trials.keys() & theirs.trial_ids():
                where = target.where(labels_of(sweep, trials[trial_id]))
                taken += theirs.has(trial_id, where) and not ours.has(trial_id, where)
        if taken:
            yield folder.name, taken
