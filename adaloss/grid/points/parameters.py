"""Check the parameters of a grid against the fields of a trial; collect every mistake."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from adaloss.grid.mistakes.hints import near
from adaloss.grid.mistakes.problems import KeyPath, Problem, closest, quoted, suggestion
from adaloss.grid.mistakes.wording import found, sentence, shown
from adaloss.grid.points.forms import mistake_of_form
from adaloss.grid.reading.file import GridFile
from adaloss.tasks.images.model_names import BUILT_IN_MODELS, is_model, timm_names
from adaloss.trial import FIELD_NAMES, Trial

REQUIRED = tuple(name for name, field in Trial.model_fields.items() if field.is_required())
# Given elsewhere in the file: seeds and divergence.max_loss.
NOT_PARAMETERS = {"max_loss": "divergence: {max_loss: …}"}

ADAPTERS: Mapping[str, TypeAdapter[Any]] = {
    name: TypeAdapter(field.rebuild_annotation()) for name, field in Trial.model_fields.items()
}

Values = dict[str, tuple[Any, ...]]


def check_parameters(file: GridFile) -> tuple[Values, list[Problem]]:
    """The values of each field in ``parameters``, and what is wrong with them."""
    parameters = file.data.get("parameters")
    if not isinstance(parameters, Mapping):
        return {}, []
    values: Values = {}
    problems: list[Problem] = []
    hinted: set[str] = set()
    known = [field for field in FIELD_NAMES if field not in NOT_PARAMETERS]
    for name, given in parameters.items():
        path = ("parameters", name)
        if name in NOT_PARAMETERS:
            message = f"{name} is not a parameter: write {NOT_PARAMETERS[name]}"
            problems.append(file.problem(path, message))
        elif name not in FIELD_NAMES:
            message = f"unknown parameter {quoted(name)}{suggestion(name, known)}"
            problems.append(file.problem(path, message))
            if meant := near(name, known):
                hinted.update(meant)
                problems += form_problems(file, path, given)
        else:
            values[name], found_here = parameter_values(file, path, given)
            problems += found_here
    for name in REQUIRED:
        if name not in parameters and name not in hinted and name != "seed":
            problems.append(file.problem(("parameters", name), f"parameters.{name} is missing"))
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
        if problems := form_problems(file, path, given):
            return (), problems
        key = "value" if "value" in given else "values"
        return checked_values(file, (*path, key), name, given[key], listed=key == "values")
    return checked_values(file, path, name, given, listed=isinstance(given, tuple))


def form_problems(file: GridFile, path: KeyPath, given: Any) -> list[Problem]:
    """Why a parameter in one of W&B's forms has no values."""
    mistake = mistake_of_form(str(path[-1]), given) if isinstance(given, Mapping) else None
    if mistake is None:
        return []
    key, message = mistake
    return [file.problem((*path, key) if key else path, message)]


def checked_values(
    file: GridFile, path: KeyPath, name: str, given: Any, *, listed: bool
) -> tuple[tuple[Any, ...], list[Problem]]:
    """The values as the field's type has them, with every one that does not fit or comes twice."""
    if listed and not isinstance(given, tuple):
        message = f"{name}.values must be a list, found {found(given)}"
        return (), [file.problem(path, message)]
    if listed and not given:
        return (), [file.problem(path, f"{name} is an empty list; it needs at least one value")]
    items = [((*path, index), item) for index, item in enumerate(given)] if listed else []
    values: dict[Any, None] = {}
    problems: list[Problem] = []
    for where, item in items or [(path, given)]:
        mistakes = list(mistakes_of(name, item))
        problems += [file.problem(where, message) for message in mistakes]
        if mistakes:
            continue
        value = ADAPTERS[name].validate_python(item, strict=True)
        if value in values:
            message = f"{name} has the value {shown(value)} twice; take one out"
            problems.append(file.problem(where, message))
        values[value] = None
    return tuple(values), problems


def mistakes_of(name: str, value: Any) -> Iterator[str]:
    """What is wrong with a value of this field, in sentences."""
    try:
        ADAPTERS[name].validate_python(value, strict=True)
    except ValidationError as error:
        yield sentence(("parameters", name), error.errors(include_url=False)[0])
        return
    if name == "model" and not is_model(value):
        yield f"unknown model {quoted(value)}{model_hint(value)}"


def model_hint(name: str) -> str:
    """What to write instead of a model that there is not; timm has too many to list."""
    of_timm = timm_names()
    if not of_timm:
        return f"; known: {', '.join(BUILT_IN_MODELS)}, and those of timm, which is not installed"
    architecture = name.partition(".")[0]
    if architecture in of_timm:
        tags = sorted(known for known in of_timm if known.startswith(f"{architecture}."))
        return suggestion(name, tags) if tags else f"; {architecture} has no pretrained weights"
    match = closest(name, (*BUILT_IN_MODELS, *sorted(of_timm)))
    known = f"known: {', '.join(BUILT_IN_MODELS)} and the models of timm"
    return f"; did you mean {match}?" if match else f"; {known}"
