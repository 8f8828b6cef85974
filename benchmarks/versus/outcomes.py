"""What a trial came to, whoever ran it: its final numbers, and the seconds spent in training."""

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
    """The end of a trial: ``accuracy`` and ``loss`` are of the last epoch's test, None: diverged.

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
        """Which trial it is."""
        return self.optimizer, float(self.b0), self.seed

    @property
    def numbers(self) -> Numbers:
        """What must be the same, to the bit, whoever ran it."""
        return self.accuracy, self.loss


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """A file of its own for each: a tool may run a trial twice, and that is to be seen."""
    (folder / OUTCOMES_FOLDER).mkdir(exist_ok=True)
    path = folder / OUTCOMES_FOLDER / f"{uuid4().hex}.json"
    path.write_text(json.dumps(asdict(outcome)))


def written_outcomes(folder: Path) -> list[Outcome]:
    """What :func:`train.train_one` wrote during a run."""
    paths = sorted((folder / OUTCOMES_FOLDER).glob("*.json"))
    return [Outcome(**json.loads(path.read_text())) for path in paths]


def recorded_outcomes(folder: Path) -> list[Outcome]:
    """What our own records say of a run."""
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
                optimizer=trial.optimizer,
                b0=trial.b0,
                seed=trial.seed,
                accuracy=last["test/top1"] if last else None,
                loss=last["test/loss"] if last else None,
                seconds=result.seconds,
            )
        )
    return found


def numbers_of(outcomes: Iterable[Outcome]) -> dict[Key, set[Numbers]]:
    """Every trial's numbers; more than one pair where it was run twice and they differ."""
    numbers: dict[Key, set[Numbers]] = {}
    for outcome in outcomes:
        numbers.setdefault(outcome.key, set()).add(outcome.numbers)
    return numbers
