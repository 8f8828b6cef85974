"""Check the sections of a grid file against the schema, and collect every mistake."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adaloss.grid.mistakes.hints import other_spellings, similar_names
from adaloss.grid.mistakes.problems import KeyPath, Problem, quoted, suggestion
from adaloss.grid.mistakes.wording import as_written, described, sentence
from adaloss.grid.reading.file import GridFile
from adaloss.grid.schema.schema import Grid, Metric
from adaloss.grid.schema.types import TASK
from adaloss.tasks.table import CELL_FIELDS
from adaloss.tasks.task import Task


def check_schema(file: GridFile) -> tuple[Grid | None, list[Problem]]:
    """The grid without the values of its parameters, or None if there are mistakes in it."""
    problems = project_problems(file) + repeated_seeds(file)
    try:
        grid = Grid.model_validate(file.data, strict=True, context={TASK: file.task})
        metric = grid.metric
        return grid.model_copy(update={"metric": metric_of(metric, file.task)}), problems
    except ValidationError as error:
        for details in error.errors(include_url=False):
            # pydantic counts only valid items. The mistakes of the others are reported themselves.
            if details["type"] == "too_short" and details["input"]:
                continue
            path = path_in_file(file.data, details["loc"])
            problems.append(file.problem(path, schema_sentence(path, details, file.task)))
        return None, problems


def metric_of(metric: Metric, task: Task) -> Metric:
    """The metric with the task's own in place of what the file leaves out.

    Its goal is None where neither direction is better.
    """
    name = metric.name if "name" in metric.model_fields_set else task.reported
    usual = task.metric(name).goal if name in task.metric_names else None
    # W&B minimizes unless the file says otherwise.
    goal = metric.goal or ("minimize" if task.is_program else usual)
    return metric.model_copy(update={"name": name, "goal": goal})


def schema_sentence(path: KeyPath, details: ErrorDetails, task: Task) -> str:
    """One of the schema's errors as a sentence."""
    if details["type"] == "extra_forbidden":
        return f"unknown key {quoted(path[-1])}{key_hint(str(path[-1]), path[:-1], task)}"
    if details["type"] == "string_pattern_mismatch":
        return (
            "name must be 1 to 64 letters, digits, dots, dashes and underscores, starting "
            f"with a letter or digit, found {described(details['input'])}"
        )
    if details["type"] == "missing":
        return sentence(details["loc"], details)
    if path == ("metric",) and isinstance(details["input"], str):
        return f"{sentence(path, details)}; write metric: {{name: {details['input']}}}"
    return sentence(path, details)


def project_problems(file: GridFile) -> list[Problem]:
    """Contradictions between W&B's top-level keys and the section ``wandb``."""
    wandb = file.data.get("wandb")
    section = wandb if isinstance(wandb, Mapping) else {}
    return [
        file.problem((key,), f"{key} and wandb.{key} differ; leave one out")
        for key in ("project", "entity")
        if section.get(key) and file.data.get(key) and section[key] != file.data[key]
    ]


def repeated_seeds(file: GridFile) -> list[Problem]:
    """Seeds that are listed twice."""
    seeds = file.data.get("seeds")
    listed = seeds if isinstance(seeds, tuple) else ()
    problems, seen = [], set()
    for index, seed in enumerate(listed):
        if isinstance(seed, int) and seed in seen:
            message = f"seeds has the value {as_written(seed)} twice; remove one"
            problems.append(file.problem(("seeds", index), message))
        elif isinstance(seed, int):
            seen.add(seed)
    return problems


def path_in_file(data: Any, location: tuple[int | str, ...]) -> KeyPath:
    """The start of pydantic's location that exists in the file.

    The rest names the branches of union types.
    """
    path: list[int | str] = []
    for part in location:
        is_key = isinstance(data, Mapping) and part in data
        is_index = isinstance(data, tuple) and isinstance(part, int) and part < len(data)
        if not is_key and not is_index:
            break
        data = data[part]
        path.append(part)
    return tuple(path)


def key_hint(key: str, path: KeyPath, task: Task) -> str:
    """What to write instead of an unknown key: a key of its section, or one of another section."""
    keys = section_keys(path)
    elsewhere = paths_of_keys(task)
    if not similar_names(key, keys) and (names := other_spellings(key, elsewhere)):
        return f"; did you mean {' or '.join(elsewhere[name] for name in names)}?"
    return suggestion(key, keys)


def paths_of_keys(task: Task) -> dict[str, str]:
    """The dotted path of each key of a section and of each parameter of a task of ours."""
    sections = {name: model_in(field.annotation) for name, field in Grid.model_fields.items()}
    paths = {
        key: f"{name}.{key}"
        for name, section in sections.items()
        if section is not None and name != "tables" and name != "overrides"
        for key in section.model_fields
    }
    parameters = () if task.is_program else ("seed", *CELL_FIELDS)
    return paths | {name: f"parameters.{name}" for name in parameters}


def section_keys(path: KeyPath) -> tuple[str, ...]:
    """The keys of the section at this path of the schema."""
    section: type[BaseModel] = Grid
    for part in path:
        if isinstance(part, str):
            section = model_in(section.model_fields[part].annotation) or section
    return tuple(section.model_fields)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as Metric, ``Metric | None`` or ``tuple[Override, ...]``."""
    for part in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
