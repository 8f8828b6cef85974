"""The figures of means: against the values of the rows, and as a heat map."""

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.report.figures.data import mean_rows
from analysis.report.figures.html import (
    MOST_PANELS,
    MOST_ROWS,
    figure,
    numbers_table,
)
from analysis.report.subject import Point, Subject
from analysis.tables.caption import SPREAD_WORDS
from analysis.tables.cells import WORDS, beyond_words

BEYOND = {
    "diverged": "is N/A, by divergence",
    "not reached": "did not always reach the target",
    "diverged or not reached": "diverged, or did not always reach the target",
}


def against_figure(
    frame: pd.DataFrame, subject: Subject, points: Sequence[Point], what: str
) -> str:
    """Means against the values of the rows."""
    na = f" A × in the band: the cell {BEYOND[subject.beyond]}." if subject.beyond else ""
    words = [
        f"{what} against {subject.row_name}, {SPREAD_WORDS[subject.spec.spread]}; a line per "
        f"value of {subject.line_name}, shifted a little sideways.{na}",
        *extremes(subject, points),
    ]
    header = ("part", subject.row_name, subject.line_name)
    rows = list(mean_rows(frame, subject, points[:MOST_ROWS]))
    numbers = numbers_table(
        (*header, "mean±spread", "seeds with a value", "diverged", "values by seed"),
        rows,
        len(subject.points),
        label="The numbers of this figure",
        names=3,
    )
    title = f"{what} against {subject.row_name}"
    return figure("against", title, subject, words=words, numbers=numbers)


def extremes(subject: Subject, points: Sequence[Point]) -> Iterator[str]:
    """The highest and the lowest mean of each part, or of all if there are many parts."""
    if len(subject.parts) > MOST_PANELS:
        yield f"All {len(subject.parts)} parts: {extremes_of(subject, points)}."
        return
    for number, name in enumerate(subject.parts):
        of_part = [point for point in points if point.part == number]
        yield f"{name}: {extremes_of(subject, of_part)}."


def extremes_of(subject: Subject, points: Sequence[Point]) -> str:
    """The highest and the lowest mean, and the number of cells without one."""
    beyond = [point.cell for point in points if point.cell.is_beyond]
    words = beyond_words(beyond).replace("diverged", "N/A") or "N/A"
    without = f"{len(beyond)} of {len(points)} cells {words}"
    valued = [point for point in points if point.cell.mean is not None]
    if not valued:
        return without
    ends = (max(valued, key=mean_of), min(valued, key=mean_of))
    high, low = (place_and_mean(subject, point) for point in ends)
    return f"highest {high}, lowest {low}; {without}"


def mean_of(point: Point) -> float:
    """The mean, for sorting."""
    return float("nan") if point.cell.mean is None else point.cell.mean


def place_and_mean(subject: Subject, point: Point) -> str:
    """``96.99 (adaloss, b0 = 1)``, with the part if there are several."""
    part, row, line = subject.cell_texts(point)
    mean = subject.number(mean_of(point))
    where = f"{line}, {subject.row_name} = {row}"
    return f"{mean} ({where}, {part})" if len(subject.parts) > MOST_PANELS else f"{mean} ({where})"


def heat_figure(subject: Subject, points: Sequence[Point], what: str) -> str:
    """Rows × columns, coloured by the mean."""
    words = [
        f"{what}: the mean of each cell as a colour, the same in all panels. Grey with N/A: "
        "diverged; grey with –: no value; or as written.",
    ]
    rows = list(heat_rows(subject, points))
    numbers = numbers_table(
        ("part", subject.row_name, *subject.line_labels),
        rows[:MOST_ROWS],
        len(rows),
        label="The means of this figure",
        names=2,
    )
    title = f"{what} by {subject.row_name} and {subject.line_name}"
    return figure("heat", title, subject, with_key=False, words=words, numbers=numbers)


def heat_rows(subject: Subject, points: Sequence[Point]) -> Iterator[tuple[str, ...]]:
    """The means of a row of a part, one for each line."""
    found = {(point.part, point.row, point.line): point for point in points}
    for part, name in enumerate(subject.parts):
        for row, text in enumerate(subject.row_texts):
            cells = [found.get((part, row, line)) for line in range(len(subject.line_labels))]
            yield (name, text, *(short_text(point, subject) for point in cells))


def short_text(point: Point | None, subject: Subject) -> str:
    """The mean of a cell, or the text of its status."""
    if point is None:
        return ""
    if point.cell.mean is None:
        return WORDS.get(point.cell.status, "–")
    return subject.number(point.cell.mean)
