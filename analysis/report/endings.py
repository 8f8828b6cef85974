"""The sections on diverged and failed trials."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from adaloss.grid.sweep import Sweep
from adaloss.records.result import TrialState
from analysis.frame.column_types import records_of, values_of
from analysis.frame.frame import task_in
from analysis.render.html_text import escaped
from analysis.report.logs import shown_failures
from analysis.report.markup import (
    and_more,
    details,
    paragraph,
    plain_table,
    section,
    shortened,
    verbatim,
)
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.wording import value_text

MOST_DIVERGENCES = 60
MOST_CHARACTERS = 1000


def divergences_section(sweep: Sweep, frame: pd.DataFrame) -> str:
    """The section on diverged trials: epoch and reason of the first ones."""
    diverged = of_state(frame, TrialState.DIVERGED)
    if diverged.empty:
        return section("divergences", "Divergences", [paragraph("No trial diverged.")])
    total, names = frame["trial_id"].nunique(), Names(sweep.labels)
    fields = [name for name in sweep.axes if name != "seed"]
    shown = diverged.head(MOST_DIVERGENCES)
    task = task_in(frame)
    column = sweep.tables[0].columns if task.is_program else "optimizer"
    parts = [
        paragraph(
            f"{len(diverged)} of {total} trials diverged "
            f"({by_value(diverged, column, names)}). A divergence is a result; "
            "the captions of the tables say when it makes a cell N/A."
        ),
        plain_table(
            (*names.fields((*fields, "seed")), task.epoch_word, "why"),
            divergence_rows(shown, fields, names),
            label="Divergences",
            names=len(fields) + 3,
        ),
        and_more(len(diverged), len(shown), "diverged trials"),
    ]
    return section("divergences", "Divergences", parts)


def of_state(frame: pd.DataFrame, state: TrialState) -> pd.DataFrame:
    """The trials in this state, each once."""
    rows = frame[(frame["state"] == state.value).to_numpy(dtype=bool)]
    return rows.drop_duplicates("trial_id")


def by_value(rows: pd.DataFrame, field: str, names: Names = NO_LABELS) -> str:
    """How many rows have each value of a field, the most first."""
    counts = Counter(names.text(field, value) for value in values_of(rows, field))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name}: {number}" for name, number in ordered[:8])


def divergence_rows(
    diverged: pd.DataFrame, fields: Sequence[str], names: Names
) -> Iterator[tuple[str, ...]]:
    """The cell, the seed, the epoch and the reason of each."""
    for trial in records_of(diverged):
        # The trial diverged in the epoch after its last finished one.
        epoch = str(int(trial["finished_epochs"]) + 1)
        cell = (names.text(name, trial[name]) for name in (*fields, "seed"))
        yield (*cell, epoch, shortened(trial["divergence"] or "not recorded", MOST_CHARACTERS))


def failures_section(sweep: Sweep, frame: pd.DataFrame, logs: Mapping[str, Sequence[str]]) -> str:
    """The section on failed trials: kind, reason and the last lines of their logs."""
    failed = of_state(frame, TrialState.FAILED)
    if failed.empty:
        return section("failures", "Failures", [paragraph("No trial failed.")])
    shown = shown_failures(frame)
    entries = "\n".join(
        failure_entry(trial, sweep, logs.get(trial["trial_id"], ())) for trial in records_of(shown)
    )
    parts = [
        paragraph(
            f"{len(failed)} of {frame['trial_id'].nunique()} trials failed "
            f"({by_value(failed, 'failure_kind')})."
        ),
        f"<ul>\n{entries}\n</ul>",
        and_more(len(failed), len(shown), "failed trials"),
    ]
    return section("failures", "Failures", parts)


def failure_entry(trial: Mapping[str, Any], sweep: Sweep, lines: Sequence[str]) -> str:
    """One failed trial with its reason and the end of its log."""
    name = trial_name(trial, sweep)
    message = shortened(str(trial["failure_message"] or "no reason was recorded"), MOST_CHARACTERS)
    log = (
        details(f"The last lines of its log ({name})", verbatim("\n".join(lines), f"Log of {name}"))
        if lines
        else paragraph("It left no log.", "note")
    )
    return (
        f"<li><strong>{escaped(name)}</strong>: {escaped(value_text(trial['failure_kind']))}. "
        f'<span class="message">{escaped(message)}</span>\n{log}</li>'
    )


def trial_name(trial: Mapping[str, Any], sweep: Sweep) -> str:
    """The trial's name: its values of the fields that vary."""
    fields = [*(name for name in sweep.axes if name != "seed"), "seed"]
    return ", ".join(Names(sweep.labels).alone(name, trial[name]) for name in fields)
