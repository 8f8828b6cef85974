"""A sweep: a grid file and all it expands to, or every mistake in it at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaloss.grid_cells import Cell, expand_cells
from adaloss.grid_check import ADAPTERS, check_parameters, check_schema, mistakes_of
from adaloss.grid_file import GridFile, read_grid_file
from adaloss.grid_problems import GridError, Problem, closest, suggestion
from adaloss.grid_schema import Grid
from adaloss.grid_yaml import plain_scalar
from adaloss.model_names import BUILT_IN_MODELS
from adaloss.trial import FIELD_NAMES, Trial

GRID_SUFFIX = ".yaml"
EXAMPLE = "example"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a grid file declares; ``trials`` are distinct and in the order to run them.

    ``axes`` has the values, in declared order, of every field that takes more than one. ``notes``
    say what of the file is not used.
    """

    name: str
    source: Path
    text: str
    grid: Grid
    trials: tuple[Trial, ...]
    axes: Mapping[str, tuple[Any, ...]]
    notes: tuple[str, ...]


def load_sweep(source: Path) -> Sweep:
    """Load a grid file.

    Raises:
        GridError: with all the mistakes in the file, each with its line.
    """
    file = read_grid_file(source)
    grid, schema_problems = check_schema(file)
    values, parameter_problems = check_parameters(file)
    problems = [*file.problems, *schema_problems, *parameter_problems]
    if grid is None or problems:
        raise GridError(source, problems)
    seeds = values.get("seed", grid.seeds)
    cells, problems = expand_cells(file, grid, values, len(seeds))
    problems += combination_problems(file, grid, cells, seeds)
    if problems:
        raise GridError(source, problems)
    trials = expand_trials(grid, cells, seeds)
    return Sweep(
        name=grid.name,
        source=source,
        text=file.text,
        grid=grid,
        trials=trials,
        axes=axes_of(trials),
        notes=tuple(
            f"{key} is not used: adaloss-sweep trains by itself"
            for key in ("program", "command")
            if key in file.data
        ),
    )


def combination_problems(
    file: GridFile, grid: Grid, cells: list[Cell], seeds: tuple[int, ...]
) -> list[Problem]:
    """Values that are right alone and wrong together."""
    problems = []
    if len(set(seeds)) < len(seeds):
        problems.append(file.problem(("seeds",), "seeds has a value twice; take one out"))
    own = sorted({cell["model"] for cell in cells if cell.get("pretrained")} & set(BUILT_IN_MODELS))
    if own:
        message = f"pretrained: there are no weights for {', '.join(own)}; write pretrained: false"
        problems.append(file.problem(("parameters", "pretrained"), message))
    for index, table in enumerate(grid.tables):
        chosen = [field for field in (table.rows, table.columns, table.per) if field]
        if repeated := sorted({field for field in chosen if chosen.count(field) > 1}):
            message = f"{repeated[0]} stands for more than one of rows, columns and per"
            problems.append(file.problem(("tables", index), message))
    return problems


def expand_trials(grid: Grid, cells: list[Cell], seeds: tuple[int, ...]) -> tuple[Trial, ...]:
    """Every cell with every seed, in the order of ``execution.order``; equal ones are one."""
    fixed = {"max_loss": grid.divergence.max_loss}
    if grid.execution.order == "seed_major":
        points = [(cell, seed) for seed in seeds for cell in cells]
    else:
        points = [(cell, seed) for cell in cells for seed in seeds]
    return tuple(dict.fromkeys(Trial(**cell, **fixed, seed=seed) for cell, seed in points))


def axes_of(trials: tuple[Trial, ...]) -> dict[str, tuple[Any, ...]]:
    """The fields that take more than one value, with their values."""
    values = {name: tuple(dict.fromkeys(t.value(name) for t in trials)) for name in FIELD_NAMES}
    return {name: listed for name, listed in values.items() if len(listed) > 1}


def only(trials: tuple[Trial, ...], filters: Mapping[str, str]) -> tuple[Trial, ...]:
    """The trials with these values, written as in a grid; several as ``0.1|1``.

    Raises:
        ValueError: a field is unknown, or no trial has a value.
    """
    for name, text in filters.items():
        if name not in FIELD_NAMES:
            raise ValueError(f"unknown field {name}{suggestion(name, FIELD_NAMES)}")
        wanted = {wanted_value(name, part.strip()) for part in text.split("|")}
        there = {trial.value(name) for trial in trials}
        if absent := wanted - there:
            known = ", ".join(shown(value) for value in sorted(there, key=str))
            raise ValueError(f"no trial has {name}={shown(absent.pop())}; there are {known}")
        trials = tuple(trial for trial in trials if trial.value(name) in wanted)
    return trials


def wanted_value(name: str, text: str) -> Any:
    """The field's value that a text on the command line stands for."""
    plain = plain_scalar(text)
    value = text if name in ("model", "dataset", "optimizer") else plain
    if name not in ("model", "dataset", "optimizer") and (
        mistakes := list(mistakes_of(name, value))
    ):
        raise ValueError(mistakes[0])
    return value if isinstance(value, str) else ADAPTERS[name].validate_python(value, strict=True)


def shown(value: Any) -> str:
    """A value as a person writes it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def shipped_grids() -> dict[str, Path]:
    """The grids that come with the package, by name."""
    package = Path(__file__).resolve().parent
    # A wheel has them inside the package, a checkout beside it.
    folder = package / "grids" if (package / "grids").is_dir() else package.parent / "sweeps"
    return {path.stem: path for path in sorted(folder.glob(f"*{GRID_SUFFIX}"))}


def resolve_grid(name_or_path: str) -> Path:
    """The path of a grid file, given itself or as the name of a shipped grid.

    Raises:
        GridError: there is neither such a file nor such a grid.
    """
    path = Path(name_or_path)
    shipped = shipped_grids()
    if path.exists() or name_or_path not in shipped:
        if path.exists() or path.suffix in (".yaml", ".yml") or "/" in name_or_path:
            return path
        match = closest(name_or_path, shipped)
        hint = f"did you mean {match}?" if match else f"shipped grids: {', '.join(shipped)}"
        raise GridError(
            name_or_path, [Problem(None, "", f"there is no such file or shipped grid; {hint}")]
        )
    return shipped[name_or_path]


def grid_json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a grid file, for editors."""
    schema = Grid.model_json_schema()
    fields = Trial.model_json_schema()
    schema["$defs"] |= fields.get("$defs", {})
    schema["properties"]["parameters"] = {
        "type": "object",
        "description": "The fields of a trial: a value, or a list of the values to try.",
        "properties": {
            name: one_or_several(field)
            for name, field in fields["properties"].items()
            if name != "max_loss"
        },
        "required": [name for name in fields["required"] if name != "seed"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A grid of adaloss-sweep",
    } | {key: value for key, value in schema.items() if key != "title"}


def one_or_several(field: dict[str, Any]) -> dict[str, Any]:
    """The ways to give a parameter: bare, as a list, and W&B's ``value`` and ``values``."""
    several = {"type": "array", "items": field, "minItems": 1}
    return {
        "anyOf": [
            field,
            several,
            {
                "type": "object",
                "properties": {"value": field},
                "required": ["value"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"values": several},
                "required": ["values"],
                "additionalProperties": False,
            },
        ]
    }
