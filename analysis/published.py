"""The published tables as a side of a comparison: the numbers, the recipe, and remarks.

The numbers are those of the authors' repository (README of 2021-12-13 and of 2021-12-16): test
accuracy in percent, mean and standard deviation over ``runs``. The second version replaced the
first, whose ResNet50-swsl column was about 7 points higher and was withdrawn. AdaGrad-Norm in both
is the repository's variant with a number b per row of each tensor: here ``adagrad_norm_rowwise``.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pandas as pd

from adaloss.errors import UserError
from adaloss.tasks.images.task import IMAGE_CLASSIFICATION
from analysis.comparison.file.load import file_side
from analysis.comparison.side import CODE, METRIC, ROUNDING, Caveat, Side, SideCell
from analysis.frame.column_types import values_of
from analysis.frame.frame import task_in
from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.page import Page

MEASURE = Measure(metric=IMAGE_CLASSIFICATION.reported, at="last", goal="maximize")
VIT = "vit_small_patch16_224.augreg_in21k_ft_in1k"
RESNET = "resnet50.fb_swsl_ig1b_ft_in1k"

VERSIONS: Mapping[str, str] = {
    "published:2021-12-13": "readme-2021-12-13",
    "published:2021-12-16": "readme-2021-12-16",
}
"""The names of the versions, and their ``source`` in published.csv."""
LATEST = "published:2021-12-16"
SOURCE = "the authors' repository (Wu, Xie, Du, Ward, AAAI 2022)"

# The fields that all published runs share. Fields that are not listed were not published.
RECIPE: Mapping[str, object] = {
    "dataset": "cifar100",
    "pretrained": True,
    "epochs": 10,
    "lr": 0.1,
    "batch_size": 128,
    "weight_decay": 1e-4,
    "momentum": 0.0,
    "resize": 256,
    "image_size": 224,
    "padding": 0,
    "flip": True,
    "normalize": "dataset",
    "precision": "fp32",
    "split_seed": "trial",
    "train_examples": None,
}
CAVEATS = (
    Caveat(
        text=(
            "AdaGrad-Norm there is the variant of the authors' repository: it has a number b "
            "per row of each tensor (adagrad_norm_rowwise), and its weight decay applies to the "
            "gradient. Here it is the paper's, with one b for all weights (adagrad_norm): these "
            "are different optimizers"
        ),
        ours={"optimizer": "adagrad_norm"},
        theirs={"optimizer": "adagrad_norm_rowwise"},
    ),
    Caveat(
        text="batch_size there: 128 in the authors' code, 64 in the last README",
    ),
)
WITHDRAWN = Caveat(
    text=(
        "The ResNet50-swsl numbers of 2021-12-13 were withdrawn: three days later the authors "
        "published numbers about 7 points lower (of AdaLoss about 84 in place of 90.7). Compare "
        f"with {LATEST}"
    ),
    theirs={"model": RESNET},
)
# Trials are compared automatically only if they belong to the published experiment.
SAME = ("dataset", "pretrained")


@dataclass(frozen=True)
class PublishedCell:
    """A cell of the published table, in percent; mean None is N/A."""

    model: str
    b0: float
    optimizer: str
    mean: float | None
    std: float | None
    runs: int


def published_cells(version: str = LATEST) -> Iterator[PublishedCell]:
    """The cells of a version of the published tables, in their order."""
    with files("analysis").joinpath("published.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["source"] == VERSIONS[version]:
                yield PublishedCell(
                    model=row["model"],
                    b0=float(row["b0"]),
                    optimizer=row["optimizer"],
                    mean=float(row["mean"]) if row["mean"] else None,
                    std=float(row["std"]) if row["std"] else None,
                    runs=int(row["runs"]),
                )


def published_side(name: str = "published") -> Side:
    """A version of the published tables; ``published`` alone is the latest.

    Raises:
        UserError: there is no such version.
    """
    version = LATEST if name == "published" else name
    if version not in VERSIONS:
        raise UserError(f"there is no {name}; there are {', '.join(VERSIONS)}")
    withdrawn = version != LATEST
    return Side(
        name=version,
        cells=tuple(
            side_cell(cell, withdrawn=withdrawn and cell.model == RESNET)
            for cell in published_cells(version)
        ),
        measure=MEASURE,
        circumstances={METRIC: MEASURE.label, ROUNDING: "2 decimals", CODE: SOURCE},
        caveats=(WITHDRAWN, *CAVEATS) if withdrawn else CAVEATS,
        stands_in={"optimizer": {"adagrad_norm": "adagrad_norm_rowwise"}},
    )


def side_cell(cell: PublishedCell, *, withdrawn: bool) -> SideCell:
    """The cell with its recipe."""
    own = {"model": cell.model, "b0": cell.b0, "optimizer": cell.optimizer}
    return SideCell(
        fields={**RECIPE, **own},
        mean=cell.mean,
        std=cell.std,
        n=cell.runs,
        status=CellStatus.NA if cell.mean is None else CellStatus.VALUE,
        expected=cell.runs,
        mark="withdrawn" if withdrawn else "",
    )


def published_page(frame: pd.DataFrame, names: Names = NO_LABELS) -> Page | None:
    """Compare a sweep with the latest published numbers; None if they share no cell.

    ``frame`` is that of :func:`analysis.frame.frame.build_frame`. Only trials of the published
    experiment count, because this comparison is automatic.
    """
    wanted = tuple(RECIPE[name] for name in SAME)
    if not set(SAME) <= set(frame) or task_in(frame).is_program:
        return None
    same = [row == wanted for row in zip(*(values_of(frame, name) for name in SAME), strict=True)]
    if not any(same):
        return None
    # Importing scipy for the tests takes time, and most sweeps have no published cells.
    from analysis.comparison.compare import compare
    from analysis.comparison.from_records import records_side
    from analysis.comparison.page import comparison_page

    try:
        ours = records_side(frame[same], name="this sweep", measure=MEASURE)
        return comparison_page(compare(ours, published_side(), names))
    except UserError:
        return None


def named_side(name: str, *, measure: Measure) -> Side | None:
    """The side that a name of the command line means; None if it is another grid.

    ``published`` and ``published:DATE`` are the published tables, ``….csv`` is a file of results.

    Raises:
        UserError: there is no such version, or the file cannot be used.
    """
    if name == "published" or name.startswith("published:"):
        return published_side(name)
    if name.lower().endswith(".csv"):
        return file_side(Path(name), measure=measure)
    return None
