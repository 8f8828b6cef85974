"""How many decimals the numbers of a table have."""

import math
from collections.abc import Collection
from decimal import Decimal
from itertools import pairwise

from adaloss.grid.tables.spec import Spread, TableSpec
from analysis.tables.cells import Cell
from analysis.tables.measure import Measure
from analysis.tables.wording import Decimals

USUAL = 2
MOST = 6
OF_A_SPREAD, OF_THE_LARGEST = 2, 3
"""Significant digits."""
ROUNDING = 1e-12
"""Relative to a mean, a smaller spread or difference is a rounding error."""


def decimals_for(cells: Collection[Cell], spec: TableSpec, measure: Measure) -> Decimals:
    """The decimals of the cells of a table: those that it asks for, or else the usual two.

    Of a metric of any scale, such as a program's, they tell the numbers of the table apart.
    """
    if spec.decimals is None and measure.about.any_scale:
        return Decimals(telling_apart(cells, spec.spread), small=USUAL)
    number = USUAL if spec.decimals is None else spec.decimals
    return Decimals(number, small=number if measure.about.may_be_small else None)


def telling_apart(cells: Collection[Cell], spread: Spread) -> int:
    """The decimals to the second significant digit of the smallest spread other than zero.

    Without any spread it is the smallest difference between means. The largest mean has at least
    three significant digits. Where that needs more than six decimals, they are the usual two, and
    every number is in scientific notation.
    """
    means = sorted(
        cell.mean for cell in cells if cell.mean is not None and math.isfinite(cell.mean)
    )
    largest = max(map(abs, means), default=0.0)
    if not largest or decimals_to(OF_THE_LARGEST, largest) > MOST:
        return USUAL
    spreads = [
        value
        for cell in cells
        if cell.mean is not None
        and (value := cell.spread(spread)) is not None
        and math.isfinite(value)
        and value > ROUNDING * abs(cell.mean)
    ]
    steps = [high - low for low, high in pairwise(means) if high - low > ROUNDING * largest]
    smallest = min(spreads or steps, default=largest)
    wanted = max(decimals_to(OF_A_SPREAD, smallest), decimals_to(OF_THE_LARGEST, largest))
    return min(max(wanted, 0), MOST)


def decimals_to(digits: int, number: float) -> int:
    """The decimals that show this many significant digits of a number; below 0 before the point."""
    return digits - 1 - Decimal(number).adjusted()
