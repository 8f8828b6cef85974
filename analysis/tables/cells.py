"""One cell of a table: the statistics of its seeds, or a status."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
import pandas as pd

from adaloss.grid.tables.spec import NaIf, Spread
from adaloss.records.result import TrialState
from adaloss.tasks.metric import EPOCH
from analysis.frame.frame import MISSING
from analysis.tables.measure import Measure
from analysis.tables.own_changes import MIXED_SIGN
from analysis.tables.wording import Decimals, is_small, number_text

EDGE_SIGN = "‡"
"""After a value that was tuned and is at the edge of its range."""


class CellStatus(StrEnum):
    """The content of a cell.

    VALUE: a mean. NA: it diverged, by the table's ``na_if``. UNREACHED: a trial never reached the
    table's target; ``n`` counts those that did. FAILED: no trial finished and at
    least one ended in an error. EMPTY: nothing finished yet, its trials have no such metric, or
    infinite ones of both signs, which have no mean.
    UNDECLARED: the sweep does not contain this cell.
    """

    VALUE = "value"
    NA = "na"
    UNREACHED = "unreached"
    FAILED = "failed"
    EMPTY = "empty"
    UNDECLARED = "undeclared"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The values of the tuned fields that a cell shows, of so many ``tried``.

    ``lost`` counts further values whose trials failed or have not ended. ``upwards`` and
    ``downwards`` are the fields whose value is the largest or smallest of several: a better one may
    lie beyond. No value is chosen where none has a validation metric.
    """

    values: tuple[object, ...]
    tried: int
    lost: int = 0
    upwards: tuple[str, ...] = ()
    downwards: tuple[str, ...] = ()

    @property
    def is_at_edge(self) -> bool:
        """Whether a value is at the edge of its range."""
        return bool(self.upwards or self.downwards)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Mean and standard deviation (ddof = 1) over the ``n`` complete trials that have the metric.

    ``expected`` counts the declared trials (= complete + diverged + failed + missing). ``mean`` is
    None unless the status is VALUE; ``std`` is also None if n = 1 or a value is infinite. ``mixed``
    means that its trials were computed with several versions of the user's own code or data.
    ``expected`` is 0 for a mean of somebody else who does not say of how many runs. ``choice`` has
    the values of tuned fields.
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
    mixed: bool = False
    choice: Choice | None = None
    best: bool = False
    second: bool = False

    @property
    def is_beyond(self) -> bool:
        """Whether it is worse than any number: N/A, or the target was not always reached."""
        return self.status in (CellStatus.NA, CellStatus.UNREACHED)

    def spread(self, kind: Spread) -> float | None:
        """The spread of this kind, in the metric's units; None without ``std``.

        ``ci95`` is half the width of the 95 % confidence interval of the mean by Student's t with
        n - 1 degrees of freedom.
        """
        if self.std is None or kind == "std":
            return self.std
        if not self.n:
            return None
        error = self.std / math.sqrt(self.n)
        return error if kind == "sem" else error * t_quantile(0.975, self.n - 1)


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


def beyond_words(cells: Iterable[Cell]) -> str:
    """Why cells are worse than any number; empty if none is."""
    found = {cell.status for cell in cells}
    words = {CellStatus.NA: "diverged", CellStatus.UNREACHED: "not reached"}
    return " or ".join(word for status, word in words.items() if status in found)


class TrialEnd(NamedTuple):
    """The part of a trial that a cell needs.

    ``value`` is the metric or NaN, ``is_unreached`` whether it is known never to have reached the
    table's target.
    """

    trial_id: str
    state: str
    value: float
    is_unreached: bool


def ends_of(trials: pd.DataFrame, measure: Measure) -> list[TrialEnd]:
    """The ends of the trials in these rows of the frame."""
    columns = [trials[name].tolist() for name in ("trial_id", "state", measure.column)]
    unreached = [False] * len(trials)
    if measure.reach is not None:
        # Not the metric, which has no worst value where neither direction is better.
        unreached = np.isinf(trials[f"{measure.at}:{EPOCH.name}"]).tolist()
    return list(map(TrialEnd, *columns, unreached))


def cell_of(trials: pd.DataFrame, measure: Measure, na_if: NaIf) -> Cell:
    """The cell of these rows of the frame."""
    return cell_of_ends(ends_of(trials, measure), na_if)


def cell_of_ends(ends: Iterable[TrialEnd], na_if: NaIf) -> Cell:
    """The cell of these trials; a trial that is declared twice counts once."""
    distinct = {end.trial_id: end for end in ends}.values()
    counts = Counter(end.state for end in distinct)
    unreached = sum(end.is_unreached for end in distinct)
    complete = [end for end in distinct if end.state == TrialState.COMPLETE.value]
    values = [end.value for end in complete if not (math.isnan(end.value) or end.is_unreached)]
    status = status_of(counts, n=len(values) + unreached, na_if=na_if)
    if status is CellStatus.VALUE and unreached:
        status = CellStatus.UNREACHED
    if status is CellStatus.VALUE and {math.inf, -math.inf} <= set(values):
        status = CellStatus.EMPTY
    has_value = status is CellStatus.VALUE
    return Cell(
        mean=fmean(values) if has_value else None,
        std=standard_deviation(values) if has_value else None,
        n=len(values),
        expected=len(distinct),
        complete=len(complete),
        diverged=counts[TrialState.DIVERGED.value],
        failed=counts[TrialState.FAILED.value],
        missing=counts[MISSING],
        status=status,
    )


def standard_deviation(values: Sequence[float]) -> float | None:
    """The standard deviation (ddof = 1), None if there is none.

    It is computed from exact sums, like the mean: the same values give the same digits in any
    order.
    """
    return stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else None


def t_quantile(level: float, degrees_of_freedom: int) -> float:
    """The quantile of Student's t distribution."""
    # Importing scipy takes a quarter of a second, and most tables show standard deviations.
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, level))


def status_of(counts: Mapping[str, int], *, n: int, na_if: NaIf) -> CellStatus:
    """The status of a cell with these numbers of trials per state and ``n`` values."""
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
    """The text of a cell; renderers add only markup."""

    mean: str = ""
    spread: str = ""
    words: str = ""
    count: str = ""

    @property
    def number(self) -> str:
        """For example ``90.65±0.09``."""
        return f"{self.mean}±{self.spread}" if self.spread else self.mean

    @property
    def plain(self) -> str:
        """For example ``90.65±0.09 (3/5)``, ``N/A`` or ``–``."""
        return " ".join(filter(None, (self.number, self.words, self.count)))


@dataclass(frozen=True, kw_only=True)
class CellStyle:
    """How cells are formatted."""

    decimals: Decimals
    spread: Spread = "std"
    always_n: bool = False


WORDS: Mapping[CellStatus, str] = {
    CellStatus.NA: "N/A",
    CellStatus.UNREACHED: "not reached",
    CellStatus.FAILED: "failed",
    CellStatus.EMPTY: "–",
}
"""What a cell without a mean says."""


def cell_text(cell: Cell, style: CellStyle) -> CellText:
    """The text of a cell.

    ``(k/n)`` marks a mean over k of n seeds because others are missing, failed or diverged. N/A, –
    and blank cells have no count; the caption has the totals.
    """
    tells_n = cell.n < cell.expected or (style.always_n and cell.expected > 0)
    counted = f"({cell.n}/{cell.expected})" if tells_n else ""
    edge = EDGE_SIGN if cell.choice is not None and cell.choice.is_at_edge else ""
    count = " ".join(filter(None, (counted, MIXED_SIGN if cell.mixed else "", edge)))
    if cell.mean is not None:
        spread = cell.spread(style.spread)
        small, fixed = style.decimals.small, Decimals(style.decimals.number)
        form = "" if small is None or not is_small(cell.mean, style.decimals) else f".{small}e"

        def text(value: float) -> str:
            return format(value, form) if form else number_text(value, fixed)

        return CellText(
            mean=text(cell.mean), spread="" if spread is None else text(spread), count=count
        )
    if cell.status in (CellStatus.FAILED, CellStatus.UNREACHED):
        return CellText(words=WORDS[cell.status], count=count)
    return CellText(words=WORDS.get(cell.status, ""), count=MIXED_SIGN if cell.mixed else "")
