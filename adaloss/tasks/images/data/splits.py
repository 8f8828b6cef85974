"""The three parts of a trial's data set, on the device."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from adaloss.errors import DataError
from adaloss.records.places import NOWHERE, Places, prepared_folder
from adaloss.tasks.data.split import balanced_subset, split_indices
from adaloss.tasks.images.data.prepared import prepared
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.data.sources.digits import load_digits
from adaloss.tasks.images.data.sources.folder_layout import folder_path, images_digest
from adaloss.tasks.images.data.sources.image_folder import load_image_folder
from adaloss.tasks.images.data.sources.raw import RawDataset
from adaloss.tasks.images.data.sources.vision import fetch, load
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.images.fields import ImageTrial


@dataclass(frozen=True, kw_only=True)
class SplitsSpec:
    """The fields of a trial that determine its examples: trials with equal specs share them.

    ``size`` and ``interpolation`` say how the images of a folder are resized before they are
    stored; None and "" for other data sets.
    """

    dataset: str
    split_seed: int
    train_examples: int | None
    eval_examples: int | None
    size: int | None
    interpolation: str


@dataclass(frozen=True, kw_only=True)
class Examples:
    """A part of a data set.

    ``images`` uint8 (all, height, width, channels) are shared by all parts; ``indices`` int64 (n,)
    select this part's images, and ``labels`` int64 (n,) are their labels.
    """

    images: Tensor
    indices: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The three parts of a data set, resident on one device, and its constants.

    ``digest`` is the digest of the user's own files, None for other data sets.
    """

    train: Examples
    validation: Examples
    test: Examples
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_max: float
    digest: str | None = None

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.train.images.shape[-1]

    @property
    def image_size(self) -> int:
        """Height and width of an image in pixels."""
        return self.train.images.shape[1]


def spec_of(trial: ImageTrial, places: Places = NOWHERE) -> SplitsSpec:
    """The spec of the trial's examples, with the path of its image folder resolved.

    Raises:
        DataError: there is no such image folder, or the trial has neither resize nor image_size.
    """
    dataset, size, interpolation = trial.dataset, None, ""
    if trial.dataset.startswith(IMAGE_FOLDER):
        dataset = f"{IMAGE_FOLDER}{folder_path(trial.dataset.removeprefix(IMAGE_FOLDER), places)}"
        size, interpolation = trial.resize or trial.image_size, trial.interpolation
        if size is None:
            raise DataError(
                f"dataset {trial.dataset}: its images have many sizes; write resize or image_size "
                "into the grid's parameters"
            )
    return SplitsSpec(
        dataset=dataset,
        split_seed=trial.seed if trial.split_seed == "trial" else trial.split_seed,
        train_examples=trial.train_examples,
        eval_examples=trial.eval_examples,
        size=size,
        interpolation=interpolation,
    )


def fetch_and_prepare(spec: SplitsSpec, root: Path) -> None:
    """Download the data set if necessary, and store it in the form that workers map into memory.

    Raises:
        DataError: it cannot be downloaded or is too small to split; the message says which files
            to put where.
    """
    if spec.dataset in VISION_DATASETS:
        fetch(spec.dataset, root)
    raw = load_raw(spec, root)
    split_up(raw, raw.images, spec, "cpu")


def check_readable(spec: SplitsSpec, root: Path) -> None:
    """Read all files of a data set on this machine and split it; nothing is stored.

    Raises:
        DataError: files are missing or damaged, or a part would be empty.
    """
    if spec.dataset in VISION_DATASETS:
        raw = load(spec.dataset, root)
    elif spec.size is not None:
        folder = Path(spec.dataset.removeprefix(IMAGE_FOLDER))
        raw = load_image_folder(folder, spec.size, spec.interpolation)
    else:
        raw = load_raw(spec, root)
    split_up(raw, raw.images, spec, "cpu")


def load_raw(spec: SplitsSpec, root: Path) -> RawDataset:
    """The whole data set, mapped from its prepared file; nothing is downloaded.

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
    folder = Path(spec.dataset.removeprefix(IMAGE_FOLDER))
    size = spec.size
    assert size is not None, "spec_of gives image folders a size"
    digest = images_digest(folder)

    def build() -> RawDataset:
        raw = load_image_folder(folder, size, spec.interpolation)
        if images_digest(folder) != digest:
            raise DataError(
                f"dataset {spec.dataset}: its files changed while they were read: run again"
            )
        return raw

    path = prepared_folder() / f"images-{size}-{spec.interpolation}-{digest}.safetensors"
    return replace(prepared(path, build), digest=digest)


@lru_cache(maxsize=1)
def resident(spec: SplitsSpec, root: Path, device: str) -> tuple[RawDataset, Tensor]:
    """The whole data set, and its images on the device: one copy for all splits."""
    raw = load_raw(spec, root)
    return raw, raw.images.to(device)


def fingerprint(files: list[Path]) -> str:
    """Twelve digits from the paths, sizes and modification times of the files."""
    seen = hashlib.sha256()
    for path in files:
        about = path.stat()
        seen.update(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:12]


def load_splits(spec: SplitsSpec, root: Path, device: str) -> Splits:
    """The examples of a trial on the device; on a CPU, processes share their memory.

    Raises:
        DataError: the data set's files are missing or damaged, or a part would be empty.
    """
    source = replace(spec, split_seed=0, train_examples=None, eval_examples=None)
    raw, images = resident(source, root, device)
    return split_up(raw, images, spec, device)


def split_up(raw: RawDataset, images: Tensor, spec: SplitsSpec, device: str) -> Splits:
    """The parts of a data set whose ``images`` are on the device.

    Raises:
        DataError: a part would be empty.
    """
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
        digest=raw.digest,
    )
