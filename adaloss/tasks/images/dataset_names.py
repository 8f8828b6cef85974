"""The names of the sets of images."""

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from adaloss.tasks.data.names import dataset_schema, known_dataset

DATASET_NAMES: tuple[str, ...] = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
IMAGE_FOLDER = "imagefolder:"

DatasetName = Annotated[
    str,
    AfterValidator(lambda name: known_dataset(name, DATASET_NAMES, IMAGE_FOLDER)),
    WithJsonSchema(dataset_schema(DATASET_NAMES, IMAGE_FOLDER)),
]
