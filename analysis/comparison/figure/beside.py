"""Our figure beside theirs: a metric against a field, here and there, on the same axes."""

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from adaloss.grid.tables.spec import TableSpec
from analysis.comparison.beside import Beside, at_our_choice, unknown
from analysis.comparison.compare import Comparison
from analysis.comparison.wording import condition_notes
from analysis.figures.against import draw
from analysis.figures.parts.sheet import PAGE_INCHES
from analysis.tables.tables import Table
from analysis.tables.wording import one_line


def against_beside(
    comparison: Comparison,
    spec: TableSpec,
    tables: Sequence[Beside],
    *,
    title: str,
    width: float = PAGE_INCHES,
) -> Figure:
    """The metric against the rows' values: ours at the left, theirs at the right.

    All panels have one scale, and an optimizer has the same colour in each. Tables of which they
    have no cell are left out. The figure is at most ``width`` inches wide; in one column theirs is
    below ours.
    """
    panels = [
        named(table, side.name)
        for pair in tables
        if pair.theirs is not None
        for table, side in ((pair.ours, comparison.ours), (pair.theirs, comparison.theirs))
    ]
    there = (cell for pair in tables if pair.theirs for cell in pair.theirs.cells.values())
    notes = [
        *at_our_choice(comparison, spec),
        *unknown(spec, there),
        *(f"{text}." for text, _ in comparison.caveats),
        *condition_notes(comparison.conditions),
    ]
    return draw(
        panels,
        title=title,
        spread=spec.spread,
        width=width,
        ranges=False,
        most_across=2,
        more_notes=notes,
    )


def named(table: Table, name: str) -> Table:
    """The table with its side's name before that of its part."""
    return replace(table, part=": ".join(filter(None, (one_line(name), table.part))))
