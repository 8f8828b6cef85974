"""The records of a trial: the metrics of its epochs and its result."""

from enum import StrEnum
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)


class Record(BaseModel):
    """A frozen record. NaN and inf are strings on disk."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="strings",
    )


class EpochMetrics(Record):
    """The measurements of one finished epoch: one flat JSON object on disk.

    ``epoch`` and ``step`` count from 1, ``seconds`` is the wall time of the epoch, and ``values``
    has the metrics of the trial's task by name (``test/top1``).
    """

    epoch: int
    step: int
    values: dict[str, float | None]
    seconds: float

    @model_validator(mode="before")
    @classmethod
    def from_line(cls, line: Any) -> Any:
        """Move the metrics of a flat object into ``values``."""
        if not isinstance(line, dict) or isinstance(line.get("values"), dict):
            return line
        values = {name: value for name, value in line.items() if name not in IN_EVERY_EPOCH}
        others = {name: value for name, value in line.items() if name in IN_EVERY_EPOCH}
        return others | {"values": values}

    @model_serializer
    def line(self) -> dict[str, int | float | None]:
        """The flat object on disk: every measurement by its name."""
        return {"epoch": self.epoch, "step": self.step, **self.values, "seconds": self.seconds}

    def __getitem__(self, name: str) -> float | None:
        """The measurement with this name. Raises KeyError if the epoch has none."""
        return self.line()[name]


IN_EVERY_EPOCH = ("epoch", "step", "seconds")


class TrialState(StrEnum):
    """How a finished trial ended. DIVERGED is a result, the table's N/A; FAILED is an error."""

    COMPLETE = "complete"
    DIVERGED = "diverged"
    FAILED = "failed"


class FailureKind(StrEnum):
    """The kinds of failure of a trial."""

    OUT_OF_MEMORY = "out of memory"
    WORKER_LOST = "worker lost"
    TIMEOUT = "timeout"
    DATA = "data"
    CODE = "code"
    NO_METRIC = "no metric"


class Failure(Record):
    """The error that ended a trial."""

    kind: FailureKind
    message: str
    traceback: str = ""


class Divergence(Record):
    """Where the loss became non-finite or exceeded the declared bound. ``step`` counts from 1."""

    epoch: int
    step: int
    loss: float
    reason: str


class Provenance(Record):
    """The code and the machine that made a result. It is not part of a trial's identity."""

    code_version: str
    python: str
    packages: dict[str, str]
    platform: str
    device: str
    threads: int


Digest = str | dict[str, str]
"""One digest, or the digest of each file by its name."""


class Fingerprint(Record):
    """Digests of the user's own files that a result was computed with, by field of the trial.

    A digest is None if the field names nothing of the user's own. The fingerprint is not part of a
    trial's identity.
    """

    model: dict[str, str] | None = None
    dataset: str | None = None
    pretrained: str | None = None
    optimizer: dict[str, str] | None = None
    program: dict[str, str] | None = None

    @model_serializer(mode="wrap")
    def without_later_fields(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields; those that older records do not have are left out where they are None."""
        return without_none(dump(self), ("optimizer", "program"))

    def of(self, field: str) -> Digest | None:
        """The digest of the user's files that this field names."""
        digest: Digest | None = getattr(self, field)
        return digest


class DeviceMemory(Record):
    """A GPU's memory in bytes: the peak that the trial allocated, and the total of the GPU."""

    peak: int
    total: int


class SplitSizes(Record):
    """The number of examples for training, validation and test."""

    train: int
    validation: int
    test: int


class TrialResult(Record):
    """The result of a finished trial.

    ``last`` is the record of the last epoch, ``best_val`` that of the first epoch with the best
    validation accuracy; it is never chosen by test accuracy. ``seconds`` is the wall time spent in
    epochs. ``memory`` is None if the trial ran on a CPU, ``examples`` if it failed before its data
    was loaded, ``fingerprint`` if it uses nothing of the user's own. ``optimizer`` is a named
    optimizer's classes with all their arguments, as text; None for the paper's, whose arguments are
    fields of the trial. Old records have none of these three. ``unread`` are the parameters that a
    program of the user's did not look at, ``notes`` what else is to be known of it, in sentences.
    """

    trial_id: str
    state: TrialState
    epochs: int
    last: EpochMetrics | None = None
    best_val: EpochMetrics | None = None
    divergence: Divergence | None = None
    failure: Failure | None = None
    seconds: float
    memory: DeviceMemory | None = None
    examples: SplitSizes | None = None
    finished_at: str
    provenance: Provenance | None = None
    fingerprint: Fingerprint | None = None
    optimizer: str | None = None
    unread: tuple[str, ...] | None = None
    notes: tuple[str, ...] | None = None

    @model_serializer(mode="wrap")
    def without_later_fields(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields; records are as they were before those that are None here."""
        return without_none(dump(self), ("optimizer", "unread", "notes"))


def without_none(content: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The content without those of the names whose value is None."""
    dropped = {name for name in names if content.get(name) is None}
    return {name: value for name, value in content.items() if name not in dropped}
