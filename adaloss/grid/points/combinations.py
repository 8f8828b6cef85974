"""Values that are right one by one and impossible together."""

from collections.abc import Collection, Iterator

from adaloss.grid.mistakes.problems import KeyPath, Problem
from adaloss.grid.points.parameters import Values
from adaloss.grid.points.points import Cell, Point, Points
from adaloss.grid.reading.file import GridFile
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.images.model_names import has_published_weights


def impossible_combinations(
    file: GridFile, axes: Values, points: Points, cells: list[Cell], doubtful: Collection[str]
) -> Iterator[Problem]:
    """What is wrong with cells as a whole; fields in ``doubtful`` are not judged."""
    declared = [
        Point(("parameters",), axes),
        *(new for _, new in points.overrides),
        *points.include,
    ]
    if not {"resize", "image_size"} & set(doubtful):
        yield from crops_too_large(file, declared, cells)
    if not {"dataset", "resize", "image_size"} & set(doubtful):
        yield from images_of_any_size(file, declared, cells)
    if not {"model", "pretrained"} & set(doubtful):
        yield from without_weights(file, declared, cells)


def blamed(declared: list[Point], field: str, value: object) -> KeyPath:
    """Where the grid gives this value to the field."""
    return next((*p.path, field) for p in declared if value in p.values.get(field, ()))


def crops_too_large(file: GridFile, declared: list[Point], cells: list[Cell]) -> Iterator[Problem]:
    """Cells whose images are resized to less than what is to be cropped from them."""
    for cell in cells:
        resize, crop = cell["resize"], cell["image_size"]
        if resize and crop and resize < crop:
            message = (
                f"resize must be at least image_size ({crop}), found {resize}: crops are taken "
                "from the resized image"
            )
            yield file.problem(blamed(declared, "resize", resize), message)
            return


def images_of_any_size(
    file: GridFile, declared: list[Point], cells: list[Cell]
) -> Iterator[Problem]:
    """Cells that do not say to what size a folder's images are to be resized."""
    for cell in cells:
        dataset = cell["dataset"]
        if dataset.startswith(IMAGE_FOLDER) and not (cell["resize"] or cell["image_size"]):
            message = f"{dataset} has images of any size: write resize or image_size as well"
            yield file.problem(blamed(declared, "dataset", dataset), message)
            return


def without_weights(file: GridFile, declared: list[Point], cells: list[Cell]) -> Iterator[Problem]:
    """Cells that want published weights of a model that has none."""
    models = {cell["model"] for cell in cells if cell["pretrained"] is True}
    if own := sorted(model for model in models if not has_published_weights(model)):
        message = (
            f"pretrained must be false or the path of a file with {', '.join(own)}, found true; "
            f"no weights are published for {'it' if len(own) == 1 else 'them'}"
        )
        yield file.problem(blamed(declared, "pretrained", True), message)
