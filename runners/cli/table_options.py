"""What the command line changes about a sweep's tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adaloss.errors import UserError
from runners.cli.options import open_results

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from adaloss.grid.sweep import Sweep
    from adaloss.grid.tables.spec import TableSpec
    from adaloss.trial import Trial
    from analysis.results import Results

Rows = Annotated[str | None, typer.Option(help="The field that varies down the table.")]
Columns = Annotated[str | None, typer.Option(help="The field that varies across the table.")]
Per = Annotated[
    str | None, typer.Option(help="A table for each value of these fields: model,lr; none: one.")
]
MetricOption = Annotated[str | None, typer.Option("--metric", help="A logged metric.")]
AtOption = Annotated[str | None, typer.Option("--at", help='last, best_val or "epoch N".')]
NaIfOption = Annotated[
    str | None, typer.Option("--na-if", help="A cell is N/A if any, majority or all diverged.")
]
SpreadOption = Annotated[str | None, typer.Option("--spread", help="std, sem or ci95.")]
Decimals = Annotated[int | None, typer.Option(help="Digits after the decimal point.")]
MarkOption = Annotated[str | None, typer.Option("--mark", help="none, best or best_and_second.")]
ShowNOption = Annotated[str | None, typer.Option("--show-n", help="incomplete or always.")]
Transpose = Annotated[
    bool | None, typer.Option("--transpose/--no-transpose", help="Turn the tables over.")
]
ProvenanceOption = Annotated[
    bool | None,
    typer.Option(
        "--provenance/--no-provenance", help="Tell the code version and the date in captions."
    ),
]
Title = Annotated[str | None, typer.Option(help="The title.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        help="Leave out the trials that have all of these values: b0=1,optimizer=adaloss."
    ),
]


def changed_tables(
    sweep: "Sweep", given: Mapping[str, Any], trials: "Sequence[Trial]"
) -> "tuple[TableSpec, ...]":
    """The sweep's tables of these trials with what is given; those that become equal are one.

    ``given`` has an option's value by the name of the table's field, None where it is not used.

    Raises:
        UserError: a value is none that the field may have.
    """
    from adaloss.grid.tables.spec import TableSpec

    fields = fields_of(given)
    if fields.get("rows", "") == fields.get("columns", None):
        raise UserError(f"--rows and --columns are both {fields['rows']}: name two fields")
    specs: list[TableSpec] = []
    for spec in sweep.tables:
        asked = fields | per_of_the_rest(spec, fields, trials)
        changed = spec.model_copy(update=checked(spec, asked)) if fields else spec
        if changed not in specs:
            specs.append(changed)
    return tuple(specs)


def fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields that are given."""
    fields = {name: value for name, value in given.items() if value is not None}
    if "per" in fields:
        names = [name.strip() for name in fields["per"].split(",") if name.strip()]
        fields["per"] = () if names == ["none"] else tuple(names)
    return fields


def per_of_the_rest(
    spec: "TableSpec", fields: Mapping[str, Any], trials: "Sequence[Trial]"
) -> dict[str, Any]:
    """``per`` where other rows or columns are given without it: it has the axes that are left.

    Those are the table's ``per``, its rows and columns where they take several values, and whatever
    else the trials of a cell would differ in.
    """
    from adaloss.grid.tables.axes import fields_needed

    axes = (fields.get("rows", spec.rows), fields.get("columns", spec.columns))
    if "per" in fields or axes == (spec.rows, spec.columns):
        return {}
    # Every cell has every seed.
    cells = [trial.values for trial in trials if trial.seed == trials[0].seed]
    for cell in cells:
        del cell["seed"]
    displaced = [name for name in (spec.rows, spec.columns) if several(name, cells)]
    per = tuple(name for name in (*displaced, *spec.per) if name not in axes)
    return {"per": (*per, *fields_needed(cells, (*axes, *per)))}


def several(name: str, cells: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the cells have several values of the field; seeds are what a cell averages over."""
    return len({cell[name] for cell in cells if name in cell}) > 1


def checked(spec: "TableSpec", fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as a grid's tables have them, in place of the spec's."""
    from pydantic import ValidationError

    from adaloss.grid.schema.schema import GridTable

    whole = spec.model_dump(exclude={"only", "exclude"}) | fields
    try:
        table = GridTable.model_validate(whole, strict=True)
    except ValidationError as error:
        raise UserError("\n".join(map(complaint, error.errors(include_url=False)))) from error
    return {name: value for name, value in table if name in fields}


def complaint(details: "ErrorDetails") -> str:
    """What is wrong with an option, or with all of them together, in a sentence."""
    from adaloss.grid.mistakes.wording import sentence

    if not details["loc"]:
        return f"the table{sentence((), details)}"
    name, _, rest = sentence(details["loc"][:1], details).partition(" ")
    return f"--{name.replace('_', '-')} {rest}"


def left(
    trials: "tuple[Trial, ...]", only: Sequence[str] | None, exclude: Sequence[str] | None
) -> "tuple[Trial, ...]":
    """The trials that ``--only`` and ``--exclude`` leave."""
    from runners.cli.selection import leave_out, select

    return leave_out(select(trials, only or ()), exclude or ())


def results_of(
    grid: str,
    storage: Path,
    only: list[str] | None,
    exclude: list[str] | None,
    **changes: Any,
) -> "Results":
    """The results of the trials that are left, with the tables as the options change them."""
    from analysis.results import read_results

    sweep, store = open_results(grid, storage)
    trials = left(sweep.trials, only, exclude)
    tables = changed_tables(sweep, changes, trials)
    return read_results(sweep, trials, store, tables, selection(only, exclude))


def selection(only: Sequence[str] | None, exclude: Sequence[str] | None) -> str:
    """Which part of the sweep is left, in words."""
    parts = [f"only {', '.join(only)}"] if only else []
    return "; ".join((*parts, *(f"without {item}" for item in exclude or ())))
