"""The records of a trial: the metrics of its epochs and its result."""

import math
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A frozen record. Its keys on disk are like ``train/loss``; NaN and inf are strings there."""

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

    Losses are cross-entropies in nats, averaged over the examples of the epoch. Accuracies are
    percentages. ``epoch`` and ``step`` count from 1. ``b`` and ``effective_lr`` = lr · rate are of
    the last step, and None if the optimizer has no single rate (``adagrad_norm_rowwise``).
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
        """The part that the trial determines: everything except the measured times."""
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
    """The kinds of failure of a trial."""

    OUT_OF_MEMORY = "out of memory"
    WORKER_LOST = "worker lost"
    TIMEOUT = "timeout"
    DATA = "data"
    CODE = "code"


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
    was loaded, ``fingerprint`` if it uses nothing of the user's own. Old records have neither
    ``examples`` nor ``fingerprint``.
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
    """The first epoch with the highest validation accuracy, or None if all are NaN."""
    candidates = [metrics for metrics in history if not math.isnan(metrics.val_top1)]
    return max(candidates, key=lambda metrics: metrics.val_top1, default=None)
