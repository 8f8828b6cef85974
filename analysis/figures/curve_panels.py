"""The panels of the learning curves: seeds, means, ends of trials, and scales."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from analysis.figures.parts.axes import CROSS, is_logarithmic, label_decades, tidy
from analysis.figures.parts.band import Band
from analysis.figures.parts.course import Course, Part, known_points, mean_course
from analysis.figures.parts.labels import POINTS_PER_INCH, evenly
from analysis.figures.parts.line_styles import LineStyle
from analysis.figures.parts.sheet import SMALL_POINTS

BAND_SHARE = 0.17
"""The share of a panel's height for the band of diverged trials."""
CROSS_POINTS = 5
"""The distance, in inches, that keeps a × clear of its neighbour."""
END_CROSS = CROSS | {"markersize": 3.5, "markeredgewidth": 1.0, "zorder": 4}
MOST_THIN_LINES = 20
"""At most this many seeds of a cell are drawn as thin lines."""
LEAST_SPAN = 2
"""A logarithmic panel spans at least this factor, so that a constant rate looks constant."""


def draw_panel(
    axes: Axes, part: Part, quantity: str, value: object, band: Band, rasterized: bool
) -> None:
    """One quantity of one value: every line's trials, and their means on top."""
    tidy(axes)
    axes.tick_params(labelsize=SMALL_POINTS)
    count = len(part.styles)
    for index, (column, style) in reversed(list(enumerate(part.styles.items()))):
        courses = part.courses(value, column)
        shift = (index - (count - 1) / 2) * 0.6 / count if part.is_one_epoch else 0.0
        draw_seeds(axes, courses, quantity, style, shift, rasterized)
        draw_mean(axes, courses, quantity, style, shift)
    draw_crosses(axes, part, quantity, value, band)


def draw_seeds(
    axes: Axes,
    courses: Sequence[Course],
    quantity: str,
    style: LineStyle,
    shift: float,
    rasterized: bool,
) -> None:
    """Draw thin lines, dotted for unfinished trials, and points for a single epoch."""
    drawn = [course.shown(quantity) for course in shown_seeds(courses)]
    drawn = [course for course in drawn if len(course.epochs)]
    look: dict[str, Any] = {"color": style.colour, "alpha": 0.45, "rasterized": rasterized}
    for unfinished, dashes in ((False, "-"), (True, ":")):
        lines = [c for c in drawn if len(c.epochs) > 1 and c.is_unfinished is unfinished]
        if lines:
            # One line with gaps for all seeds: an artist per seed would take minutes.
            epochs = np.concatenate([np.append(c.epochs, np.nan) for c in lines])
            values = np.concatenate([np.append(c.values[quantity], np.nan) for c in lines])
            axes.plot(epochs + shift, values, linestyle=dashes, linewidth=0.5, **look)
    alone = [c for c in drawn if len(c.epochs) == 1]
    if alone:
        epochs = np.array([c.epochs[0] for c in alone])
        values = np.array([c.values[quantity][0] for c in alone])
        axes.plot(epochs + shift, values, linestyle="none", marker=".", markersize=2.5, **look)


def shown_seeds(courses: Sequence[Course]) -> list[Course]:
    """The trials that are drawn as lines: up to a limit, the diverged ones first."""
    ordered = sorted(courses, key=lambda course: not course.has_diverged)
    return ordered[:MOST_THIN_LINES]


def draw_mean(
    axes: Axes, courses: Sequence[Course], quantity: str, style: LineStyle, shift: float
) -> None:
    """Draw the thick line of the complete trials' mean, with some markers."""
    epochs, means = mean_course(courses, quantity)
    if any(course.is_joined for course in courses):
        epochs, means = known_points(epochs, means)
    axes.plot(
        epochs + shift,
        means,
        color=style.colour,
        linestyle=style.dashes,
        linewidth=1.2,
        marker=style.marker,
        markersize=2.5,
        markevery=max(1, math.ceil(len(epochs) / 4)),
        zorder=3,
    )


def draw_crosses(axes: Axes, part: Part, quantity: str, value: object, band: Band) -> None:
    """Draw a × in the band for each line and epoch after which a trial diverged, side by side.

    Trials that recorded no epoch have theirs at the left edge.
    """
    at: dict[float | None, list[LineStyle]] = {}
    for column, style in part.styles.items():
        if (column, quantity) not in part.without:
            for epoch in last_epochs(part.courses(value, column)):
                at.setdefault(epoch, []).append(style)
    for epoch, styles in at.items():
        first = 0.8 if epoch is None else (1 - len(styles)) / 2
        for index, style in enumerate(styles):
            inches = CROSS_POINTS * (first + index) / POINTS_PER_INCH
            aside = ScaledTranslation(inches, 0, axes.figure.dpi_scale_trans)
            base = axes.transAxes if epoch is None else axes.get_xaxis_transform()
            look = END_CROSS | {"color": style.colour, "transform": base + aside}
            axes.plot([epoch or 0], [band.middle], **look)


def last_epochs(courses: Sequence[Course]) -> dict[float | None, None]:
    """The epochs after which trials diverged; None for a divergence in the first epoch."""
    return {
        float(course.epochs[-1]) if len(course.epochs) else None: None
        for course in courses
        if course.has_diverged
    }


def has_diverged(part: Part, quantity: str) -> bool:
    """Whether some panel of the quantity needs a ×."""
    return any(
        course.has_diverged
        for column in part.styles
        if (column, quantity) not in part.without
        for value in part.shown
        for course in part.courses(value, column)
    )


def scale_quantity(axes: Axes, part: Part, quantity: str) -> None:
    """Set the common scale of a quantity's panels: logarithmic if it spans magnitudes."""
    known = [course.values[quantity] for course in part.recorded]
    if not any((np.isfinite(values) & (values > 0)).any() for values in known):
        return
    about = part.about(quantity)
    if about.any_scale:
        finite = np.concatenate([values[np.isfinite(values)] for values in known])
        logarithmic = is_logarithmic(about, finite.tolist())
    else:
        logarithmic = about.logarithmic
    if not logarithmic:
        axes.yaxis.set_major_locator(MaxNLocator(4))
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < LEAST_SPAN * low:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(LEAST_SPAN), middle * math.sqrt(LEAST_SPAN)
        axes.set_ylim(low, high)
    label_decades(axes.yaxis, low, high)


def scale_epochs(axes: Axes, part: Part) -> None:
    """Set the epoch axis: whole epochs from the first to the last recorded one."""
    last = max((float(course.epochs[-1]) for course in part.recorded), default=1.0)
    margin = 0.5 if last == 1 else 0.06 * (last - 1)
    axes.set_xlim(1 - margin, last + margin)
    axes.set_xticks(evenly(range(1, int(last) + 1), 3))
