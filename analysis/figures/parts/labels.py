"""Texts in a figure: escaped, broken into lines, and measured."""

import re
from collections.abc import Sequence
from typing import TypeVar

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from adaloss.grid.tables.at import BEST_VAL, LAST
from adaloss.records.printable import shortened
from analysis.tables.measure import Measure

Value = TypeVar("Value")

POINTS_PER_INCH = 72
LINE_SPACING = 1.25
"""The height of a line of text, as a multiple of its font size."""


def literal(text: str) -> str:
    """The text with dollars escaped, which would start mathematics in matplotlib."""
    return text.replace("$", r"\$")


def broken(text: str, width: int) -> str:
    """The text in lines of at most ``width`` characters, broken at blanks.

    A word longer than a line is broken after ``_``, ``.``, ``/`` or ``-``, which occur in names of
    models, or cut.
    """
    lines = [""]
    for word in re.findall(r"[^ ]+ *", text):
        pieces = [word] if len(word.rstrip()) <= width else re.findall(r"[^_./-]*[_./-]+|.+", word)
        for piece in pieces:
            for start in range(0, len(piece), width):
                part = piece[start : start + width]
                if lines[-1] and len((lines[-1] + part).rstrip()) > width:
                    lines.append("")
                lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def bounded(text: str, width: int, most: int) -> str:
    """The text in at most this many lines of ``width`` characters, shortened in its middle."""
    lines = broken(text, width)
    # Lines that are broken at blanks are not full.
    length = most * width
    while lines.count("\n") >= most:
        length -= max(1, width // 10)
        lines = broken(shortened(text, max(2, length)), width)
    return lines


def metric_label(measure: Measure, width: int) -> str:
    """The metric with its unit and epoch, in lines of ``width`` characters."""
    label = literal(broken(measure.label, width))
    if measure.at == LAST:
        return label
    where = "at the best validation epoch" if measure.at == BEST_VAL else measure.when
    return f"{label}\n{literal(broken(where, width))}"


def text_inches(text: str, points: float) -> float:
    """The width of the text's longest line, as rendered."""
    font = FontProperties(size=points)
    return (
        max(
            text_to_path.get_text_width_height_descent(line, font, ismath=False)[0]
            for line in text.split("\n")
        )
        / POINTS_PER_INCH
    )


def lines_inches(count: int, points: float) -> float:
    """The height of this many lines."""
    return count * points * LINE_SPACING / POINTS_PER_INCH


def in_words(names: Sequence[str]) -> str:
    """``a``, ``a and b`` or ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def evenly(values: Sequence[Value], most: int) -> tuple[Value, ...]:
    """At most ``most`` of the values: the first, the last and an even selection between."""
    if len(values) <= most:
        return tuple(values)
    steps = [round(index * (len(values) - 1) / max(1, most - 1)) for index in range(most)]
    return tuple(values[step] for step in steps)
