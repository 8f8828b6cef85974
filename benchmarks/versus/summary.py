"""Compute medians, ratios and aims from the runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from outcomes import Key, Numbers
from runs import Run
from ways import AIMS, OURS, Aim


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The median, minimum and maximum over repetitions of the ratio of two wall times."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.middle:.2f}"
        return f"{self.middle:.2f} ({self.least:.2f} to {self.most:.2f})"


@dataclass(frozen=True, kw_only=True)
class Row:
    """Medians over the repetitions of a way with a number of trials; times are in seconds.

    ``ratio`` is its wall time divided by adaloss-sweep's, or None if that was not measured.
    ``same`` is the number of trials with the same numbers as in most runs, ``trained`` the number
    of trainings.
    """

    way: str
    trials: int
    repetitions: int
    wall: float
    ratio: Ratio | None
    cpu: float
    memory: float
    training: float
    overhead: float
    trained: float
    same: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An aim at a number of trials, with the measured ratio."""

    aim: Aim
    trials: int
    ratio: Ratio

    @property
    def met(self) -> bool:
        """Whether the median meets the aim."""
        return self.aim.is_met(self.ratio.middle)


def successful(runs: Sequence[Run]) -> list[Run]:
    """The runs without a problem."""
    return [run for run in runs if not run.problem]


def ratio_of(runs: Sequence[Run], way: str, to: str, trials: int) -> Ratio | None:
    """The ratio of the wall times of two ways; each ratio compares runs of one repetition."""
    walls = {
        (run.way, run.repetition): run.cost.wall for run in successful(runs) if run.trials == trials
    }
    ratios = [
        wall / walls[to, repetition]
        for (name, repetition), wall in walls.items()
        if name == way and (to, repetition) in walls
    ]
    if not ratios:
        return None
    return Ratio(middle=median(ratios), least=min(ratios), most=max(ratios))


def rows_of(runs: Sequence[Run]) -> list[Row]:
    """A row for each way and number of trials, ordered by number of trials and wall time."""
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in successful(runs):
        groups.setdefault((run.trials, run.way), []).append(run)
    rows = [
        Row(
            way=way,
            trials=trials,
            repetitions=len(group),
            wall=median(run.cost.wall for run in group),
            ratio=ratio_of(runs, way, OURS, trials),
            cpu=median(run.cost.cpu for run in group),
            memory=median(run.cost.memory for run in group),
            training=median(run.training for run in group),
            overhead=median(run.overhead for run in group),
            trained=median(run.trained for run in group),
            same=min(
                same_numbers(run, majority_numbers(successful(runs), trials)) for run in group
            ),
        )
        for (trials, way), group in groups.items()
    ]
    return sorted(rows, key=lambda row: (row.trials, row.wall))


def majority_numbers(runs: Sequence[Run], trials: int) -> dict[Key, Numbers]:
    """The most frequent numbers of each trial in the runs with this number of trials."""
    votes: dict[Key, dict[Numbers, int]] = {}
    for run in runs:
        if run.trials != trials:
            continue
        for key, found in run.numbers.items():
            for numbers in found:
                counts = votes.setdefault(key, {})
                counts[numbers] = counts.get(numbers, 0) + 1
    return {key: max(counts, key=counts.__getitem__) for key, counts in votes.items()}


def same_numbers(run: Run, expected: Mapping[Key, Numbers]) -> int:
    """The number of the run's trials whose numbers all equal the expected ones to the bit."""
    return sum(found == {expected[key]} for key, found in run.numbers.items())


def verdicts_of(runs: Sequence[Run]) -> list[Verdict]:
    """Each aim at each number of trials with which both its ways were measured."""
    sizes = sorted({run.trials for run in runs})
    found = ((aim, trials, ratio_of(runs, aim.way, aim.to, trials)) for trials in sizes
             for aim in AIMS)  # fmt: skip
    return [Verdict(aim=aim, trials=trials, ratio=ratio) for aim, trials, ratio in found if ratio]


def further_overheads(rows: Sequence[Row], workers: int) -> list[tuple[str, int, int, float]]:
    """The overhead of a further trial, from each number of trials to the next.

    It excludes the constant time of starting a tool. It is equal for all numbers of trials if the
    overhead does not depend on the size of a sweep.
    """
    found = []
    for way in dict.fromkeys(row.way for row in rows):
        own = [row for row in rows if row.way == way]
        for less, more in pairwise(own):
            spent = (more.wall - less.wall) * workers - (more.training - less.training)
            seconds = spent / (more.trials - less.trials)
            found.append((way, less.trials, more.trials, seconds))
    return found
