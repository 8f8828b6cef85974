"""The fields of every task that this tool trains itself: an optimizer, its rate, the epochs."""

from collections.abc import Collection
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema
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
from adaloss.trial import FiniteFloat, Pairs, Seed, Trial, readable

HIDDEN = "Neurons of a hidden layer: of the LSTM's state, or of each of the pendulum's layers."
"""What ``hidden`` means in every task that has it."""


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


class TrainedTrial(Trial):
    """A trial with the paper's fields.

    Learning rates, ``b0``, ``alpha`` and ``c`` are those of AdaLoss (Wu, Xie, Du, Ward, AAAI
    2022): the step is ``lr / b_t`` with ``b_{t+1}² = b_t² + alpha·|loss_t − c|``. ``rate`` says
    how b_t grows for an optimizer that has no rate of its own.
    """

    SAME_TIME: ClassVar = frozenset(
        {"optimizer", "seed", "lr", "epochs", "b0", "alpha", "c", "momentum", "weight_decay"}
        | {"max_loss"}
    )
    SAME_CODE: ClassVar = SAME_TIME | {
        *("rate", "hyperparameters", "schedule", "warmup", "clip_grad_norm", "average")
    }

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
    hyperparameters: Pairs = ()
    schedule: ScheduleName = "constant"
    warmup: Annotated[FiniteFloat, Field(ge=0), AfterValidator(share_or_steps)] = 0.0
    clip_grad_norm: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    average: AverageName = "none"

    def value(self, field: str) -> Any:
        """The value of a field, or of a hyperparameter as ``optimizer.NAME``.

        Raises:
            KeyError: there is no such field.
        """
        if HYPERPARAMETER.match(field):
            return dict(self.hyperparameters).get(field.removeprefix(PREFIX))
        return self.values[field]

    @property
    def flat_values(self) -> dict[str, Any]:
        """The values by name, with each hyperparameter under ``optimizer.NAME``."""
        values = {name: value for name, value in self.values.items() if name != "hyperparameters"}
        return values | {f"{PREFIX}{name}": value for name, value in self.hyperparameters}

    @property
    def unused(self) -> Collection[str]:
        """The fields that the optimizer ignores."""
        return unused_fields(self.optimizer, self.rate)

    @cached_property
    def readable_cell(self) -> str:
        """A name of the trial's cell for people."""
        return readable(f"{self.subject}-{self.optimizer}-b0={self.b0:g}")

    @property
    def runs_own_code(self) -> bool:
        """Whether the optimizer is the user's own."""
        return is_own_optimizer(self.optimizer)

    @property
    def compared(self) -> str:
        """The optimizer."""
        return self.optimizer

    @property
    def code_kind(self) -> tuple[object, ...]:
        """A named optimizer with its arguments, where it decides whether a trial can be trained."""
        if is_named(self.optimizer) and (self.starts_from is None or self.runs_own_code):
            return (self.optimizer, self.rate, self.hyperparameters, self.average)
        return ()

    @property
    def tried(self) -> str:
        """What is tried out before the sweep, in words."""
        own = f" with {self.optimizer}" if is_own_optimizer(self.optimizer) else ""
        return f"{self.subject}{own}"

    @property
    def batch(self) -> int:
        """The batch size."""
        return self.batch_size

    @property
    def last_epoch(self) -> int:
        """The number of epochs."""
        return self.epochs

    def steps_in_epoch(self, examples: int) -> int:
        """The steps of an epoch over this number of training examples."""
        return -(-examples // self.batch_size)

    @property
    def is_scheduled(self) -> bool:
        """Whether the learning rate has a schedule. Such steps are not replayed on a GPU."""
        return self.schedule != "constant" or self.warmup > 0

    @property
    def memory_kind(self) -> tuple[object, ...]:
        """Trials of one kind take the same memory; replayed steps take more than others."""
        return (
            self.batch_size,
            self.is_scheduled,
            self.average,
            self.momentum > 0,
            self.optimizer == "adagrad_norm_rowwise",
            *((self.optimizer,) if is_named(self.optimizer) else ()),
        )
