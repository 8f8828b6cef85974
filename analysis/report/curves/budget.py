"""Limit the size of the learning curves in the report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_NUMBERS = 300_000
"""The largest count of numbers in the page: about three megabytes."""
MOST_SEEDS = 20
"""The largest number of seeds of a cell with their own lines."""
FEWEST_EPOCHS = 2


@dataclass(frozen=True, kw_only=True)
class CurveBudget:
    """The numbers of seeds per cell, cells, and epochs per curve that are shown."""

    seeds: int
    cells: int
    epochs: int


def budget_of(
    seeds_of_cells: Sequence[int], *, longest: int, quantities: int, most_numbers: int
) -> CurveBudget:
    """All seeds if they are few, else only the means, then fewer epochs, then fewer cells.

    ``longest`` is the number of epochs of the longest curve.
    """
    cells = len(seeds_of_cells)
    lines = cells + sum(min(number, MOST_SEEDS) for number in seeds_of_cells)
    if lines * longest * quantities <= most_numbers:
        return CurveBudget(seeds=MOST_SEEDS, cells=cells, epochs=longest)
    shown = min(cells, max(1, most_numbers // (quantities * FEWEST_EPOCHS)))
    epochs = max(FEWEST_EPOCHS, most_numbers // (quantities * shown))
    return CurveBudget(seeds=0, cells=shown, epochs=min(longest, epochs))


def left_out(
    budget: CurveBudget, seeds_of_cells: Sequence[int], longest: int, word: str
) -> Iterator[str]:
    """Sentences on what the curves omit; ``word`` is what an epoch is called."""
    most = max(seeds_of_cells, default=0)
    if not budget.seeds:
        yield (
            "There are too many trials to show each: the curves are the means of the cells, and "
            "only the ends of diverged seeds are shown."
        )
    elif most > budget.seeds:
        yield (
            f"The first {budget.seeds} of the {most} seeds of a cell have a line, and the other "
            "seeds that diverged have their ends; the mean is over all."
        )
    if budget.epochs < longest:
        yield f"At most {budget.epochs} of {longest} {word}s are shown."
    if budget.cells < len(seeds_of_cells):
        yield f"Only the first {budget.cells} of {len(seeds_of_cells)} cells have curves."
