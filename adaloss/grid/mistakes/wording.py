"""Words for error messages: values as the file has them, and pydantic's errors as sentences."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from adaloss.grid.mistakes.problems import KeyPath, closest, dotted
from adaloss.grid.reading.scalars import plain_scalar

# What was expected, by type of pydantic's errors. {…} are taken from the error's context.
EXPECTED: Mapping[str, str] = {
    "greater_than": "greater than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text of at least one character",
    "literal_error": "{expected}",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "expected": "{expected}",
    "name": "{expected}",
}
# YAML 1.1 reads these words as true and false, and so does W&B.
OTHER_BOOLEANS = {
    word: boolean
    for boolean, words in (("true", "yes Yes YES on On ON"), ("false", "no No NO off Off OFF"))
    for word in words.split()
}


def described(value: Any) -> str:
    """A description of a value in the file, short and on one line: ``the text 'a'``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 60 else f"the text {value[:57]!r}…"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, float):
        return str(value).replace("inf", ".inf").replace("nan", ".nan")
    return str(value) if abs(value) < 10**30 else f"{str(value)[:27]}…"


def as_written(value: Any) -> str:
    """A value in the form in which it is written in a grid."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(as_written, value))}]"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def told_apart(value: Any) -> str:
    """A value as it is written in a grid, with quotes where a text would be something else."""
    is_ambiguous = isinstance(value, str) and plain_scalar(value) != value
    return repr(value) if is_ambiguous else as_written(value)


def subject(path: KeyPath) -> str:
    """The subject of a sentence about the value at ``path``. A parameter has its field's name."""
    if len(path) > 1 and path[0] == "parameters":
        return str(path[1])
    return dotted(path)


def sentence(path: KeyPath, error: ErrorDetails) -> str:
    """One of pydantic's errors as a sentence: the rule, the value, and a hint if there is one."""
    context = error.get("ctx", {})
    value = error["input"]
    if error["type"] == "missing":
        return f"{subject(path)} is missing"
    if error["type"] == "too_short":
        return f"{subject(path)} is empty; it needs at least one entry"
    if error["type"] == "rejected":
        return f"{subject(path)} {context['reason']}"
    if error["type"] not in EXPECTED:
        return f"{subject(path)}: {error['msg']}, found {described(value)}"
    expected = EXPECTED[error["type"]].format(**context)
    return f"{subject(path)} must be {expected}, found {described(value)}{hint(error)}"


def hint(error: ErrorDetails) -> str:
    """How to correct the most common mistakes."""
    value = error["input"]
    kind = error["type"]
    if kind in ("literal_error", "name") and isinstance(value, str):
        match = closest(value, re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        return f"; did you mean {match}?" if match else ""
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if (
        isinstance(value, str)
        and value in OTHER_BOOLEANS
        and (kind == "bool_type" or "true" in str(error.get("ctx")))
    ):
        return f"; write {OTHER_BOOLEANS[value]}"
    if kind == "tuple_type" and isinstance(value, float):
        return "; write {value: […]} for a parameter that is itself a list"
    if kind in ("float_type", "int_type") and isinstance(value, str):
        is_number = isinstance(plain_scalar(value), int | float)
        return "; remove the quotes" if is_number else ""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"; write {value:.0f}"
    return ""
