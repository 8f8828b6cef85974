"""The numbers of the figures, as columns for the page's script."""

import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from adaloss.tasks.metric import Metric
from analysis.report.curves.curves import Curves
from analysis.report.subject import Point, Subject
from analysis.tables.cells import WORDS, CellStatus, TrialEnd, cell_text, ends_of

MOST_SEEDS = 10
"""The largest number of seeds whose values a figure lists."""
DIGITS = 7
"""The significant digits of a number: of fewer, close ones would be one."""
JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


def rounded(value: float | None) -> float | None:
    """The number with the digits that a pixel may need; None if it is not finite, for JSON."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def means_data(
    frame: pd.DataFrame, subject: Subject, points: Sequence[Point]
) -> dict[str, JsonValue]:
    """The cells as columns: position, mean, spread, the table's text, and the seeds' values."""
    seeds = seed_texts(frame, subject)
    return {
        "part": [point.part for point in points],
        "row": [point.row for point in points],
        "line": [point.line for point in points],
        "mean": [rounded(point.cell.mean) for point in points],
        "spread": [rounded(point.cell.spread(subject.spec.spread)) for point in points],
        "value": [cell_text(point.cell, subject.style).plain for point in points],
        "n": [point.cell.n for point in points],
        "declared": [point.cell.expected for point in points],
        "diverged": [point.cell.diverged for point in points],
        "na": [int(point.cell.is_beyond) for point in points],
        "seeds": [told_seeds(seeds[trial] for trial in point.trials) for point in points],
    }


def seed_texts(frame: pd.DataFrame, subject: Subject) -> dict[int, str]:
    """The seed and value of each row of the frame, or what became of it without a value."""
    rows = zip(frame.index, frame["seed"], ends_of(frame, subject.measure), strict=True)
    return {row: f"{seed}: {end_text(end, subject)}" for row, seed, end in rows}


def end_text(end: TrialEnd, subject: Subject) -> str:
    """A trial's value, that it never reached the target, or its state."""
    if end.is_unreached:
        return WORDS[CellStatus.UNREACHED]
    return end.state if math.isnan(end.value) else subject.number(end.value)


def told_seeds(texts: Iterable[str]) -> str:
    """The values of the seeds, or the first of many."""
    values = list(texts)
    text = "; ".join(values[:MOST_SEEDS])
    return text + (f"; … {len(values) - MOST_SEEDS} more" if len(values) > MOST_SEEDS else "")


def mean_limits(points: Iterable[Point], subject: Subject) -> tuple[float, float]:
    """The limits of the axis of means: all means with their spread, and a margin."""
    ends = [
        point.cell.mean + sign * (point.cell.spread(subject.spec.spread) or 0.0)
        for point in points
        if point.cell.mean is not None and math.isfinite(point.cell.mean)
        for sign in (-1, 1)
    ]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = 0.05 * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def mean_rows(
    frame: pd.DataFrame, subject: Subject, points: Sequence[Point]
) -> Iterable[tuple[str, ...]]:
    """The cells as rows of text."""
    seeds = seed_texts(frame, subject)
    for point in points:
        words = cell_text(point.cell, subject.style).plain
        yield (
            *subject.cell_texts(point),
            words,
            f"{point.cell.n} of {point.cell.expected}",
            str(point.cell.diverged),
            told_seeds(seeds[trial] for trial in point.trials),
        )


def metric_data(metric: Metric) -> dict[str, JsonValue]:
    """A metric of the curves, and how its axis looks."""
    named: dict[str, JsonValue] = {
        "label": metric.label,
        "name": metric.name,
        "at_top": metric.goal == "minimize",
    }
    return named | {"linear": not metric.logarithmic} if metric.any_scale else named


def curves_data(curves: Curves, subject: Subject) -> dict[str, JsonValue]:
    """The curves as columns; each distinct list of epochs is stored once."""
    task = subject.measure.task
    is_program = task is not None and task.is_program
    own: dict[str, JsonValue] = {"word": subject.measure.epoch_word} if is_program else {}
    epochs: dict[tuple[int, ...], int] = {}
    shared = [
        epochs.setdefault(tuple(curve.epochs.astype(int).tolist()), len(epochs))
        for curve in curves.curves
    ]
    return {
        **own,
        "metrics": [metric_data(subject.about(name)) for name in curves.quantities],
        "cell": [curve.point for curve in curves.curves],
        "seed": [curve.seed for curve in curves.curves],
        "diverged": [int(curve.has_diverged) for curve in curves.curves],
        "epochs": shared,
        "epoch_lists": [list(numbers) for numbers in epochs],
        "values": [
            [[rounded(value) for value in curve.values[index].tolist()] for curve in curves.curves]
            for index in range(len(curves.quantities))
        ],
    }
