"""The keys of a grid that only a program of the user's own has, and the trials of their cells."""

from collections.abc import Iterator, Mapping
from typing import Any

from adaloss.grid.mistakes.problems import Problem
from adaloss.grid.points.parameters import Values
from adaloss.grid.points.points import Cell
from adaloss.grid.points.searches import is_random
from adaloss.grid.reading.file import GridFile
from adaloss.grid.schema.schema import Grid
from adaloss.tasks.program.command import mistakes_in_command
from adaloss.tasks.program.fields import SEED, function_in, parameter_of, parameters_of
from adaloss.tasks.program.reports import mistake_in_pattern

ONLY_OF_PROGRAMS = ("python", "seed_parameter", "metrics")
ONLY_OF_SCRIPTS = ("command", "python")
NEEDS_METRIC = (
    "metric is missing: name the metric of the tables, as in metric: {name: val_loss, goal: "
    "minimize}"
)
NO_SEEDS = (
    "the grid has no seeds: each cell runs once, and the program gets no seed; write seeds: 5 for "
    "means with their spread"
)
# Fields of a trial for which None has a meaning of its own.
NULLABLE = ("seed_parameter",)


def program_problems(file: GridFile) -> Iterator[Problem]:
    """The mistakes in the keys of a program, and such keys in another grid."""
    if SEED in file.data and not is_random(file):
        message = "seed is that of method: random; write seeds: for the seeds of the trials"
        yield file.problem((SEED,), message)
    if not file.runs_a_program:
        if is_random(file):
            message = (
                "'random' is not supported: a table needs every cell of the grid, and a sampled "
                "search would bias it; write method: grid"
            )
            yield file.problem(("method",), f"method {message}")
        for key in ONLY_OF_PROGRAMS:
            if key in file.data:
                yield file.problem((key,), f"{key} is for a grid with program:")
        divergence = file.data.get("divergence")
        if isinstance(divergence, Mapping) and "metric" in divergence:
            message = (
                "divergence.metric is for a grid with program: (others diverge by their training "
                "loss)"
            )
            yield file.problem(("divergence", "metric"), message)
        return
    data = file.data
    if data.get("program") is None:
        key = next(name for name in ("program", "task", "command") if name in data)
        yield file.problem((key,), "program is missing: name your script, or module:function")
    # What is no mapping is a mistake by itself.
    metric = data.get("metric", {})
    if isinstance(metric, Mapping) and "name" not in metric:
        yield file.problem(("metric",), NEEDS_METRIC)
    if is_function(file):
        for key in ONLY_OF_SCRIPTS:
            if key in data:
                yield file.problem((key,), f"{key} is for a script, and program is a function")
    command = data.get("command")
    for index, message in mistakes_in_command(command) if isinstance(command, tuple) else ():
        yield file.problem(("command", index), f"command: {message}")
    metrics = data.get("metrics")
    pattern = metrics.get("pattern") if isinstance(metrics, Mapping) else None
    if isinstance(pattern, str) and (mistake := mistake_in_pattern(pattern)):
        yield file.problem(("metrics", "pattern"), f"metrics.pattern: {mistake}")
    if is_random(file) and data.get("run_cap") is None:
        yield file.problem(("method",), "method: random needs run_cap, the number of points")
    name = data.get("seed_parameter", SEED)
    if name != SEED and name in map(parameter_of, file.task.cell_fields):
        message = f"seed_parameter: {name} is a parameter as well; the seed needs another name"
        yield file.problem(("seed_parameter",), message)


def bounds_of_what_grows(file: GridFile) -> Iterator[Problem]:
    """A bound of a metric that is maximized, with which the best trials would diverge."""
    divergence, metric = file.data.get("divergence"), file.data.get("metric")
    if not (
        file.runs_a_program and isinstance(divergence, Mapping) and isinstance(metric, Mapping)
    ):
        return
    is_of_the_metric = "max_loss" in divergence and not divergence.get("metric")
    if is_of_the_metric and metric.get("goal") == "maximize":
        message = (
            f"max_loss would be a bound of {metric.get('name')}, which is maximized: name the "
            "metric that it bounds, as in divergence: {metric: loss, max_loss: 100}"
        )
        yield file.problem(("divergence", "max_loss"), message)


def is_function(file: GridFile) -> bool:
    """Whether the program is a function, not a script."""
    program = file.data.get("program")
    return isinstance(program, str) and function_in(program) is not None


def program_trial(
    grid: Grid, cell: Cell, groups: tuple[str, ...], *, pass_seed: bool
) -> dict[str, Any]:
    """The fields of the trial of a cell with the first seed."""
    metrics, divergence = grid.metrics, grid.divergence
    bound = divergence.max_loss if "max_loss" in divergence.model_fields_set else None
    fields = {
        "task": "program",
        "program": grid.program,
        "parameters": parameters_of(cell),
        "groups": groups,
        "seed": grid.seeds[0],
        "seed_parameter": grid.seed_parameter if pass_seed else None,
        "command": grid.command,
        "divergence_metric": divergence.metric or (bound and grid.metric.name),
        "max_loss": bound,
        "metrics_file": metrics.file if metrics else None,
        "metrics_pattern": metrics.pattern if metrics else None,
        "metric": grid.metric.name,
        "python": grid.python,
    }
    return {name: value for name, value in fields.items() if value is not None or name in NULLABLE}


def seeds_are_declared(file: GridFile, values: Values) -> bool:
    """Whether the file says with which seeds each cell runs."""
    return "seeds" in file.data or SEED in values
