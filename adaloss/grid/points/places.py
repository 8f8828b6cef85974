"""Which cells a point singles out, found without going through all the cells each time.

A grid may have a hundred thousand cells and thousands of points.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from adaloss.grid.points.points import Cell, Point

# Of cells looked at or changed: some seconds of work.
MOST_STEPS = 5_000_000
MISSING = object()
"""The value of a field that a cell does not have: the grid's value is a mistake."""


class TooManyStepsError(Exception):
    """The points single out so many cells so often that it would take for ever."""


class Places:
    """The cells of a grid by the values of their fields, in step with what overrides change."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = cells
        self.by_field: dict[str, dict[Any, set[int]]] = {}
        self.steps = 0

    def values(self, field: str) -> dict[Any, set[int]]:
        """The values of a field and the cells that have each."""
        if field not in self.by_field:
            self.count(len(self.cells))
            by_value: dict[Any, set[int]] = {}
            for place, cell in enumerate(self.cells):
                by_value.setdefault(cell.get(field, MISSING), set()).add(place)
            self.by_field[field] = by_value
        return self.by_field[field]

    def matching(self, point: Point) -> list[int]:
        """The cells that have one of the values in every field named, in their order.

        Raises:
            TooManyStepsError: this and what was asked before takes too long.
        """
        fields = [self.having(field, listed) for field, listed in point.values.items()]
        if not fields:
            return []
        fewest, *others = sorted(fields, key=size)
        self.count(size(fewest))
        found = {place for places in fewest for place in places}
        for candidates in others:
            self.count(len(found) * len(candidates))
            found = {place for place in found if any(place in places for places in candidates)}
        return sorted(found)

    def having(self, field: str, listed: Iterable[Any]) -> list[set[int]]:
        """The cells that have each of these values of a field."""
        by_value = self.values(field)
        return [by_value[value] for value in listed if value in by_value]

    def change(self, places: Iterable[int], values: Cell) -> None:
        """Give cells other values.

        Raises:
            TooManyStepsError: as :meth:`matching`.
        """
        for place in places:
            self.count(len(values))
            cell = self.cells[place]
            for field in self.by_field.keys() & values.keys():
                self.move(field, place, cell.get(field, MISSING), values[field])
            cell.update(values)

    def move(self, field: str, place: int, old: Any, new: Any) -> None:
        """Note that a cell has another value of a field."""
        by_value = self.by_field[field]
        by_value[old].discard(place)
        if not by_value[old]:
            del by_value[old]
        by_value.setdefault(new, set()).add(place)

    def count(self, steps: int) -> None:
        """Raise TooManyStepsError when it has taken long enough."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise TooManyStepsError


def size(candidates: list[set[int]]) -> int:
    """How many cells these are."""
    return sum(map(len, candidates))
