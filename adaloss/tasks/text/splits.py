"""The three parts of a trial's texts as tensors, on the device."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from adaloss.errors import DataError
from adaloss.records.places import NOWHERE, Places
from adaloss.tasks.data.split import Labelled, balanced_subset, split_indices
from adaloss.tasks.images.data.sources.digits import PIXEL_MAX, load_digits
from adaloss.tasks.text.fields import TEXT_FILE, TextTrial
from adaloss.tasks.text.files import text_path, texts_of
from adaloss.tasks.text.words import encoded, vocabulary_of, words_of


@dataclass(frozen=True, kw_only=True)
class SplitsSpec:
    """The fields of a trial that determine its examples: trials with equal specs share them."""

    dataset: str
    split_seed: int
    train_examples: int | None
    eval_examples: int | None
    vocabulary: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Examples:
    """A part: ``inputs`` are words (n, length) int64, or rows of pixels (n, length, 8) float32.

    ``lengths`` (n,) says how many words or rows of each count; ``labels`` (n,); both int64.
    """

    inputs: Tensor
    lengths: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]

    def at(self, indices: Tensor, device: str | None = None) -> "Examples":
        """The examples at these indices, on the device if one is named."""
        chosen = (
            part.index_select(0, indices) for part in (self.inputs, self.lengths, self.labels)
        )
        inputs, lengths, labels = (part.to(device) if device else part for part in chosen)
        return Examples(inputs=inputs, lengths=lengths, labels=labels)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The parts of a data set; ``digest`` is that of the user's own file."""

    train: Examples
    validation: Examples
    test: Examples
    classes: int
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """The labels and parts of all examples, int64 (n,)."""

    labels: Tensor
    parts: Tensor
    classes: int


def spec_of(trial: TextTrial, places: Places = NOWHERE) -> SplitsSpec:
    """The spec of the trial's examples, with the path of the user's own file resolved.

    Raises:
        DataError: there is no such file.
    """
    dataset = trial.dataset
    if dataset.startswith(TEXT_FILE):
        dataset = f"{TEXT_FILE}{text_path(dataset.removeprefix(TEXT_FILE), places)}"
    return SplitsSpec(
        dataset=dataset,
        split_seed=trial.seed if trial.split_seed == "trial" else trial.split_seed,
        train_examples=trial.train_examples,
        eval_examples=trial.eval_examples,
        vocabulary=trial.vocabulary,
        length=trial.length,
    )


def load_splits(spec: SplitsSpec, root: Path, device: str) -> Splits:
    """The examples of a trial on the device; the vocabulary is that of its training texts.

    Raises:
        DataError: a file is missing, damaged or not as it must be, or a part would be empty.
    """
    if spec.dataset == "digits":
        digits = load_digits()
        rows = digits.images[..., 0].float() / PIXEL_MAX
        inputs = rows[:, : spec.length]
        lengths = torch.full((len(rows),), inputs.shape[1])
        everything = Examples(inputs=inputs, lengths=lengths, labels=digits.labels)
        return parts_of(everything, split_up(digits, spec), digits.classes, device)
    found = texts_of(spec.dataset, root)
    labels = torch.tensor(found.labels)
    raw = Numbered(labels=labels, parts=torch.tensor(found.parts), classes=len(found.classes))
    chosen = split_up(raw, spec)
    words = [words_of(text) for text in found.texts]
    vocabulary = vocabulary_of((words[place] for place in chosen[0].tolist()), spec.vocabulary)
    inputs, lengths = encoded(words, vocabulary, spec.length)
    everything = Examples(inputs=inputs, lengths=lengths, labels=labels)
    return parts_of(everything, chosen, raw.classes, device, found.digest)


def split_up(raw: Labelled, spec: SplitsSpec) -> tuple[Tensor, Tensor, Tensor]:
    """The indices of the training, validation and test examples.

    Raises:
        DataError: a part would be empty.
    """
    counts = (spec.train_examples, spec.eval_examples, spec.eval_examples)
    chosen = []
    for indices, count in zip(split_indices(raw, spec.split_seed), counts, strict=True):
        kept = balanced_subset(raw.labels[indices], raw.classes, count, spec.split_seed)
        if len(kept) == 0:
            raise DataError(
                f"dataset {spec.dataset}: it has too few texts to split into training, validation "
                "and test"
            )
        chosen.append(indices[kept])
    train, validation, test = chosen
    return train, validation, test


def parts_of(
    everything: Examples,
    chosen: tuple[Tensor, Tensor, Tensor],
    classes: int,
    device: str,
    digest: str | None = None,
) -> Splits:
    """The examples of the three parts."""
    train, validation, test = (everything.at(indices, device) for indices in chosen)
    return Splits(train=train, validation=validation, test=test, classes=classes, digest=digest)
