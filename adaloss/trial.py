"""A trial: every field that can change its numbers, and nothing else.

Each task has a subclass with fields of its own.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

# torch seeds, and the JSON readers of other languages, hold 63 bits.
Seed = Annotated[int, Field(ge=0, lt=2**63)]
FiniteFloat = Annotated[
    float,
    Field(allow_inf_nan=False),
    # -0.0 and 0.0 are one value and must be one identity.
    AfterValidator(lambda value: value + 0.0),
]
# Whether steps on a GPU are replayed: not a field of a trial, because it changes no numbers.
Capture = Literal["auto"] | bool


def as_pairs(value: Any) -> Any:
    """A mapping as sorted pairs of a name and a value, with tuples for lists."""
    if not isinstance(value, Mapping):
        return value
    return tuple(sorted((name, frozen(content)) for name, content in value.items()))


def frozen(value: Any) -> Any:
    """The value with tuples for lists."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


Pairs = Annotated[
    tuple[tuple[str, Any], ...],
    BeforeValidator(as_pairs),
    PlainSerializer(dict, return_type=dict[str, Any]),
]
"""A mapping that can be hashed: sorted pairs of a name and a value."""
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Trial(BaseModel):
    """One point of a grid with its seed: the unit that runs, is recorded and enters the mean.

    :class:`adaloss.tasks.trained_trial.TrainedTrial` has the fields of the tasks that this tool
    trains itself; :mod:`adaloss.tasks.table` lists the tasks. Each subclass has a field ``seed``
    of its own, because the order of its fields is that of its records.

    Raises:
        pydantic.ValidationError: a field is unknown, of the wrong type or out of range.
    """

    SAME_TIME: ClassVar = frozenset({"seed"})
    """The fields that do not affect the time of an epoch."""
    SAME_CODE: ClassVar = frozenset({"seed"})
    """The fields that do not affect whether a trial can be trained at all."""

    # JSON's null for an infinite parameter would be another trial.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    if TYPE_CHECKING:

        @property
        def seed(self) -> int:
            """The seed, a field of each subclass."""

    @cached_property
    def identity(self) -> str:
        """The canonical JSON of what can change this trial's numbers."""
        before, after = self.cell
        return f"{before}{self.seed}{after}"

    @cached_property
    def cell(self) -> tuple[str, str]:
        """The identity before and after the seed's value: equal for all trials of a cell."""
        # What cannot change the numbers stays out of the identity.
        content = self.model_dump(exclude_defaults=True, exclude={*self.unused, "seed"})
        keys = [key for key in sorted(content) if key < "seed"]
        before = CANONICAL.encode({key: content.pop(key) for key in keys})[1:-1]
        after = CANONICAL.encode(content)[1:-1]
        return f'{{{before}{"," * bool(before)}"seed":', f"{',' * bool(after)}{after}}}"

    @property
    def unused(self) -> Collection[str]:
        """The fields that cannot change the numbers of this trial."""
        return ()

    @cached_property
    def trial_id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of :attr:`identity`."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:12]

    def value(self, field: str) -> Any:
        """The value of a field.

        Raises:
            KeyError: there is no such field.
        """
        return self.values[field]

    @cached_property
    def values(self) -> dict[str, Any]:
        """Every field's value by its name."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    @property
    def flat_values(self) -> dict[str, Any]:
        """The values by name, where one has a part for each of its own names."""
        return self.values

    @cached_property
    def readable_name(self) -> str:
        """A name for people, used in the folder's name; the trial id makes that unique."""
        return f"{self.readable_cell}-seed{self.seed}"[:100]

    @cached_property
    def readable_cell(self) -> str:
        """A name of the trial's cell for people."""
        return readable(self.subject)

    @property
    def subject(self) -> str:
        """What is trained, the first part of names for people."""
        return str(self.values["task"])

    @property
    def runs_own_code(self) -> bool:
        """Whether the trial executes code of the user's own."""
        return False

    @property
    def trains_here(self) -> bool:
        """Whether it is this process that uses the GPU, not one that it starts."""
        return True

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
    def without_effect(self) -> Mapping[str, str]:
        """Fields whose values make equal trials with ids of their own, each with the reason."""
        return {}

    @property
    def to_be_tried(self) -> bool:
        """Whether a short attempt before the sweep may find what is wrong with every trial."""
        return self.runs_own_code

    @property
    def memory_kind(self) -> tuple[object, ...]:
        """Trials of one kind take the same memory."""
        return ()

    @property
    def compared(self) -> str:
        """What a sweep compares, in one word: W&B's type of the job."""
        return self.subject

    @property
    def code_kind(self) -> tuple[object, ...]:
        """Besides fields, what decides whether a trial can be trained: each kind is tried out."""
        return ()

    @property
    def tried(self) -> str:
        """What is tried out before the sweep, in words."""
        return self.subject

    @property
    def batch(self) -> int | None:
        """The examples of a step, where that is known."""
        return None

    @property
    def worker_kind(self) -> str:
        """Trials of one kind share worker processes; empty for all that run no code of the user's.

        User code may change the state of its process, such as torch's default dtype, which would
        affect the next trial.
        """
        return self.trial_id if self.runs_own_code else ""

    @property
    def last_epoch(self) -> int | None:
        """The number of epochs, None where only the trial itself finds out."""
        return None

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


def readable(name: str) -> str:
    """The name with characters that every file system accepts."""
    return re.sub(r"[^A-Za-z0-9._=+-]+", "_", name)


CACHED = tuple(name for name, value in vars(Trial).items() if isinstance(value, cached_property))
"""The names of the values that a trial caches."""
CACHED_FROM_THE_SEED = tuple(name for name in CACHED if name not in ("cell", "readable_cell"))
