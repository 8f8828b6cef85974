"""Where the values of a field stand on an axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Places:
    """The values in their order along the axis, and the number at which each stands.

    ``spacing`` is the smallest distance between neighbours, in decades on a logarithmic axis.
    """

    values: tuple[object, ...]
    numbers: tuple[float, ...]
    logarithmic: bool
    spacing: float

    def shifted(self, share: float) -> list[float]:
        """The places moved by a share of the spacing, so that lines do not hide one another."""
        shift = share * self.spacing
        if self.logarithmic:
            return [number * 10**shift for number in self.numbers]
        return [number + shift for number in self.numbers]


def places_of(values: Sequence[object]) -> Places:
    """Positive numbers ascending on a logarithmic axis, anything else side by side as declared."""
    numbers = sorted(
        value
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    )
    if len(numbers) < len(values):
        side_by_side = tuple(float(index) for index in range(len(values)))
        return Places(tuple(values), side_by_side, logarithmic=False, spacing=1)
    gaps = [math.log10(right / left) for left, right in pairwise(numbers)]
    return Places(tuple(numbers), tuple(numbers), logarithmic=True, spacing=min(gaps, default=1))
