"""Measure a few steps of each kind of trial on this machine, for an estimate before a sweep."""

from collections.abc import Iterable
from dataclasses import dataclass

from adaloss.errors import UserError
from adaloss.own_code.fresh_process import in_fresh_process
from adaloss.records.places import Places
from adaloss.tasks.table import task_of
from adaloss.trial import Capture, Trial
from runners.plan import Kind, kind


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a kind of trial takes here: seconds an epoch, examples a second, checkpoint bytes."""

    epoch_seconds: float
    examples_per_second: float
    checkpoint_bytes: int


def device_here() -> str:
    """Where trials compute on this machine."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def measure(
    trials: Iterable[Trial], places: Places, device: str, threads: int, capture: Capture
) -> dict[Kind, Measured]:
    """Some steps and a batch of evaluation of each of the trials, with nothing beside it.

    The data sets and weights must be there. ``capture`` is the grid's.
    """
    measured: dict[Kind, Measured] = {}
    for trial in trials:
        arguments = (trial, places, device, threads, capture)
        if not trial.runs_own_code:
            measured[kind(trial)] = measure_one(*arguments)
            continue
        # What code of the user's own sets in its process is to slow down nobody else.
        try:
            measured[kind(trial)] = in_fresh_process(measure_one, *arguments)
        except UserError as error:
            raise UserError(f"{trial.readable_cell} cannot be timed: {error}") from error
    return measured


def measure_one(
    trial: Trial, places: Places, device: str, threads: int, capture: Capture
) -> Measured:
    """The same of one trial, in this process."""
    # torch takes seconds to import, and a plan without calibration does without.
    import torch

    torch.set_num_threads(threads)
    code = task_of(trial).load()
    inputs = code.read(trial, places, device)
    calibration = code.calibrate(code.start(trial, inputs, places, device, capture=capture))
    return Measured(
        epoch_seconds=calibration.seconds_per_epoch,
        examples_per_second=trial.batch_size / calibration.seconds_per_step,
        checkpoint_bytes=calibration.checkpoint_bytes,
    )
