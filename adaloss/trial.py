"""A trial: every field that can change its numbers, and nothing else.

Each task has a subclass with fields of its own.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from adaloss.optimizer_names import (
    CLASS_IN_FILE,
    HYPERPARAMETER,
    LOSS_OPTIMIZERS,
    PAPER_ADAMS,
    PREFIX,
    TORCH_OPTIMIZERS,
    AverageName,
    RateName,
    canonical_optimizer,
    is_named,
    is_own_optimizer,
    unused_fields,
)
from adaloss.tasks.optimizers.schedule import ScheduleName

# torch seeds, and the JSON readers of other languages, hold 63 bits.
Seed = Annotated[int, Field(ge=0, lt=2**63)]
FiniteFloat = Annotated[
    float,
    Field(allow_inf_nan=False),
    # -0.0 and 0.0 are one value and must be one identity.
    AfterValidator(lambda value: value + 0.0),
]
HIDDEN = "Neurons of a hidden layer: of the LSTM's state, or of each of the pendulum's layers."
"""What ``hidden`` means in every task that has it."""
# Whether steps on a GPU are replayed: not a field of a trial, because it changes no numbers.
Capture = Literal["auto"] | bool


def as_pairs(value: Any) -> Any:
    """Hyperparameters as sorted pairs of a name and a value, with tuples for lists."""
    if not isinstance(value, Mapping):
        return value
    return tuple(sorted((name, frozen(content)) for name, content in value.items()))


def frozen(value: Any) -> Any:
    """The value with tuples for lists."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def share_or_steps(value: float) -> float:
    """A share of all steps below 1, or a whole number of steps."""
    if value >= 1 and not value.is_integer():
        expected = "a share of all steps below 1, or a whole number of steps"
        raise PydanticCustomError("expected", "{expected}", {"expected": expected})
    return value


OURS = (*LOSS_OPTIMIZERS, *PAPER_ADAMS)


def optimizer_name(name: str) -> str:
    """The name of an optimizer in records."""
    try:
        return canonical_optimizer(name)
    except KeyError:
        module, dot, class_name = name.rpartition(".")
        if dot and ":" not in name and class_name != "py":
            reason = f"must be written as {module}:{class_name}, with a colon before the class"
            raise PydanticCustomError("rejected", "{reason}", {"reason": reason}) from None
        ours, torchs = (", ".join(map(repr, k)) for k in (OURS, TORCH_OPTIMIZERS))
        expected = (
            f"{ours}, one of torch ({torchs}), one of timm as 'timm:name' "
            "or a class as 'module:Class'"
        )
        raise PydanticCustomError("name", "{expected}", {"expected": expected}) from None


OptimizerName = Annotated[
    str,
    AfterValidator(optimizer_name),
    WithJsonSchema({"anyOf": [{"enum": [*OURS, *TORCH_OPTIMIZERS]}, {"pattern": CLASS_IN_FILE}]}),
]
Hyperparameters = Annotated[
    tuple[tuple[str, Any], ...],
    BeforeValidator(as_pairs),
    PlainSerializer(dict, return_type=dict[str, Any]),
]
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Trial(BaseModel):
    """One point of a grid with its seed: the unit that runs, is recorded and enters the mean.

    These are the fields that every task has; :mod:`adaloss.tasks.table` lists the tasks.

    Learning rates, ``b0``, ``alpha`` and ``c`` are those of AdaLoss (Wu, Xie, Du, Ward, AAAI
    2022): the step is ``lr / b_t`` with ``b_{t+1}² = b_t² + alpha·|loss_t − c|``. ``rate`` says
    how b_t grows for an optimizer that has no rate of its own.

    Raises:
        pydantic.ValidationError: a field is unknown, of the wrong type or out of range.
    """

    SAME_TIME: ClassVar = frozenset(
        {"optimizer", "seed", "lr", "epochs", "b0", "alpha", "c", "momentum", "weight_decay"}
        | {"max_loss"}
    )
    """The fields that do not affect the time of an epoch."""
    SAME_CODE: ClassVar = SAME_TIME | {
        *("rate", "hyperparameters", "schedule", "warmup", "clip_grad_norm", "average")
    }
    """The fields that do not affect whether a trial can be trained at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    max_loss: Annotated[FiniteFloat, Field(gt=0)] = 1e4
    rate: RateName = "constant"
    hyperparameters: Hyperparameters = ()
    schedule: ScheduleName = "constant"
    warmup: Annotated[FiniteFloat, Field(ge=0), AfterValidator(share_or_steps)] = 0.0
    clip_grad_norm: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    average: AverageName = "none"

    @cached_property
    def identity(self) -> str:
        """The canonical JSON of what can change this trial's numbers."""
        before, after = self.cell
        return f"{before}{self.seed}{after}"

    @cached_property
    def cell(self) -> tuple[str, str]:
        """The identity before and after the seed's value: equal for all trials of a cell."""
        # What cannot change the numbers stays out of the identity.
        ignored = unused_fields(self.optimizer, self.rate)
        content = self.model_dump(exclude_defaults=True, exclude={*ignored, "seed"})
        keys = [key for key in sorted(content) if key < "seed"]
        before = CANONICAL.encode({key: content.pop(key) for key in keys})[1:-1]
        after = CANONICAL.encode(content)[1:-1]
        return f'{{{before}{"," * bool(before)}"seed":', f"{',' * bool(after)}{after}}}"

    @cached_property
    def trial_id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of :attr:`identity`."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:12]

    def value(self, field: str) -> Any:
        """The value of a field, or of a hyperparameter as ``optimizer.NAME``.

        Raises:
            KeyError: there is no such field.
        """
        if HYPERPARAMETER.match(field):
            return dict(self.hyperparameters).get(field.removeprefix(PREFIX))
        return self.values[field]

    @cached_property
    def values(self) -> dict[str, Any]:
        """Every field's value by its name."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    @property
    def flat_values(self) -> dict[str, Any]:
        """The values by name, with each hyperparameter under ``optimizer.NAME``."""
        values = {name: value for name, value in self.values.items() if name != "hyperparameters"}
        return values | {f"{PREFIX}{name}": value for name, value in self.hyperparameters}

    @cached_property
    def readable_name(self) -> str:
        """A name for people, used in the folder's name; the trial id makes that unique."""
        return f"{self.readable_cell}-seed{self.seed}"[:100]

    @cached_property
    def readable_cell(self) -> str:
        """A name of the trial's cell for people."""
        return re.sub(r"[^A-Za-z0-9._=+-]+", "_", f"{self.subject}-{self.optimizer}-b0={self.b0:g}")

    @property
    def subject(self) -> str:
        """What is trained, the first part of names for people."""
        return str(self.values["task"])

    @property
    def runs_own_code(self) -> bool:
        """Whether the trial executes code of the user's own."""
        return is_own_optimizer(self.optimizer)

    @property
    def needs_files(self) -> bool:
        """Whether the trial reads files that may have to be downloaded or checked first."""
        return False

    @property
    def starts_from(self) -> tuple[str, bool | str] | None:
        """The model and its ``pretrained`` value, None where a task has no choice of models."""
        return None

    @property
    def model_bytes(self) -> int:
        """The size of the weights, 0 where it is small or only known when they are built."""
        return 0

    @property
    def to_be_tried(self) -> bool:
        """Whether a short attempt before the sweep may find what is wrong with every trial."""
        return self.runs_own_code

    @property
    def memory_kind(self) -> tuple[object, ...]:
        """Trials of one kind take the same memory."""
        return (
            self.batch_size,
            self.average,
            self.momentum > 0,
            self.optimizer == "adagrad_norm_rowwise",
            *((self.optimizer,) if is_named(self.optimizer) else ()),
        )

    def in_small(self) -> dict[str, Any]:
        """Other values of the fields that make an epoch long, with which it is tried out."""
        return {}

    def made_small(self) -> Self:
        """The trial with the values of :meth:`in_small`."""
        return type(self)(**(self.values | self.in_small()))

    def with_seed(self, seed: int) -> Self:
        """The trial of the same cell with another seed, which is not validated.

        Cached values that the cell shares are kept: a sweep may have a hundred thousand trials.
        """
        _ = self.cell, self.readable_cell
        other = super().model_copy(update={"seed": seed})
        for name in CACHED_FROM_THE_SEED:
            other.__dict__.pop(name, None)
        return other

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values, which are not validated; cached values are dropped."""
        copied = super().model_copy(update=update, deep=deep)
        for name in CACHED:
            copied.__dict__.pop(name, None)
        return copied


CACHED = tuple(name for name, value in vars(Trial).items() if isinstance(value, cached_property))
"""The names of the values that a trial caches."""
CACHED_FROM_THE_SEED = tuple(name for name in CACHED if name not in ("cell", "readable_cell"))
