"""What a line of a figure is recognised by: always the same for the same optimizer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle


@dataclass(frozen=True)
class LineStyle:
    """Colour and marker: either alone is enough, in grey print or for the colour-blind."""

    colour: str
    marker: str


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
    LineStyle("#E69F00", "X"),
    LineStyle("#0072B2", "<"),
    LineStyle("#D55E00", ">"),
    LineStyle("#009E73", "p"),
    LineStyle("#56B4E9", "h"),
    LineStyle("#000000", "*"),
)
OPTIMIZER_LABELS: Mapping[str, str] = {
    "adaloss": "AdaLoss",
    "adagrad_norm": "AdaGrad-Norm",
    "adagrad_norm_rowwise": "AdaGrad-Norm, row-wise",
    "sgd_constant": "SGD, constant rate",
    "sgd_decay_sqrt": "SGD, 1/√t decay",
}


def line_styles(values: Sequence[object]) -> dict[object, LineStyle]:
    """A style for each of these values; what is no optimizer gets the other styles in turn."""
    others = cycle(OTHER_STYLES)
    return {value: OPTIMIZER_STYLES.get(str(value)) or next(others) for value in values}
