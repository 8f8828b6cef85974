"""Check the parameters of a grid against the fields of a trial, and collect every mistake."""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from adaloss.grid.mistakes.hints import similar_names
from adaloss.grid.mistakes.problems import KeyPath, Problem, closest, quoted, suggestion
from adaloss.grid.mistakes.wording import as_written, described, sentence
from adaloss.grid.points.distributions import mistake_in_distribution
from adaloss.grid.points.forms import SAMPLING_KEYS, mistake_in_form
from adaloss.grid.reading.file import GridFile
from adaloss.optimizer_names import HYPERPARAMETER
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.model_names import BUILT_IN_MODELS, is_model, timm_names
from adaloss.tasks.program.fields import SEED
from adaloss.tasks.table import FIELD_NAMES
from adaloss.tasks.task import Task

# Fields that another section of the file sets.
NOT_PARAMETERS = {
    "task": "task: … at the top of the file",
    "max_loss": "divergence: {max_loss: …}",
    "hyperparameters": "optimizer.NAME: …",
}

# The constructor checks a hyperparameter's type itself.
Scalar = bool | int | float | str | None
# None itself stands for an optimizer that does not take the hyperparameter.
ANY_VALUE: TypeAdapter[Any] = TypeAdapter(
    bool | int | float | str | tuple[Scalar | tuple[Scalar, ...], ...]
)
ANY_OF_THESE = "a number, text, true, false, or a list of these or of lists of these"


def value_of_a_program(value: Any) -> Any:
    """A value that a program may get: what JSON has, without mappings."""
    if isinstance(value, Mapping):
        raise PydanticCustomError(
            "rejected", "{reason}", {"reason": "is a mapping: write parameters: {…} in it"}
        )
    if isinstance(value, float) and math.isnan(value):
        raise PydanticCustomError("expected", "{expected}", {"expected": "a value other than .nan"})
    if isinstance(value, tuple):
        return tuple(map(value_of_a_program, value))
    return value


VALUE_OF_A_PROGRAM: TypeAdapter[Any] = TypeAdapter(
    Annotated[Any, AfterValidator(value_of_a_program)]
)

Values = dict[str, tuple[Any, ...]]


def check_parameters(file: GridFile) -> tuple[Values, list[Problem]]:
    """The values of each field in ``parameters``, and the mistakes in them."""
    parameters = file.data.get("parameters")
    if not isinstance(parameters, Mapping):
        return {}, []
    values: Values = {}
    problems: list[Problem] = []
    hinted: set[str] = set()
    fields = file.task.fields.model_fields
    names = [field for field in file.task.field_names if field not in NOT_PARAMETERS]
    for name, content in parameters.items():
        path = ("parameters", name)
        if name in NOT_PARAMETERS and not file.task.is_program:
            message = f"{name} is not a parameter: write {NOT_PARAMETERS[name]}"
            problems.append(file.problem(path, message))
        elif file.task.is_program:
            values[name], more = parameter_values(file, path, content)
            problems += more
        elif name not in fields and not HYPERPARAMETER.match(name):
            other = f" of the task {file.task.name}" if name in FIELD_NAMES else ""
            message = f"unknown parameter {quoted(name)}{other}{suggestion(name, names)}"
            problems.append(file.problem(path, message))
            if meant := similar_names(name, names):
                hinted.update(meant)
                problems += form_problems(file, path, content)
        else:
            values[name], more = parameter_values(file, path, content)
            problems += more
    for name in names if file.knows_its_task and not file.task.is_program else ():
        required = fields[name].is_required() and name != "seed"
        if required and name not in parameters and name not in hinted:
            problems.append(file.problem(("parameters", name), f"parameters.{name} is missing"))
    if SEED in values:
        problems += seeds_set_twice(file)
    return values, problems


def seeds_set_twice(file: GridFile) -> list[Problem]:
    """The mistake in a grid with ``seeds`` whose parameters have the seeds as well."""
    message = "seed and seeds are both set: leave one out"
    return [file.problem(("parameters", SEED), message)] if "seeds" in file.data else []


def parameter_values(
    file: GridFile, path: KeyPath, content: Any
) -> tuple[tuple[Any, ...], list[Problem]]:
    """The values of one parameter: a value, a list, ``{value: …}`` or ``{values: […]}``."""
    name = str(path[-1])
    if isinstance(content, Mapping):
        if problems := form_problems(file, path, content):
            return (), problems
        key = "value" if "value" in content else "values"
        return checked_values(file, (*path, key), name, content[key], listed=key == "values")
    return checked_values(file, path, name, content, listed=isinstance(content, tuple))


def form_problems(file: GridFile, path: KeyPath, content: Any) -> list[Problem]:
    """The mistake in a parameter that has one of W&B's forms."""
    mistake = mistake_in_form(str(path[-1]), content) if isinstance(content, Mapping) else None
    if mistake is None:
        return []
    key, message = mistake
    # A point names a program's parameters flat, each with its values.
    if file.task.is_program and path[-1] != SEED and path[0] == "parameters":
        message += advice_for_a_program(str(path[-1]), content)
    return [file.problem((*path, key) if key else path, message)]


def advice_for_a_program(name: str, form: Mapping[str, Any]) -> str:
    """What else than a list of values a program's parameter may be."""
    if {"distribution", *SAMPLING_KEYS, "probabilities"} & form.keys():
        is_drawn = mistake_in_distribution(name, form) is None
        return "; or write method: random with run_cap" if is_drawn else ""
    if form and not {"value", "values"} & form.keys():
        return f"; write {name}: {{parameters: {{…}}}} for parameters in a group"
    return ""


def checked_values(
    file: GridFile, path: KeyPath, name: str, content: Any, *, listed: bool
) -> tuple[tuple[Any, ...], list[Problem]]:
    """The values converted to the field's type, and a problem for each invalid or repeated one."""
    if listed and not isinstance(content, tuple):
        message = f"{name}.values must be a list, found {described(content)}"
        return (), [file.problem(path, message)]
    if listed and not content:
        return (), [file.problem(path, f"{name} is an empty list; it needs at least one value")]
    items = [((*path, index), item) for index, item in enumerate(content)] if listed else []
    values: dict[Any, Any] = {}
    problems: list[Problem] = []
    for item_path, item in items or [(path, content)]:
        mistakes = list(mistakes_in_value(file.task, name, item))
        problems += [file.problem(item_path, message) for message in mistakes]
        if mistakes:
            continue
        value = adapter(file.task, name).validate_python(item, strict=True)
        if exact(value) in values:
            message = f"{name} has the value {as_written(value)} twice; remove one"
            problems.append(file.problem(item_path, message))
        values[exact(value)] = value
    return tuple(values.values()), problems


def places_of(file: GridFile, path: KeyPath) -> dict[Any, KeyPath]:
    """The path of each value, by :func:`exact`, that the file has at this path in some form."""
    name = str(path[-1])
    content: Any = file.data
    for part in path:
        content = content[part]
    if isinstance(content, Mapping):
        key = "value" if "value" in content else "values"
        content, path = content[key], (*path, key)
    listed = isinstance(content, tuple) and path[-1] != "value"
    items = [((*path, i), item) for i, item in enumerate(content)] if listed else [(path, content)]
    places: dict[Any, KeyPath] = {}
    for place, item in items:
        # What has a mistake is none of the field's values.
        if not any(mistakes_in_value(file.task, name, item)):
            value = adapter(file.task, name).validate_python(item, strict=True)
            places.setdefault(exact(value), place)
    return places


def exact(value: Any) -> Any:
    """A key that tells true from 1, which are equal in Python, but not 1 from 1.0."""
    if isinstance(value, tuple):
        return tuple(map(exact, value))
    return (bool, value) if isinstance(value, bool) else value


@cache
def adapter(task: Task, name: str) -> TypeAdapter[Any]:
    """The type of a field of a task, or of a hyperparameter."""
    if task.is_program and name != SEED:
        return VALUE_OF_A_PROGRAM
    field = task.fields.model_fields.get(name)
    return ANY_VALUE if field is None else TypeAdapter(field.rebuild_annotation())


def mistakes_in_value(task: Task, name: str, value: Any) -> Iterator[str]:
    """The mistakes in a value of this field, as sentences."""
    if value is None and HYPERPARAMETER.match(name) and not task.is_program:
        yield f"{name} cannot be null: leave it out for the optimizer's own default"
        return
    try:
        adapter(task, name).validate_python(value, strict=True)
    except ValidationError as error:
        if HYPERPARAMETER.match(name) and not task.is_program:
            yield f"{name} must be {ANY_OF_THESE}, found {described(value)}"
            return
        yield sentence(("parameters", name), error.errors(include_url=False)[0])
        return
    if name == "model" and task.fields is ImageTrial and not is_model(value):
        yield f"unknown model {quoted(value)}{model_hint(value)}"


def model_hint(name: str) -> str:
    """What to write instead of an unknown model. timm has too many models to list them."""
    timm_models = timm_names()
    if not timm_models:
        return f"; known: {', '.join(BUILT_IN_MODELS)}, and those of timm, which is not installed"
    architecture = name.partition(".")[0]
    if architecture in timm_models:
        tags = sorted(model for model in timm_models if model.startswith(f"{architecture}."))
        return suggestion(name, tags) if tags else f"; {architecture} has no pretrained weights"
    if match := closest(name, (*BUILT_IN_MODELS, *sorted(timm_models))):
        return f"; did you mean {match}?"
    return f"; known: {', '.join(BUILT_IN_MODELS)} and the models of timm"
