"""The trials without a number, in a sentence: diverged, never at the target, failed, missing."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialState
from adaloss.tasks.metric import EPOCH
from analysis.frame.column_types import values_of
from analysis.frame.frame import MISSING
from analysis.tables.measure import Measure
from analysis.tables.names import Names

MOST_COLUMNS = 4


def endings(
    frame: pd.DataFrame, whole: pd.DataFrame, spec: TableSpec, measure: Measure, names: Names
) -> str | None:
    """How many trials of which columns have no number, and at which rows; None if all have one.

    Those that never reach the target are counted among the shown trials, all others in the whole
    frame, which has those of all tuned values.
    """
    states = whole["state"].tolist()
    tried = f", of all {' and '.join(names.fields(spec.tune))} tried" if spec.tune else ""
    parts = []
    if text := by_column(whole, states, TrialState.DIVERGED.value, spec, names):
        parts.append(f"diverged: {text}{tried}")
    if measure.reach is not None:
        # Not the metric, which has no worst value where neither direction is better.
        first = frame[f"{measure.at}:{EPOCH.name}"]
        never = np.isinf(first.to_numpy(dtype=float)).tolist()
        if text := by_column(frame, [str(one) for one in never], str(True), spec, names):
            parts.append(f"never got there: {text}")
    distinct = whole.drop_duplicates("trial_id")["state"].tolist()
    lost = Counter(distinct)
    for state, words in ((TrialState.FAILED.value, "failed"), (MISSING, "have not ended")):
        if lost[state]:
            parts.append(f"{lost[state]} of {len(distinct)} trials {words}{tried}")
    if not parts:
        return None
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def by_column(
    trials: pd.DataFrame, states: Sequence[str], state: str, spec: TableSpec, names: Names
) -> str:
    """The columns with trials in a state, and at which rows; the most first.

    Cells share the trials that do not use what differs between them: counted once, named at each.
    """
    columns, rows = (values_of(trials, field) for field in (spec.columns, spec.rows))
    declared: dict[object, set[str]] = {}
    counts: dict[object, set[str]] = {}
    where: dict[object, dict[object, None]] = {}
    for trial, column, row, found in zip(
        trials["trial_id"].tolist(), columns, rows, states, strict=True
    ):
        declared.setdefault(column, set()).add(trial)
        if found == state:
            counts.setdefault(column, set()).add(trial)
            where.setdefault(column, {})[row] = None
    most = sorted(counts, key=lambda column: -len(counts[column]))
    texts = [
        f"{names.alone(spec.columns, column)} in {len(counts[column])} of "
        f"{len(declared[column])} trials" + at(tuple(where[column]), rows, spec, names)
        for column in most[:MOST_COLUMNS]
    ]
    rest = len(most) - MOST_COLUMNS
    return ", ".join([*texts, *([f"{rest} more"] if rest > 0 else [])])


def at(found: tuple[object, ...], rows: "list[object]", spec: TableSpec, names: Names) -> str:
    """`` (b0 = 0.01, 0.1)``, if there are several rows; the table lists points by their ends."""
    if len(set(rows)) < 2 or spec.ranks_points:
        return ""
    texts = ", ".join(names.text(spec.rows, row) for row in found)
    return f" ({names.field(spec.rows)} = {texts})"
