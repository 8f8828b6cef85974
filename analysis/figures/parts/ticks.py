"""The names along an axis: horizontal, slanted or vertical, depending on the space."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.figures.parts.labels import broken, lines_inches, literal, text_inches
from analysis.figures.parts.sheet import TEXT_POINTS

NAME_WIDTH = 18
"""The largest number of characters in a line of a name."""
GAP = 0.06
"""The gap between neighbours in inches."""


@dataclass(frozen=True, kw_only=True)
class Ticks:
    """The names of ticks, in lines, rotated by ``degrees``; only those in ``kept`` fit."""

    names: tuple[str, ...]
    degrees: int
    kept: frozenset[int]

    @property
    def shown(self) -> list[str]:
        """The escaped text at each tick."""
        return [literal(n) if index in self.kept else "" for index, n in enumerate(self.names)]

    @property
    def turn(self) -> dict[str, Any]:
        """The rotation for matplotlib."""
        slants: dict[int, dict[str, Any]] = {
            0: {},
            45: {"rotation": 45, "ha": "right", "rotation_mode": "anchor"},
            90: {"rotation": 90},
        }
        return slants[self.degrees]

    @property
    def height(self) -> float:
        """The height of the names below the axis in inches."""
        angle = math.radians(self.degrees)
        return max(
            text_inches(name, TEXT_POINTS) * math.sin(angle) + tall(name) * math.cos(angle)
            for name in self.names
        )


def ticks_of(texts: Sequence[str], offsets: Sequence[float]) -> Ticks:
    """The ticks at these offsets, in inches along the axis: horizontal if all fit, else rotated.

    If names would touch even when vertical, some ticks have no name.
    """
    names = tuple(broken(text, NAME_WIDTH) for text in texts)
    wide = [text_inches(name, TEXT_POINTS) + GAP for name in names]
    # A name at 45° takes its height times √2 along the axis.
    aslant = [tall(name) * math.sqrt(2) for name in names]
    upright = [tall(name) for name in names]
    ways = ((0, wide), (45, aslant), (90, upright))
    tried = [(degrees, apart(offsets, needed)) for degrees, needed in ways]
    fitting = [(degrees, kept) for degrees, kept in tried if len(kept) == len(names)]
    degrees, kept = fitting[0] if fitting else tried[-1]
    return Ticks(names=names, degrees=degrees, kept=kept)


def tall(name: str) -> float:
    """The height of a name's lines in inches."""
    return lines_inches(name.count("\n") + 1, TEXT_POINTS)


def apart(offsets: Sequence[float], needed: Sequence[float]) -> frozenset[int]:
    """The positions of as many names as fit without touching, from the first; all in inches."""
    kept: list[int] = []
    for index, offset in enumerate(offsets):
        if not kept or offset - offsets[kept[-1]] >= (needed[index] + needed[kept[-1]]) / 2:
            kept.append(index)
    return frozenset(kept)
