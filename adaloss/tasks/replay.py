"""Replay a function of tensors as a CUDA graph: one launch instead of one per kernel.

A small network's step is hundreds of kernels, and launching them takes the processor longer than
the GPU takes to compute them. A replayed step runs the same kernels on the same numbers.
"""

import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import torch
from torch import Tensor, nn

# The first calls allocate memory, choose algorithms and load kernels, which cannot be captured;
# torch's documentation uses the same number.
CALLS_BEFORE_CAPTURE = 3

# The attributes in which torch keeps a module's state: tensors that stay in place.
KEPT_BY_TORCH = ("_parameters", "_buffers", "_modules")

Function = Callable[..., Tensor]


class Replay:
    """Replays functions of one model that are called repeatedly with tensors of the same shapes.

    Everything that a function changes must be on the device and stay at its address. A function
    cannot be captured if it waits for the device, draws random numbers on the processor, makes the
    model keep tensors of its own, or needs more memory than there is. Such a function is called
    directly, and a line of output gives the reason.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.calls: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.captured: dict[str, Captured] = {}

    def call(self, name: str, function: Function, *arguments: Tensor) -> Tensor:
        """Call the function of this name; the caller may keep the returned tensor."""
        if captured := self.captured.get(name):
            return captured.replay(arguments)
        self.calls[name] += 1
        if self.calls[name] != CALLS_BEFORE_CAPTURE or name in self.refused:
            return function(*arguments)
        with host_watched() as hindrances:
            result = function(*arguments)
        if own := next(tensors_of_its_own(self.model), None):
            hindrances.append(f"the model keeps {own} outside its parameters and buffers")
        if not hindrances:
            try:
                self.captured[name] = Captured(function, arguments)
            except RuntimeError as error:
                hindrances.append(" ".join(str(error).split())[:300])
                # Earlier graphs draw from a generator state that may be stale: capture them again.
                self.captured.clear()
                self.calls.clear()
        if hindrances:
            self.refused.add(name)
            print(f"{name} is not replayed as a CUDA graph: {'; '.join(hindrances)}")
        return result


class Captured:
    """A captured call, with buffers for its arguments."""

    def __init__(self, function: Function, arguments: Sequence[Tensor]) -> None:
        """Capture the call without running it.

        Raises:
            RuntimeError: the call cannot be captured; ``torch.OutOfMemoryError`` is a subclass.
        """
        self.arguments = [torch.empty_like(argument) for argument in arguments]
        self.graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
        try:
            with warnings.catch_warnings():
                # torch warns so about a graph that failed before its first kernel.
                warnings.filterwarnings("ignore", message="The CUDA Graph is empty")
                with torch.cuda.graph(self.graph, pool=pool):
                    self.result = function(*self.arguments)
        except Exception:
            clear_up_after_capture(torch.cuda.current_device(), pool)
            raise

    def replay(self, arguments: Sequence[Tensor]) -> Tensor:
        """Run the captured call with these arguments."""
        for own, argument in zip(self.arguments, arguments, strict=True):
            own.copy_(argument)
        self.graph.replay()
        return self.result.clone()


@contextmanager
def host_watched() -> Iterator[list[str]]:
    """Yield a list, and fill it with what a graph of the block's calls would not repeat."""
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
    """The states of the processor's global generators, in a form that can be compared."""
    name, keys, *rest = np.random.get_state(legacy=True)
    numpys = name, np.asarray(keys).tobytes(), *rest
    return random.getstate(), numpys, torch.get_rng_state().numpy().tobytes()


def tensors_of_its_own(model: nn.Module) -> Iterator[str]:
    """The names of tensors that modules keep as plain attributes, or in dicts and lists.

    A module may drop such a tensor, and a graph would still read its old address: some of timm's
    models keep their attention biases like this between the batches of an evaluation.
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
    """Close what torch leaves open when a capture fails in the middle of the GPU's work.

    Otherwise the allocator would never free memory, and the global generator could not be used.
    """
    with suppress(RuntimeError):  # usually it has ended already
        torch._C._cuda_endAllocateToPool(device, pool)
    generator = torch.cuda.default_generators[device]
    fresh = torch.Generator(generator.device)
    fresh.set_state(generator.get_state())
    generator.graphsafe_set_state(fresh)
