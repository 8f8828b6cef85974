"""The data sets there are by name."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from adaloss.grid.mistakes.problems import closest
from adaloss.grid.mistakes.wording import described
from adaloss.records.places import Places

DATASET_NAMES: tuple[str, ...] = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
IMAGE_FOLDER = "imagefolder:"
# The parts that a data set may assign its examples to; TRAIN is split further.
TRAIN, VALIDATION, TEST = 0, 1, 2


def known_dataset(name: str) -> str:
    """The name itself; pydantic's error where there is no data set of this name."""
    if name in DATASET_NAMES or (name.startswith(IMAGE_FOLDER) and name != IMAGE_FOLDER):
        return name
    match = closest(name, DATASET_NAMES)
    hint = f"; did you mean {match}?" if match else ""
    reason = (
        f"must be {', '.join(DATASET_NAMES)} or {IMAGE_FOLDER}PATH, found {described(name)}{hint}"
    )
    raise PydanticCustomError("rejected", "{reason}", {"reason": reason})


def image_folder_candidates(declared: str, places: Places) -> tuple[Path, ...]:
    """Where the PATH of ``imagefolder:PATH`` is looked for.

    A relative one counts from the grid's folder, then the working folder, then the data root.
    """
    in_data = places.data_root / Path(declared).expanduser()
    return tuple(dict.fromkeys((*places.own_paths(declared), in_data)))


DatasetName = Annotated[
    str,
    AfterValidator(known_dataset),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(DATASET_NAMES)},
                {"type": "string", "pattern": f"^{IMAGE_FOLDER}.+"},
            ]
        }
    ),
]
