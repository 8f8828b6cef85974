"""The section on the sweep's fields and the state of its trials."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from pydantic.fields import FieldInfo

from adaloss.grid.sweep import Sweep
from adaloss.records.result import TrialState
from analysis.frame.column_types import values_of
from analysis.frame.frame import MISSING, fields_in, positions_by, task_in
from analysis.render.html_text import escaped
from analysis.report.markup import paragraph, plain_table, section
from analysis.tables.names import Names

MOST_VALUES = 20
"""The largest number of listed values of a field."""
SUBJECTS = (("dataset", "Data sets"), ("model", "Models"), ("optimizer", "Optimizers"))
PROGRAM_SUBJECTS = (("program", "Programs"),)
STATE_WORDS: Mapping[str, str] = {
    TrialState.COMPLETE.value: "complete",
    TrialState.DIVERGED.value: "diverged",
    TrialState.FAILED.value: "failed",
    MISSING: "not ended",
}


def state_counts(frame: pd.DataFrame) -> Counter[str]:
    """The number of trials in each state; a trial that is declared twice counts once."""
    return Counter(frame.drop_duplicates("trial_id")["state"])


def banner(frame: pd.DataFrame, selection: str) -> str:
    """Warnings at the top: excluded, unfinished and failed trials; empty without any.

    ``selection`` describes the shown part of the sweep, empty for all of it.
    """
    counts = state_counts(frame)
    total, missing = counts.total(), counts[MISSING]
    failed = counts[TrialState.FAILED.value]
    parts = []
    if selection:
        parts.append(
            f"<p><strong>A part of the sweep: {escaped(selection)}.</strong> "
            "The commands below run all of it.</p>"
        )
    if missing or not total:
        parts.append(
            f"<p><strong>Incomplete: {total - missing} of {total} trials have ended.</strong> "
            "The numbers below will change.</p>"
        )
    if failed:
        parts.append(
            f"<p><strong>Failed: {failed} of {total} trials ended in an error</strong> and have "
            'no numbers. See <a href="#failures">Failures</a>.</p>'
        )
    return f'<div class="banner" role="note">{"".join(parts)}</div>' if parts else ""


def overview_section(sweep: Sweep, frame: pd.DataFrame) -> str:
    """The section: varying fields, fixed fields, and trials by state."""
    return section("run", "What was run", overview_parts(sweep, frame))


def overview_parts(sweep: Sweep, frame: pd.DataFrame) -> Iterator[str]:
    """Paragraphs and tables of the overview."""
    axes, names = shown_axes(sweep, frame), Names(sweep.labels)
    yield paragraph(extent(axes, frame, names))
    if axes:
        yield "<h3>Fields that vary</h3>"
        yield plain_table(
            ("field", "number", "values"),
            [(names.field(n), str(len(v)), listed(n, v, names)) for n, v in axes.items()],
            label="Fields that vary",
            names=3,
        )
    if len(frame):
        yield "<h3>Fields that do not vary</h3>"
        yield from constants(frame, axes, names)
    for note in sweep.notes:
        yield paragraph(note, "note")
    yield "<h3>Trials</h3>"
    counts = state_counts(frame)
    rows = [(words, str(counts[state])) for state, words in STATE_WORDS.items()]
    rows.append(("all", str(counts.total())))
    yield plain_table(("state", "trials"), rows, label="Trials by state")


def shown_axes(sweep: Sweep, frame: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """The fields that take more than one value among these trials, with their values."""
    there = {name: set(values_of(frame, name)) for name in sweep.axes}
    taken = {name: tuple(v for v in sweep.axes[name] if v in there[name]) for name in there}
    return {name: values for name, values in taken.items() if len(values) > 1}


def extent(axes: Mapping[str, Any], frame: pd.DataFrame, names: Names) -> str:
    """What is trained, and the numbers of cells, seeds and trials."""
    fields = [name for name in axes if name != "seed"]
    cells = len(positions_by(frame, fields))
    seeds = len(set(frame["seed"]))
    is_program = task_in(frame).is_program
    subjects = PROGRAM_SUBJECTS if is_program else SUBJECTS
    named = [
        f"{label}: {listed(name, tuple(dict.fromkeys(values_of(frame, name))), names, most=6)}."
        for name, label in subjects
        if len(frame) and name in frame
    ]
    trials = frame["trial_id"].nunique()
    counts = (counted(cells, "cell"), counted(seeds, "seed"), counted(trials, "trial"))
    return " ".join((*named, f"{', '.join(counts)}."))


def counted(number: int, noun: str) -> str:
    """``1 seed``, ``5 seeds``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(field: str, values: Sequence[object], names: Names, *, most: int = MOST_VALUES) -> str:
    """The values of a field, or the first of many."""
    texts = ", ".join(names.text(field, value) for value in values[:most])
    return f"{texts}, … (the first {most} of {len(values)})" if len(values) > most else texts


def constants(
    frame: pd.DataFrame, axes: Mapping[str, tuple[Any, ...]], names: Names
) -> Iterator[str]:
    """The fields that all trials share: first those with chosen values, then the defaults."""
    fixed = [name for name in fields_in(frame) if name not in axes and name != "seed"]
    value_of = {name: values_of(frame, name)[0] for name in fixed}
    task = task_in(frame)
    known = {} if task.is_program else task.fields.model_fields
    usual = [name for name in fixed if name in known and is_default(known[name], value_of[name])]
    said = [name for name in fixed if name not in usual]
    yield plain_table(
        ("field", "value"),
        [(names.field(name), names.text(name, value_of[name])) for name in said],
        label="Fields that do not vary",
        names=2,
    )
    defaults = ", ".join(
        f"{names.field(name)} = {names.text(name, value_of[name])}" for name in usual
    )
    if defaults:
        yield paragraph(f"At their defaults: {defaults}.", "note")


def is_default(field: FieldInfo, value: object) -> bool:
    """Whether this is the field's default."""
    return not field.is_required() and bool(field.default == value)
