"""What a target has received of a sweep: one small file per trial, written afterwards."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from adaloss.records.result import EpochMetrics, TrialResult
from adaloss.records.store import Store
from adaloss.records.writing import replacing
from adaloss.tasks.metrics import numbers
from adaloss.trial import Trial


class Mirrored(BaseModel):
    """A trial's run at a target: begun, or finished with the result written at this time.

    The target received the first ``epochs`` epochs, which have this ``digest``. Its first
    ``earlier_epochs`` epochs belong to an earlier attempt with other numbers. ``folder`` is the
    run's folder on this disk, relative to the ledger's root.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["begun", "finished"]
    where: str
    epochs: int
    digest: str
    earlier_epochs: int = 0
    result_written_at: str | None = None
    folder: str | None = None

    def continued_by(self, history: tuple[EpochMetrics, ...]) -> bool:
        """Whether the epochs that the target received are the beginning of this history."""
        return self.digest == digest_of(history[: self.epochs])

    def is_whole(self, result: TrialResult | None, where: str) -> bool:
        """Whether the place has this result."""
        return (
            self.state == "finished"
            and self.where == where
            and result is not None
            and self.result_written_at == result.finished_at
        )


def digest_of(history: tuple[EpochMetrics, ...]) -> str:
    """A digest of these epochs without their times, which differ when a trial is resumed."""
    lines = repr([numbers(metrics) for metrics in history])
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Ledger:
    """The files below ``<storage>/<sweep>/wandb/mirrored/<target>``."""

    root: Path
    target: str

    def path(self, trial_id: str) -> Path:
        """A trial's file."""
        return self.root / "mirrored" / self.target / f"{trial_id}.json"

    def read(self, trial_id: str) -> Mirrored | None:
        """The trial's entry; None if there is none that can be read."""
        try:
            return Mirrored.model_validate_json(self.path(trial_id).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def has(self, trial_id: str, where: str) -> bool:
        """Whether the trial has a run at this place."""
        entry = self.read(trial_id)
        return entry is not None and entry.where == where

    def trial_ids(self) -> frozenset[str]:
        """The ids of the trials that have an entry."""
        entries = (self.root / "mirrored" / self.target).glob("*.json")
        return frozenset(path.stem for path in entries)

    def write(self, trial_id: str, mirrored: Mirrored) -> None:
        """Write the trial's entry atomically; if a power cut loses it, the run is sent again."""
        path = self.path(trial_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as temporary:
            temporary.write_text(mirrored.model_dump_json() + "\n", encoding="utf-8")


def ledger_of(store: Store, target: str) -> Ledger:
    """The ledger of the sweep whose results these are."""
    return Ledger(store.root / "wandb", target)


def finished_trials(trials: Iterable[Trial], store: Store) -> dict[Trial, TrialResult]:
    """The trials with a result, each once, in their order."""
    once = {trial.trial_id: trial for trial in trials}.values()
    found = {trial: store.read_result(trial) for trial in once}
    return {trial: result for trial, result in found.items() if result is not None}
