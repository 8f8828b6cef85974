"""Check a grid file's sections against the schema; collect every mistake."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adaloss.grid.mistakes.hints import near, other_spellings
from adaloss.grid.mistakes.problems import KeyPath, Problem, quoted, suggestion
from adaloss.grid.mistakes.wording import found, sentence, shown
from adaloss.grid.points.points import CELL_FIELDS
from adaloss.grid.reading.file import GridFile
from adaloss.grid.schema.schema import Grid


def check_schema(file: GridFile) -> tuple[Grid | None, list[Problem]]:
    """The grid without its parameters' values, None where there are mistakes in it."""
    problems = project_problems(file) + repeated_seeds(file)
    try:
        return Grid.model_validate(file.data, strict=True), problems
    except ValidationError as error:
        for details in error.errors(include_url=False):
            # pydantic counts only the items that are right: their mistakes are reported already.
            if details["type"] == "too_short" and details["input"]:
                continue
            path = path_in_file(file.data, details["loc"])
            problems.append(file.problem(path, schema_sentence(path, details)))
        return None, problems


def schema_sentence(path: KeyPath, details: ErrorDetails) -> str:
    """One of the schema's errors as a sentence."""
    if details["type"] == "extra_forbidden":
        return f"unknown key {quoted(path[-1])}{key_hint(str(path[-1]), path[:-1])}"
    if details["type"] == "string_pattern_mismatch":
        return (
            "name must be 1 to 64 letters, digits, dots, dashes and underscores, starting "
            f"with a letter or digit, found {found(details['input'])}"
        )
    if details["type"] == "missing":
        return sentence(details["loc"], details)
    return sentence(path, details)


def project_problems(file: GridFile) -> list[Problem]:
    """Two answers to one question: W&B's key beside our section."""
    section = file.data.get("wandb")
    ours = section if isinstance(section, Mapping) else {}
    return [
        file.problem((key,), f"{key} and wandb.{key} differ; leave one out")
        for key in ("project", "entity")
        if ours.get(key) and file.data.get(key) and ours[key] != file.data[key]
    ]


def repeated_seeds(file: GridFile) -> list[Problem]:
    """Seeds that are listed twice."""
    seeds = file.data.get("seeds")
    listed = seeds if isinstance(seeds, tuple) else ()
    problems, seen = [], set()
    for index, seed in enumerate(listed):
        if isinstance(seed, int) and seed in seen:
            message = f"seeds has the value {shown(seed)} twice; take one out"
            problems.append(file.problem(("seeds", index), message))
        elif isinstance(seed, int):
            seen.add(seed)
    return problems


def path_in_file(data: Any, location: tuple[int | str, ...]) -> KeyPath:
    """The part of pydantic's location that is in the file: the rest names branches of types."""
    path: list[int | str] = []
    for part in location:
        keyed = isinstance(data, Mapping) and part in data
        indexed = isinstance(data, tuple) and isinstance(part, int) and part < len(data)
        if not keyed and not indexed:
            break
        data = data[part]
        path.append(part)
    return tuple(path)


def key_hint(key: str, path: KeyPath) -> str:
    """What to write instead of a key: another one there, or the same in another place."""
    known = known_keys(path)
    elsewhere = keys_elsewhere()
    if not near(key, known) and (names := other_spellings(key, elsewhere)):
        return f"; did you mean {' or '.join(elsewhere[name] for name in names)}?"
    return suggestion(key, known)


def keys_elsewhere() -> dict[str, str]:
    """The keys of the sections, and the parameters, with the place of each."""
    places = {
        key: f"{name}.{key}"
        for name, field in Grid.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for key in field.annotation.model_fields
    }
    return places | {name: f"parameters.{name}" for name in ("seed", *CELL_FIELDS)}


def known_keys(path: KeyPath) -> tuple[str, ...]:
    """The keys of the section at this path of the schema."""
    section: type[BaseModel] = Grid
    for part in path:
        if isinstance(part, str):
            section = section_below(section.model_fields[part].annotation)
    return tuple(section.model_fields)


def section_below(annotation: Any) -> type[BaseModel]:
    """The model in an annotation such as ``Metric`` or ``tuple[Override, ...]``."""
    return annotation if isinstance(annotation, type) else annotation.__args__[0]
