"""The figures of a sweep: one entry for each, and how they are written to files."""

from analysis.figures.against import accuracy_against
from analysis.figures.curves import curves_by_part
from analysis.figures.heat import heat_map
from analysis.figures.paired import paired_differences
from analysis.figures.saving import save_figure
from analysis.figures.sheet import COLUMN_INCHES, PAGE_INCHES

__all__ = [
    "COLUMN_INCHES",
    "PAGE_INCHES",
    "accuracy_against",
    "curves_by_part",
    "heat_map",
    "paired_differences",
    "save_figure",
]
