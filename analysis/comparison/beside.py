"""Our tables beside theirs: the other side's numbers in a table of the same rows and columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from types import MappingProxyType

from adaloss.errors import UserError
from adaloss.grid.tables.spec import Spread, TableSpec
from analysis.comparison.compare import Comparison, caveats_of
from analysis.comparison.conditions import conditions_of
from analysis.comparison.footnotes import on_the_spread
from analysis.comparison.matching import Pair
from analysis.comparison.outcomes import ComparedCell
from analysis.comparison.side import NOT_APPLICABLE, SPREAD, SideCell
from analysis.comparison.wording import condition_notes, counted
from analysis.tables.caption import SPREAD_WORDS, best_marks
from analysis.tables.cells import UNDECLARED_CELL, Cell, CellStatus
from analysis.tables.marks import mark_best
from analysis.tables.own_changes import MIXED_SIGN
from analysis.tables.tables import CellKey, Table, title_of, transposed
from analysis.tables.wording import one_line, value_text

Partners = Mapping[CellKey, ComparedCell]
"""The pair at each cell of our table that has a partner."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One of our tables, and theirs; None if they have none of its cells."""

    ours: Table
    theirs: Table | None


def beside(comparison: Comparison, spec: TableSpec, tables: Sequence[Table]) -> list[Beside]:
    """Our tables of ``spec``, whose cells ``comparison`` compares, each with theirs.

    Raises:
        UserError: a comparison does not distinguish the cells of the table, or several of theirs
            are compared with one of ours.
    """
    for name in (spec.rows, spec.columns, *spec.per):
        if not comparison.ours.knows(name):
            raise UserError(
                f"{name} does not tell the cells of a comparison apart: choose other fields for "
                "rows, columns and per"
            )
    return [Beside(ours=table, theirs=their_table(comparison, spec, table)) for table in tables]


def their_table(comparison: Comparison, spec: TableSpec, table: Table) -> Table | None:
    """Their numbers for the cells of our table, None without any.

    A row or column has their value of its field where that is another than ours.
    """
    ours = transposed(table) if spec.transpose else table
    partners = partners_in(comparison, ours)
    if not partners:
        return None
    rows = their_values(ours.row_values, ours.row_field, partners, 0)
    columns = their_values(ours.column_values, ours.column_field, partners, 1)
    axes = (ours.row_field, ours.column_field)
    found: dict[CellKey, SideCell] = {}
    for (row, column), pair in partners.items():
        there = (
            value_there(pair, ours.row_field, row),
            value_there(pair, ours.column_field, column),
        )
        if pair.theirs is not None and found.setdefault(there, pair.theirs) is not pair.theirs:
            raise several(comparison, dict(zip(axes, there, strict=True)))
    cells = {
        key: cell_of_side(found[key]) if key in found else UNDECLARED_CELL
        for key in product(rows, columns)
    }
    most = max((digits_of(cell, ours.style.spread) for cell in cells.values()), default=0)
    decimals = replace(ours.style.decimals, number=min(ours.style.decimals.number, most))
    style = replace(ours.style, decimals=decimals)
    if spec.mark != "none":
        goal = comparison.measure.goal
        cells = mark_best(cells, goal, style, second=spec.mark == "best_and_second")
    of_table = within(comparison, list(partners.values()))
    theirs = replace(
        ours,
        title=title_of(one_line(comparison.theirs.name), ours.part),
        caption=" ".join(caption(of_table, spec, list(cells.values()))),
        style=style,
        row_values=rows,
        column_values=columns,
        cells=MappingProxyType(cells),
        tune=(),
    )
    return transposed(theirs) if spec.transpose else theirs


def partners_in(comparison: Comparison, table: Table) -> Partners:
    """The pairs whose cell here is one of the table."""
    fields = (table.row_field, table.column_field, *table.part_values)
    pairs: dict[tuple[object, ...], list[ComparedCell]] = {}
    for pair in comparison.cells:
        if pair.ours is not None:
            pairs.setdefault(tuple(pair.ours.fields[name] for name in fields), []).append(pair)
    partners = {}
    for row, column in table.cells:
        values = (row, column, *table.part_values.values())
        # Where an optimizer does not use a field, its trials are those of every value.
        places = product(*((value, NOT_APPLICABLE) for value in values))
        found = [pair for place in places for pair in pairs.get(place, ())]
        if len(found) > 1:
            raise several(comparison, dict(zip(fields, values, strict=True)))
        if found:
            partners[row, column] = found[0]
    return partners


def several(comparison: Comparison, place: Mapping[str, object]) -> UserError:
    """The error if a place of a table has several of their cells."""
    where = ", ".join(f"{name} = {value_text(value)}" for name, value in place.items())
    return UserError(
        f"several cells of {comparison.theirs.name} are compared with {where}, and a table has one "
        "number there: `adaloss-sweep compare` lists them"
    )


def their_values(
    values: Sequence[object], field: str, partners: Partners, axis: int
) -> tuple[object, ...]:
    """Their values along an axis in our order; ours where they have no partner."""
    found: dict[object, dict[object, None]] = {value: {} for value in values}
    for key, pair in partners.items():
        found[key[axis]][value_there(pair, field, key[axis])] = None
    return tuple(dict.fromkeys(each for value in values for each in found[value] or (value,)))


def value_there(pair: ComparedCell, field: str, ours: object) -> object:
    """Their value of a field, ours if theirs is not known or does not apply."""
    theirs = ours if pair.theirs is None else pair.theirs.fields.get(field, ours)
    return ours if theirs == NOT_APPLICABLE else theirs


def cell_of_side(side: SideCell) -> Cell:
    """The cell of a table; what the source does not say of its runs is 0."""
    known = side.n or 0
    return Cell(
        mean=side.mean,
        std=side.std,
        n=known,
        expected=0 if side.n is None else max(known, side.expected or 0),
        complete=known,
        diverged=0,
        failed=0,
        missing=0,
        status=side.status,
        mixed=side.mark == MIXED_SIGN,
    )


def digits_of(cell: Cell, spread: Spread) -> int:
    """The decimals of a cell's mean: of a rounded one, more would be made up.

    Beside a whole one, those of its spread, which would be rounded away.
    """
    return decimals_in(cell.mean) or decimals_in(cell.spread(spread))


def decimals_in(number: float | None) -> int:
    """The decimals that a number of a file has; whole ones are floats, too."""
    exponent = 0 if number is None else Decimal(repr(float(number))).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def within(comparison: Comparison, cells: Sequence[ComparedCell]) -> Comparison:
    """The comparison of these pairs alone, with the conditions and caveats that concern them."""
    pairs = [
        Pair(ours=cell.ours, theirs=cell.theirs)
        for cell in cells
        if cell.ours is not None and cell.theirs is not None
    ]
    ours, theirs, names = comparison.ours, comparison.theirs, comparison.names
    return replace(
        comparison,
        cells=tuple(cells),
        conditions=conditions_of(ours, theirs, pairs, names),
        caveats=caveats_of(ours, theirs, pairs, names),
    )


def caption(comparison: Comparison, spec: TableSpec, cells: Sequence[Cell]) -> Iterator[str]:
    """Whose numbers these are, of how many runs, what the marks mean, and what differs."""
    label, theirs = comparison.measure.label, comparison.theirs
    spread = SPREAD_WORDS[spec.spread]
    if theirs.circumstances.get(SPREAD) is None:
        spread = spread.replace(" (ddof = 1)", "")
    yield f"The same cells of {one_line(theirs.name)}: {label}, {spread} over {runs(cells)}."
    yield from at_our_choice(comparison, spec)
    yield from marks(comparison, spec, cells)
    yield from (f"{text}." for text, _ in comparison.caveats)
    yield from on_the_spread(comparison)
    yield from condition_notes(comparison.conditions)


def at_our_choice(comparison: Comparison, spec: TableSpec) -> Iterator[str]:
    """A sentence if their numbers are at the values that were tuned for ours."""
    chosen = [
        name
        for name in spec.tune
        if len(comparison.theirs.values(name)) > 1
        and all(
            cell.ours is not None
            and cell.theirs is not None
            and cell.ours.fields[name] == cell.theirs.fields.get(name)
            for cell in comparison.cells
        )
    ]
    if chosen:
        fields = " and ".join(comparison.names.fields(chosen))
        yield f"Theirs are at the {fields} chosen for ours, which need not be their best."


def runs(cells: Sequence[Cell]) -> str:
    """``3 runs``, ``3 to 5 runs`` or that nobody says how many."""
    known = {cell.expected for cell in cells if cell.expected}
    if not known:
        return "an unknown number of runs"
    fewest, most = min(known), max(known)
    return counted(most, "run") if fewest == most else f"{fewest} to {most} runs"


def unknown(spec: TableSpec, cells: Iterable[Cell]) -> Iterator[str]:
    """What the source of their cells does not say."""
    shown = [cell for cell in cells if cell.mean is not None]
    if any(cell.spread(spec.spread) is None for cell in shown):
        yield "Where no spread is shown, it is not known."
    if any(not cell.expected for cell in shown):
        yield "Not every number of runs is known."


def marks(comparison: Comparison, spec: TableSpec, cells: Sequence[Cell]) -> Iterator[str]:
    """The meaning of what is in their cells; when a cell is N/A there is up to them."""
    statuses = {cell.status for cell in cells}
    yield from best_marks(cells, comparison.measure.goal, spec)
    yield from unknown(spec, cells)
    if CellStatus.NA in statuses:
        yield "N/A: diverged."
    if any(cell.status is CellStatus.VALUE and cell.n < cell.expected for cell in cells):
        yield "(k/n): only k of n runs have a value."
    if CellStatus.EMPTY in statuses:
        yield "–: no value."
    if CellStatus.UNDECLARED in statuses:
        yield "Blank: no such cell there."
