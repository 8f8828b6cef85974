"""The labels that a grid gives to its values: what tables, figures and pages call them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adaloss.grid.mistakes.problems import KeyPath, Problem, quoted, suggestion
from adaloss.grid.mistakes.wording import found, shown
from adaloss.grid.points.parameters import ADAPTERS, mistakes_of
from adaloss.grid.points.points import Cell
from adaloss.grid.reading.file import GridFile
from adaloss.grid.reading.scalars import plain_scalar
from adaloss.records.printable import printable_line
from adaloss.trial import FIELD_NAMES

LONGEST_LABEL = 100
"""Characters."""
MOST_SHOWN = 20

Labels = Mapping[str, Mapping[Any, str]]
"""The label of each labelled value, by field."""
Known = Mapping[str, Mapping[Any, None]]
"""The values of each field that the grid has."""


def read_labels(
    file: GridFile, cells: Sequence[Cell], seeds: Sequence[int]
) -> tuple[Labels, list[Problem]]:
    """The labels by field and value, and what is wrong with them.

    An entry is a value with its label where only one field has the value, or else a field with
    such entries of its own. ``cells`` are those of the grid.
    """
    known: dict[str, dict[Any, None]] = {
        name: dict.fromkeys(cell[name] for cell in cells) for name in cells[0]
    }
    known["seed"] = dict.fromkeys(seeds)
    given = file.data.get("labels")
    labels: dict[str, dict[Any, str]] = {}
    problems: list[Problem] = []
    for path, field, key, label in entries(given if isinstance(given, Mapping) else {}):
        where = fields_of(key, known) if field is None else {field: known.get(field, {})}
        message = complaint(field, key, label, where, known)
        if message is None:
            ((name, values),) = where.items()
            value = value_of(name, key, values)
            text = printable_line(label)
            of_field = labels.setdefault(name, {})
            message = collision(name, value, text, of_field, values)
            of_field[value] = text
        if message is not None:
            problems.append(file.problem(path, f"labels: {message}"))
    return labels, problems


def entries(given: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str | None, str, Any]]:
    """The path, the field if one is named, the value as it is written, and the label of each."""
    for name, content in given.items():
        if isinstance(content, Mapping):
            for key, label in content.items():
                yield ("labels", name, key), name, key, label
        else:
            yield ("labels", name), None, name, content


def fields_of(key: str, known: Known) -> Known:
    """The fields that have the value that is so written."""
    return {
        name: values for name, values in known.items() if value_of(name, key, values) is not ABSENT
    }


ABSENT = object()
"""What no field has."""


def value_of(name: str, key: str, values: Mapping[Any, None]) -> Any:
    """The one of a field's values that is so written, ABSENT where there is none."""
    for candidate in (plain_scalar(key), key):
        if not list(mistakes_of(name, candidate)):
            value = ADAPTERS[name].validate_python(candidate, strict=True)
            if value in values:
                return value
    return ABSENT


def complaint(field: str | None, key: str, label: Any, where: Known, known: Known) -> str | None:
    """What is wrong with an entry by itself."""
    if field is not None and field not in known:
        return f"unknown field {quoted(field)}{suggestion(field, known)}"
    if field is None and key in FIELD_NAMES:
        return f"{key} is a field; write {key}: {{VALUE: LABEL}}"
    if field is None and not where:
        names = [shown(value) for values in known.values() for value in values]
        texts = list(dict.fromkeys((*names, *known)))
        hint = suggestion(key, texts) if len(texts) <= MOST_SHOWN else close(key, texts)
        return f"no field has the value {quoted(key)}{hint}"
    if len(where) > 1:
        *others, last = where
        first = others[0]
        return (
            f"{key} is a value of {', '.join(others)} and {last}; "
            f"name the field, {first}: {{{key}: …}}"
        )
    if field is not None and value_of(field, key, known[field]) is ABSENT:
        there = [shown(value) for value in known[field]][:MOST_SHOWN]
        return f"no cell has {field}: {key}; there are {', '.join(there)}"
    return wrong_label(key, label)


def close(key: str, texts: Sequence[str]) -> str:
    """A hint where a text is close, else nothing: all of them would be too many."""
    hint = suggestion(key, texts)
    return hint if "did you mean" in hint else ""


def wrong_label(key: str, label: Any) -> str | None:
    """What is wrong with a label."""
    if not isinstance(label, str):
        number = isinstance(label, bool | int | float)
        hint = "; put it in quotes" if number else ""
        return f"the label of {key} must be text, found {found(label)}{hint}"
    if not label.split():
        return f"the label of {key} is empty"
    if len(label) > LONGEST_LABEL:
        return f"the label of {key} has {len(label)} characters; the most are {LONGEST_LABEL}"
    return None


def collision(
    field: str, value: Any, label: str, labels: Mapping[Any, str], values: Mapping[Any, None]
) -> str | None:
    """What else of the field has this label, or is so called without one."""
    if value in labels:
        return f"{field} {shown(value)} has two labels, {labels[value]} and {label}"
    same = [shown(other) for other, text in labels.items() if text == label]
    called = value_of(field, label, values)
    if called is not ABSENT and called != value:
        same.append(shown(called))
    if same:
        return f"{label} would stand for {field} {shown(value)} and {same[0]}; give each its own"
    return None
