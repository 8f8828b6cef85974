"""The notes that explain the tests of a comparison."""

import math
from collections.abc import Iterator

from analysis.comparison.compare import Comparison
from analysis.comparison.outcomes import ComparedCell, Outcome
from analysis.comparison.side import ROUNDING, SPREAD, SideCell
from analysis.comparison.wording import counted
from analysis.tables.cells import CellStatus


def footnotes(comparison: Comparison) -> tuple[str, ...]:
    """The notes below the table of pairs that apply to its cells."""
    return (
        *on_the_numbers(comparison),
        *on_the_tests(comparison),
        *on_the_spread(comparison),
        *on_pairing(comparison),
    )


def cells_of(comparison: Comparison) -> Iterator[SideCell]:
    """Every cell of the pairs, of either side."""
    for cell in comparison.cells:
        yield from (side for side in (cell.ours, cell.theirs) if side is not None)


def on_the_numbers(comparison: Comparison) -> Iterator[str]:
    """The meaning of the columns."""
    yield "mean±standard deviation over n runs; difference is ours minus theirs."
    if any(cell.expected not in (None, cell.n) for cell in cells_of(comparison)):
        yield "n k/m: only k of m runs have a value."
    statuses = {cell.status for cell in cells_of(comparison)}
    if CellStatus.NA in statuses:
        yield "N/A: diverged; neither a difference nor a test is possible."
    if CellStatus.EMPTY in statuses:
        yield "–: no value."


def on_the_tests(comparison: Comparison) -> Iterator[str]:
    """The method of the tests, and the meaning of their outcome."""
    count = len(comparison.tests)
    if not count:
        yield "No pair can be tested."
        return
    yield (
        "t, df and p: Welch's test, two-sided, with the degrees of freedom of Welch and "
        "Satterthwaite. The 95 % interval is of each difference by itself."
    )
    yield (
        f"A difference counts if p, adjusted by Holm for the {counted(count, 'test')} of this "
        "table, is at most 0.05."
    )
    if any(cell.outcome is Outcome.UNRESOLVED for cell in comparison.cells):
        yield (
            "Smallest resolvable: the true difference that a single test at 5 % finds "
            "with 80 % power at these n and standard deviations, by the t approximation; with "
            "Holm's adjustment it is larger. No difference resolvable is not equality."
        )


def on_the_spread(comparison: Comparison) -> Iterator[str]:
    """Notes on standard deviations that somebody else computed and rounded."""
    for side, where, cells in (
        (comparison.ours, "here", [cell.ours for cell in comparison.cells]),
        (comparison.theirs, "there", [cell.theirs for cell in comparison.cells]),
    ):
        known = [cell for cell in cells if cell is not None and cell.std is not None]
        if not known:
            continue
        if side.circumstances.get(SPREAD) is None:
            counts = sorted({cell.n for cell in known if cell.n is not None and cell.n > 1})
            factors = ", ".join(f"{math.sqrt(n / (n - 1)):.2f} for n = {n}" for n in counts)
            yield (
                f"The standard deviations {where} are assumed to have ddof = 1, which is not "
                f"known. If they have ddof = 0, the true ones are larger by a factor of {factors}."
            )
        if side.circumstances.get(ROUNDING) not in (None, "none"):
            least = min(cell.std for cell in known if cell.std is not None)
            yield (
                f"The numbers {where} are rounded ({side.circumstances[ROUNDING]}): a standard "
                f"deviation as small as {least:.2f} is itself uncertain, and so is a test with it."
            )


def on_pairing(comparison: Comparison) -> Iterator[str]:
    """Notes on trials with the same seed, which the test does not use."""
    same = sum(shared_trials(cell) for cell in comparison.cells)
    if same:
        yield (
            f"{counted(same, 'pair')} of cells have trials that are the same trial, equal in every "
            "field: where their numbers differ, no setting is the reason, but code, hardware or "
            "chance."
        )
    paired = sum(shared_seeds(cell) for cell in comparison.cells)
    if paired:
        yield (
            f"{counted(paired, 'pair')} of cells have seeds in common. If nothing else that draws "
            "random numbers differs, trials of one seed start from the same weights and see the "
            "same batches, so they are paired. Welch's test ignores that; a paired test may detect "
            "smaller differences."
        )


def shared_trials(cell: ComparedCell) -> bool:
    """Whether some trial is on both sides."""
    if cell.ours is None or cell.theirs is None:
        return False
    return not set(cell.ours.trials.values()).isdisjoint(cell.theirs.trials.values())


def shared_seeds(cell: ComparedCell) -> bool:
    """Whether some seed is on both sides."""
    if cell.ours is None or cell.theirs is None:
        return False
    return not cell.ours.trials.keys().isdisjoint(cell.theirs.trials)
