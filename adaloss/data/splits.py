"""The three parts of a data set on the device, as a trial asks for them."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from adaloss.data.data_error import DataError
from adaloss.data.decoding import DECODING
from adaloss.data.digits import load_digits
from adaloss.data.folder_layout import folder_path, image_paths
from adaloss.data.image_folder import load_image_folder
from adaloss.data.prepared import prepared
from adaloss.data.raw import RawDataset
from adaloss.data.split import balanced_subset, split_indices
from adaloss.data.vision import VISION_DATASETS, fetch, load
from adaloss.dataset_names import IMAGE_FOLDER
from adaloss.places import prepared_folder
from adaloss.trial import Trial


@dataclass(frozen=True, kw_only=True)
class SplitsSpec:
    """What of a trial decides its examples: trials that agree in it share them.

    ``size`` and ``interpolation`` are how an image folder's images, of many sizes, are stored;
    None and "" for other data sets.
    """

    dataset: str
    split_seed: int
    train_examples: int | None
    eval_examples: int | None
    size: int | None
    interpolation: str


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Some of a data set's examples: ``images`` uint8 (all, height, width, channels) are shared.

    ``indices`` int64 (n,) say which are meant; ``labels`` int64 (n,) are those of these.
    """

    images: Tensor
    indices: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The three parts of a data set, resident on one device, and its constants."""

    train: Examples
    validation: Examples
    test: Examples
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_max: float

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.train.images.shape[-1]

    @property
    def image_size(self) -> int:
        """Height and width of an image in pixels."""
        return self.train.images.shape[1]


def spec_of(trial: Trial) -> SplitsSpec:
    """What the trial asks of its data set.

    Raises:
        DataError: the trial does not say to what size an image folder's images are to be resized.
    """
    size, interpolation = None, ""
    if trial.dataset.startswith(IMAGE_FOLDER):
        size, interpolation = trial.resize or trial.image_size, trial.interpolation
        if size is None:
            raise DataError(
                f"dataset {trial.dataset}: its images have many sizes; write resize or image_size "
                "into the grid's parameters"
            )
    return SplitsSpec(
        dataset=trial.dataset,
        split_seed=trial.seed if trial.split_seed == "trial" else trial.split_seed,
        train_examples=trial.train_examples,
        eval_examples=trial.eval_examples,
        size=size,
        interpolation=interpolation,
    )


def fetch_and_prepare(spec: SplitsSpec, root: Path) -> None:
    """Bring the data set to this machine and into the form that workers map: once, before a sweep.

    Raises:
        DataError: it cannot be had; the message says which files to put where.
    """
    if spec.dataset in VISION_DATASETS:
        fetch(spec.dataset, root)
    load_raw(spec, root)


def load_raw(spec: SplitsSpec, root: Path) -> RawDataset:
    """The whole data set, mapped from where it was prepared; nothing is downloaded.

    Raises:
        DataError: files are missing or damaged.
    """
    if spec.dataset == "digits":
        return load_digits()
    if spec.dataset in VISION_DATASETS:
        files = VISION_DATASETS[spec.dataset].paths(root)
        if not all(path.exists() for path in files):
            return load(spec.dataset, root)
        path = prepared_folder() / f"{spec.dataset}-{fingerprint(files)}.safetensors"
        return prepared(path, lambda: load(spec.dataset, root))
    folder = folder_path(spec.dataset.removeprefix(IMAGE_FOLDER), root)
    size = spec.size
    assert size is not None, "spec_of gives image folders a size"
    key = fingerprint(image_paths(folder)[0])
    name = f"images{DECODING}-{size}-{spec.interpolation}-{key}.safetensors"
    path = prepared_folder() / name
    return prepared(path, lambda: load_image_folder(folder, size, spec.interpolation))


@lru_cache(maxsize=1)
def resident(spec: SplitsSpec, root: Path, device: str) -> tuple[RawDataset, Tensor]:
    """The whole data set, and its images on the device: one copy, however often it is split."""
    raw = load_raw(spec, root)
    return raw, raw.images.to(device)


def fingerprint(files: list[Path]) -> str:
    """Twelve digits that change when a file is replaced, by its path, size and time of change."""
    seen = hashlib.sha256()
    for path in files:
        about = path.stat()
        seen.update(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:12]


def load_splits(spec: SplitsSpec, root: Path, device: str) -> Splits:
    """The examples that a trial asks for, on the device; on a CPU shared between processes.

    Raises:
        DataError: the data set's files are missing or damaged, or a part would be empty.
    """
    source = replace(spec, split_seed=0, train_examples=None, eval_examples=None)
    raw, images = resident(source, root, device)
    train, validation, test = split_indices(raw, spec.split_seed)

    def examples(indices: Tensor, count: int | None) -> Examples:
        labels = raw.labels[indices]
        chosen = balanced_subset(labels, raw.classes, count, spec.split_seed)
        if len(chosen) == 0:
            raise DataError(
                f"dataset {spec.dataset}: it has too few images to split into training, "
                "validation and test"
            )
        return Examples(
            images=images, indices=indices[chosen].to(device), labels=labels[chosen].to(device)
        )

    return Splits(
        train=examples(train, spec.train_examples),
        validation=examples(validation, spec.eval_examples),
        test=examples(test, spec.eval_examples),
        classes=raw.classes,
        mean=raw.mean,
        std=raw.std,
        pixel_max=raw.pixel_max,
    )
