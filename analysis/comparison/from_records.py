"""A sweep's records as a side of a comparison: every field of every trial is known."""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

import pandas as pd

from adaloss.errors import UserError
from adaloss.grid.tables.spec import NaIf
from adaloss.optimizer_names import SOMETIMES_UNUSED, unused_fields
from adaloss.tasks.fingerprints import own_values
from adaloss.tasks.table import FIELD_NAMES
from analysis.comparison.side import (
    CODE,
    EPOCH,
    HARDWARE,
    METRIC,
    MIXED,
    NA_RULE,
    NOT_APPLICABLE,
    OWN,
    ROUNDING,
    SOFTWARE,
    SPREAD,
    Caveat,
    Side,
    SideCell,
)
from analysis.frame.column_types import values_of
from analysis.frame.frame import MISSING, positions_by, task_in
from analysis.tables.caption import NA_MEANING
from analysis.tables.cells import cell_of
from analysis.tables.measure import Measure
from analysis.tables.own_changes import (
    MIXED_SIGN,
    is_mixed,
    own_columns,
    own_notes,
    with_numbers,
)
from analysis.tables.own_changes import recorded as fingerprints_of

EPOCHS: Mapping[str, str] = {
    "last": "the last",
    "best_val": "the best by validation accuracy",
}


def records_side(frame: pd.DataFrame, *, name: str, measure: Measure, na_if: NaIf = "any") -> Side:
    """The cells of :func:`analysis.frame.frame.build_frame`'s frame, in its order.

    A cell averages over its seeds alone. ``na_if`` says when it is N/A, as in a table.

    Raises:
        UserError: the frame has no such metric of that epoch.
    """
    measure = measure.of(frame)
    if measure.column not in frame:
        raise UserError(f"{name} has no {measure.metric} at {measure.at}")
    values = applicable_fields(frame)
    fields = tuple(map(str, values))
    columns = ["seed", "trial_id", "state", measure.column]
    ends = frame[[*columns, *(["fingerprint"] if "fingerprint" in frame else [])]]
    return Side(
        name=name,
        cells=tuple(
            side_cell(dict(zip(fields, key, strict=True)), ends.iloc[rows], measure, na_if)
            for key, rows in positions_by(values, fields).items()
        ),
        measure=measure,
        circumstances={
            METRIC: measure.label,
            EPOCH: EPOCHS.get(measure.at, measure.at),
            NA_RULE: NA_MEANING[na_if],
            SPREAD: "ddof = 1",
            ROUNDING: "none",
            CODE: recorded(frame, "code_version"),
            OWN: own_digests(frame),
            SOFTWARE: recorded(frame, "environment", software),
            HARDWARE: recorded(frame, "environment", hardware),
        },
        must_share=("task",)
        if task_in(frame).is_program
        else tuple(name for name in ("task", "dataset") if name in fields),
        caveats=tuple(caveats(frame, name)),
    )


def caveats(frame: pd.DataFrame, name: str) -> Iterator[Caveat]:
    """A caveat if trials are missing, or if they mix versions of the user's own code or data."""
    trials = frame.drop_duplicates("trial_id")
    states = trials["state"]
    missing = int((states == MISSING).sum())
    if missing:
        done = f"{len(states) - missing} of {len(states)} trials"
        yield Caveat(text=f"INCOMPLETE: of {name} only {done} have ended")
    for note in own_notes(trials, some_mixed=False):
        yield Caveat(text=f"{name}: {note.removesuffix('.')}")


def own_digests(frame: pd.DataFrame) -> str | None:
    """The versions of the user's own code and data that the trials used, as digests, or None."""
    if "fingerprint" not in frame:
        return None
    finished = with_numbers(frame)
    rows = zip(own_columns(finished), values_of(finished, "fingerprint"), strict=True)
    texts = {text for values, text in rows if own_values(values)}
    known = sorted(sha256(text.encode()).hexdigest()[:8] for text in texts if text)
    return MIXED.join([*known, *(["not recorded"] if None in texts else [])]) or None


def applicable_fields(frame: pd.DataFrame) -> pd.DataFrame:
    """The fields of a cell; hyperparameters that its optimizer does not use are marked."""
    task = task_in(frame)
    if task.is_program:
        return frame[["task", "program", *task.cell_fields]].copy()
    changed = frame[[name for name in FIELD_NAMES if name != "seed" and name in frame]].copy()
    pairs = zip(values_of(frame, "optimizer"), values_of(frame, "rate"), strict=True)
    unused = [unused_fields(*pair) for pair in pairs]
    for field in sorted(SOMETIMES_UNUSED.intersection(changed)):
        values = [
            NOT_APPLICABLE if field in fields else value
            for fields, value in zip(unused, values_of(frame, field), strict=True)
        ]
        changed[field] = pd.Series(values, index=frame.index, dtype="object")
    return changed


def side_cell(
    fields: Mapping[str, object], trials: pd.DataFrame, measure: Measure, na_if: NaIf
) -> SideCell:
    """The cell of these trials, which share these fields."""
    cell = cell_of(trials, measure, na_if)
    return SideCell(
        fields=fields,
        mean=cell.mean,
        std=cell.std,
        n=cell.n,
        status=cell.status,
        expected=cell.expected,
        trials=dict(zip(trials["seed"], trials["trial_id"], strict=True)),
        mark=MIXED_SIGN if is_mixed(fingerprints_of(trials)) else "",
    )


def recorded(frame: pd.DataFrame, column: str, words: Callable[[str], str] = str) -> str | None:
    """The values in a column of the trials with numbers as text; None if nothing is recorded."""
    if column not in frame:
        return None
    finished = values_of(with_numbers(frame), column)
    values = sorted({words(value) for value in dict.fromkeys(finished) if value is not None})
    if values and any(value is None for value in finished):
        values.append("not recorded")
    return MIXED.join(values) or None


def hardware(environment: str) -> str:
    """The device of a recorded environment, which is JSON."""
    return str(json.loads(environment)["device"])


def software(environment: str) -> str:
    """Python and the packages of a recorded environment."""
    content = json.loads(environment)
    packages = [f"{name} {version}" for name, version in sorted(content["packages"].items())]
    return ", ".join((f"Python {content['python']}", *packages))
