"""Convert the parts of a W&B sweep file that grids lack: other keys, nested and dotted names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from adaloss.grid.mistakes.problems import KeyPath, Problem, dotted
from adaloss.grid.mistakes.wording import described
from adaloss.grid.reading.file import GridFile
from adaloss.tasks.program.fields import SEED, column, function_in

Known = TypeVar("Known")

# Keys of a program, which a grid whose task is another one may have and does not need.
PROGRAM_KEYS: Mapping[KeyPath, str] = {
    ("program",): "adaloss-sweep runs the training itself",
    ("command",): "adaloss-sweep runs the training itself",
}
# Keys that say how W&B starts runs. They change no result.
UNUSED: Mapping[KeyPath, str] = {
    ("job",): "adaloss-sweep runs the training itself",
    ("image_uri",): "adaloss-sweep runs the training itself",
    ("controller",): "adaloss-sweep schedules the trials itself",
    ("scheduler",): "adaloss-sweep schedules the trials itself",
    ("apiVersion",): "grids have only one format",
    ("kind",): "grids have only one format",
    ("metric", "impute"): "a grid needs no metric for trials that fail",
    ("metric", "impute_while_running"): "a grid needs no metric for trials that run",
}
METRICS = ("metrics",)
REFUSED: Mapping[KeyPath, str] = {
    ("early_terminate",): "stopping trials early would bias the table; remove it",
    ("metric", "target"): "stopping at a good trial would bias the table; remove it",
    METRICS: "write metric: {name: …}, and add tables for further metrics",
}
# The fields that a group of nested or dotted names may hold, without ambiguity.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "dataset": (
        *("split_seed", "train_examples", "eval_examples", "resize", "padding", "flip"),
        *("interpolation", "normalize", "mean", "std"),
    ),
    "model": ("pretrained", "image_size", "channels_last", "compile"),
    "optimizer": (
        *("lr", "b0", "alpha", "c", "momentum", "weight_decay"),
        *("rate", "schedule", "warmup", "clip_grad_norm", "average"),
    ),
    "training": ("epochs", "batch_size", "precision", "deterministic", "label_smoothing"),
}
FIELD_OF: Mapping[str, str] = {
    **{f"{group}.name": group for group in GROUPS if group != "training"},
    **{f"{group}.{field}": field for group, fields in GROUPS.items() for field in fields},
}
"""The field that a dotted name stands for."""


@dataclass(frozen=True)
class Parameter:
    """A parameter as the file has it. The ``name`` of a nested parameter is dotted.

    ``field`` is the field that it stands for, or the name itself if there is no such field.
    """

    path: KeyPath
    name: str
    content: Any
    field: str


def read_wandb(file: GridFile) -> tuple[GridFile, list[Problem], tuple[str, ...]]:
    """The file in the form of a grid, the mistakes found, and notes on what was changed."""
    runs_a_program = file.runs_a_program
    refused = {
        path: reason
        for path, reason in REFUSED.items()
        if has(file.data, path) and not (runs_a_program and path == METRICS and is_source(file))
    }
    problems = [
        file.problem(path, f"{dotted(path)} is not supported: {reason}")
        for path, reason in refused.items()
    ]
    unused = UNUSED if runs_a_program else {**PROGRAM_KEYS, **UNUSED}
    notes = [
        f"{dotted(path)} is not used: {reason}"
        for path, reason in unused.items()
        if has(file.data, path)
    ]
    data = file.data
    for path in (*refused, *unused):
        data = without(data, path)
    file = replace(file, data=data)
    if isinstance(file.data.get("parameters"), Mapping):
        file, more = with_fields(file, notes)
        problems += more
    return file, problems, tuple(notes)


def is_source(file: GridFile) -> bool:
    """Whether ``metrics`` says where a program's metrics are; W&B has a list of them there."""
    return not isinstance(file.data.get("metrics"), tuple)


def has(data: Any, path: KeyPath) -> bool:
    """Whether the data has a value at the path."""
    for part in path:
        if not isinstance(data, Mapping) or part not in data:
            return False
        data = data[part]
    return True


def without(data: Mapping[str, Any], path: KeyPath) -> Mapping[str, Any]:
    """The mapping without the value at the path."""
    if not has(data, path):
        return data
    first, *rest = path
    others = {key: value for key, value in data.items() if key != first}
    if not rest:
        return others
    return {key: without(data[key], tuple(rest)) if key == first else data[key] for key in data}


def with_fields(file: GridFile, notes: list[str]) -> tuple[GridFile, list[Problem]]:
    """The file with its parameters flat and named by field. Each keeps its line."""
    problems: list[Problem] = []
    by_field: dict[str, Parameter] = {}
    for parameter in flattened(file, ("parameters",), "", problems):
        field = parameter.field
        if field in by_field:
            first = by_field[field].name
            message = f"{first} and {parameter.name} are both {field}: leave one out"
            if first == parameter.name:
                message = f"{first} is there as a dotted name and as a nested one: leave one out"
            problems.append(file.problem(parameter.path, message))
            continue
        by_field[field] = parameter
    renamed = [p for p in by_field.values() if p.name != p.field]
    if file.runs_a_program:
        notes += (f"the parameter {p.name} is called {p.field} in tables" for p in renamed)
    elif renamed:
        notes.append("; ".join(f"{p.name} is read as {p.field}" for p in renamed))
    for name in file.arguments & by_field.keys():
        notes.append(f"{name} is an argument of an optimizer here, not the field {FIELD_OF[name]}")
    values = {field: parameter.content for field, parameter in by_field.items()}
    moved: dict[KeyPath, KeyPath] = {p.path: ("parameters", p.field) for p in by_field.values()}
    lines = {**file.lines, **dict(moved_paths(file.lines, moved))}
    unquoted = {**file.unquoted, **dict(moved_paths(file.unquoted, moved))}
    data = {**file.data, "parameters": values}
    # Sorted, because the order of the parameters changes no trial.
    parameters = file.data["parameters"]
    groups = tuple(sorted(name for name in parameters if is_group(parameters[name])))
    return replace(file, data=data, lines=lines, unquoted=unquoted, groups=groups), problems


def moved_paths(
    about: Mapping[KeyPath, Known], moved: Mapping[KeyPath, KeyPath]
) -> Iterator[tuple[KeyPath, Known]]:
    """What is known about the values that moved, by their new path."""
    for path, known in about.items():
        for length in range(2, len(path) + 1):
            if new := moved.get(path[:length]):
                yield (*new, *path[length:]), known
                break


def flattened(
    file: GridFile, path: KeyPath, prefix: str, problems: list[Problem]
) -> Iterator[Parameter]:
    """The parameters of a group and of its nested groups."""
    parameters: Any = file.data
    for part in path:
        parameters = parameters[part]
    for key, content in parameters.items():
        name, key_path = f"{prefix}{key}", (*path, key)
        if not is_group(content):
            field = name if name in file.arguments else FIELD_OF.get(name, name)
            if file.runs_a_program:
                field = name if name == SEED else column(name)
            yield Parameter(key_path, name, content, field)
        elif mistake := mistake_in_group(content):
            problems.append(file.problem(key_path, f"{name} {mistake}"))
        else:
            yield from flattened(file, (*key_path, "parameters"), f"{name}.", problems)


def names_beside_groups(file: GridFile) -> Iterator[Problem]:
    """Dotted names beside a group of that name, of which a script gets one mapping.

    W&B passes such a name on as a parameter of its own, beside the mapping. A function, and what
    reads Hydra's arguments, have dotted names in either case.
    """
    parameters = file.data.get("parameters")
    if not file.runs_a_program or not isinstance(parameters, Mapping):
        return
    if function_in(str(file.data.get("program"))) or "_hydra}" in str(file.data.get("command")):
        return
    groups = [g for g in parameters if is_group(p := parameters[g]) and not mistake_in_group(p)]
    prefixes = tuple(f"{group}." for group in groups)
    for name in parameters:
        if not name.startswith(prefixes):
            continue
        group = next(each for each in groups if name.startswith(f"{each}."))
        own = name.removeprefix(f"{group}.")
        # What is there in both ways is another mistake.
        if own in parameters[group]["parameters"]:
            continue
        place = file.line(("parameters", group))
        where = f" of line {place}" if place else ""
        message = (
            f"{name} is beside the group {group}{where}, and would be passed on as a part of it: "
            f"write {own} in the group, or all of the group with dotted names"
        )
        yield Problem(file.line(("parameters", name)), dotted(("parameters", name)), message)


def is_group(content: Any) -> bool:
    """Whether a parameter is a group of nested ones."""
    return isinstance(content, Mapping) and "parameters" in content


def mistake_in_group(group: Mapping[str, Any]) -> str | None:
    """The mistake in a nested group, or None."""
    others = [key for key in group if key != "parameters"]
    nested = group["parameters"]
    if others:
        return f"has both parameters and {', '.join(others)}; leave one of them out"
    if not isinstance(nested, Mapping):
        return f"needs a mapping as its parameters, found {described(nested)}"
    return None if nested else "has no parameters; remove it"
