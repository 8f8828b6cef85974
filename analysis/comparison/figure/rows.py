"""The rows of a comparison's figure: the panel, position and name of each pair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from analysis.comparison.compare import Comparison
from analysis.comparison.outcomes import ComparedCell
from analysis.comparison.wording import field_here_and_there
from analysis.tables.wording import one_line

MOST_PANELS = 6
FAR = 4.0
"""The largest extent of a panel, in multiples of the usual one; a farther value is an arrow."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A pair at a position, counted from the top, with its name in the panel."""

    cell: ComparedCell
    place: float
    label: str
    optimizer: object


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A name above the rows that share it, in the colour of the optimizer."""

    place: float
    text: str
    optimizer: object


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The rows of one part; differences from ``low`` to ``high`` are drawn, others are arrows."""

    title: str
    rows: tuple[Row, ...]
    headings: tuple[Heading, ...]
    height: float
    low: float
    high: float


def panels_of(comparison: Comparison) -> tuple[Panel, ...]:
    """A panel per value of the field that divides the comparison; at least one, perhaps empty."""
    counts = {
        name: len({field_here_and_there(name, cell, comparison.names) for cell in comparison.cells})
        for name in comparison.named_by
        if name not in (comparison.line_field, "b0")
    }
    part = next((name for name, count in counts.items() if 1 < count <= MOST_PANELS), None)
    titled = [name for name in comparison.named_by if name == part or counts.get(name) == 1]
    groups: dict[str, list[ComparedCell]] = {}
    for cell in comparison.cells:
        title = ", ".join(titled_text(name, cell, comparison) for name in titled)
        groups.setdefault(title, []).append(cell)
    fields = [name for name in comparison.named_by if name not in (*titled, comparison.line_field)]
    return tuple(
        panel_of(one_line(title), cells, fields, comparison)
        for title, cells in (groups or {"no pair of cells": []}).items()
    )


def titled_text(name: str, cell: ComparedCell, comparison: Comparison) -> str:
    """A field's value on its own: a name alone, but a number with its field."""
    text = field_here_and_there(name, cell, comparison.names)
    alone = name in ("model", "dataset") and not comparison.ours.is_of_a_program
    return text if alone else f"{comparison.names.field(name)} = {text}"


def panel_of(
    title: str, cells: Sequence[ComparedCell], fields: Sequence[str], comparison: Comparison
) -> Panel:
    """The cells of one part from top to bottom, with a gap between optimizers."""
    names, line = comparison.names, comparison.line_field
    rows: list[Row] = []
    headings: list[Heading] = []
    place = 0.0
    for cell in cells:
        name = "" if line is None else one_line(field_here_and_there(line, cell, names))
        if not headings or headings[-1].text != name:
            place += 0.4 if headings else 0.0
            headings.append(Heading(place=place, text=name, optimizer=drawn_as(cell, line)))
            place += 1.0
        label = ", ".join(
            f"{names.field(field)} = {field_here_and_there(field, cell, names)}" for field in fields
        )
        rows.append(
            Row(cell=cell, place=place, label=one_line(label), optimizer=drawn_as(cell, line))
        )
        place += 1.0
    low, high = limits_of(cells)
    return Panel(
        title=title,
        rows=tuple(rows),
        headings=tuple(headings),
        height=max(place, 1.0),
        low=low,
        high=high,
    )


def drawn_as(cell: ComparedCell, line: str | None) -> object:
    """The optimizer whose colour the pair has: our side's."""
    side = cell.ours or cell.theirs
    return None if side is None or line is None else side.fields.get(line)


def limits_of(cells: Sequence[ComparedCell]) -> tuple[float, float]:
    """The limits of a panel: around zero and all intervals except a few distant ones."""
    extents = [extent for cell in cells if (extent := extent_of(cell)) is not None]
    low = min((low for low, _ in extents), default=0.0)
    high = max((high for _, high in extents), default=0.0)
    if usual := median([max(-low, high) for low, high in extents] or [0.0]):
        low, high = max(low, -FAR * usual), min(high, FAR * usual)
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.12 * (high - low) or 1.0
    return low - margin, high + margin


def extent_of(cell: ComparedCell) -> tuple[float, float] | None:
    """The ends of the pair's interval, or twice its difference if it was not tested."""
    difference = cell.difference
    if difference is None or not math.isfinite(difference):
        return None
    return (difference, difference) if cell.test is None else (cell.test.low, cell.test.high)
