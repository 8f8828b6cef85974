"""Find the cells that a point selects, without a loop over all cells for each point.

A grid may have a hundred thousand cells and thousands of points.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from adaloss.grid.points.points import Cell, Point

# A step looks at or changes one cell. This many take some seconds.
MOST_STEPS = 5_000_000
MISSING = object()
"""The value of a field that a cell does not have because the grid's value is a mistake."""


class TooManyStepsError(Exception):
    """The points select so many cells so often that loading the grid would take too long."""


class CellIndex:
    """The positions of a grid's cells by the values of their fields. Overrides update it."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = cells
        self.by_field: dict[str, dict[Any, set[int]]] = {}
        self.steps = 0

    def values(self, field: str) -> dict[Any, set[int]]:
        """The values of a field, each with the positions of the cells that have it."""
        if field not in self.by_field:
            self.count(len(self.cells))
            by_value: dict[Any, set[int]] = {}
            for position, cell in enumerate(self.cells):
                by_value.setdefault(cell.get(field, MISSING), set()).add(position)
            self.by_field[field] = by_value
        return self.by_field[field]

    def matching(self, point: Point) -> list[int]:
        """The sorted positions of the cells that have one of the point's values in each field.

        Raises:
            TooManyStepsError: this call and the calls before it take too long.
        """
        fields = [self.having(field, values) for field, values in point.values.items()]
        if not fields:
            return []
        fewest, *others = sorted(fields, key=total_size)
        self.count(total_size(fewest))
        matches = {position for positions in fewest for position in positions}
        for candidates in others:
            self.count(len(matches) * len(candidates))
            matches = {each for each in matches if any(each in part for part in candidates)}
        return sorted(matches)

    def having(self, field: str, values: Iterable[Any]) -> list[set[int]]:
        """The positions of the cells that have each of these values of a field."""
        by_value = self.values(field)
        return [by_value[value] for value in values if value in by_value]

    def change(self, positions: Iterable[int], values: Cell) -> None:
        """Change values of the cells at these positions.

        Raises:
            TooManyStepsError: as :meth:`matching`.
        """
        for position in positions:
            self.count(len(values))
            cell = self.cells[position]
            for field in self.by_field.keys() & values.keys():
                self.move(field, position, cell.get(field, MISSING), values[field])
            cell.update(values)

    def move(self, field: str, position: int, old: Any, new: Any) -> None:
        """Move a cell from one value of a field to another."""
        by_value = self.by_field[field]
        by_value[old].discard(position)
        if not by_value[old]:
            del by_value[old]
        by_value.setdefault(new, set()).add(position)

    def count(self, steps: int) -> None:
        """Add steps, and raise TooManyStepsError if there are too many."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise TooManyStepsError


def total_size(sets: list[set[int]]) -> int:
    """The sum of the sizes."""
    return sum(map(len, sets))
