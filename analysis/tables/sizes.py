"""The number of examples behind a table's numbers, for its caption."""

from collections.abc import Callable, Iterator

import pandas as pd

from adaloss.records.result import TrialState
from analysis.frame.column_types import values_of
from analysis.frame.frame import Values, task_in
from analysis.tables.measure import Measure

NOT_RECORDED = "not recorded"
PARTS = {
    "train": ("train_size", "training"),
    "val": ("val_size", "validation"),
    "test": ("test_size", "test"),
}
"""By prefix of a metric: the frame's column with the number of examples, and their name."""


def on_examples(trials: pd.DataFrame, measure: Measure) -> str:
    """``, on 360 test images`` if every trial with a number has this size, else nothing."""
    sizes = set(sizes_of(trials, measure))
    if len(sizes) != 1 or NOT_RECORDED in sizes:
        return ""
    return f", on {sizes.pop()} {part_of(measure)[1]} {examples_of(trials)}"


def differing_sizes(
    part: pd.DataFrame, measure: Measure, by_axis: Callable[[pd.DataFrame, Values], str]
) -> Iterator[str]:
    """``Test images: 360; 10,000 for mnist.`` if trials differ; nothing if no size is known."""
    sizes = sizes_of(part, measure)
    if len(set(sizes)) > 1:
        shown = by_axis(complete(part), Values(sizes, None))
        yield f"{part_of(measure)[1].capitalize()} {examples_of(part)}: {shown}."


def examples_of(trials: pd.DataFrame) -> str:
    """What the trials' data sets consist of, in the plural."""
    data = task_in(trials).data
    return data.examples if data else "examples"


def sizes_of(trials: pd.DataFrame, measure: Measure) -> list[str]:
    """The size in each complete trial as text; none for a metric without examples."""
    column, _ = part_of(measure)
    if column not in trials:
        return []
    sizes = values_of(complete(trials), column)
    return [NOT_RECORDED if size is None else f"{size:,}" for size in sizes]


def part_of(measure: Measure) -> tuple[str, str]:
    """The column and the name of the metric's examples; empty for other metrics."""
    return PARTS.get(measure.metric.partition("/")[0], ("", ""))


def complete(trials: pd.DataFrame) -> pd.DataFrame:
    """The complete trials."""
    return trials[(trials["state"] == TrialState.COMPLETE.value).to_numpy(dtype=bool)]
