"""Choose the value of tuned fields for each cell, on the validation metric."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from adaloss.grid.tables.at import LAST
from adaloss.grid.tables.spec import TableSpec
from adaloss.tasks.metrics import METRICS
from analysis.frame.column_types import positive_numbers, values_of
from analysis.frame.frame import positions_by, task_in
from analysis.tables.cells import EDGE_SIGN, Cell, CellStatus, Choice, cell_of
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names

Key = tuple[object, ...]
"""The values of the table's rows, columns and ``per``."""


Choices = Mapping[Key, Choice]


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The trials of a table at every value of a tuned field, which makes its rows."""

    spec: TableSpec
    frame: pd.DataFrame


def sensitivities(whole: pd.DataFrame, spec: TableSpec, measure: Measure) -> Iterator[Sensitivity]:
    """The table along each of its tuned fields that has several numbers, with the others tuned."""
    rows = (spec.rows,) if len(set(values_of(whole, spec.rows))) > 1 else ()
    for field in spec.tune:
        values = set(values_of(whole, field))
        if len(values) < 2 or positive_numbers(values) is None:
            continue
        others = tuple(name for name in spec.tune if name != field)
        changed = {"rows": field, "per": (*rows, *spec.per), "tune": others}
        along = spec.model_copy(update=changed)
        yield Sensitivity(spec=along, frame=tuned(whole, along, measure)[0])


def tuning_measure(frame: pd.DataFrame, measure: Measure) -> Measure:
    """What decides: the validation metric that corresponds to the table's, at the same epoch.

    Without such a metric it is the one that chooses the best epoch of a trial. What it takes to
    reach a target decides itself, unless the target is one on test.
    """
    measure = measure.of(frame)
    task = task_in(frame)
    if measure.is_cost and measure.reach is not None:
        if not measure.reach.metric.startswith("test/"):
            return measure
        # What it takes to reach a target on test must not be chosen by the test set.
        reached = measure.reach.about
        measure = replace(measure, metric=reached.name, at=LAST, goal=reached.goal)
    name = measure.metric.replace("test/", "val/", 1)
    if task.is_program:
        return program_measure(frame, measure, name)
    if not name.startswith("val/") or name not in METRICS:
        name = task.chosen_by or task.reported
    return replace(measure, metric=name, goal=METRICS[name].goal)


def program_measure(frame: pd.DataFrame, measure: Measure, counterpart: str) -> Measure:
    """What decides about a program's trials: only the sweep's own metric is known to have a goal.

    It is the ``counterpart`` of the table's metric, if trials recorded that, or the table's metric.
    """
    if measure.goal is None and measure.task is not None and measure.task.reported:
        own = measure.task.metric(measure.task.reported)
        return replace(measure, metric=own.name, goal=own.goal)
    recorded = replace(measure, metric=counterpart)
    return recorded if recorded.column in frame else measure


def tuned(
    frame: pd.DataFrame, spec: TableSpec, measure: Measure
) -> tuple[pd.DataFrame, dict[Key, Choice]]:
    """The rows of the frame with the chosen values of ``spec.tune``, and the choice of each cell.

    Chosen is the candidate with the best mean over seeds of :func:`tuning_measure`. A candidate
    that is N/A by the table's ``na_if`` or has no value is chosen only if all are; of equal ones
    the first is chosen.
    """
    if not spec.tune or frame.empty:
        return frame, {}
    deciding = tuning_measure(frame, measure)
    kept: list[int] = []
    choices: dict[Key, Choice] = {}
    for key, rows in positions_by(frame, spec.axes).items():
        part = frame.iloc[rows]
        ids = part["trial_id"].tolist()
        distinct: dict[frozenset[object], tuple[Key, list[int]]] = {}
        for values, own in positions_by(part, spec.tune).items():
            # Values of a field that the optimizer does not use are one candidate.
            distinct.setdefault(frozenset(ids[row] for row in own), (values, own))
        candidates = dict(distinct.values())
        cells = {
            values: cell_of(part.iloc[own], deciding, spec.na_if)
            for values, own in candidates.items()
        }
        scores = {values: score_of(cell, deciding) for values, cell in cells.items()}
        lost = [values for values, cell in cells.items() if cell.status in WITHOUT_A_RESULT]
        ended = [values for values in candidates if values not in lost]
        best = max(scores, key=scores.__getitem__)
        kept += [rows[position] for position in candidates[best]]
        if scores[best] == NO_SCORE:
            choices[key] = Choice(values=(), tried=len(ended), lost=len(lost))
            continue
        upwards, downwards = edges(best, ended, spec.tune)
        choices[key] = Choice(
            values=best,
            tried=len(ended),
            lost=len(lost),
            upwards=upwards,
            downwards=downwards,
        )
    return frame.iloc[sorted(kept)], choices


Score = tuple[float, int]
NO_SCORE: Score = (-math.inf, 0)


WITHOUT_A_RESULT = (CellStatus.FAILED, CellStatus.EMPTY)


def score_of(cell: Cell, deciding: Measure) -> Score:
    """The mean of a candidate, negated for a loss, and how many of its trials reach a target."""
    if cell.status is CellStatus.UNREACHED:
        return (-math.inf, cell.n)
    if cell.status is not CellStatus.VALUE or cell.mean is None or math.isnan(cell.mean):
        return NO_SCORE
    return (-cell.mean if deciding.goal == "minimize" else cell.mean, 0)


def edges(
    best: Key, candidates: Sequence[Key], fields: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields whose chosen number is the largest, and the smallest, of several numbers."""
    upwards, downwards = [], []
    for index, field in enumerate(fields):
        values = {candidate[index] for candidate in candidates}
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) < 2:
            continue
        if best[index] == max(numbers):
            upwards.append(field)
        elif best[index] == min(numbers) and best[index] != 0:
            downwards.append(field)
    return tuple(upwards), tuple(downwards)


def tuning_notes(
    choices: Choices, spec: TableSpec, measure: Measure, names: Names = NO_LABELS
) -> Iterator[str]:
    """The sentences of a caption: how values were chosen, which, and where a range was too short.

    ``measure`` is :func:`tuning_measure`.
    """
    if not choices:
        return
    fields = " and ".join(names.fields(spec.tune))
    counts = grouped_counts(choices, spec, names)
    yield f"{fields} chosen for each cell by the best mean {measure.label} of {counts}:"
    by_column: dict[object, dict[tuple[object, ...], list[object]]] = {}
    for (row, column, *_), choice in choices.items():
        by_column.setdefault(column, {}).setdefault(choice.values, []).append(row)
    parts = []
    for column, chosen in by_column.items():
        texts = [
            values_text(values, spec, names)
            + (f" ({rows_text(rows, spec, names)})" if len(chosen) > 1 else "")
            for values, rows in chosen.items()
        ]
        parts.append(f"{names.alone(spec.columns, column)} {', '.join(texts)}")
    yield f"{'; '.join(parts)}."
    wanted: dict[str, list[str]] = {}
    for (_, column, *_), choice in choices.items():
        for direction, at_edge in (("upwards", choice.upwards), ("downwards", choice.downwards)):
            for field in at_edge:
                listed = wanted.setdefault(f"{names.field(field)} {direction}", [])
                if (name := names.alone(spec.columns, column)) not in listed:
                    listed.append(name)
    if wanted:
        advice = "; ".join(f"{what} for {', '.join(of)}" for what, of in wanted.items())
        yield f"{EDGE_SIGN}: chosen at the edge of its range; extend {advice}."


def grouped_counts(choices: Choices, spec: TableSpec, names: Names) -> str:
    """How many values each column was allowed."""
    counts: dict[str, list[str]] = {}
    for (_, column, *_), choice in sorted(choices.items(), key=lambda item: item[1].tried):
        lost = f" ({choice.lost} more without a result)" if choice.lost else ""
        listed = counts.setdefault(f"{choice.tried}{lost}", [])
        if (name := names.alone(spec.columns, column)) not in listed:
            listed.append(name)
    if len(counts) == 1:
        (count,) = counts
        number, *rest = count.partition(" (")
        return f"{number} {'value' if number == '1' else 'values'}{''.join(rest)}"
    return " and ".join(f"{count} for {', '.join(of)}" for count, of in counts.items())


def values_text(values: Sequence[object], spec: TableSpec, names: Names) -> str:
    """The chosen values; with several fields each has its name."""
    if not values:
        return "none"
    texts = [names.text(field, value) for field, value in zip(spec.tune, values, strict=True)]
    if len(texts) == 1:
        return texts[0]
    named = zip(names.fields(spec.tune), texts, strict=True)
    return " ".join(f"{field}={text}" for field, text in named)


def rows_text(rows: Sequence[object], spec: TableSpec, names: Names) -> str:
    """The rows of a choice: ``b0 = 0.01, 0.1``."""
    texts = dict.fromkeys(names.text(spec.rows, row) for row in rows)
    return f"{names.field(spec.rows)} = {', '.join(texts)}"
