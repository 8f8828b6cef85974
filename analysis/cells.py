"""One cell of a table: the statistics of its seeds, and what is shown where there are none."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev

import pandas as pd

from adaloss.result import TrialState
from adaloss.table_spec import NaIf
from analysis.frame import MISSING
from analysis.wording import number_text


class CellStatus(StrEnum):
    """What a cell shows.

    VALUE: a mean. NA: it diverged, by the table's ``na_if``. FAILED: no trial finished and at
    least one ended in an error. EMPTY: nothing finished yet, or its trials have no such metric.
    UNDECLARED: the sweep leaves this cell out.
    """

    VALUE = "value"
    NA = "na"
    FAILED = "failed"
    EMPTY = "empty"
    UNDECLARED = "undeclared"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Mean and standard deviation (ddof = 1) over the ``n`` complete trials that have the metric.

    ``expected`` counts the declared trials (= complete + diverged + failed + missing). ``mean`` is
    None unless the status is VALUE, ``std`` also where n = 1 or a value is infinite.
    """

    mean: float | None
    std: float | None
    n: int
    expected: int
    complete: int
    diverged: int
    failed: int
    missing: int
    status: CellStatus
    best: bool = False


UNDECLARED_CELL = Cell(
    mean=None,
    std=None,
    n=0,
    expected=0,
    complete=0,
    diverged=0,
    failed=0,
    missing=0,
    status=CellStatus.UNDECLARED,
)


def cell_of(trials: pd.DataFrame, column: str, na_if: NaIf) -> Cell:
    """The cell of these trials; equal trials, declared twice, count once."""
    unique = trials.drop_duplicates("trial_id")
    counts = {str(state): int(n) for state, n in unique["state"].value_counts().items()}
    values = unique.loc[unique["state"] == TrialState.COMPLETE.value, column].dropna().tolist()
    status = status_of(counts, n=len(values), na_if=na_if)
    has_value = status is CellStatus.VALUE
    return Cell(
        mean=fmean(values) if has_value else None,
        std=spread(values) if has_value else None,
        n=len(values),
        expected=len(unique),
        complete=counts.get(TrialState.COMPLETE.value, 0),
        diverged=counts.get(TrialState.DIVERGED.value, 0),
        failed=counts.get(TrialState.FAILED.value, 0),
        missing=counts.get(MISSING, 0),
        status=status,
    )


def spread(values: Sequence[float]) -> float | None:
    """The standard deviation where there is one.

    From exact sums, like the mean: the same values give the same digits in any order, anywhere.
    """
    return stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else None


def status_of(counts: Mapping[str, int], *, n: int, na_if: NaIf) -> CellStatus:
    """What a cell with these numbers of trials per state, and ``n`` values, shows."""
    diverged = counts.get(TrialState.DIVERGED.value, 0)
    finished = diverged + counts.get(TrialState.COMPLETE.value, 0)
    is_na = {
        "any": diverged > 0,
        "majority": 2 * diverged > finished,
        "all": diverged == finished > 0,
    }
    if is_na[na_if]:
        return CellStatus.NA
    if n:
        return CellStatus.VALUE
    if not finished and counts.get(TrialState.FAILED.value, 0):
        return CellStatus.FAILED
    return CellStatus.EMPTY


@dataclass(frozen=True, kw_only=True)
class CellText:
    """A cell in words; the renderers add only their own markup."""

    mean: str = ""
    std: str = ""
    words: str = ""
    count: str = ""

    @property
    def number(self) -> str:
        """For example ``90.65±0.09``."""
        return f"{self.mean}±{self.std}" if self.std else self.mean

    @property
    def plain(self) -> str:
        """For example ``90.65±0.09 (3/5)``, ``N/A`` or ``–``."""
        return " ".join(filter(None, (self.number, self.words, self.count)))


def cell_text(cell: Cell, decimals: int) -> CellText:
    """What a cell shows.

    Seeds that are missing, failed or diverged without making the cell N/A are told by ``(k/n)``:
    the mean is over k of n. N/A, – and blank cells carry no count; the caption adds them up.
    """
    count = f"({cell.n}/{cell.expected})" if cell.n < cell.expected else ""
    if cell.mean is not None:
        std = "" if cell.std is None else number_text(cell.std, decimals)
        return CellText(mean=number_text(cell.mean, decimals), std=std, count=count)
    if cell.status is CellStatus.FAILED:
        return CellText(words="failed", count=count)
    words = {CellStatus.NA: "N/A", CellStatus.EMPTY: "–"}
    return CellText(words=words.get(cell.status, ""))
