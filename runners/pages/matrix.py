"""The state of every trial as small matrices, such as b0 × optimizer, one mark per seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.printable import printable
from adaloss.tasks.program.fields import POINT
from adaloss.tasks.program.points import Point, points_of
from adaloss.trial import Trial

# More seeds than this are counted instead of marked one by one.
MOST_MARKS = 10


@dataclass(frozen=True)
class Mark:
    """How one state of a trial looks."""

    sign: str
    style: str


MARKS: Mapping[str, Mark] = {
    "complete": Mark("●", "green"),
    "diverged": Mark("×", "magenta"),
    "failed": Mark("!", "bold red"),
    "running": Mark("▸", "yellow"),
    "missing": Mark("·", "dim"),
}


def state_matrices(
    trials: Sequence[Trial], states: Mapping[str, str], spec: TableSpec
) -> list[Table]:
    """One matrix per value of the table's ``per``; ``states`` maps trial ids, missing if absent."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        name = ", ".join(shown(trial.value(field)) for field in spec.per)
        groups.setdefault(name, []).append(trial)
    return [state_matrix(name, group, states, spec) for name, group in groups.items()]


def state_matrix(
    title: str, trials: Sequence[Trial], states: Mapping[str, str], spec: TableSpec
) -> Table:
    """Rows × columns of the table, in each cell the marks of its trials."""
    # Not as markup: a path may have brackets in it.
    named = Text(title, "bold") if title else None
    table = Table(title=named, title_justify="left", box=None)
    columns = grouped(trials, spec.columns)
    table.add_column(spec.rows, justify="right", style="bold")
    for value in columns:
        table.add_column(Text(shown(value)))
    for row_value, row in grouped(trials, spec.rows).items():
        cells = grouped(row, spec.columns)
        marks = [cell_marks(cells.get(value, []), states) for value in columns]
        text = point_text(row_value) if spec.ranks_points else shown(row_value)
        table.add_row(Text(text), *marks)
    return table


def cell_marks(trials: Sequence[Trial], states: Mapping[str, str]) -> Text:
    """A mark per trial, or the count of each mark where there are many."""
    found = [states.get(trial.trial_id, "missing") for trial in trials]
    if len(found) <= MOST_MARKS:
        return Text.assemble(*((MARKS[state].sign, MARKS[state].style) for state in found))
    counts = {state: found.count(state) for state in MARKS if state in found}
    return Text(" ").join(
        Text(f"{MARKS[state].sign}{count}", MARKS[state].style) for state, count in counts.items()
    )


def legend() -> Text:
    """What the marks mean."""
    return Text("  ").join(
        Text.assemble((mark.sign, mark.style), f" {state}") for state, mark in MARKS.items()
    )


def grouped(trials: Sequence[Trial], field: str) -> dict[Any, list[Trial]]:
    """The trials by their value of a field, in the order in which the values first appear."""
    groups: dict[Any, list[Trial]] = {}
    values = points_of(trials) if field == POINT else [trial.value(field) for trial in trials]
    for value, trial in zip(values, trials, strict=True):
        groups.setdefault(value, []).append(trial)
    return groups


def point_text(point: Point) -> str:
    """The parameters of a point with their values."""
    return ", ".join(f"{printable(name)} = {shown(value)}" for name, value in point)


def shown(value: Any) -> str:
    """A field's value as a reader writes it."""
    return f"{value:g}" if isinstance(value, float) else printable(str(value))
