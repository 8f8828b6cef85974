"""The plan of a run: trials by state, data, time, disk and licences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adaloss.errors import DataError
from adaloss.grid.sweep import Sweep
from adaloss.records.places import Places, prepared_folder
from adaloss.records.printable import printable
from adaloss.records.result import SplitSizes
from adaloss.tasks.data.sets import DataSets
from adaloss.tasks.images.models.licences import licence
from adaloss.tasks.table import common_task, task_of
from adaloss.trial import Trial
from runners.calibrate import Measured
from runners.pages.progress import duration
from runners.planning import (
    Kind,
    Plan,
    kind,
    one_per_cell,
    seconds_per_epoch,
    seconds_together,
    trial_seconds,
)
from runners.trials.machine import workers

# The fields of a trial that determine its number of examples.
SPLIT_FIELDS = ("dataset", "train_examples", "eval_examples")
RECORD_BYTES = 16_000
RECORD_BYTES_PER_EPOCH = 500
# Assumed for a program, which alone knows how often it reports.
REPORTS_OF_A_PROGRAM = 100


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of the missing trials.

    ``at_a_time`` are the trials for which the machine has room, ``together`` those of the missing
    ones that run at a time. ``device_seconds`` is the sum over trials that each have a device for
    themselves, ``seconds`` the time of all together; None if nothing was measured. ``licences``
    are by model.
    """

    at_a_time: int
    together: int
    device_seconds: float | None
    seconds: float | None
    record_bytes: int
    checkpoint_bytes: int | None
    licences: Mapping[str, str]


def cost_of(sweep: Sweep, plan: Plan, measured: Mapping[Kind, Measured]) -> Cost:
    """The cost of the missing trials; measured times take precedence over recorded ones."""
    per_epoch = seconds_per_epoch(plan) | {
        name: found.epoch_seconds for name, found in measured.items()
    }
    at_a_time = workers(sweep)
    together = min(at_a_time, max(1, len(plan.missing)))
    kept = len(plan.missing) if sweep.grid.execution.keep_checkpoints else at_a_time
    largest = max((found.checkpoint_bytes for found in measured.values()), default=None)
    return Cost(
        at_a_time=at_a_time,
        together=together,
        device_seconds=trial_seconds(plan.missing, per_epoch),
        seconds=seconds_together(plan.missing, per_epoch, together),
        record_bytes=sum(
            RECORD_BYTES + RECORD_BYTES_PER_EPOCH * (trial.last_epoch or REPORTS_OF_A_PROGRAM)
            for trial in plan.missing
        ),
        checkpoint_bytes=None if largest is None else largest * min(kept, len(plan.missing)),
        licences={
            start[0]: stated
            for start in dict.fromkeys(trial.starts_from for trial in one_per_cell(plan.trials))
            if start is not None and (stated := licence(*start)) is not None
        },
    )


def plan_lines(
    sweep: Sweep, plan: Plan, measured: Mapping[Kind, Measured], device: str
) -> Iterator[str]:
    """The plan as lines for people."""
    counts = plan.counts()
    yield f"{sweep.name}: {counts['cells']} cells, {counts['trials']} trials"
    for state in ("complete", "diverged", "failed", "missing"):
        yield f"  {state:<9}{counts[state]:>6}"
    yield from data_lines(plan, sweep.places)
    cost = cost_of(sweep, plan, measured)
    for model, stated in cost.licences.items():
        yield f"weights of {model}: licence {stated}"
    if not plan.missing:
        return
    yield from disk_lines(sweep, plan, cost)
    for trial in one_of_each_kind(plan.missing):
        if kind(trial) in measured:
            yield measured_line(trial, measured[kind(trial)])
    yield time_line(cost, device)


def data_lines(plan: Plan, places: Places) -> Iterator[str]:
    """The numbers of training, validation and test examples."""
    for trial, known in one_of_each_split(plan.trials):
        try:
            sizes = known.sizes(trial, places)
        except (DataError, OSError) as error:
            yield printable(f"data: {error}")
        else:
            yield printable(
                f"data: {trial.value('dataset')}: {sizes.train:,} training, "
                f"{sizes.validation:,} validation and {sizes.test:,} test {known.examples}"
            )


def data_records(plan: Plan, places: Places) -> Iterator[dict[str, Any]]:
    """The numbers of examples for programs; unknown ones are null."""
    for trial, known in one_of_each_split(plan.trials):
        try:
            sizes = known.sizes(trial, places).model_dump()
        except (DataError, OSError):
            sizes = dict.fromkeys(SplitSizes.model_fields)
        yield {name: trial.value(name) for name in SPLIT_FIELDS} | sizes


def one_of_each_split(trials: tuple[Trial, ...]) -> list[tuple[Trial, DataSets]]:
    """A trial of each data set and number of its examples, with the task's data sets."""
    known = common_task(trials).data
    found: dict[tuple[Any, ...], Trial] = {}
    for trial in one_per_cell(trials) if known else ():
        found.setdefault(tuple(trial.value(name) for name in SPLIT_FIELDS), trial)
    return [(trial, known) for trial in found.values() if known]


def disk_lines(sweep: Sweep, plan: Plan, cost: Cost) -> Iterator[str]:
    """The disk space that the sweep needs."""
    checkpoints = (
        "and a checkpoint of each trial while it runs"
        if cost.checkpoint_bytes is None
        else f"checkpoints {readable(cost.checkpoint_bytes)}"
    )
    yield f"disk: records {readable(cost.record_bytes)}, {checkpoints}"
    root = sweep.places.data_root
    known = common_task(plan.missing).data
    if known is None:
        return
    for name in dict.fromkeys(trial.value("dataset") for trial in one_per_cell(plan.missing)):
        if (about := known.published.get(name)) is not None:
            tensors = f", {readable(about.prepared_bytes)} in {prepared_folder()}"
            yield (
                f"      {name} {readable(about.file_bytes)} in {root}"
                f"{tensors if about.prepared_bytes else ''}"
            )


def measured_line(trial: Trial, found: Measured) -> str:
    """The calibration of a kind of trial."""
    if trial.last_epoch is None:
        return f"measured: the trial {trial.readable_name} takes {duration(found.epoch_seconds)}"
    speed = f"{found.steps_per_second:,.0f} steps/s"
    if task_of(trial).data is not None and trial.batch is not None:
        speed = f"{found.steps_per_second * trial.batch:,.0f} examples/s"
    seconds = found.epoch_seconds
    epoch = duration(seconds) if seconds >= 1 else f"{1000 * seconds:.0f} ms"
    return (
        f"measured: {trial.subject}, batch {trial.batch}: "
        f"{speed} in training, {epoch} an epoch with its evaluations"
    )


def time_line(cost: Cost, device: str) -> str:
    """The estimate of the time, or how to get one."""
    if cost.device_seconds is None or cost.seconds is None:
        return (
            "no estimate of the time: no trial of this sweep is complete yet; "
            "plan with --calibrate times a few steps"
        )
    if device == "cuda":
        hours = cost.device_seconds / 3600
        return f"the missing trials will take about {hours:,.1f} GPU-hours, less if they are packed"
    time = duration(cost.seconds)
    return f"the missing trials will take about {time}, {cost.together} at a time"


def plan_record(sweep: Sweep, plan: Plan, measured: Mapping[Kind, Measured]) -> dict[str, Any]:
    """The plan for programs."""
    cost = cost_of(sweep, plan, measured)
    return plan.counts() | {
        "at_a_time": cost.at_a_time,
        "device_seconds": cost.device_seconds,
        "record_bytes": cost.record_bytes,
        "checkpoint_bytes": cost.checkpoint_bytes,
        "licences": dict(cost.licences),
        "data": list(data_records(plan, sweep.places)),
        "data_root": str(sweep.places.data_root),
    }


def one_of_each_kind(trials: tuple[Trial, ...]) -> list[Trial]:
    """A trial of each kind for timing, with random weights, which take the same time.

    Of a program one trial is timed, as a whole: the others are taken to last as long.
    """
    if common_task(trials).is_program:
        return list(trials[:1])
    first = list({kind(trial): trial for trial in reversed(one_per_cell(trials))}.values())[::-1]
    return [
        trial.model_copy(update={"pretrained": False}) if trial.starts_from else trial
        for trial in first
    ]


def readable(size: int) -> str:
    """A number of bytes in MB or GB."""
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.2f} GB"
