"""The names of the data sets."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from adaloss.grid.mistakes.problems import closest
from adaloss.grid.mistakes.wording import described
from adaloss.records.places import Places

DATASET_NAMES: tuple[str, ...] = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
IMAGE_FOLDER = "imagefolder:"


def known_dataset(name: str) -> str:
    """Return the name; raise pydantic's error if no data set has it."""
    if name in DATASET_NAMES or (name.startswith(IMAGE_FOLDER) and name != IMAGE_FOLDER):
        return name
    match = closest(name, DATASET_NAMES)
    hint = f"; did you mean {match}?" if match else ""
    reason = (
        f"must be {', '.join(DATASET_NAMES)} or {IMAGE_FOLDER}PATH, found {described(name)}{hint}"
    )
    raise PydanticCustomError("rejected", "{reason}", {"reason": reason})


def image_folder_candidates(declared: str, places: Places) -> tuple[Path, ...]:
    """The folders that the PATH of ``imagefolder:PATH`` may mean, in order.

    A relative PATH is resolved against the grid's folder, the working folder and the data root.
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
