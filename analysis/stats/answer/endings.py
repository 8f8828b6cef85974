"""The trials without a number, in a sentence: diverged, never at the target, failed, missing."""

from collections import Counter

import numpy as np
import pandas as pd

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialState
from analysis.frame.column_types import values_of
from analysis.frame.frame import MISSING
from analysis.tables.measure import Measure
from analysis.tables.names import Names

MOST_COLUMNS = 4
UNREACHED = "unreached"


def endings(frame: pd.DataFrame, spec: TableSpec, measure: Measure, names: Names) -> str | None:
    """How many trials of which columns have no number, and at which rows; None if all have one."""
    trials = frame.drop_duplicates("trial_id")
    states = trials["state"].tolist()
    if measure.reach is not None:
        infinite = np.isinf(trials[measure.column].to_numpy(dtype=float)).tolist()
        states = [
            UNREACHED if never else state for state, never in zip(states, infinite, strict=True)
        ]
    columns, rows = (values_of(trials, field) for field in (spec.columns, spec.rows))
    declared = Counter(columns)
    parts = []
    for state, words in ((TrialState.DIVERGED.value, "diverged"), (UNREACHED, "never got there")):
        counts: Counter[object] = Counter()
        where: dict[object, dict[object, None]] = {}
        for column, row, found in zip(columns, rows, states, strict=True):
            if found == state:
                counts[column] += 1
                where.setdefault(column, {})[row] = None
        texts = [
            f"{names.alone(spec.columns, column)} in {number} of {declared[column]} trials"
            + at(tuple(where[column]), rows, spec, names)
            for column, number in counts.most_common(MOST_COLUMNS)
        ]
        if counts:
            rest = len(counts) - MOST_COLUMNS
            texts += [f"{rest} more"] if rest > 0 else []
            parts.append(f"{words}: {', '.join(texts)}")
    lost = Counter(states)
    for state, words in ((TrialState.FAILED.value, "failed"), (MISSING, "have not ended")):
        if lost[state]:
            parts.append(f"{lost[state]} of {len(states)} trials {words}")
    if not parts:
        return None
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def at(found: tuple[object, ...], rows: "list[object]", spec: TableSpec, names: Names) -> str:
    """`` (b0 = 0.01, 0.1)``, if there are several rows."""
    if len(set(rows)) < 2:
        return ""
    return f" ({spec.rows} = {', '.join(names.text(spec.rows, row) for row in found)})"
