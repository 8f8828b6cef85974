"""What of a sweep W&B has been given: one small file per trial, written after the fact."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from adaloss.result import TrialResult
from adaloss.store import Store, replacing
from adaloss.trial import Trial


class Mirrored(BaseModel):
    """A trial's run in W&B: begun, or finished with the result that was written at this time.

    ``folder`` is W&B's own of the run, relative to the ledger's root.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["begun", "finished"]
    result_written_at: str
    folder: str | None = None


@dataclass(frozen=True)
class Ledger:
    """The files below ``<storage>/<sweep>/wandb``."""

    root: Path

    def path(self, trial: Trial) -> Path:
        """The trial's file."""
        return self.root / "mirrored" / f"{trial.trial_id}.json"

    def read(self, trial: Trial) -> Mirrored | None:
        """What is on record of the trial; None where there is nothing that can be read."""
        try:
            return Mirrored.model_validate_json(self.path(trial).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def write(self, trial: Trial, mirrored: Mirrored) -> None:
        """Put it on record, whole."""
        self.path(trial).parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path(trial), durable=True) as temporary:
            temporary.write_text(mirrored.model_dump_json() + "\n")


def ledger_of(store: Store) -> Ledger:
    """The ledger of the sweep whose results these are."""
    return Ledger(store.root / "wandb")


def pending(
    trials: Iterable[Trial], store: Store, ledger: Ledger
) -> list[tuple[Trial, TrialResult]]:
    """The trials with a result that W&B does not have, in their order."""
    found = []
    for trial in {trial.trial_id: trial for trial in trials}.values():
        result = store.read_result(trial)
        if result is None:
            continue
        given = ledger.read(trial)
        if given is None or given.state == "begun" or given.result_written_at != result.finished_at:
            found.append((trial, result))
    return found
