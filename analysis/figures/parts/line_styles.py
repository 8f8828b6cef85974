"""Colours and markers of lines: always the same for the same optimizer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Dashes = Literal["-", "--", ":", "-."]


@dataclass(frozen=True)
class LineStyle:
    """Colour and marker: each alone identifies one of a few lines, in grey print or for the
    colour-blind.
    """

    colour: str
    marker: str
    dashes: Dashes = "-"


# Colours by Okabe and Ito, which colour-blind readers can distinguish.
OPTIMIZER_STYLES: Mapping[str, LineStyle] = {
    "adaloss": LineStyle("#D55E00", "o"),
    "adagrad_norm": LineStyle("#0072B2", "s"),
    "adagrad_norm_rowwise": LineStyle("#56B4E9", "D"),
    "sgd_constant": LineStyle("#000000", "^"),
    "sgd_decay_sqrt": LineStyle("#009E73", "v"),
}
OTHER_STYLES: Sequence[LineStyle] = (
    LineStyle("#CC79A7", "P"),
    LineStyle("#E69F00", "d"),
    LineStyle("#0072B2", "<"),
    LineStyle("#D55E00", ">"),
    LineStyle("#009E73", "p"),
    LineStyle("#56B4E9", "h"),
    LineStyle("#000000", "*"),
)
# After the last colour, the colours repeat with dashes and with the markers of others.
DASHES: Sequence[Dashes] = ("-", "--", ":", "-.")
BAND_COLOUR = "#EBEBEB"
"""The colour of the band of diverged trials."""
BAND_LABEL = "diverged"
MAX_LINES = 2 * len(OTHER_STYLES)
"""More lines in one panel cannot be distinguished."""


def line_styles(values: Sequence[object]) -> dict[object, LineStyle]:
    """A style for each value; values that are no optimizers get the styles in turn.

    First those with a colour that no optimizer among the values has: a × has nothing else.
    """
    others = [value for value in values if str(value) not in OPTIMIZER_STYLES]
    taken = {OPTIMIZER_STYLES[str(value)].colour for value in values if value not in others}
    free = sorted(OTHER_STYLES, key=lambda style: style.colour in taken)
    styles = {value: other_style(number, free) for number, value in enumerate(others)}
    return {value: styles.get(value) or OPTIMIZER_STYLES[str(value)] for value in values}


def other_style(number: int, styles: Sequence[LineStyle]) -> LineStyle:
    """The style of the ``number``-th line, from 0, that is not an optimizer's."""
    turn, index = divmod(number, len(styles))
    marker = styles[(index + turn) % len(styles)].marker
    return replace(styles[index], marker=marker, dashes=DASHES[turn % len(DASHES)])
