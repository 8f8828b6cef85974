"""Run one way in a new folder, measure it and read its outcomes."""

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cost import Cost, cost_of
from outcomes import Key, Numbers, Outcome, numbers_of
from space import FOLDER_VARIABLE, Space
from ways import HERE, WAYS, Way

ROOT = HERE.parents[1]
LOG_LINES = 8
# The user's settings of these tools are removed from the environment.
REMOVED_PREFIXES = ("WANDB_", "RAY_", "TUNE_", "HYDRA_", "ADALOSS_")


@dataclass(frozen=True, kw_only=True)
class Run:
    """The cost and the outcomes of one run; ``problem`` is the reason of a failure."""

    way: str
    trials: int
    epochs: int
    workers: int
    repetition: int
    cost: Cost
    outcomes: tuple[Outcome, ...]
    problem: str = ""

    @property
    def training(self) -> float:
        """The time inside epochs of all trials in seconds."""
        return sum(outcome.seconds for outcome in self.outcomes)

    @property
    def trained(self) -> int:
        """The number of trainings; a tool may train a trial twice."""
        return len(self.outcomes)

    @cached_property
    def numbers(self) -> dict[Key, set[Numbers]]:
        """The numbers of each trial."""
        return numbers_of(self.outcomes)

    @property
    def overhead(self) -> float:
        """Worker seconds per trial outside of training."""
        return (self.cost.wall * self.workers - self.training) / self.trials


def run_way(name: str, space: Space, folder: Path, *, repetition: int, limit: float) -> Run:
    """Run the space in the way of this name, in an empty folder."""
    way = WAYS[name]
    space.save(folder)
    (folder / "grid.yaml").write_text(space.grid)
    log = folder / "log.txt"
    cost = cost_of(way.command(space), folder, environment(way, folder), log, limit)
    outcomes = way.outcomes(folder)
    return Run(
        way=name,
        trials=len(list(space.points)),
        epochs=space.epochs,
        workers=space.workers,
        repetition=repetition,
        cost=cost,
        outcomes=tuple(outcomes),
        problem=problem_of(cost, outcomes, space, log),
    )


def environment(way: Way, folder: Path) -> dict[str, str]:
    """The environment of the run: this Python and checkout, without the user's settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(REMOVED_PREFIXES)
    }
    return inherited | {
        "PATH": os.pathsep.join(
            (str(Path(sys.executable).parent), inherited.get("PATH", os.defpath))
        ),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE))),
        FOLDER_VARIABLE: str(folder),
        # Ray and W&B leave files in the temporary folder.
        "TMPDIR": str(folder),
        **way.environment,
    }


def problem_of(cost: Cost, outcomes: list[Outcome], space: Space, log: Path) -> str:
    """Why the run failed, with the end of the log; empty if all trials have an outcome."""
    missing = len(list(space.points)) - len(numbers_of(outcomes))
    if cost.status is None:
        reason = f"stopped after {cost.wall:.0f} s, {missing} trials missing"
    elif cost.status:
        reason = f"exit status {cost.status}, {missing} trials missing"
    elif missing:
        reason = f"{missing} trials missing"
    else:
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return "\n    ".join((reason, *lines))
