"""The outcome of comparing two cells: a test, or the reason for none."""

import math
from dataclasses import dataclass
from enum import StrEnum

from analysis.comparison.matching import Pair
from analysis.comparison.side import SideCell
from analysis.comparison.welch import Sample, Welch, welch
from analysis.tables.cells import CellStatus


class Outcome(StrEnum):
    """The outcome of comparing two cells."""

    DIFFERS = "differs"
    UNRESOLVED = "no difference resolvable"
    UNTESTED = "cannot be tested"
    DIVERGED_HERE = "diverged here"
    DIVERGED_THERE = "diverged there"
    BOTH_DIVERGED = "diverged on both sides"
    NO_VALUE = "no value"
    ONLY_OURS = "only here"
    ONLY_THEIRS = "only there"


@dataclass(frozen=True, kw_only=True)
class ComparedCell:
    """A pair with its test; a cell without a partner has None on the other side.

    ``test`` is None unless the outcome is DIFFERS or UNRESOLVED; ``why`` has the reason.
    ``p_holm`` is the test's p, adjusted by Holm for all tests of the comparison.
    """

    ours: SideCell | None
    theirs: SideCell | None
    outcome: Outcome
    test: Welch | None = None
    p_holm: float | None = None
    why: str = ""

    @property
    def difference(self) -> float | None:
        """Ours minus theirs, if both have a mean."""
        if self.ours is None or self.theirs is None:
            return None
        if self.ours.mean is None or self.theirs.mean is None:
            return None
        return self.ours.mean - self.theirs.mean


def tested(pair: Pair) -> ComparedCell:
    """A pair with its test, or the reason for none; Holm's adjustment follows later."""
    ours, theirs = pair.ours, pair.theirs
    if (outcome := divergence(ours.status, theirs.status)) is not None:
        return ComparedCell(ours=ours, theirs=theirs, outcome=outcome)
    if why := valueless(ours, "here") or valueless(theirs, "there"):
        return ComparedCell(ours=ours, theirs=theirs, outcome=Outcome.NO_VALUE, why=why)
    samples = (sample_of(ours, "here"), sample_of(theirs, "there"))
    reasons = [sample for sample in samples if isinstance(sample, str)]
    if reasons:
        why = ", ".join(reasons)
        return ComparedCell(ours=ours, theirs=theirs, outcome=Outcome.UNTESTED, why=why)
    first, second = (sample for sample in samples if isinstance(sample, Sample))
    test = welch(first, second)
    if test is None:
        why = "no spread on either side, and " + (
            "equal" if first.mean == second.mean else "not equal"
        )
        return ComparedCell(ours=ours, theirs=theirs, outcome=Outcome.UNTESTED, why=why)
    return ComparedCell(ours=ours, theirs=theirs, outcome=Outcome.UNRESOLVED, test=test)


def divergence(here: CellStatus, there: CellStatus) -> Outcome | None:
    """The outcome where a side diverged, else None."""
    if here is CellStatus.NA:
        return Outcome.BOTH_DIVERGED if there is CellStatus.NA else Outcome.DIVERGED_HERE
    return Outcome.DIVERGED_THERE if there is CellStatus.NA else None


def valueless(cell: SideCell, where: str) -> str | None:
    """The reason why the cell has no mean, None if it has one."""
    if cell.status is CellStatus.FAILED:
        return f"failed {where}"
    if cell.status is CellStatus.UNREACHED:
        return f"the target was not always reached {where}"
    return None if cell.mean is not None else f"nothing measured {where} yet"


def sample_of(cell: SideCell, where: str) -> Sample | str:
    """The cell as a sample for Welch's test, or the reason why it is not one."""
    if cell.mean is None or not math.isfinite(cell.mean):
        return f"not finite {where}"
    if cell.n is None or cell.n < 2:
        return f"n {'unknown' if cell.n is None else f'= {cell.n}'} {where}"
    if cell.std is None or not math.isfinite(cell.std):
        return f"standard deviation unknown {where}"
    return Sample(mean=cell.mean, std=cell.std, n=cell.n)
