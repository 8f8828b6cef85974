"""The fields of a trial that trains a classifier of images."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from adaloss.tasks.images.dataset_names import DatasetName
from adaloss.tasks.images.model_names import canonical_model, is_user_model
from adaloss.tasks.images.pretrained_weights import PretrainedWeights
from adaloss.tasks.trained_trial import TrainedTrial
from adaloss.trial import FiniteFloat, Seed

Pixels = Annotated[int, Field(ge=1)]
ChannelValues = Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
ChannelScales = Annotated[tuple[Annotated[FiniteFloat, Field(gt=0)], ...], Field(min_length=1)]
Precision = Literal["fp32", "tf32", "bf16", "auto"]

SMOKE_BATCHES = 2
SMOKE_EVAL_EXAMPLES = 100


class ImageTrial(TrainedTrial):
    """A trial of image classification: see :class:`~adaloss.tasks.trained_trial.TrainedTrial`."""

    SAME_TIME: ClassVar = TrainedTrial.SAME_TIME | {
        "pretrained",
        "split_seed",
        "normalize",
        "mean",
        "std",
    }
    SAME_CODE: ClassVar = TrainedTrial.SAME_CODE | {
        *("split_seed", "train_examples", "eval_examples"),
        *("padding", "flip", "interpolation", "label_smoothing"),
    }

    dataset: DatasetName
    model: Annotated[str, Field(min_length=1), AfterValidator(canonical_model)]

    pretrained: PretrainedWeights = False
    image_size: Pixels | None = None
    split_seed: Seed | Literal["trial"] = 0
    train_examples: Annotated[int, Field(ge=1)] | None = None
    eval_examples: Annotated[int, Field(ge=1)] | None = None
    resize: Pixels | None = None
    padding: Annotated[int, Field(ge=0)] = 0
    flip: bool = False
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    normalize: Literal["dataset", "model"] = "dataset"
    mean: ChannelValues | None = None
    std: ChannelScales | None = None
    precision: Precision = "fp32"
    channels_last: bool = False
    compile: bool = False
    deterministic: bool | None = None
    label_smoothing: Annotated[FiniteFloat, Field(ge=0, lt=1)] = 0.0

    @property
    def subject(self) -> str:
        """The model."""
        return self.model

    @property
    def runs_own_code(self) -> bool:
        """Whether the model or the optimizer is the user's own."""
        return is_user_model(self.model) or super().runs_own_code

    @property
    def needs_files(self) -> bool:
        """Whether the trial reads files that may have to be downloaded or checked first."""
        return self.dataset != "digits" or self.pretrained is not False

    @property
    def starts_from(self) -> tuple[str, bool | str]:
        """The model and its ``pretrained`` value."""
        return self.model, self.pretrained

    @property
    def to_be_tried(self) -> bool:
        """Whether the model, its weights, its constants or the optimizer are the user's own."""
        own = self.runs_own_code or isinstance(self.pretrained, str)
        return own or self.mean is not None or self.std is not None

    @property
    def memory_kind(self) -> tuple[object, ...]:
        """Trials of one kind take the same memory: same data, model, sizes and precision."""
        return (
            self.dataset,
            self.model,
            self.image_size,
            self.precision,
            self.channels_last,
            self.compile,
            *super().memory_kind,
        )

    def in_small(self) -> dict[str, Any]:
        """Two batches, and few examples to evaluate."""
        return {
            "train_examples": least(self.train_examples, SMOKE_BATCHES * self.batch_size),
            "eval_examples": least(self.eval_examples, SMOKE_EVAL_EXAMPLES),
        }


def least(count: int | None, most: int) -> int:
    """The count, limited to ``most``; None means all examples."""
    return most if count is None else min(count, most)
