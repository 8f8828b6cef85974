"""What a line of a figure is recognised by: always the same for the same optimizer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Dashes = Literal["-", "--", ":", "-."]


@dataclass(frozen=True)
class LineStyle:
    """Colour and marker: either alone is enough, in grey print or for the colour-blind."""

    colour: str
    marker: str
    dashes: Dashes = "-"


# Colours that the colour-blind can tell apart, by Okabe and Ito.
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
# When every colour has been used, they come again in dashes.
DASHES: Sequence[Dashes] = ("-", "--", ":", "-.")
BAND_COLOUR = "#EBEBEB"
"""Of the band beside an axis in which what diverged stands."""
BAND_LABEL = "diverged"
MAX_LINES = 2 * len(OTHER_STYLES)
"""More lines than these in one panel nobody tells apart."""


def line_styles(values: Sequence[object]) -> dict[object, LineStyle]:
    """A style for each of these values; what is no optimizer gets the other styles in turn."""
    others = [value for value in values if str(value) not in OPTIMIZER_STYLES]
    styles = {value: other_style(number) for number, value in enumerate(others)}
    return {value: styles.get(value) or OPTIMIZER_STYLES[str(value)] for value in values}


def other_style(number: int) -> LineStyle:
    """The style of the ``number``-th line, from 0, that is of no optimizer."""
    turn, index = divmod(number, len(OTHER_STYLES))
    return replace(OTHER_STYLES[index], dashes=DASHES[turn % len(DASHES)])
