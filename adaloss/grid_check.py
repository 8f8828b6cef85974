"""Hold a grid file against the schema and the fields of a trial; collect every mistake."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from adaloss.grid_file import GridFile
from adaloss.grid_problems import KeyPath, Problem, suggestion
from adaloss.grid_schema import Grid
from adaloss.grid_wording import found, sentence
from adaloss.model_names import BUILT_IN_MODELS, is_model, timm_names
from adaloss.trial import FIELD_NAMES, Trial

REQUIRED = tuple(name for name, field in Trial.model_fields.items() if field.is_required())
# Given elsewhere in the file: seeds and divergence.max_loss.
NOT_PARAMETERS = {"max_loss": "divergence: {max_loss: …}"}
SAMPLED = ("distribution", "min", "max", "mu", "sigma", "q", "probabilities")
NO_EARLY_STOP = (
    "early_terminate is not supported: stopping trials early would bias the table; take it out"
)

ADAPTERS: Mapping[str, TypeAdapter[Any]] = {
    name: TypeAdapter(Annotated[(field.annotation, Field(), *field.metadata)])  # type: ignore[misc]
    for name, field in Trial.model_fields.items()
}

Values = dict[str, tuple[Any, ...]]


def check_schema(file: GridFile) -> tuple[Grid | None, list[Problem]]:
    """The grid without its parameters' values, None where there are mistakes in it."""
    data = {key: value for key, value in file.data.items() if key != "early_terminate"}
    problems = []
    if "early_terminate" in file.data:
        problems.append(file.problem(("early_terminate",), NO_EARLY_STOP))
    try:
        return Grid.model_validate(data, strict=True), problems
    except ValidationError as error:
        for details in error.errors(include_url=False):
            path = path_in_file(file.data, details["loc"])
            if details["type"] == "extra_forbidden":
                known = known_keys(path[:-1])
                message = f"unknown key {path[-1]}{suggestion(str(path[-1]), known)}"
            elif details["type"] == "string_pattern_mismatch":
                message = (
                    f"name must be 1 to 64 letters, digits, dots, dashes and underscores, starting "
                    f"with a letter or digit, found {found(details['input'])}"
                )
            elif details["type"] == "missing":
                message = f"{'.'.join(map(str, details['loc']))} is missing"
            elif details["type"] == "rejected" and not path:
                message = details["msg"]
            else:
                message = sentence(path, details)
            problems.append(file.problem(path, message))
        return None, problems


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


def known_keys(path: KeyPath) -> tuple[str, ...]:
    """The keys of the section at this path of the schema."""
    section: type[BaseModel] = Grid
    for part in path:
        if isinstance(part, str):
            section = section_below(section.model_fields[part].annotation)
    return tuple(section.model_fields)


def section_below(annotation: Any) -> type[BaseModel]:
    """The model in an annotation such as ``Metric`` or ``tuple[Override, ...]``."""
    return annotation if isinstance(annotation, type) else annotation.__args__[0]  # type: ignore[no-any-return]


def check_parameters(file: GridFile) -> tuple[Values, list[Problem]]:
    """The values of each field in ``parameters``, and what is wrong with them."""
    parameters = file.data.get("parameters")
    if not isinstance(parameters, Mapping):
        return {}, []
    values: Values = {}
    problems: list[Problem] = []
    for name, given in parameters.items():
        path = ("parameters", name)
        if name in NOT_PARAMETERS:
            message = f"{name} is not a parameter: write {NOT_PARAMETERS[name]}"
            problems.append(file.problem(path, message))
        elif name not in FIELD_NAMES:
            known = [field for field in FIELD_NAMES if field not in NOT_PARAMETERS]
            message = f"unknown parameter {name}{suggestion(name, known)}"
            problems.append(file.problem(path, message))
        else:
            values[name], found_here = parameter_values(file, path, given)
            problems += found_here
    for name in REQUIRED:
        if name not in parameters and name != "seed":
            problems.append(file.problem(("parameters",), f"parameters.{name} is missing"))
    if "seed" in values and "seeds" in file.data:
        message = "seed and seeds are both given: leave one out"
        problems.append(file.problem(("parameters", "seed"), message))
    return values, problems


def parameter_values(
    file: GridFile, path: KeyPath, given: Any
) -> tuple[tuple[Any, ...], list[Problem]]:
    """The values of one parameter: bare, a list, ``{value: …}`` or ``{values: […]}``."""
    name = str(path[-1])
    if isinstance(given, Mapping):
        sampled = [key for key in given if key in SAMPLED or key == "parameters"]
        if sampled:
            message = (
                f"{name}.{sampled[0]} is not supported: a table needs the values themselves, "
                "not a distribution or nested parameters; write values: […]"
            )
            return (), [file.problem((*path, sampled[0]), message)]
        if set(given) == {"value"}:
            return checked_values(file, (*path, "value"), name, given["value"], listed=False)
        if set(given) == {"values"}:
            return checked_values(file, (*path, "values"), name, given["values"], listed=True)
        message = f"{name} must have either value or values, found {', '.join(given) or 'neither'}"
        return (), [file.problem(path, message)]
    return checked_values(file, path, name, given, listed=isinstance(given, tuple))


def checked_values(
    file: GridFile, path: KeyPath, name: str, given: Any, *, listed: bool
) -> tuple[tuple[Any, ...], list[Problem]]:
    """The values as the field's type has them, with every one that does not fit or comes twice."""
    if listed and not isinstance(given, tuple):
        return (), [file.problem(path, f"{name}.values must be a list, found {found(given)}")]
    if listed and not given:
        return (), [file.problem(path, f"{name} is an empty list; it needs at least one value")]
    items = [((*path, index), item) for index, item in enumerate(given)] if listed else []
    values: list[Any] = []
    problems: list[Problem] = []
    for where, item in items or [(path, given)]:
        mistakes = list(mistakes_of(name, item))
        problems += [file.problem(where, message) for message in mistakes]
        if mistakes:
            continue
        value = ADAPTERS[name].validate_python(item, strict=True)
        if value in values:
            message = f"{name} has the value {found(item)} twice; take one out"
            problems.append(file.problem(where, message))
        values.append(value)
    return tuple(values), problems


def mistakes_of(name: str, value: Any) -> Iterator[str]:
    """What is wrong with a value of this field, in sentences."""
    try:
        ADAPTERS[name].validate_python(value, strict=True)
    except ValidationError as error:
        yield sentence(("parameters", name), error.errors(include_url=False)[0])
        return
    if name == "model" and not is_model(value):
        known = sorted(timm_names() | set(BUILT_IN_MODELS))
        hint = suggestion(value, known) if len(known) < 20 else close_model(value, known)
        yield f"unknown model {value}{hint}"


def close_model(value: str, known: list[str]) -> str:
    """A hint for a model's name; timm knows too many to list."""
    text = suggestion(value, known)
    names = ", ".join(BUILT_IN_MODELS)
    return text if "did you mean" in text else f"; known: {names} and every model of timm"
