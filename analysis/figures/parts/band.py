"""The band for diverged trials: at the end of an axis, outside its values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, Locator

from adaloss.tasks.metric import Metric
from analysis.figures.parts.line_styles import BAND_COLOUR, BAND_LABEL


@dataclass(frozen=True, kw_only=True)
class Band:
    """A strip at the lower or upper end of an axis, with this share of the panel."""

    share: float
    at_end: bool
    axis: Literal["x", "y"] = "y"

    @property
    def middle(self) -> float:
        """The position of marks in the band, as a share of the panel."""
        return 1 - self.share / 2 if self.at_end else self.share / 2

    def set_apart(
        self, panels: Sequence[Axes], *, named: Collection[Axes] = (), label: str = BAND_LABEL
    ) -> None:
        """Add the band to panels with a common scale; axis, ticks and grid stay outside.

        The scale and its limits must be set. Panels in ``named`` get the ``label`` at the axis.
        """
        axis = panels[0].yaxis if self.axis == "y" else panels[0].xaxis
        transform = axis.get_transform()
        backwards = transform.inverted()
        low, high = (float(end) for end in transform.transform(axis.get_view_interval()))
        more = (high - low) * self.share / (1 - self.share)
        start, end = (low, high + more) if self.at_end else (low - more, high)
        middle = start + self.middle * (end - start)
        numbers = backwards.transform([low, high, start, end, middle])
        first, last, start, end, middle = (float(number) for number in numbers)
        set_limits = panels[0].set_ylim if self.axis == "y" else panels[0].set_xlim
        set_limits(start, end)
        axis.set_major_locator(Between(axis.get_major_locator(), first, last))
        if named:
            axis.set_minor_locator(FixedLocator([middle]))
            axis.set_minor_formatter(FixedFormatter([label]))
        for axes in panels:
            axes.add_patch(self.strip(axes))
            axes.spines["left" if self.axis == "y" else "bottom"].set_bounds(first, last)
            if named:
                size = axis.get_tick_params().get("labelsize", mpl.rcParams["ytick.labelsize"])
                look: dict[str, Any] = {"length": 0, "labelleft": axes in named}
                axes.tick_params(axis=self.axis, which="minor", labelsize=size, **look)

    def strip(self, axes: Axes) -> Rectangle:
        """The band itself."""
        start = 1 - self.share if self.at_end else 0.0
        across, upwards = (self.share, 1) if self.axis == "x" else (1, self.share)
        corner = (start, 0) if self.axis == "x" else (0, start)
        look: dict[str, Any] = {"facecolor": BAND_COLOUR, "linewidth": 0, "zorder": 0}
        return Rectangle(corner, across, upwards, transform=axes.transAxes, **look)


def band_for(metric: Metric, share: float) -> Band:
    """The band for a metric, at the worse end of its axis."""
    return Band(share=share, at_end=metric.goal == "minimize")


class Between(Locator):
    """The ticks of another locator that lie between two values."""

    def __init__(self, locator: Locator, low: float, high: float) -> None:
        self.locator = locator
        self.low, self.high = low, high
        self.axis = locator.axis

    def set_axis(self, axis: Any) -> None:
        """The axis of the band."""
        super().set_axis(axis)
        self.locator.set_axis(axis)

    def __call__(self) -> list[float]:
        """The ticks."""
        margin = 1e-9 * abs(self.high - self.low)
        return [t for t in self.locator() if self.low - margin <= t <= self.high + margin]
