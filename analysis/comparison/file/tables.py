"""Read the CSV of compiled tables that :mod:`analysis.render.csv` writes."""

import json
import re
from collections.abc import Iterator

from adaloss.grid.mistakes.problems import Problem, suggestion
from adaloss.optimizer_names import LOSS_OPTIMIZERS, is_named
from adaloss.tasks.images.dataset_names import DATASET_NAMES
from adaloss.tasks.images.model_names import is_model
from adaloss.tasks.table import FIELD_NAMES
from analysis.comparison.file.entry import Entry, Parsed, measure_problems, parsed_fields
from analysis.comparison.file.lines import Line, ResultsFile
from analysis.comparison.file.numbers import numbers_of
from analysis.render.csv import FORMULA_STARTS
from analysis.tables.cells import CellStatus

TABLE_COLUMNS = ("table", "row_field", "row", "column_field", "column", "mean", "std", "n")
"""The columns that identify such a file."""

FIELD_AND_VALUE = re.compile(r"(\w+) = (.*)")
FieldText = tuple[str, str, str]


def is_tables_file(file: ResultsFile) -> bool:
    """Whether the file is one of compiled tables."""
    return {"row_field", "column_field"} <= set(file.columns)


def entries_of_tables(file: ResultsFile) -> Parsed:
    """An entry per line; its table is identified by the table's title."""
    missing = [name for name in TABLE_COLUMNS if name not in file.columns]
    if missing:
        message = f"the CSV of tables lacks the columns {', '.join(missing)}"
        return [], [Problem(1, "", message)]
    entries = []
    problems: list[Problem] = []
    for line in file.lines:
        axes, found = axis_texts(line)
        fields, wrong = parsed_fields(line, axes)
        entries.append(entry_of(line, fields))
        problems += [*found, *wrong, *entries[-1].numbers.problems, *measure_problems(line)]
    return entries, problems or list(mixed_axes(entries))


def entry_of(line: Line, fields: dict[str, object]) -> Entry:
    """The entry of one line."""
    # A cell without a value is also in the file, with n = 0.
    numbers = numbers_of(line, count="n", fewest=0)
    expected = line.texts.get("expected", "")
    return Entry(
        line=line,
        fields=fields,
        numbers=numbers,
        status=status_of(line, has_mean=numbers.mean is not None),
        expected=int(expected) if expected.isdecimal() and len(expected) < 10 else None,
        metric=line.texts.get("metric") or None,
        at=line.texts.get("at") or None,
    )


def status_of(line: Line, *, has_mean: bool) -> CellStatus:
    """The cell's status."""
    if has_mean:
        return CellStatus.VALUE
    if line.texts.get("na", "").lower() == "true":
        return CellStatus.NA
    if line.texts.get("reached", "").lower() == "false":
        return CellStatus.UNREACHED
    failed = line.texts.get("failed", "")
    return CellStatus.FAILED if failed not in ("", "0") else CellStatus.EMPTY


def axis_texts(line: Line) -> tuple[list[FieldText], list[Problem]]:
    """The fields of a line from its row, its column and its table's title."""
    texts: list[FieldText] = []
    problems = []
    for column in ("row", "column"):
        name = line.texts[f"{column}_field"]
        if name in FIELD_NAMES and name != "seed":
            texts.append((column, name, unguarded(line.texts[column])))
        else:
            message = f"{name[:60]!r} is not a field of a cell{suggestion(name, FIELD_NAMES)}"
            problems.append(line.problem(f"{column}_field", message))
    if "per" in line.texts:
        parts, wrong = per_texts(line)
        return [*texts, *parts], [*problems, *wrong]
    taken = [name for _, name, _ in texts]
    part = list(part_texts(unguarded(line.texts["table"]).rpartition(": ")[2]))
    parts = [] if None in part else [text for text in part if text is not None]
    names = [name for _, name, _ in parts]
    if len({*taken, *names}) == len(taken) + len(names):
        texts += parts
    return texts, problems


def per_texts(line: Line) -> tuple[list[FieldText], list[Problem]]:
    """The fields of a table from the JSON object in its ``per``."""
    try:
        values = dict(json.loads(line.texts["per"] or "{}"))
    except (ValueError, TypeError):
        return [], [line.problem("per", "this is not a JSON object of fields and values")]
    unknown = [name for name in values if name not in FIELD_NAMES]
    problems = [
        line.problem("per", f"{name[:60]!r} is not a field{suggestion(name, FIELD_NAMES)}")
        for name in unknown
    ]
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if name not in (*unknown, "seed")
    }
    return [("per", name, text) for name, text in texts.items()], problems


def part_texts(part: str) -> Iterator[FieldText | None]:
    """The fields named by the end of a title; None for a piece that is no field's value.

    A title ends in the values of the table's ``per``: names alone, numbers as ``lr = 0.1``.
    """
    for piece in part.split(", "):
        found = FIELD_AND_VALUE.fullmatch(piece)
        if found and found[1] in FIELD_NAMES:
            yield ("table", found[1], found[2])
        elif piece in LOSS_OPTIMIZERS or is_named(piece):
            yield ("table", "optimizer", piece)
        elif piece in DATASET_NAMES:
            yield ("table", "dataset", piece)
        else:
            yield ("table", "model", piece) if is_model(piece) else None


def unguarded(text: str) -> str:
    """The text without the apostrophe that protects it from spreadsheets."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text


def mixed_axes(entries: list[Entry]) -> Iterator[Problem]:
    """Problems with tables over different fields, whose cells cannot be distinguished."""
    for entry in entries:
        if entry.fields.keys() != entries[0].fields.keys():
            message = (
                f"this table is over {', '.join(entry.fields)}, and the first over "
                f"{', '.join(entries[0].fields)}; keep the tables of one kind"
            )
            yield Problem(entry.line.number, "", message)
            return
