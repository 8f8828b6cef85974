"""Check for values that are valid alone and impossible together."""

import math
from collections.abc import Collection, Iterator
from typing import Any

from adaloss.grid.mistakes.problems import KeyPath, Problem, dotted
from adaloss.grid.mistakes.wording import as_written
from adaloss.grid.points.parameters import Values, exact
from adaloss.grid.points.points import Cell, Point, Points
from adaloss.grid.reading.file import GridFile
from adaloss.optimizer_names import is_named, rate_of
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.model_names import has_published_weights


def impossible_combinations(
    file: GridFile, axes: Values, points: Points, cells: list[Cell], invalid: Collection[str]
) -> Iterator[Problem]:
    """The cells whose values are impossible together. Fields in ``invalid`` are not checked."""
    declared = declared_in(axes, points)
    matched = [*(match for match, _ in points.overrides), *points.exclude]
    yield from equal_but_different(file, [*declared, *matched])
    if file.task.fields is not ImageTrial or not file.knows_its_task:
        return
    if not {"resize", "image_size"} & set(invalid):
        yield from crops_too_large(file, declared, cells)
    if not {"dataset", "resize", "image_size"} & set(invalid):
        yield from images_of_any_size(file, declared, cells)
    if not {"model", "pretrained"} & set(invalid):
        yield from without_weights(file, declared, cells)


def declared_in(axes: Values, points: Points) -> list[Point]:
    """What gives cells their values."""
    return [Point(("parameters",), axes), *(new for _, new in points.overrides), *points.include]


def equal_but_different(file: GridFile, points: list[Point]) -> Iterator[Problem]:
    """Hyperparameters with both true and 1, say: one cell, frame and table cannot hold both.

    They are equal in Python, and an optimizer may still tell them apart.
    """
    found: dict[tuple[str, Any], Any] = {}
    for point in points:
        for name, value in ((n, v) for n, values in point.values.items() for v in values):
            first = found.setdefault((name, value), value)
            if exact(first) != exact(value):
                message = (
                    f"{name} has both {as_written(first)} and {as_written(value)}, which tables "
                    "cannot tell apart: write one of them everywhere, or two grids"
                )
                yield file.problem((*point.path, name), message)


def path_of_value(declared: list[Point], field: str, value: object) -> KeyPath:
    """The path in the grid that sets the field to this value."""
    return next((*p.path, field) for p in declared if value in p.values.get(field, ()))


def b0_without_square(
    file: GridFile, axes: Values, points: Points, cells: list[Cell], invalid: Collection[str]
) -> Iterator[Problem]:
    """Cells whose b_t² cannot start from b0²; a constant rate of other optimizers has no b_t²."""
    if file.task.is_program or {"optimizer", "rate", "b0"} & set(invalid):
        return
    for cell in cells:
        # An included cell may lack an optimizer, which is a mistake of its own.
        optimizer, b0 = cell.get("optimizer", ""), cell["b0"]
        constant = is_named(optimizer) and rate_of(optimizer, cell["rate"]) == "constant"
        if not (0 < b0 * b0 < math.inf or constant):
            message = (
                "b0 must be between 1e-160 and 1e154, so that b0² is above 0 and finite, "
                f"found {as_written(b0)}"
            )
            path = path_of_value(declared_in(axes, points), "b0", b0)
            yield Problem(file.line(path), dotted(path), message)
            return


def crops_too_large(file: GridFile, declared: list[Point], cells: list[Cell]) -> Iterator[Problem]:
    """Cells whose images are resized to less than the size of the crop."""
    for cell in cells:
        resize, crop = cell["resize"], cell["image_size"]
        if resize and crop and resize < crop:
            message = (
                f"resize must be at least image_size ({crop}), found {resize}: crops are taken "
                "from the resized image"
            )
            yield file.problem(path_of_value(declared, "resize", resize), message)
            return


def images_of_any_size(
    file: GridFile, declared: list[Point], cells: list[Cell]
) -> Iterator[Problem]:
    """Cells with an image folder and no size to which its images are resized."""
    for cell in cells:
        # An included cell may lack it, which is a mistake of its own.
        dataset = cell.get("dataset", "")
        if dataset.startswith(IMAGE_FOLDER) and not (cell["resize"] or cell["image_size"]):
            message = f"{dataset} has images of any size: write resize or image_size as well"
            yield file.problem(path_of_value(declared, "dataset", dataset), message)
            return


def without_weights(file: GridFile, declared: list[Point], cells: list[Cell]) -> Iterator[Problem]:
    """Cells with ``pretrained: true`` for a model without published weights."""
    pretrained = [cell for cell in cells if cell["pretrained"] is True]
    models = {cell["model"] for cell in pretrained if "model" in cell}
    if unpublished := sorted(model for model in models if not has_published_weights(model)):
        message = (
            f"pretrained must be false or the path of a file for {', '.join(unpublished)}, found "
            f"true; no weights are published for {'it' if len(unpublished) == 1 else 'them'}"
        )
        yield file.problem(path_of_value(declared, "pretrained", True), message)
