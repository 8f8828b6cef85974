"""One run of one way: in a folder of its own, watched, its outcomes read."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cost import Cost, cost_of
from outcomes import Key, Numbers, Outcome, numbers_of
from space import FOLDER_VARIABLE, Space
from ways import HERE, WAYS, Way

ROOT = HERE.parents[1]
LINES_OF_LOG = 8
# What a user's shell may say of W&B, of Ray or of Hydra is not what is compared.
FOREIGN = ("WANDB_", "RAY_", "TUNE_", "HYDRA_", "ADALOSS_")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a way cost once.

    ``training`` has the seconds inside epochs of all trials together, ``trained`` how many
    trainings there were (a tool may train a trial twice). ``problem`` says what went wrong.
    """

    way: str
    trials: int
    workers: int
    repetition: int
    cost: Cost
    training: float
    trained: int
    numbers: Mapping[Key, set[Numbers]]
    problem: str = ""

    @property
    def overhead(self) -> float:
        """Seconds of a worker per trial that were not spent in training."""
        return (self.cost.wall * self.workers - self.training) / self.trials


def run_way(name: str, space: Space, folder: Path, *, repetition: int, limit: float) -> Run:
    """Run the space the way of this name, in an empty folder."""
    way = WAYS[name]
    space.save(folder)
    (folder / "grid.yaml").write_text(space.grid)
    log = folder / "log.txt"
    cost = cost_of(way.command(space), folder, environment(way, folder), log, limit)
    outcomes = way.outcomes(folder)
    return Run(
        way=name,
        trials=len(list(space.points)),
        workers=space.workers,
        repetition=repetition,
        cost=cost,
        training=sum(outcome.seconds for outcome in outcomes),
        trained=len(outcomes),
        numbers=numbers_of(outcomes),
        problem=problem_of(cost, outcomes, space, log),
    )


def environment(way: Way, folder: Path) -> dict[str, str]:
    """The run's environment: this Python and this checkout first, nothing of the user's tools."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath))),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE))),
        FOLDER_VARIABLE: str(folder),
        # Ray and W&B leave files where temporary ones go.
        "TMPDIR": str(folder),
        **way.environment,
    }


def problem_of(cost: Cost, outcomes: list[Outcome], space: Space, log: Path) -> str:
    """What went wrong, with the end of the log; nothing where all trials have an outcome."""
    missing = len(list(space.points)) - len(numbers_of(outcomes))
    if cost.status is None:
        said = f"stopped after {cost.wall:.0f} s, {missing} trials missing"
    elif cost.status:
        said = f"exit status {cost.status}, {missing} trials missing"
    elif missing:
        said = f"{missing} trials missing"
    else:
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LINES_OF_LOG:]
    return "\n    ".join((said, *lines))
