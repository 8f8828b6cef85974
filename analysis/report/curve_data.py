"""The learning curves as columns for the page's script."""

from analysis.measure import METRIC_LABELS
from analysis.report.curves import Curves
from analysis.report.figure_data import JsonValue, rounded


def curves_data(curves: Curves) -> dict[str, JsonValue]:
    """The curves as columns; the epochs, which most curves share, once each."""
    epochs: dict[tuple[int, ...], int] = {}
    shared = [
        epochs.setdefault(tuple(curve.epochs.astype(int).tolist()), len(epochs))
        for curve in curves.curves
    ]
    return {
        "metrics": [{"label": METRIC_LABELS[name], "name": name} for name in curves.quantities],
        "cell": [curve.point for curve in curves.curves],
        "seed": [curve.seed for curve in curves.curves],
        "diverged": [int(curve.has_diverged) for curve in curves.curves],
        "epochs": shared,
        "epoch_lists": [list(numbers) for numbers in epochs],
        "values": [
            [[rounded(value) for value in curve.values[index].tolist()] for curve in curves.curves]
            for index in range(len(curves.quantities))
        ],
    }
