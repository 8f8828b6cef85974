"""A trial: every field that can change its numbers, and nothing else."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adaloss.dataset_names import DatasetName
from adaloss.model_names import canonical_model
from adaloss.pretrained_weights import PretrainedWeights

OptimizerName = Literal[
    "adaloss", "adagrad_norm", "adagrad_norm_rowwise", "sgd_constant", "sgd_decay_sqrt"
]

OPTIMIZER_NAMES: tuple[OptimizerName, ...] = get_args(OptimizerName)

# Hyperparameters that some optimizers have no use for: where one does not apply it cannot
# change the numbers, so it stays out of the identity.
HYPERPARAMETERS_THAT_APPLY: Mapping[OptimizerName, frozenset[str]] = {
    "adaloss": frozenset({"alpha", "c"}),
    "adagrad_norm": frozenset(),
    "adagrad_norm_rowwise": frozenset(),
    "sgd_constant": frozenset(),
    "sgd_decay_sqrt": frozenset({"alpha"}),
}
OPTIONAL_HYPERPARAMETERS = frozenset({"alpha", "c"})

# torch seeds, and the JSON readers of other languages, hold 63 bits.
Seed = Annotated[int, Field(ge=0, lt=2**63)]
FiniteFloat = Annotated[
    float,
    Field(allow_inf_nan=False),
    # -0.0 and 0.0 are one value and must be one identity.
    AfterValidator(lambda value: value + 0.0),
]
Pixels = Annotated[int, Field(ge=1)]
ChannelValues = Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
Precision = Literal["fp32", "tf32", "bf16", "auto"]
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Trial(BaseModel):
    """One point of a grid with its seed: the unit that runs, is recorded and is averaged over.

    Learning rates, ``b0``, ``alpha`` and ``c`` are those of AdaLoss (Wu, Xie, Du, Ward, AAAI
    2022): the step is ``lr / b_t`` with ``b_{t+1}² = b_t² + alpha·|loss_t − c|``.

    Raises:
        pydantic.ValidationError: a field is unknown, of the wrong type or out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: DatasetName
    model: Annotated[str, Field(min_length=1), AfterValidator(canonical_model)]
    optimizer: OptimizerName
    seed: Seed
    lr: Annotated[FiniteFloat, Field(ge=0)]
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]

    # Every field below has a default and enters the identity only where it differs from it, so
    # that a field added later renames no finished trial. A default therefore never changes.
    b0: Annotated[FiniteFloat, Field(gt=0)] = 1.0
    alpha: Annotated[FiniteFloat, Field(ge=0)] = 1.0
    c: FiniteFloat = 0.0
    momentum: Annotated[FiniteFloat, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[FiniteFloat, Field(ge=0)] = 0.0
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
    std: ChannelValues | None = None
    precision: Precision = "fp32"
    channels_last: bool = False
    compile: bool = False
    deterministic: bool | None = None
    max_loss: Annotated[FiniteFloat, Field(gt=0)] = 1e4

    @cached_property
    def identity(self) -> str:
        """The canonical JSON of what can change this trial's numbers."""
        ignored = OPTIONAL_HYPERPARAMETERS - HYPERPARAMETERS_THAT_APPLY[self.optimizer]
        content = self.model_dump(exclude_defaults=True, exclude=set(ignored))
        return CANONICAL.encode(content)

    @cached_property
    def trial_id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of :attr:`identity`."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:12]

    @cached_property
    def cell(self) -> tuple[tuple[str, Any], ...]:
        """The point of the grid without the seed, hashable."""
        return tuple((name, value) for name, value in self.values.items() if name != "seed")

    def value(self, field: str) -> Any:
        """The value of the field of this name; KeyError where there is none."""
        return self.values[field]

    @cached_property
    def values(self) -> dict[str, Any]:
        """Every field's value by its name."""
        return self.model_dump()

    @cached_property
    def readable_name(self) -> str:
        """What a person recognises the trial's folder by; the trial id makes it unique."""
        name = f"{self.model}-{self.optimizer}-b0={self.b0:g}-seed{self.seed}"
        return re.sub(r"[^A-Za-z0-9._=+-]+", "_", name)[:100]


FIELD_NAMES: tuple[str, ...] = tuple(Trial.model_fields)
