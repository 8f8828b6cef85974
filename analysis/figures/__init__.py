"""The figures of a sweep, and how to save them; each name is imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.figures.against import accuracy_against
    from analysis.figures.curves import curves_by_part
    from analysis.figures.heat import heat_map
    from analysis.figures.paired import paired_differences
    from analysis.figures.parts.sheet import COLUMN_INCHES, PAGE_INCHES
    from analysis.figures.points import metric_at_points
    from analysis.figures.profile import performance_profile
    from analysis.figures.writing.saving import save_figure

MODULES = {
    "COLUMN_INCHES": "parts.sheet",
    "PAGE_INCHES": "parts.sheet",
    "accuracy_against": "against",
    "curves_by_part": "curves",
    "heat_map": "heat",
    "metric_at_points": "points",
    "paired_differences": "paired",
    "performance_profile": "profile",
    "save_figure": "writing.saving",
}

__all__ = [
    "COLUMN_INCHES",
    "PAGE_INCHES",
    "accuracy_against",
    "curves_by_part",
    "heat_map",
    "metric_at_points",
    "paired_differences",
    "performance_profile",
    "save_figure",
]


def __getattr__(name: str) -> Any:
    """Import the module, and with it matplotlib, that defines the name."""
    if name not in MODULES:
        raise AttributeError(f"module 'analysis.figures' has no attribute {name!r}")
    return vars(import_module(f"analysis.figures.{MODULES[name]}"))[name]
