"""The labels of a grid's fields and of their values in tables, figures and pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from adaloss.grid.mistakes.problems import KeyPath, Problem, quoted, suggestion
from adaloss.grid.mistakes.wording import as_written, described
from adaloss.grid.points.optimizers import MOMENTUM
from adaloss.grid.points.parameters import adapter, exact, mistakes_in_value
from adaloss.grid.points.points import Cell
from adaloss.grid.reading.file import GridFile
from adaloss.grid.reading.scalars import plain_scalar
from adaloss.records.printable import printable_line
from adaloss.tasks.table import TRAINED

LONGEST_LABEL = 100
"""Characters."""
MOST_SHOWN = 20

ValuesByField = Mapping[str, Mapping[Any, None]]
"""The values that the grid has of each field."""


@dataclass(frozen=True)
class Labels:
    """The label of each labelled value, by field and value, and of each labelled field."""

    values: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


def read_labels(
    file: GridFile, cells: Sequence[Cell], seeds: Sequence[int]
) -> tuple[Labels, list[Problem]]:
    """The labels and the mistakes in them.

    An entry is a field with its label, a value with its label if only one field has the value, or
    a field with such entries: of its values and, under its own name, of itself.
    """
    values_by_field: dict[str, dict[Any, None]] = {
        name: dict.fromkeys(cell[name] for cell in cells)
        for name in cells[0]
        # Where only some optimizers get it as an argument, the values are those of momentum.
        if name != MOMENTUM or all(cell[name] is not None for cell in cells)
    }
    values_by_field["seed"] = dict.fromkeys(seeds)
    section = file.data.get("labels")
    values_labels: dict[str, dict[Any, str]] = {}
    fields_labels: dict[str, str] = {}
    problems: list[Problem] = []
    for path, name, key, label in entries(section if isinstance(section, Mapping) else {}):
        if names_a_field(name, key, values_by_field):
            message = mistake_in_label(key, label)
            if message is None:
                text = printable_line(label)
                message = collision_of_fields(key, text, fields_labels, values_by_field)
                fields_labels[key] = text
        else:
            message = read_value_label(name, key, label, values_labels, values_by_field)
        if message is not None:
            problems.append(file.problem(path, f"labels: {message}"))
    return Labels(values_labels, fields_labels), problems


def read_value_label(
    name: str | None,
    key: str,
    label: Any,
    labels: dict[str, dict[Any, str]],
    values_by_field: ValuesByField,
) -> str | None:
    """Add the label of a value, under its field's name or without; return the mistake in it."""
    if name is None:
        fields = fields_with(key, values_by_field)
    else:
        fields = {name: values_by_field.get(name, {})}
    message = mistake_in_entry(name, key, label, fields, values_by_field)
    if message is not None:
        return message
    ((name, values),) = fields.items()
    value = value_of(name, key, values)
    text = printable_line(label)
    labels_of_field = labels.setdefault(name, {})
    message = collision(name, value, text, labels_of_field, values)
    labels_of_field[value] = text
    return message


def names_a_field(name: str | None, key: str, values_by_field: ValuesByField) -> bool:
    """Whether an entry's key is the field itself: alone, or in its own mapping; no value is so."""
    if key not in values_by_field or name not in (None, key):
        return False
    if name is None:
        return not fields_with(key, values_by_field)
    return value_of(key, key, values_by_field[key]) is ABSENT


def entries(section: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str | None, str, Any]]:
    """The path, the field or None, the value as it is written, and the label of each entry."""
    for name, content in section.items():
        if isinstance(content, Mapping):
            for key, label in content.items():
                yield ("labels", name, key), name, key, label
        else:
            yield ("labels", name), None, name, content


def fields_with(key: str, values_by_field: ValuesByField) -> ValuesByField:
    """The fields that have the value that is written as ``key``."""
    return {
        name: values
        for name, values in values_by_field.items()
        if value_of(name, key, values) is not ABSENT
    }


ABSENT = object()
"""Returned by :func:`value_of` if no value matches. None is a possible value."""


def value_of(name: str, key: str, values: Mapping[Any, None]) -> Any:
    """The one of a field's values that is written as ``key``, or ABSENT."""
    # A program's parameter has no type.
    for candidate in (plain_scalar(key), key):
        if is_among(candidate, values):
            return candidate
    for value in values if key.startswith("[") else ():
        if isinstance(value, tuple) and as_written(value) == key:
            return value
    for task, candidate in product(TRAINED.values(), (plain_scalar(key), key)):
        if not list(mistakes_in_value(task, name, candidate)):
            value = adapter(task, name).validate_python(candidate, strict=True)
            if is_among(value, values):
                return value
    return ABSENT


def is_among(value: Any, values: Mapping[Any, None]) -> bool:
    """Whether this is one of the values. True is not 1."""
    return value in values and exact(value) in map(exact, values)


def mistake_in_entry(
    field: str | None,
    key: str,
    label: Any,
    fields: ValuesByField,
    values_by_field: ValuesByField,
) -> str | None:
    """The mistake in an entry by itself, or None. ``fields`` are those that may be meant."""
    if field is not None and field not in values_by_field:
        return f"unknown field {quoted(field)}{suggestion(field, values_by_field)}"
    if field is None and key in values_by_field and fields and key not in fields:
        first, *_ = fields
        return (
            f"{key} is a field and a value of {' and '.join(fields)}; write "
            f"{key}: {{{key}: …}} for the field, {first}: {{{key}: …}} for the value"
        )
    if field is None and not fields:
        names = [as_written(value) for values in values_by_field.values() for value in values]
        texts = list(dict.fromkeys((*names, *values_by_field)))
        hint = suggestion(key, texts) if len(texts) <= MOST_SHOWN else similar_only(key, texts)
        return f"no field has the value {quoted(key)}{hint}"
    if len(fields) > 1:
        *others, last = fields
        first = others[0]
        return (
            f"{key} is a value of {', '.join(others)} and {last}; "
            f"name the field, {first}: {{{key}: …}}"
        )
    if field is not None and value_of(field, key, values_by_field[field]) is ABSENT:
        existing = [as_written(value) for value in values_by_field[field]][:MOST_SHOWN]
        return f"no cell has {field}: {key}; the grid has {', '.join(existing)}"
    return mistake_in_label(key, label)


def similar_only(key: str, texts: Sequence[str]) -> str:
    """A hint if a text is similar, else nothing: there are too many to list."""
    hint = suggestion(key, texts)
    return hint if "did you mean" in hint else ""


def mistake_in_label(key: str, label: Any) -> str | None:
    """The mistake in a label, or None."""
    if not isinstance(label, str):
        is_number = isinstance(label, bool | int | float)
        hint = "; put it in quotes" if is_number else ""
        return f"the label of {key} must be text, found {described(label)}{hint}"
    if not label.split():
        return f"the label of {key} is empty"
    if len(label) > LONGEST_LABEL:
        return f"the label of {key} has {len(label)} characters; the limit is {LONGEST_LABEL}"
    return None


def collision(
    field: str, value: Any, label: str, labels: Mapping[Any, str], values: Mapping[Any, None]
) -> str | None:
    """An error message if another value of the field has this label or is written like it."""
    if value in labels:
        return f"{field} {as_written(value)} has two labels, {labels[value]} and {label}"
    same = [as_written(other) for other, text in labels.items() if text == label]
    written_so = value_of(field, label, values)
    if written_so is not ABSENT and written_so != value:
        same.append(as_written(written_so))
    if same:
        return (
            f"{label} would stand for {field} {as_written(value)} and {same[0]}; give each its own"
        )
    return None


def collision_of_fields(
    name: str, label: str, labels: Mapping[str, str], values_by_field: ValuesByField
) -> str | None:
    """An error message if another field has this label or name."""
    same = [other for other, text in labels.items() if text == label]
    same += [label] if label in values_by_field else []
    others = [other for other in same if other != name]
    if others:
        return f"{label} would stand for the fields {name} and {others[0]}; give each its own"
    return None
