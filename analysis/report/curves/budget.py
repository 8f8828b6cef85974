"""How much of the learning curves fits into a page, and in words what does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_NUMBERS = 300_000
"""Numbers of curves in the page: about two megabytes."""
MOST_SEEDS = 20
"""Seeds of a cell that have a line of their own."""
FEWEST_EPOCHS = 2


@dataclass(frozen=True, kw_only=True)
class CurveBudget:
    """The seeds of each cell, the cells and the epochs of each curve that are shown."""

    seeds: int
    cells: int
    epochs: int


def budget_of(
    seeds_of_cells: Sequence[int], *, longest: int, quantities: int, most_numbers: int
) -> CurveBudget:
    """All seeds where they are few, else only the means, else also fewer epochs, then cells.

    ``longest`` is the number of epochs of the longest curve.
    """
    cells = len(seeds_of_cells)
    lines = cells + sum(min(number, MOST_SEEDS) for number in seeds_of_cells)
    if lines * longest * quantities <= most_numbers:
        return CurveBudget(seeds=MOST_SEEDS, cells=cells, epochs=longest)
    shown = min(cells, max(1, most_numbers // (quantities * FEWEST_EPOCHS)))
    epochs = max(FEWEST_EPOCHS, most_numbers // (quantities * shown))
    return CurveBudget(seeds=0, cells=shown, epochs=min(longest, epochs))


def left_out(budget: CurveBudget, seeds_of_cells: Sequence[int], longest: int) -> Iterator[str]:
    """What the curves do not show, in sentences."""
    most = max(seeds_of_cells, default=0)
    if not budget.seeds:
        yield (
            "There are too many trials to show each: the curves are the means of the cells, and "
            "of the seeds that diverged only the ends."
        )
    elif most > budget.seeds:
        yield (
            f"Of the {most} seeds of a cell the first {budget.seeds} have a line, and of the "
            "others those that diverged have their ends; the mean is of all."
        )
    if budget.epochs < longest:
        yield f"Of {longest} epochs at most {budget.epochs} are shown."
    if budget.cells < len(seeds_of_cells):
        yield f"Only the first {budget.cells} of {len(seeds_of_cells)} cells have curves."
