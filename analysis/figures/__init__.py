"""The figures of a sweep: one entry for each, and how they are written to files."""

from analysis.figures.against import accuracy_against
from analysis.figures.curves import curves_by_part, learning_curves
from analysis.figures.heat import heat_map
from analysis.figures.paired import paired_differences
from analysis.figures.saving import lay_out, save_figure
from analysis.figures.sheet import COLUMN_INCHES, PAGE_INCHES

__all__ = [
    "COLUMN_INCHES",
    "PAGE_INCHES",
    "accuracy_against",
    "curves_by_part",
    "heat_map",
    "lay_out",
    "learning_curves",
    "paired_differences",
    "save_figure",
]
