"""A function of tensors as a CUDA graph: launched as one, not kernel by kernel.

A small network's step is hundreds of kernels, and launching them takes a processor longer than a
GPU takes to compute them. A replayed step runs the same kernels on the same numbers.
"""

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import torch
from torch import Tensor

# The first calls allocate, choose algorithms and load kernels, which cannot be captured; torch's
# documentation has as many.
CALLS_BEFORE_CAPTURE = 3

Function = Callable[..., Tensor]


class Replay:
    """Calls of one function, with tensors of the same shapes, that are replayed where they can be.

    What the function changes must be on the device and stay where it is. One that waits for the
    device or draws random numbers on the processor cannot be captured, nor one for whose own
    memory there is no room: it is called as it is, and a line of output says so.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.captured: Captured | None = None

    def call(self, function: Function, *arguments: Tensor) -> Tensor:
        """What the function returns for these arguments, the caller's to keep."""
        if self.captured is not None:
            return self.captured.replay(arguments)
        self.calls += 1
        if self.calls != CALLS_BEFORE_CAPTURE:
            return function(*arguments)
        with host_watched() as hindrances:
            result = function(*arguments)
        if not hindrances:
            try:
                self.captured = Captured(function, arguments)
            except RuntimeError as error:
                hindrances.append(" ".join(str(error).split())[:300])
        if hindrances:
            print(f"not replayed as a CUDA graph: {'; '.join(hindrances)}")
        return result


class Captured:
    """A call as a graph, with room for its arguments."""

    def __init__(self, function: Function, arguments: Sequence[Tensor]) -> None:
        """Capture the call, which is not made by that.

        Raises:
            RuntimeError: it cannot be captured; ``torch.OutOfMemoryError`` is one.
        """
        self.arguments = [torch.empty_like(argument) for argument in arguments]
        self.graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
        try:
            with warnings.catch_warnings():
                # What is said of a graph that broke off before its first kernel.
                warnings.filterwarnings("ignore", message="The CUDA Graph is empty")
                with torch.cuda.graph(self.graph, pool=pool):
                    self.result = function(*self.arguments)
        except Exception:
            clear_up_after_capture(torch.cuda.current_device(), pool)
            raise

    def replay(self, arguments: Sequence[Tensor]) -> Tensor:
        """The call with these arguments."""
        for own, argument in zip(self.arguments, arguments, strict=True):
            own.copy_(argument)
        self.graph.replay()
        return self.result.clone()


@contextmanager
def host_watched() -> Iterator[list[str]]:
    """Fills the list it yields with what a graph would not repeat of what was done meanwhile."""
    hindrances: list[str] = []
    before, mode = host_random_state(), torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield hindrances
        finally:
            torch.cuda.set_sync_debug_mode(mode)
    waits = False
    for warning in caught:
        if "called a synchronizing CUDA operation" in str(warning.message):
            waits = True
        elif "Synchronization debug mode" not in str(warning.message):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    if waits:
        hindrances.append("the model waits for the GPU")
    if host_random_state() != before:
        hindrances.append("the model draws random numbers on the processor")


def host_random_state() -> tuple[object, ...]:
    """Comparable states of the processor's global generators."""
    name, keys, *rest = np.random.get_state(legacy=True)
    numpys = name, np.asarray(keys).tobytes(), *rest
    return random.getstate(), numpys, torch.get_rng_state().numpy().tobytes()


def clear_up_after_capture(device: int, pool: tuple[int, int]) -> None:
    """End what torch leaves open where a capture broke off amid the GPU's own work.

    The allocator would give no memory back any more, and the global generator draw no numbers.
    """
    with suppress(RuntimeError):  # mostly it has been ended
        torch._C._cuda_endAllocateToPool(device, pool)
    generator = torch.cuda.default_generators[device]
    fresh = torch.Generator(generator.device)
    fresh.set_state(generator.get_state())
    generator.graphsafe_set_state(fresh)
