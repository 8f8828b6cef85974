"""The learning curves as a figure: controls, text and numbers."""

from collections.abc import Iterator

import numpy as np

from analysis.report.curves.curves import Curve, Curves
from analysis.report.figures.html import (
    MOST_ROWS,
    figure,
    numbers_table,
    select,
)
from analysis.report.subject import Subject


def curves_figure(subject: Subject, curves: Curves) -> str:
    """Learning curves of a metric and a value of the rows, chosen by the reader."""
    labels = [subject.about(name).label for name in curves.quantities]
    middle = len(subject.row_texts) // 2
    controls = (
        f'<p class="controls">{select("metric", "Metric", labels)} '
        f"{select('row', subject.row_name, subject.row_texts, middle)}</p>"
    )
    word = subject.measure.epoch_word
    scale = (
        "All metrics but accuracies have a logarithmic axis if they are positive."
        if word == "epoch"
        else "A metric that is minimized has a logarithmic axis if it is positive."
    )
    words = [
        f"Recorded {word}s. Thin: seeds. Thick, with marks: their mean over the {word}s that every "
        "complete seed has; diverged and unfinished seeds are excluded. A × in the "
        f"band: a seed diverged after this {word}, or in the first. {scale}",
        *curves.left_out,
    ]
    header = ("part", subject.row_name, subject.line_name, word, *curves.quantities)
    rows, total = curve_rows(subject, curves)
    numbers = numbers_table(header, rows, total, label="The means of this figure", names=3)
    return figure(
        "curves", "Learning curves", subject, controls=controls, words=words, numbers=numbers
    )


def curve_rows(subject: Subject, curves: Curves) -> tuple[list[tuple[str, ...]], int]:
    """The means at an even selection of epochs, and their total number."""
    means = [curve for curve in curves.curves if curve.seed is None]
    total = sum(len(curve.epochs) for curve in means)
    each = max(1, MOST_ROWS // max(1, len(means)))
    rows = [row for curve in means[:MOST_ROWS] for row in rows_of_curve(subject, curve, each)]
    return rows[:MOST_ROWS], total


def rows_of_curve(subject: Subject, curve: Curve, most: int) -> Iterator[tuple[str, ...]]:
    """The mean of a cell at ``most`` of its epochs, including the last."""
    length = len(curve.epochs)
    chosen = np.linspace(length - 1, 0, min(most, length)).astype(int)[::-1]
    for index in chosen.tolist():
        numbers = (values[index] for values in curve.values)
        texts = ("–" if np.isnan(value) else f"{value:.5g}" for value in numbers)
        place = subject.cell_texts(subject.points[curve.point])
        yield (*place, str(int(curve.epochs[index])), *texts)
