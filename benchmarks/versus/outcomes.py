"""The outcome of a trial in any way: its final numbers and its training time."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

OUTCOMES_FOLDER = "outcomes"

Key = tuple[str, float, int]
Numbers = tuple[float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a trial: test accuracy and loss of the last epoch, or None if it diverged.

    ``seconds`` is the wall time inside epochs.
    """

    optimizer: str
    b0: float
    seed: int
    accuracy: float | None
    loss: float | None
    seconds: float

    @property
    def key(self) -> Key:
        """The trial's optimizer, b0 and seed."""
        return self.optimizer, float(self.b0), self.seed

    @property
    def numbers(self) -> Numbers:
        """The numbers that must be equal to the bit in all ways."""
        return self.accuracy, self.loss


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write the outcome to a new file, so that a trial that runs twice is noticed."""
    (folder / OUTCOMES_FOLDER).mkdir(exist_ok=True)
    path = folder / OUTCOMES_FOLDER / f"{uuid4().hex}.json"
    path.write_text(json.dumps(asdict(outcome)))


def written_outcomes(folder: Path) -> list[Outcome]:
    """The outcomes that :func:`train.train_one` wrote."""
    paths = sorted((folder / OUTCOMES_FOLDER).glob("*.json"))
    return [Outcome(**json.loads(path.read_text())) for path in paths]


def recorded_outcomes(folder: Path) -> list[Outcome]:
    """The outcomes in the records of adaloss-sweep."""
    from adaloss.grid.sweep import load_sweep
    from adaloss.records.result import TrialState
    from adaloss.records.store import Store

    sweep = load_sweep(folder / "grid.yaml")
    store = Store(folder / "results" / sweep.name)
    found = []
    for trial in sweep.trials:
        result = store.read_result(trial)
        if result is None or result.state is TrialState.FAILED:
            continue
        last = result.last if result.state is TrialState.COMPLETE else None
        found.append(
            Outcome(
                optimizer=trial.value("optimizer"),
                b0=trial.value("b0"),
                seed=trial.seed,
                accuracy=last["test/top1"] if last else None,
                loss=last["test/loss"] if last else None,
                seconds=result.seconds,
            )
        )
    return found


def numbers_of(outcomes: Iterable[Outcome]) -> dict[Key, set[Numbers]]:
    """The numbers of each trial; several pairs if it ran twice with different numbers."""
    numbers: dict[Key, set[Numbers]] = {}
    for outcome in outcomes:
        numbers.setdefault(outcome.key, set()).add(outcome.numbers)
    return numbers
