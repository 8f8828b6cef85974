"""A function of tensors as a CUDA graph: launched as one, not kernel by kernel.

A small network's step is hundreds of kernels, and launching them takes a processor longer than a
GPU takes to compute them. A replayed step runs the same kernels on the same numbers.
"""

import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import torch
from torch import Tensor, nn

# The first calls allocate, choose algorithms and load kernels, which cannot be captured; torch's
# documentation has as many.
CALLS_BEFORE_CAPTURE = 3

# Where a module has what its state is made of: tensors that stay in place.
KEPT_BY_TORCH = ("_parameters", "_buffers", "_modules")

Function = Callable[..., Tensor]


class Replay:
    """Functions of one model that are called with tensors of the same shapes, time and again.

    What they change must be on the device and stay where it is. One that waits for the device,
    draws random numbers on the processor or has the model keep tensors of its own cannot be
    captured, nor one for whose own memory there is no room: it is called as it is, and a line of
    output says so.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.calls: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.captured: dict[str, Captured] = {}

    def call(self, name: str, function: Function, *arguments: Tensor) -> Tensor:
        """What the function of this name returns for these arguments, the caller's to keep."""
        if captured := self.captured.get(name):
            return captured.replay(arguments)
        self.calls[name] += 1
        if self.calls[name] != CALLS_BEFORE_CAPTURE or name in self.refused:
            return function(*arguments)
        with host_watched() as hindrances:
            result = function(*arguments)
        if own := next(tensors_of_its_own(self.model), None):
            hindrances.append(f"the model keeps {own} beside its parameters and buffers")
        if not hindrances:
            try:
                self.captured[name] = Captured(function, arguments)
            except RuntimeError as error:
                hindrances.append(" ".join(str(error).split())[:300])
                # They draw from a state that the device's generator may have left: once more.
                self.captured.clear()
                self.calls.clear()
        if hindrances:
            self.refused.add(name)
            print(f"{name} is not replayed as a CUDA graph: {'; '.join(hindrances)}")
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


def tensors_of_its_own(model: nn.Module) -> Iterator[str]:
    """The names of tensors that modules keep as plain attributes, or in dicts and lists of those.

    A module may drop such a tensor, and a graph would go on reading where it was: some of timm's
    keep their attention biases so between the batches of an evaluation.
    """
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name in KEPT_BY_TORCH:
                continue
            held = value.values() if isinstance(value, dict) else value
            several = held if isinstance(value, dict | list | tuple | set) else (value,)
            if any(isinstance(one, Tensor) for one in several):
                yield f"{path}.{name}".lstrip(".")


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
