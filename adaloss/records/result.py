"""What a trial leaves behind: the metrics of its epochs and its result."""

import math
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen record with ``train/loss``-like keys on disk; NaN and inf are kept, as strings."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="strings",
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


class EpochMetrics(Record):
    """The measurements of one finished epoch.

    Losses are cross-entropies in nats, averaged over examples (sums over the epoch divided by
    counts); accuracies are percentages. ``epoch`` and ``step`` count from 1. ``b`` and
    ``effective_lr`` = lr · rate are those of the last step, None where an optimizer has no single
    rate (``adagrad_norm_rowwise``).
    """

    epoch: int
    step: int
    train_loss: float = Field(alias="train/loss")
    val_loss: float = Field(alias="val/loss")
    val_top1: float = Field(alias="val/top1")
    val_top5: float = Field(alias="val/top5")
    test_loss: float = Field(alias="test/loss")
    test_top1: float = Field(alias="test/top1")
    test_top5: float = Field(alias="test/top5")
    b: float | None
    effective_lr: float | None
    examples_per_second: float
    seconds: float

    def numbers(self) -> dict[str, Any]:
        """The part that the trial determines: everything but the measured times."""
        return self.model_dump(exclude={"examples_per_second", "seconds"})


METRIC_NAMES: tuple[str, ...] = tuple(
    field.alias or name
    for name, field in EpochMetrics.model_fields.items()
    if name not in ("epoch", "step")
)


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


def best_by_validation(history: tuple[EpochMetrics, ...]) -> EpochMetrics | None:
    """The first epoch with the highest validation accuracy, None without a finite one."""
    candidates = [metrics for metrics in history if not math.isnan(metrics.val_top1)]
    return max(candidates, key=lambda metrics: metrics.val_top1, default=None)
