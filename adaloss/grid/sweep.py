"""Load a grid file as a sweep with all its trials, or report every mistake in it at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from adaloss.errors import UserError
from adaloss.grid.check import check_schema
from adaloss.grid.mistakes.problems import MOST_PROBLEMS, GridError, Problem
from adaloss.grid.points.argument_texts import texts_for_arguments
from adaloss.grid.points.cells import expand_cells, invalid_fields
from adaloss.grid.points.combinations import b0_without_square
from adaloss.grid.points.constructors import Sources, sources_of
from adaloss.grid.points.filter import only
from adaloss.grid.points.optimizers import (
    hyperparameters_of,
    impossible_optimizers,
    optimizer_problems,
    own_arguments,
    with_applicable,
)
from adaloss.grid.points.parameters import Values, check_parameters
from adaloss.grid.points.points import Cell, read_points
from adaloss.grid.points.programs import (
    NO_SEEDS,
    bounds_of_what_grows,
    is_function,
    program_problems,
    program_trial,
    seeds_are_declared,
)
from adaloss.grid.points.searches import drawn_cells, is_grid, too_few_points
from adaloss.grid.reading.file import GridFile, read_grid_file
from adaloss.grid.reading.name import with_name
from adaloss.grid.reading.shipped import resolve_grid, shipped_grids
from adaloss.grid.reading.wandb import names_beside_groups, read_wandb
from adaloss.grid.reading.yaml_1_1 import other_to_wandb
from adaloss.grid.schema.json_schema import grid_json_schema
from adaloss.grid.schema.schema import Grid
from adaloss.grid.tables.axes import POINTS, default_table
from adaloss.grid.tables.labels import Labels, read_labels
from adaloss.grid.tables.spec import TableSpec
from adaloss.grid.tables.tables import read_tables
from adaloss.records.places import Places, places_of_grid
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.tasks.table import task_named
from adaloss.tasks.task import Task
from adaloss.trial import Trial

__all__ = [
    "GridError",
    "Problem",
    "Sweep",
    "grid_json_schema",
    "load_sweep",
    "only",
    "resolve_grid",
    "shipped_grids",
    "sweep_of",
]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The content of a grid file and the trials that it expands to.

    ``trials`` are in the order to run them. No two have the same fields, but trials share a
    ``trial_id`` if their optimizer ignores the field in which they differ. ``axes`` has the values,
    in declared order, of every field with more than one. ``tables`` are those of the grid's
    ``tables:``, ``labels`` those of fields and values. ``notes`` are sentences about parts of the
    file that are not used or are read as something else. ``doubts`` are the notes for which another
    grid than the copy in a folder of results would be refused. ``defaulted`` has ``name`` and
    ``seeds`` if the file does not set them. ``text`` always has a name.
    """

    name: str
    source: Path
    text: str
    grid: Grid
    trials: tuple[Trial, ...]
    axes: Mapping[str, tuple[Any, ...]]
    tables: tuple[TableSpec, ...]
    labels: Labels
    notes: tuple[str, ...]
    defaulted: frozenset[str]
    doubts: tuple[str, ...] = ()

    @cached_property
    def places(self) -> Places:
        """The folders in which the trials find the files that the grid names."""
        return places_of_grid(self.source, self.grid.data.root)


def load_sweep(path: Path, more_records: Sequence[Path] = ()) -> Sweep:
    """Load a grid file.

    ``more_records`` are folders of trials of another copy of the results, which also know what
    optimizers took that are not found here.

    Raises:
        GridError: the file has mistakes. The error has all of them, each with its line.
    """
    return sweep_of(read_grid_file(path), more_records)


def sweep_of(as_written: GridFile, more_records: Sequence[Path] = ()) -> Sweep:
    """The sweep of a grid that is read, from a file or as a dict; see :func:`load_sweep`.

    Raises:
        GridError: the grid has mistakes.
    """
    path = as_written.source
    file, name_problems = with_name(as_written)
    sources = sources_of(path, () if file.runs_a_program else file.data, more_records)
    # They were accepted once. A folder of results stays readable with them, with notes.
    doubts = [*other_to_wandb(file), *names_beside_groups(file), *bounds_of_what_grows(file)]
    if not file.runs_a_program:
        file = replace(file, arguments=own_arguments(file.data, sources))
    file, wandb_problems, notes = read_wandb(file)
    grid, schema_problems = check_schema(file)
    drawn: list[Cell] | None = None
    if file.runs_a_program and not is_grid(file):
        drawn, values, parameter_problems = drawn_cells(file)
    else:
        values, parameter_problems = check_parameters(file)
    points, point_problems = read_points(file)
    problems = [*file.problems, *name_problems, *wandb_problems]
    problems += [*schema_problems, *parameter_problems, *point_problems]
    problems += program_problems(file)
    if not file.runs_a_program:
        problems += optimizer_problems(file, values, sources)
        doubts += texts_for_arguments(file, values, points, sources)
    problems += doubts[: MOST_PROBLEMS + 1] if not sources.records else ()
    has_seeds = not file.runs_a_program or is_function(file) or seeds_are_declared(file, values)
    keys = {*as_written.data, *(("seeds",) if "seed" in values else ())}
    seeds = values.pop("seed", ()) or (grid.seeds if grid else (0,))
    if not has_seeds:
        seeds = (0,)
        notes = (*notes, NO_SEEDS)
    invalid = invalid_fields(problems, file.task)
    cells, cell_problems = expand_cells(file, values, points, len(seeds), invalid, drawn)
    problems += cell_problems
    without_square = list(b0_without_square(file, values, points, cells, invalid))
    doubts += without_square
    problems += without_square if not sources.records else ()
    if not problems and not file.runs_a_program:
        cells = with_applicable(cells, sources)
        problems += impossible_optimizers(file, cells, sources)
    if grid is not None:
        # Tables cannot be checked against cells with mistakes.
        tables, table_problems = read_tables(file, grid, [] if problems else cells, invalid)
        problems += table_problems
    labels, label_problems = (Labels(), []) if problems else read_labels(file, cells, seeds)
    problems += label_problems
    if grid is None or problems:
        raise GridError(path, problems)
    task = file.task
    grid = grid.model_copy(update={"task": task.name, "parameters": values, "seeds": seeds})
    if drawn is not None:
        notes = (*notes, *too_few_points(drawn, grid))
        # It is the number of points, not of trials.
        grid = grid.model_copy(update={"run_cap": None})
    trials = expand_trials(grid, cells, task, file.groups, pass_seed=has_seeds)
    return Sweep(
        name=grid.name,
        source=path,
        text=file.text,
        grid=grid,
        trials=trials,
        axes=axes_of(cells, values) | ({"seed": seeds} if len(seeds) > 1 else {}),
        tables=tables or (default_table(cells, task) if drawn is None else POINTS,),
        labels=labels,
        notes=(*notes, *notes_on_results(sources, doubts), *equal_trials(trials)),
        defaulted=frozenset({"name", *(("seeds",) if has_seeds else ())} - keys),
        doubts=tuple(dict.fromkeys(doubt.message for doubt in doubts)),
    )


def notes_on_results(sources: Sources, doubts: Sequence[Problem]) -> Iterator[str]:
    """What would be refused in another grid than the copy in a folder of results."""
    if sources.records:
        yield from dict.fromkeys(doubt.message for doubt in doubts)
        for why in sources.absent.values():
            yield f"{why}; its trials can be read here, and not run"


def expand_trials(
    grid: Grid, cells: list[Cell], task: Task, groups: tuple[str, ...], *, pass_seed: bool
) -> tuple[Trial, ...]:
    """Every distinct cell with every seed, in the order of ``execution.order``."""
    names = dict.fromkeys(chain.from_iterable(cells))
    distinct = {tuple(map(cell.get, names)): cell for cell in cells}.values()
    first_trials: list[Trial]
    if task.is_program:
        fields = (program_trial(grid, cell, groups, pass_seed=pass_seed) for cell in distinct)
        first_trials = [ProgramTrial.model_validate(each) for each in fields]
    else:
        first_trials = [first_trial(grid, cell) for cell in distinct]
    if grid.execution.order == "seed_major":
        points = ((trial, seed) for seed in grid.seeds for trial in first_trials)
    else:
        points = ((trial, seed) for trial in first_trials for seed in grid.seeds)
    return tuple(trial.with_seed(seed) for trial, seed in points)


def first_trial(grid: Grid, cell: Cell) -> Trial:
    """The trial of a cell with the first seed."""
    task = task_named(grid.task)
    # Computed at each access.
    known_names = task.field_names
    fields = {name: value for name, value in cell.items() if name in known_names}
    fields |= {"max_loss": grid.divergence.max_loss, "seed": grid.seeds[0]}
    if arguments := hyperparameters_of(cell):
        fields["hyperparameters"] = arguments
    if "task" in known_names:
        fields["task"] = task.name
    # Leave out defaults, because pydantic stores for each trial which fields were set.
    known = task.fields.model_fields
    chosen = {n: value for n, value in fields.items() if not is_default(known[n], value)}
    try:
        return task.fields(**chosen)
    # Single values were checked before: a task may have rules for several together.
    except ValidationError as error:
        reasons = "; ".join(
            each["msg"].removeprefix("Value error, ") for each in error.errors(include_url=False)
        )
        values = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        raise UserError(f"{grid.name}: a trial with {values} is impossible: {reasons}") from error


def equal_trials(trials: Sequence[Trial]) -> Iterator[str]:
    """A note on each field of which several values make equal trials."""
    values: dict[tuple[Any, ...], dict[Any, None]] = {}
    for trial in trials:
        for field, reason in trial.without_effect.items():
            others = (value for name, value in trial.values.items() if name != field)
            values.setdefault((field, reason, *others), {})[trial.value(field)] = None
    notes = (
        f"{field} {', '.join(map(str, found))} make equal trials, because {reason}: "
        "write one of them"
        for (field, reason, *_), found in values.items()
        if len(found) > 1
    )
    yield from dict.fromkeys(notes)


def is_default(field: FieldInfo, value: object) -> bool:
    """Whether the value is the default of the field."""
    return not field.is_required() and type(field.default) is type(value) and field.default == value


def axes_of(cells: list[Cell], declared: Values) -> dict[str, tuple[Any, ...]]:
    """The fields with more than one value in the cells, and their values in declared order."""
    axes = {}
    for name in dict.fromkeys((*declared, *chain.from_iterable(cells))):
        used = dict.fromkeys(cell.get(name) for cell in cells)
        first = [value for value in declared.get(name, ()) if value in used]
        axes[name] = tuple(dict.fromkeys((*first, *used)))
    return {name: values for name, values in axes.items() if len(values) > 1}
