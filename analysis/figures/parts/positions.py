"""The positions of a field's values on an axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from analysis.frame.column_types import positive_numbers


@dataclass(frozen=True)
class Positions:
    """The values in order along the axis, and their positions as numbers.

    ``spacing`` is the smallest distance between neighbours, in decades on a logarithmic axis.
    """

    values: tuple[object, ...]
    numbers: tuple[float, ...]
    logarithmic: bool
    spacing: float

    def shifted(self, share: float) -> list[float]:
        """The positions moved by a share of the spacing, so that lines do not hide one another."""
        shift = share * self.spacing
        if self.logarithmic:
            return [number * 10**shift for number in self.numbers]
        return [number + shift for number in self.numbers]

    @property
    def limits(self) -> tuple[float, float]:
        """The limits of the axis, with space for shifted positions."""
        low, high = self.along[0], self.along[-1]
        margin = max(0.5 * self.spacing, 0.06 * (high - low))
        ends = (low - margin, high + margin)
        return (10 ** ends[0], 10 ** ends[1]) if self.logarithmic else ends

    @property
    def shares(self) -> list[float]:
        """The relative position along the axis, from 0 to 1."""
        low, high = (math.log10(end) if self.logarithmic else end for end in self.limits)
        return [(place - low) / (high - low) for place in self.along]

    @property
    def along(self) -> list[float]:
        """The positions in the axis' unit, ascending: decades on a logarithmic axis."""
        return [math.log10(n) if self.logarithmic else n for n in self.numbers]


def positions_of(values: Sequence[object]) -> Positions:
    """Positive numbers ascending on a logarithmic axis; other values evenly, as declared."""
    found = positive_numbers(values)
    if found is None:
        side_by_side = tuple(float(index) for index in range(len(values)))
        return Positions(tuple(values), side_by_side, logarithmic=False, spacing=1)
    numbers = sorted(found)
    gaps = [math.log10(right / left) for left, right in pairwise(numbers)]
    return Positions(tuple(numbers), tuple(numbers), logarithmic=True, spacing=min(gaps, default=1))
