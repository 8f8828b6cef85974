"""What a sweep file of W&B has that a grid has not: keys of its own, nested and dotted names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adaloss.grid.mistakes.problems import KeyPath, Problem, dotted
from adaloss.grid.mistakes.wording import found
from adaloss.grid.reading.file import GridFile

# Who starts what, where: nothing here changes a number.
UNUSED: Mapping[KeyPath, str] = {
    ("program",): "adaloss-sweep trains by itself",
    ("command",): "adaloss-sweep trains by itself",
    ("job",): "adaloss-sweep trains by itself",
    ("image_uri",): "adaloss-sweep trains by itself",
    ("controller",): "adaloss-sweep goes through the grid by itself",
    ("scheduler",): "adaloss-sweep goes through the grid by itself",
    ("apiVersion",): "there is one form of grid",
    ("kind",): "there is one form of grid",
    ("metric", "impute"): "a grid needs no metric for trials that fail",
    ("metric", "impute_while_running"): "a grid needs no metric for trials that run",
}
# Of these the grid's own schema knows the type.
IN_SCHEMA = (("program",), ("command",))
REFUSED: Mapping[KeyPath, str] = {
    ("early_terminate",): "stopping trials early would bias the table; take it out",
    ("metric", "target"): "to stop at a good trial would bias the table; take it out",
    ("metrics",): "write metric: {name: …}, and further tables for further metrics",
}
# What the groups of nested and dotted names may hold, and hold without any doubt.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "dataset": (
        *("split_seed", "train_examples", "eval_examples", "resize", "padding", "flip"),
        *("interpolation", "normalize", "mean", "std"),
    ),
    "model": ("pretrained", "image_size", "channels_last", "compile"),
    "optimizer": ("lr", "b0", "alpha", "c", "momentum", "weight_decay"),
    "training": ("epochs", "batch_size", "precision", "deterministic"),
}
FIELD_OF: Mapping[str, str] = {
    **{f"{group}.name": group for group in GROUPS if group != "training"},
    **{f"{group}.{field}": field for group, fields in GROUPS.items() for field in fields},
}
"""The field that a dotted name stands for."""


@dataclass(frozen=True)
class Parameter:
    """A parameter as the file has it; ``name`` is dotted where it is nested."""

    path: KeyPath
    name: str
    given: Any

    @property
    def field(self) -> str:
        """The field that it stands for; its own name where there is no such field."""
        return FIELD_OF.get(self.name, self.name)


def read_wandb(file: GridFile) -> tuple[GridFile, list[Problem], tuple[str, ...]]:
    """The file in a grid's own words, the mistakes found on the way, and notes on what changed."""
    problems = [
        file.problem(path, f"{dotted(path)} is not supported: {reason}")
        for path, reason in REFUSED.items()
        if has(file.data, path)
    ]
    notes = [
        f"{dotted(path)} is not used: {reason}"
        for path, reason in UNUSED.items()
        if has(file.data, path)
    ]
    data = file.data
    for path in (*REFUSED, *(path for path in UNUSED if path not in IN_SCHEMA)):
        data = without(data, path)
    file = replace(file, data=data)
    if isinstance(file.data.get("parameters"), Mapping):
        file, more = flat(file, notes)
        problems += more
    return file, problems, tuple(notes)


def has(data: Any, path: KeyPath) -> bool:
    """Whether there is something at the path."""
    for part in path:
        if not isinstance(data, Mapping) or part not in data:
            return False
        data = data[part]
    return True


def without(data: Mapping[str, Any], path: KeyPath) -> Mapping[str, Any]:
    """The mapping without what is at the path."""
    if not has(data, path):
        return data
    first, *rest = path
    others = {key: value for key, value in data.items() if key != first}
    if not rest:
        return others
    return {key: without(data[key], tuple(rest)) if key == first else data[key] for key in data}


def flat(file: GridFile, notes: list[str]) -> tuple[GridFile, list[Problem]]:
    """The file with each parameter by its field, on the line where it stands."""
    problems: list[Problem] = []
    by_field: dict[str, Parameter] = {}
    for parameter in flattened(file, ("parameters",), "", problems):
        field = parameter.field
        if field in by_field:
            message = f"{by_field[field].name} and {parameter.name} are both {field}: leave one out"
            problems.append(file.problem(parameter.path, message))
            continue
        by_field[field] = parameter
    renamed = [p for p in by_field.values() if p.name != p.field]
    if renamed:
        notes.append("; ".join(f"{p.name} is read as {p.field}" for p in renamed))
    values = {field: parameter.given for field, parameter in by_field.items()}
    moved: dict[KeyPath, KeyPath] = {p.path: ("parameters", p.field) for p in by_field.values()}
    lines = {**file.lines, **dict(moved_lines(file.lines, moved))}
    return replace(file, data={**file.data, "parameters": values}, lines=lines), problems


def moved_lines(
    lines: Mapping[KeyPath, int], moved: Mapping[KeyPath, KeyPath]
) -> Iterator[tuple[KeyPath, int]]:
    """The lines of what has another place now, by that place."""
    for path, line in lines.items():
        for length in range(2, len(path) + 1):
            if place := moved.get(path[:length]):
                yield (*place, *path[length:]), line
                break


def flattened(
    file: GridFile, path: KeyPath, prefix: str, problems: list[Problem]
) -> Iterator[Parameter]:
    """The parameters of a group and of the groups in it."""
    parameters: Any = file.data
    for part in path:
        parameters = parameters[part]
    for key, given in parameters.items():
        name, here = f"{prefix}{key}", (*path, key)
        if not isinstance(given, Mapping) or "parameters" not in given:
            yield Parameter(here, name, given)
        elif mistake := mistake_of_group(given):
            problems.append(file.problem(here, f"{name} {mistake}"))
        else:
            yield from flattened(file, (*here, "parameters"), f"{name}.", problems)


def mistake_of_group(given: Mapping[str, Any]) -> str | None:
    """What is wrong with a nested group, None where nothing is."""
    beside = [key for key in given if key != "parameters"]
    nested = given["parameters"]
    if beside:
        return f"has parameters of its own beside {', '.join(beside)}; leave one of them out"
    if not isinstance(nested, Mapping):
        return f"needs a mapping as its parameters, found {found(nested)}"
    return None if nested else "has no parameters; take it out"
