"""What the answer is about, and the form of its sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from adaloss.grid.tables.spec import TableSpec
from analysis.stats.frames.frames import PartStatistics
from analysis.stats.page import wording
from analysis.stats.page.wording import decimals_of
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.tuning import Choices

MOST_PARTS = 3
"""A sentence has the first of more parts."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the statistics are of.

    ``frame`` has the shown trials, ``whole`` also those of all tuned values, ``along`` the parts of
    the same table along other axes.
    """

    parts: Sequence[PartStatistics]
    along: Sequence[tuple[str, Sequence[PartStatistics]]]
    frame: pd.DataFrame
    whole: pd.DataFrame
    spec: TableSpec
    measure: Measure
    choices: Choices
    names: Names

    @property
    def row_name(self) -> str:
        """What the rows' field is called."""
        return self.names.field(self.spec.rows)


def number(value: float, subject: Subject) -> str:
    """A number of the metric."""
    return wording.number(value, decimals_of(subject.measure))


def sentence(start: str, clauses: Sequence[tuple[str, str]]) -> str:
    """The clauses of the first parts after the ``start``, each with its part's name if it has one.

    A clause is the name of its part and a text.
    """
    named = [f"{part}: {clause}" if part else clause for part, clause in clauses]
    rest = len(named) - MOST_PARTS
    more = [f"{rest} more in the statistics"] if rest > 0 else []
    return f"{start}: {'; '.join([*named[:MOST_PARTS], *more])}."
