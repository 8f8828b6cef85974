"""The interactive figures of the report: their HTML, and the data for the page's script."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from adaloss.grid.sweep import Sweep
from analysis.report.curves.curves import Curves, curves_of
from analysis.report.curves.figure import curves_figure
from analysis.report.figures.data import JsonValue, curves_data, mean_limits, means_data
from analysis.report.figures.html import (
    MOST_PANELS,
    line_controls,
)
from analysis.report.figures.means import against_figure, heat_figure
from analysis.report.figures.vega_specs import against_spec, curves_spec, heat_spec
from analysis.report.markup import paragraph, section
from analysis.report.subject import MOST_LINES, Point, Subject, subject_of
from analysis.results import measure_in
from analysis.tables.caption import what_is_shown
from analysis.tables.tables import Table, selected
from analysis.tables.tuning import tuned

MOST_CELLS = 50_000
"""The largest number of cells in the page's data."""

NO_ORDER = (
    "The points of a search are in no order, so there are no lines to draw. The folder figures/ "
    "has the metric against each parameter."
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The section of the figures, and the data for their script; none without trials."""

    html: str
    data: JsonValue


def figures_of(
    sweep: Sweep, frame: pd.DataFrame, history: pd.DataFrame, tables: Sequence[Table]
) -> Figures:
    """The figures of the sweep's first kind of table."""
    spec = sweep.tables[0]
    measure = measure_in(sweep, spec)
    if spec.ranks_points:
        return Figures(html=section("figures", "Figures", [paragraph(NO_ORDER)]), data=None)
    rows = tuned(selected(frame, spec), spec, measure)[0].reset_index(drop=True)
    subject = subject_of(rows, tables, spec, measure)
    if subject is None:
        nothing = paragraph("There are no trials, and nothing to draw.")
        return Figures(html=section("figures", "Figures", [nothing]), data=None)
    points = subject.points[:MOST_CELLS]
    curves = curves_of(rows, history, subject)
    what = what_is_shown(rows, measure)
    parts = [
        paragraph("Hover over a mark for its numbers. Unticking hides, in all figures.", "screen"),
        "<noscript><p>The figures need JavaScript; their numbers are below each, "
        "and in the tables.</p></noscript>",
        line_controls(subject),
        *remarks(subject),
        against_figure(rows, subject, points, what),
        curves_figure(subject, curves),
        heat_figure(subject, points, what),
    ]
    return Figures(
        html=section("figures", "Figures", parts), data=data_of(rows, subject, points, curves)
    )


def remarks(subject: Subject) -> Iterator[str]:
    """Notes on what all figures omit."""
    if subject.all_lines > len(subject.line_labels):
        yield paragraph(
            f"The figures have the first {MOST_LINES} of {subject.all_lines} values of "
            f"{subject.line_name}; the tables have all.",
            "note",
        )
    if len(subject.points) > MOST_CELLS:
        yield paragraph(
            f"The figures have the first {MOST_CELLS} of {len(subject.points)} cells.", "note"
        )


def data_of(
    frame: pd.DataFrame, subject: Subject, points: Sequence[Point], curves: Curves
) -> dict[str, JsonValue]:
    """The data for the page's script."""
    means = [point.cell.mean for point in points if point.cell.mean is not None]
    finite = [float(mean) for mean in means if np.isfinite(mean)]
    return {
        "parts": list(subject.parts),
        "panels": len(subject.parts) if len(subject.parts) <= MOST_PANELS else 1,
        "rows": {
            "texts": list(subject.row_texts),
            "numbers": list(subject.rows.numbers),
            "logarithmic": subject.rows.logarithmic,
            "spacing": subject.rows.spacing,
        },
        "lines": list(subject.line_labels),
        "cells": means_data(frame, subject, points),
        "curves": curves_data(curves, subject),
        "specs": {
            "against": against_spec(subject, mean_limits(points, subject)),
            "curves": curves_spec(subject),
            "heat": heat_spec(subject, finite),
        },
    }
