"""Change a sweep's tables by options of the command line."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adaloss.errors import UserError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from adaloss.grid.sweep import Sweep
    from adaloss.grid.tables.spec import TableSpec
    from adaloss.tasks.task import Task
    from adaloss.trial import Trial


def changed_tables(
    sweep: "Sweep", options: Mapping[str, Any], trials: "Sequence[Trial]"
) -> "tuple[TableSpec, ...]":
    """The sweep's tables of these trials with the options' values; equal tables appear once.

    ``options`` has the values by the name of the table's field, None for an unused option.

    Raises:
        UserError: a value is invalid for its field.
    """
    from adaloss.grid.tables.spec import TableSpec
    from analysis.results import task_of_sweep

    fields = fields_of(options)
    if fields.get("rows", "") == fields.get("columns", None):
        raise UserError(f"--rows and --columns are both {fields['rows']}: name two fields")
    task = task_of_sweep(sweep)
    specs: list[TableSpec] = []
    for spec in sweep.tables:
        if spec.ranks_points and "rows" not in fields and {"columns", "tune"} & fields.keys():
            # A point has one column, and one value of what would be tuned.
            spec = spec.model_copy(update={"rows": rows_of(spec, fields, trials)})
        asked = fields | per_of_the_rest(spec, fields, trials)
        changed = spec.model_copy(update=checked(spec, asked, task)) if fields else spec
        if changed not in specs:
            specs.append(changed)
    return tuple(specs)


def fields_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options change, with their values."""
    fields = {name: value for name, value in options.items() if value is not None}
    for field in {"per", "tune"} & fields.keys():
        names = [name.strip() for name in fields[field].split(",") if name.strip()]
        fields[field] = () if names == ["none"] else tuple(names)
    return fields


def per_of_the_rest(
    spec: "TableSpec", fields: Mapping[str, Any], trials: "Sequence[Trial]"
) -> dict[str, Any]:
    """A new ``per`` if rows, columns or tuned fields change without it.

    It has the table's ``per``, its former rows and columns if they have several values, and every
    other field in which the trials of a cell would differ.
    """
    from adaloss.grid.tables.axes import fields_needed
    from adaloss.tasks.program.fields import POINT
    from adaloss.tasks.table import common_task

    axes = (fields.get("rows", spec.rows), fields.get("columns", spec.columns))
    tune = fields.get("tune", spec.tune)
    if axes[0] == POINT:
        # A point has a value of every parameter that varies.
        return {}
    if "per" in fields or (axes, tune) == ((spec.rows, spec.columns), spec.tune):
        return {}
    cells = cells_of(trials)
    displaced = [name for name in (spec.rows, spec.columns) if several(name, cells)]
    per = tuple(name for name in (*displaced, *spec.per) if name not in (*axes, *tune))
    return {"per": (*per, *fields_needed(cells, (*axes, *per, *tune), common_task(trials)))}


def rows_of(spec: "TableSpec", fields: Mapping[str, Any], trials: "Sequence[Trial]") -> str:
    """The rows of a table of points whose columns or tuned fields are chosen.

    They stay the points if there is no other parameter.
    """
    from adaloss.grid.tables.axes import longest_axes
    from adaloss.tasks.table import common_task

    taken = {fields.get("columns", spec.columns), *fields.get("tune", ())}
    task = common_task(trials)
    cells = [{n: v for n, v in cell.items() if n not in taken} for cell in cells_of(trials)]
    candidates = (*longest_axes(cells, task), *task.cell_fields)
    return next((name for name in candidates if name not in taken), spec.rows)


def cells_of(trials: "Sequence[Trial]") -> list[dict[str, Any]]:
    """The values of each cell; None for those that only other cells have."""
    # One seed is enough, because every cell has every seed.
    cells = [trial.flat_values for trial in trials if trial.seed == trials[0].seed]
    names = dict.fromkeys(name for cell in cells for name in cell if name != "seed")
    return [{name: cell.get(name) for name in names} for cell in cells]


def several(name: str, cells: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the cells have several values of the field."""
    return len({cell[name] for cell in cells if name in cell}) > 1


def checked(spec: "TableSpec", fields: dict[str, Any], task: "Task") -> dict[str, Any]:
    """The fields, validated like those of a grid's table."""
    from pydantic import ValidationError

    from adaloss.grid.schema.schema import GridTable
    from adaloss.grid.schema.types import TASK

    whole = spec.model_dump(exclude={"only", "exclude"}) | fields
    try:
        table = GridTable.model_validate(whole, strict=True, context={TASK: task})
    except ValidationError as error:
        raise UserError("\n".join(map(problem_text, error.errors(include_url=False)))) from error
    return {name: value for name, value in table if name in fields}


def problem_text(details: "ErrorDetails") -> str:
    """The problem with an option, or with all options together, in a sentence."""
    from adaloss.grid.mistakes.wording import sentence

    if not details["loc"]:
        return f"the table{sentence((), details)}"
    name, _, rest = sentence(details["loc"][:1], details).partition(" ")
    return f"--{name.replace('_', '-')} {rest}"
