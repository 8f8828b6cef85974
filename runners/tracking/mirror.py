"""Keep W&B's runs in step with the records: what is finished and not yet given is given."""

import hashlib
import shutil
from collections.abc import Mapping
from typing import Any

from adaloss.result import TrialResult
from adaloss.store import Store
from adaloss.sweep import Sweep
from adaloss.trial import Trial
from runners.tracking.labels import labels_of
from runners.tracking.ledger import Ledger, Mirrored, ledger_of, pending
from runners.tracking.offline_runs import write_run


def catch_up(sweep: Sweep, store: Store) -> int:
    """Write the run of each trial that is pending; returns how many.

    A run is written whole once its trial has its result. One that was begun and not finished, by
    a mirror that was killed, is thrown away and written anew; so is that of a trial which has
    been run again.
    """
    about = {"sweep": sweep.name, "grid_sha256": hashlib.sha256(sweep.text.encode()).hexdigest()}
    ledger = ledger_of(store)
    todo = pending(sweep.trials, store, ledger)
    for trial, result in todo:
        discard(ledger, trial)
        ledger.write(trial, Mirrored(state="begun", result_written_at=result.finished_at))
        folder = write_run(
            labels_of(sweep, trial),
            config_of(trial, result, about),
            store.read_metrics(trial),
            summary_of(result),
            result.state.value,
            ledger.root / trial.trial_id,
        )
        ledger.write(
            trial,
            Mirrored(
                state="finished",
                result_written_at=result.finished_at,
                folder=str(folder.resolve().relative_to(ledger.root.resolve())),
            ),
        )
    return len(todo)


def discard(ledger: Ledger, trial: Trial) -> None:
    """Remove what an earlier attempt wrote of the trial's run."""
    shutil.rmtree(ledger.root / trial.trial_id, ignore_errors=True)


def config_of(trial: Trial, result: TrialResult, about: Mapping[str, Any]) -> dict[str, Any]:
    """The whole trial, what made its numbers, and the sweep's part."""
    made = result.provenance.model_dump() if result.provenance else {}
    return trial.values | {"trial_id": trial.trial_id, "provenance": made} | dict(about)


def summary_of(result: TrialResult) -> dict[str, Any]:
    """How the trial ended: its state, its last and best epochs, why it is not complete."""
    summary: dict[str, Any] = {"state": result.state.value, "epochs": result.epochs}
    if result.best_val is not None:
        best = {f"best_val/{name}": value for name, value in result.best_val.model_dump().items()}
        summary |= {name: value for name, value in best.items() if value is not None}
    if result.divergence is not None:
        summary["divergence"] = result.divergence.reason
    if result.failure is not None:
        summary["failure"] = f"{result.failure.kind}: {result.failure.message}"
        summary["traceback"] = result.failure.traceback
    return summary
