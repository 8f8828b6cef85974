"""What the command line changes about a sweep's tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runners.cli_options import load, store_with_results

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from adaloss.sweep import Sweep
    from adaloss.table_spec import TableSpec
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


def changed_tables(sweep: "Sweep", given: Mapping[str, Any]) -> "tuple[TableSpec, ...]":
    """The sweep's tables with what is given instead; those that become equal are one.

    ``given`` has an option's value by the name of the table's field, None where it is not used.

    Raises:
        UserError: a value is none that the field may have.
    """
    from adaloss.table_spec import TableSpec

    fields = fields_of(given)
    specs: list[TableSpec] = []
    for spec in sweep.tables:
        changed = spec.model_copy(update=checked(spec, fields)) if fields else spec
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


def checked(spec: "TableSpec", fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as a grid's tables have them, in place of the spec's."""
    from pydantic import ValidationError

    from adaloss.grid_schema import GridTable
    from adaloss.user_error import UserError

    whole = spec.model_dump(exclude={"only", "exclude"}) | fields
    try:
        table = GridTable.model_validate(whole, strict=True)
    except ValidationError as error:
        raise UserError("\n".join(map(complaint, error.errors(include_url=False)))) from error
    return {name: value for name, value in table if name in fields}


def complaint(details: "ErrorDetails") -> str:
    """What is wrong with an option, or with all of them together, in a sentence."""
    from adaloss.grid_wording import sentence

    if not details["loc"]:
        return f"the table{sentence((), details)}"
    name, _, rest = sentence(details["loc"][:1], details).partition(" ")
    return f"--{name.replace('_', '-')} {rest}"


def left(
    trials: "tuple[Trial, ...]", only: Sequence[str] | None, exclude: Sequence[str] | None
) -> "tuple[Trial, ...]":
    """The trials that ``--only`` and ``--exclude`` leave."""
    from runners.selection import leave_out, select

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

    sweep = load(grid)
    return read_results(
        sweep,
        left(sweep.trials, only, exclude),
        store_with_results(sweep, storage),
        changed_tables(sweep, changes),
        selection(only, exclude),
    )


def selection(only: Sequence[str] | None, exclude: Sequence[str] | None) -> str:
    """Which part of the sweep is left, in words."""
    parts = [f"only {', '.join(only)}"] if only else []
    return "; ".join((*parts, *(f"without {item}" for item in exclude or ())))
