"""The sizes and fonts of a venue's figures.

A figure is drawn as always at a smaller width, and then enlarged with all that is in it, so that
its proportions are those that the layout was made for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.collections import Collection, PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation, Text

from analysis.figures.parts.sheet import COLUMN_INCHES, PAGE_INCHES, TEXT_POINTS

TIMES = "STIXGeneral"
"""Times in form and width, as in the LaTeX styles; matplotlib brings it, so files are the same on
every machine, with LaTeX or without."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """The width of a text ``page`` and of a ``column`` in inches, and the size of text in points.

    ``family`` is the font, None for matplotlib's own.
    """

    page: float
    column: float
    points: float
    family: str | None = None

    @property
    def scale(self) -> float:
        """How many times larger than usual everything is."""
        return self.points / TEXT_POINTS


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "paper": Style(page=PAGE_INCHES, column=COLUMN_INCHES, points=TEXT_POINTS),
        # \textwidth is 5.5 in, captions and text are 10 points.
        "neurips": Style(page=5.5, column=2.7, points=8, family=TIMES),
        # \textwidth is 6.75 in, \columnwidth 3.25 in, captions are 9 points.
        "icml": Style(page=6.75, column=3.25, points=8, family=TIMES),
        # A slide of 13.33 x 7.5 in with margins, or half of one.
        "slides": Style(page=12.0, column=5.9, points=16),
    }
)


def in_style(draw: Callable[[], Figure], style: Style) -> Figure:
    """The figure that is drawn, enlarged and in the font of the style."""
    figure, scale = draw(), style.scale
    with mpl.style.context("default"):
        ticks = set(tick_artists(figure))
        for artist in figure.findobj():
            if artist not in ticks:
                enlarge(artist, scale, style.family)
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                enlarge_ticks(axis, scale, style.family)
        figure.set_size_inches(*(scale * side for side in figure.get_size_inches()))
    return figure


def tick_artists(figure: Figure) -> Iterator[Artist]:
    """The artists of ticks, which their axis describes."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                yield from tick.findobj()


def enlarge(artist: Artist, scale: float, family: str | None) -> None:
    """Enlarge the text, lines and marks of one artist, whose places are not in points."""
    if isinstance(artist, Text):
        artist.set_fontsize(scale * float(artist.get_fontsize()))
        if family is not None:
            artist.set_fontfamily(family)
        if isinstance(artist, Annotation) and artist.anncoords == "offset points":
            x, y = artist.xyann
            artist.xyann = (scale * float(x), scale * float(y))
    elif isinstance(artist, Line2D):
        artist.set_linewidth(scale * artist.get_linewidth())
        artist.set_markersize(scale * artist.get_markersize())
        artist.set_markeredgewidth(scale * artist.get_markeredgewidth())
    elif isinstance(artist, Patch):
        artist.set_linewidth(scale * artist.get_linewidth())
    elif isinstance(artist, Collection):
        artist.set_linewidth(
            [scale * float(width) for width in np.atleast_1d(artist.get_linewidth())]
        )
        if isinstance(artist, PathCollection):
            artist.set_sizes(scale**2 * artist.get_sizes())


def enlarge_ticks(axis: Axis, scale: float, family: str | None) -> None:
    """Enlarge the ticks that an axis has and will have."""
    defaults: Any = mpl.rcParams
    named: Any = axis
    for which in ("major", "minor"):
        known = axis.get_tick_params(which=which)
        prefix = f"{named.axis_name}tick"
        size = known.get("labelsize", defaults[f"{prefix}.labelsize"])
        changes: dict[str, Any] = {
            "labelsize": scale * FontProperties(size=size).get_size_in_points(),
            "length": scale * known.get("length", defaults[f"{prefix}.{which}.size"]),
            "width": scale * known.get("width", defaults[f"{prefix}.{which}.width"]),
            "pad": scale * known.get("pad", defaults[f"{prefix}.{which}.pad"]),
        }
        if family is not None:
            changes["labelfontfamily"] = family
        axis.set_tick_params(which=which, **changes)
