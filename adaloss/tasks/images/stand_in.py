"""Try a trial's model on a few random images, which stand in for its data set's.

The images have the shape of the data set's images. The data set itself need not be present.
"""

from dataclasses import replace

import torch

from adaloss.errors import DataError, UserError
from adaloss.records.places import Places
from adaloss.tasks.images.data.counts import split_sizes
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.data.sources.folder_layout import folder_path, image_paths
from adaloss.tasks.images.data.splits import Examples, Splits, spec_of
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.training import Training

MOST_EXAMPLES = 8
SIZES = {"mnist": 28, "fashion_mnist": 28, "cifar10": 32, "cifar100": 32}


class OutputError(UserError):
    """The model's output is not one number for each class."""


def rehearse(trial: ImageTrial, places: Places, device: str) -> None:
    """Build the trial's model, train on a batch, and on a last one of fewer images, and evaluate.

    Raises:
        OutputError, DataError: what is wrong; the user's own code can raise anything.
    """
    # This tests the network, not the compiler.
    small = {"compile": False, "batch_size": min(trial.batch_size, MOST_EXAMPLES)}
    tried = trial.model_copy(update=small)
    # A batch of one image, say, is nothing that batch normalisation can train on.
    # A folder would be read through once more for its number.
    known = not trial.dataset.startswith(IMAGE_FOLDER)
    last = split_sizes(trial, places).train % trial.batch_size if known else 0
    more = last if last < tried.batch_size else 0
    splits = stand_in(tried, places, device, tried.batch_size + more)
    training = Training(tried, splits, places, device, capture=False)
    check_output(training, splits.classes)
    training.run_epoch()


def stand_in(trial: ImageTrial, places: Places, device: str, count: int) -> Splits:
    """So many random images with the shape of the trial's data set, and labels of many classes."""
    channels, size, classes = shape_of(trial, places)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(
        0, 256, (count, size, size, channels), generator=generator, dtype=torch.uint8
    )
    # The last classes first: an output with too few classes then fails in the loss as well.
    labels = (classes - 1 - torch.arange(count)) % classes
    part = Examples(
        images=images.to(device),
        indices=torch.arange(count, device=device),
        labels=labels.to(device),
    )
    return Splits(
        train=part,
        validation=replace(part),
        test=replace(part),
        classes=classes,
        mean=(0.5,) * channels,
        std=(0.25,) * channels,
        pixel_max=255.0,
    )


def shape_of(trial: ImageTrial, places: Places) -> tuple[int, int, int]:
    """Channels, pixels of a side and classes of the trial's data set.

    Raises:
        DataError: there is no such image folder, or it is not laid out as it must be.
    """
    if trial.dataset == "digits":
        return 1, 8, 10
    if trial.dataset in VISION_DATASETS:
        about = VISION_DATASETS[trial.dataset]
        return len(about.mean), SIZES[trial.dataset], about.classes
    spec = spec_of(trial, places)
    if spec.size is None:
        raise DataError(f"dataset {trial.dataset}: write resize or image_size into the parameters")
    folder = folder_path(trial.dataset.removeprefix(IMAGE_FOLDER), places)
    return 3, spec.size, len(image_paths(folder)[3])


def check_output(training: Training, classes: int) -> None:
    """Refuse a model whose output has not one number for each class of each image."""
    images, labels = next(iter(training.test.batches(MOST_EXAMPLES)))
    training.model.eval()
    with training.computing(), torch.inference_mode(), training.precision:
        output = training.model(images)
    expected = (len(labels), classes)
    found = (
        f"a tensor of shape {tuple(output.shape)}"
        if isinstance(output, torch.Tensor)
        else f"an object of type {type(output).__name__}"
    )
    if not isinstance(output, torch.Tensor) or tuple(output.shape) != expected:
        raise OutputError(
            f"model {training.trial.model} returns {found} for {len(labels)} images of {classes} "
            f"classes: it must return a tensor of shape {expected}, a number for each class"
        )
