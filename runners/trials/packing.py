"""How many trials share a GPU: from the memory that trials like them were seen to take."""

import math
from collections.abc import Hashable, Iterable, Mapping

from adaloss.records.result import DeviceMemory, TrialResult
from adaloss.trial import Trial

# What CUDA itself takes of a GPU for a process (610 to 830 MiB were seen on an H100), and room for
# peaks that vary.
CONTEXT_BYTES = 900 * 2**20
MARGIN = 1.1
# Ray counts fractions of a GPU in ten-thousandths.
RAY_PRECISION = 10_000


def measured_memory(
    trials: Iterable[Trial], results: Mapping[str, TrialResult]
) -> dict[Hashable, DeviceMemory]:
    """The largest peak on record of each kind of trial."""
    measured: dict[Hashable, DeviceMemory] = {}
    for trial in trials:
        result = results.get(trial.trial_id)
        if result is not None and result.memory is not None and result.last is not None:
            note(measured, trial, result.memory)
    return measured


def note(measured: dict[Hashable, DeviceMemory], trial: Trial, memory: DeviceMemory) -> None:
    """Remember the trial's peak if it is the largest of its kind."""
    known = measured.get(trial.memory_kind)
    if known is None or memory.peak > known.peak:
        measured[trial.memory_kind] = memory


def gpu_share(memory: DeviceMemory, most: int) -> float:
    """The part of a GPU that such a trial gets: 1/n where n of them fit, at most ``most``."""
    needed = memory.peak * MARGIN + CONTEXT_BYTES
    fitting = max(1, min(most, int(memory.total // needed)))
    return math.floor(RAY_PRECISION / fitting) / RAY_PRECISION


def fraction_for_tensors(part: float, total: int) -> float:
    """What tensors may take of a GPU of ``total`` bytes by a process that has this part of it.

    CUDA's own bytes come out of the part where others share the GPU. A part without room for them,
    which only a grid can ask for, is what tensors may take.
    """
    if part >= 1:
        return 1.0
    without_context = part - CONTEXT_BYTES / total
    return without_context if without_context > 0 else part
