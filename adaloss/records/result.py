"""What a trial leaves behind: the metrics of its epochs and its result."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator


class Record(BaseModel):
    """A frozen record; NaN and inf are kept on disk, as strings."""

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
        """Collect the metrics of a flat object."""
        if not isinstance(line, dict) or isinstance(line.get("values"), dict):
            return line
        values = {name: value for name, value in line.items() if name not in IN_EVERY_EPOCH}
        own = {name: value for name, value in line.items() if name in IN_EVERY_EPOCH}
        return own | {"values": values}

    @model_serializer
    def line(self) -> dict[str, int | float | None]:
        """The flat object: every measurement by its name."""
        return {"epoch": self.epoch, "step": self.step, **self.values, "seconds": self.seconds}

    def __getitem__(self, name: str) -> float | None:
        """The measurement of this name; KeyError where the epoch has none."""
        return self.line()[name]


IN_EVERY_EPOCH = ("epoch", "step", "seconds")


class TrialState(StrEnum):
    """How a finished trial ended. DIVERGED is a result, the table's N/A; FAILED is an error."""

    COMPLETE = "complete"
    DIVERGED = "diverged"
    FAILED = "failed"


class FailureKind(StrEnum):
    """What a failed trial failed of."""

    OUT_OF_MEMORY = "out of memory"
    WORKER_LOST = "worker lost"
    TIMEOUT = "timeout"
    DATA = "data"
    CODE = "code"


class Failure(Record):
    """The error that ended a trial, as a person needs it."""

    kind: FailureKind
    message: str
    traceback: str = ""


class Divergence(Record):
    """Where the loss left the finite or declared range; ``step`` counts from 1."""

    epoch: int
    step: int
    loss: float
    reason: str


class Provenance(Record):
    """Where a result came from; recorded, never part of a trial's identity."""

    code_version: str
    python: str
    packages: dict[str, str]
    platform: str
    device: str
    threads: int


Digest = str | dict[str, str]
"""Of files, or of each file by its name."""


class Fingerprint(Record):
    """Digests of what of the user's own a result was computed with, by the trial's fields.

    None where the field names nothing of the user's own. Recorded, never part of a trial's
    identity.
    """

    model: dict[str, str] | None = None
    dataset: str | None = None
    pretrained: str | None = None

    def of(self, field: str) -> Digest | None:
        """The digest of what this field names."""
        digest: Digest | None = getattr(self, field)
        return digest


class DeviceMemory(Record):
    """Bytes of a GPU's memory: the most that a trial held at once, and all there are."""

    peak: int
    total: int


class SplitSizes(Record):
    """How many examples a trial trained on, was validated on and was tested on."""

    train: int
    validation: int
    test: int


class TrialResult(Record):
    """The end of a trial.

    ``last`` is the last epoch's record and ``best_val`` the one of the (first) epoch with the best
    validation accuracy: never a maximum over test. ``seconds`` is the wall time spent in epochs;
    ``memory`` None where the trial ran on a CPU; ``examples`` None where it failed before it had
    its data, and in older records; ``fingerprint`` None where it uses nothing of the user's own,
    and in older records.
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
