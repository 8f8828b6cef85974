"""Performance profiles: how much slower than the fastest, over all problems.

Dolan and Moré, "Benchmarking optimization software with performance profiles", Mathematical
Programming 91 (2002), as AlgoPerf draws them (Dahl et al., "Benchmarking neural network training
algorithms", 2023).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from statistics import median

import pandas as pd

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialState
from analysis.frame.column_types import values_of
from analysis.frame.frame import positions_by
from analysis.tables.measure import Measure


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """How many times the fastest's cost each column needs, for each of ``problems``.

    ``ratios`` has a number for each problem in ascending order, ∞ where the target is not reached;
    ``lacking`` counts a column's problems without a finished trial, which are also ∞. ``unsolved``
    are the problems whose target no column reaches.
    """

    problems: int
    unsolved: int
    ratios: Mapping[object, tuple[float, ...]]
    lacking: Mapping[object, int]

    def within(self, column: object, factor: float) -> float:
        """The share of the problems that the column solves at most so many times slower."""
        return sum(ratio <= factor for ratio in self.ratios[column]) / self.problems


def profiles_of(frame: pd.DataFrame, spec: TableSpec, measure: Measure) -> Profiles:
    """The profiles of the columns; a problem is a row of a part.

    A problem's cost is the median over the seeds that ended, where a diverged trial and one that
    never reaches the target count as ∞.
    """
    columns = tuple(dict.fromkeys(values_of(frame, spec.columns)))
    costs: dict[tuple[object, ...], dict[object, float | None]] = {}
    for key, rows in positions_by(frame, (spec.rows, *spec.per, spec.columns)).items():
        part = frame.iloc[rows].drop_duplicates("trial_id")
        costs.setdefault(key[:-1], {})[key[-1]] = cost_of(
            part["state"].tolist(), part[measure.column].tolist()
        )
    ratios: dict[object, list[float]] = {column: [] for column in columns}
    lacking = dict.fromkeys(columns, 0)
    unsolved = 0
    for of_problem in costs.values():
        least = min((cost for cost in of_problem.values() if cost is not None), default=inf)
        unsolved += least == inf
        for column in columns:
            cost = of_problem.get(column)
            lacking[column] += cost is None
            ratios[column].append(ratio(inf if cost is None else cost, least))
    ordered = {column: tuple(sorted(found)) for column, found in ratios.items()}
    return Profiles(problems=len(costs), unsolved=unsolved, ratios=ordered, lacking=lacking)


def ratio(cost: float, least: float) -> float:
    """How many times the least cost; a target reached at the start costs nothing."""
    if cost == inf:
        return inf
    if least == 0:
        return 1.0 if cost == 0 else inf
    return cost / least


def cost_of(states: Sequence[str], values: Sequence[float]) -> float | None:
    """The median cost of the trials that ended, None if none did."""
    ended = [
        inf if state == TrialState.DIVERGED.value else value
        for state, value in zip(states, values, strict=True)
        if state == TrialState.DIVERGED.value or not isnan(value)
    ]
    return median(ended) if ended else None
