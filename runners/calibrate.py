"""Time a few steps of each kind of trial on this machine, for an estimate before a sweep."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from adaloss.errors import UserError
from adaloss.own_code.fresh_process import in_fresh_process
from adaloss.records.places import Places
from adaloss.tasks.table import task_of
from adaloss.trial import Capture, Trial
from runners.planning import Kind, kind


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The cost of a kind of trial: seconds per epoch, steps per second, checkpoint bytes."""

    epoch_seconds: float
    steps_per_second: float
    checkpoint_bytes: int


def device_here() -> str:
    """The device of trials on this machine."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def measure(
    trials: Iterable[Trial], places: Places, device: str, threads: int, capture: Capture
) -> dict[Kind, Measured]:
    """Time some steps and a batch of evaluation of each of the trials, one after the other.

    Of a program's trial, which alone knows when it ends, the whole is timed.

    The data sets and weights must be on this disk. ``capture`` is the grid's.
    """
    measured: dict[Kind, Measured] = {}
    for trial in trials:
        arguments = (trial, places, device, threads, capture)
        if not trial.runs_own_code:
            measured[kind(trial)] = measure_one(*arguments)
            continue
        # The user's own code runs in a separate process, so that it cannot affect other timings.
        try:
            measured[kind(trial)] = in_fresh_process(measure_one, *arguments)
        except UserError as error:
            raise UserError(f"{trial.subject} cannot be timed: {error}") from error
    return measured


def measure_one(
    trial: Trial, places: Places, device: str, threads: int, capture: Capture
) -> Measured:
    """Time one trial in this process."""
    # torch takes seconds to import, and a plan without calibration does not need it.
    import torch

    torch.set_num_threads(threads)
    code = task_of(trial).load()
    # A program of the user's writes files, which are not kept.
    with TemporaryDirectory(prefix="adaloss-sweep-calibrate-") as folder:
        here = replace(places, trial=Path(folder))
        inputs = code.read(trial, here, device)
        calibration = code.calibrate(code.start(trial, inputs, here, device, capture=capture))
    return Measured(
        epoch_seconds=calibration.seconds_per_epoch,
        steps_per_second=1 / calibration.seconds_per_step,
        checkpoint_bytes=calibration.checkpoint_bytes,
    )
