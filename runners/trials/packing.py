"""How many trials share a GPU, from the measured memory of similar trials."""

import math
from collections.abc import Hashable, Iterable, Mapping

from adaloss.records.result import DeviceMemory, TrialResult
from adaloss.trial import Trial

# CUDA's own memory for a process (610 to 830 MiB on an H100), and a margin for varying peaks.
CONTEXT_BYTES = 900 * 2**20
MARGIN = 1.1
# Ray counts fractions of a GPU in ten-thousandths.
RAY_PRECISION = 10_000


def measured_memory(
    trials: Iterable[Trial], results: Mapping[str, TrialResult]
) -> dict[Hashable, DeviceMemory]:
    """The largest recorded peak of each kind of trial."""
    measured: dict[Hashable, DeviceMemory] = {}
    for trial in trials:
        result = results.get(trial.trial_id)
        if result is not None and result.memory is not None and result.last is not None:
            note(measured, trial, result.memory)
    return measured


def note(measured: dict[Hashable, DeviceMemory], trial: Trial, memory: DeviceMemory) -> None:
    """Store the trial's peak if it is the largest of its kind."""
    largest = measured.get(trial.memory_kind)
    if largest is None or memory.peak > largest.peak:
        measured[trial.memory_kind] = memory


def gpu_share(memory: DeviceMemory, most: int, smallest: int | None = None) -> float:
    """The share of a GPU for such a trial: 1/n if n of them fit, with n at most ``most``.

    ``smallest`` are the bytes of the smallest GPU, on which they must fit as well.
    """
    total = memory.total if smallest is None else min(memory.total, smallest)
    needed = memory.peak * MARGIN + CONTEXT_BYTES
    fitting = max(1, min(most, int(total // needed)))
    return math.floor(RAY_PRECISION / fitting) / RAY_PRECISION


def fraction_for_tensors(part: float, total: int) -> float:
    """The fraction of a GPU's ``total`` bytes for tensors of a process with this part of it.

    CUDA's own bytes are deducted if others share the GPU, unless the part has no room for them,
    which only a grid can ask for.
    """
    if part >= 1:
        return 1.0
    without_context = part - CONTEXT_BYTES / total
    return without_context if without_context > 0 else part
