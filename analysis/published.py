"""The published tables beside a sweep's own numbers, with every condition that differs.

The numbers are those of the authors' repository (README of 2021-12-13 and of 2021-12-16): test
accuracy in percent, mean and standard deviation over ``runs``. The second version replaced the
first: its ResNet50-swsl column, withdrawn, was higher by about 7 points. The AdaGrad-Norm of both
is the repository's, whose b is a number per row of each tensor: here ``adagrad_norm_rowwise``.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd

from adaloss.store import Store
from adaloss.trial import Trial
from analysis.cells import Cell, CellStatus, cell_of
from analysis.frame import build_frame
from analysis.wording import number_text, value_text

VERSION = "readme-2021-12-16"
DECIMALS = 2
METRIC = "last:test/top1"
# What a trial must be to be compared at all, and what should be equal but may be told.
SAME = {"dataset": "cifar100", "pretrained": True}
RECIPE = {
    "epochs": 10,
    "lr": 0.1,
    "batch_size": 128,
    "weight_decay": 1e-4,
    "momentum": 0.0,
    "resize": 256,
    "image_size": 224,
    "flip": True,
    "precision": "fp32",
    "train_examples": None,
}
HEADINGS = ("model", "b0", "optimizer", "ours", "n", "published", "n", "difference")


@dataclass(frozen=True)
class PublishedCell:
    """A cell of the published table, in percent over so many runs; mean None is N/A."""

    model: str
    b0: float
    optimizer: str
    mean: float | None
    std: float | None
    runs: int


def published_cells(version: str = VERSION) -> Iterator[PublishedCell]:
    """The cells of a version of the published tables, in their order."""
    with files("analysis").joinpath("published.csv").open() as lines:
        for row in csv.DictReader(lines):
            if row["source"] == version:
                yield PublishedCell(
                    model=row["model"],
                    b0=float(row["b0"]),
                    optimizer=row["optimizer"],
                    mean=float(row["mean"]) if row["mean"] else None,
                    std=float(row["std"]) if row["std"] else None,
                    runs=int(row["runs"]),
                )


def published_beside(trials: Sequence[Trial], store: Store) -> str | None:
    """Ours beside theirs in Markdown, cell by cell; None where nothing can be compared.

    A cell is compared if the paper has its model, b0 and optimizer and it is a pretrained model on
    CIFAR-100. What else differs from the published recipe is listed above the table.
    """
    frame = build_frame(trials, store)
    for field, value in SAME.items():
        frame = frame[frame[field] == value]
    rows: list[tuple[str, ...]] = []
    compared: list[pd.DataFrame] = []
    for cell in published_cells():
        ours = frame[
            (frame["model"] == cell.model)
            & (frame["b0"] == cell.b0)
            & (frame["optimizer"] == cell.optimizer)
        ]
        if not ours.empty:
            compared.append(ours)
            rows.append(row_of(cell, cell_of(ours, METRIC, "any")))
    if not rows:
        return None
    lines = [
        f"Test top-1 accuracy (%) after the last epoch, beside the authors' table ({VERSION}). "
        "Which epoch theirs is of they do not say.",
        "",
        *differences(pd.concat(compared)),
        "",
        *("| " + " | ".join(row) + " |" for row in (HEADINGS, ("---",) * len(HEADINGS), *rows)),
    ]
    return "\n".join(lines) + "\n"


def row_of(theirs: PublishedCell, ours: Cell) -> tuple[str, ...]:
    """One line of the table."""
    difference = ""
    if ours.mean is not None and theirs.mean is not None:
        difference = f"{ours.mean - theirs.mean:+.{DECIMALS}f}"
    return (
        theirs.model,
        value_text(theirs.b0),
        theirs.optimizer,
        shown(ours.mean, ours.std, ours.status),
        str(ours.n),
        shown(theirs.mean, theirs.std, CellStatus.NA),
        str(theirs.runs),
        difference,
    )


def shown(mean: float | None, std: float | None, status: CellStatus) -> str:
    """A cell's text: mean±std, N/A where it diverged, nothing where there is none."""
    if mean is None:
        return "N/A" if status is CellStatus.NA else ""
    spread = "" if std is None else f"±{number_text(std, DECIMALS)}"
    return number_text(mean, DECIMALS) + spread


def differences(trials: pd.DataFrame) -> list[str]:
    """A line for each condition in which the trials are not the published recipe."""
    told = []
    for field, theirs in RECIPE.items():
        own = [value for value in trials[field].unique().tolist() if not same(value, theirs)]
        if own:
            values = ", ".join(value_text(value) for value in own)
            told.append(f"- {field}: {values} here, {value_text(theirs)} there")
    return ["What differs:", "", *told] if told else ["The recipe is the published one."]


def same(value: object, theirs: object) -> bool:
    """Whether two values of a field are equal; pandas has NaN for none."""
    nothing = value is None or value != value
    return nothing if theirs is None else value == theirs
