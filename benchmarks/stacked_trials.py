"""Do tiny networks train faster on a GPU if their trials are stacked, or in several processes?

    python benchmarks/stacked_trials.py [--quick] [--json] [--device cpu|cuda] [--batch-size N]
        [--models mlp,small_cnn] [--stack 25,100] [--processes 1,4,8,16]

The quickstart's digits; counted are the training steps of all trials together, per second of the
clock, and the ratio to the first contender:

- ours, one process: one trial in `Training.train_one_epoch`, whose steps a GPU replays as a CUDA
  graph;
- ours, not replayed: as if `execution.capture` were false;
- ours, N processes: the first in N processes on one device, which is how this tool packs a GPU;
- captured step: one trial whose step is a CUDA graph with the gathering of its batch;
- stacked, K trials: K trials step together through `torch.func` (`stack_module_state`,
  `functional_call`, `grad_and_value`, `vmap`), each with its own weights, b0 and order;
- stacked and captured: the same as a CUDA graph.

All compute in fp32 (no tf32) without weight decay, AdaLoss keeps b_t² in float64, and losses are
read back once an epoch, as ours does here. Before it is timed, every contender that is not ours
takes a few steps beside trials of ours, and the weights must agree. Each is timed for 3 s (--quick:
0.5 s) after a warm-up, with one thread a process; several processes start when all are warm.

Left out in favour of the contenders: they skip the smaller last batch of an epoch, draw their
orders on the device and stop for no trial that has diverged. Neither network has batch norm or
dropout, so nothing of that is stacked. CUDA graphs are only tried on a GPU.
"""

import argparse
import json
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from stacked_steps import Loop, One, Stack, captured, check

from adaloss.records.places import NOWHERE
from adaloss.tasks.images.data.splits import Splits, SplitsSpec, load_splits, spec_of
from adaloss.tasks.images.training import Training
from adaloss.trial import Trial

BASELINE = "ours, one process"
MODELS = ("mlp", "small_cnn")
B0S = (0.01, 0.1, 1.0, 10.0, 100.0)
CHECKED_TRIALS = 3
WARM_UP = 0.3  # of the seconds that are timed
PATIENCE = 300.0  # seconds that a worker may take to answer


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How all contenders are run."""

    device: str
    batch_size: int
    seconds: float


@cache
def splits(spec: SplitsSpec, device: str) -> Splits:
    return load_splits(spec, Path(), device)


def training_of(model: str, seed: int, settings: Settings, *, capture: bool = True) -> Training:
    trial = Trial(
        dataset="digits", model=model, optimizer="adaloss", b0=B0S[seed % len(B0S)], lr=0.1,
        epochs=1, batch_size=settings.batch_size, seed=seed, precision="fp32",
    )  # fmt: skip
    data = splits(spec_of(trial), settings.device)
    return Training(trial, data, NOWHERE, settings.device, capture=capture)


def clock(device: str) -> float:
    """The time at which the device has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def repeat(epoch: Callable[[], object], seconds: float, device: str) -> float:
    """Epochs per second, of as many as it takes."""
    start, count = clock(device), 0
    while count == 0 or time.perf_counter() - start < seconds:
        epoch()
        count += 1
    return count / (clock(device) - start)


def ours(training: Training, settings: Settings, ready: Callable[[], object]) -> float:
    """Steps per second of one trial, timed once it is warm and ``ready`` has returned."""
    repeat(training.train_one_epoch, WARM_UP * settings.seconds, settings.device)
    ready()
    steps = -(-len(training.train.examples) // settings.batch_size)
    return steps * repeat(training.train_one_epoch, settings.seconds, settings.device)


def theirs(model: str, stack: int | None, capture: bool, settings: Settings) -> float:
    """Steps per second of all trials of a stack, or of one trial, after the check."""
    trainings = [training_of(model, seed, settings) for seed in range(stack or 1)]
    learner = Stack(trainings) if stack else One(trainings[0])
    loop = Loop(learner, trainings[0].train, settings.batch_size)
    step = captured(loop) if capture else loop.step
    checked = range(min(stack or 1, CHECKED_TRIALS))
    check(loop, step, [training_of(model, seed, settings) for seed in checked])
    repeat(lambda: loop.epoch(step), WARM_UP * settings.seconds, settings.device)
    epochs = repeat(lambda: loop.epoch(step), settings.seconds, settings.device)
    return loop.losses.numel() * epochs


def serve(connection: Connection, seed: int, settings: Settings) -> None:
    """A worker's life: for each model that it is sent, be ready, wait for the word, time it."""
    torch.set_num_threads(1)

    def ready() -> None:
        connection.send(0.0)
        connection.recv()

    with training_of(MODELS[0], seed, settings).computing():
        connection.send(0.0)
        while True:
            training = training_of(connection.recv(), seed, settings)
            connection.send(ours(training, settings, ready))


def ask(connections: Sequence[Connection], word: str) -> list[float]:
    """Send all workers a word, unless it is empty, and await an answer from each."""
    try:
        for connection in connections if word else ():
            connection.send(word)
        for connection in connections:
            if not connection.poll(PATIENCE):
                raise RuntimeError(f"a worker has not answered for {PATIENCE:.0f} s")
        return [connection.recv() for connection in connections]
    except (EOFError, OSError) as error:
        raise RuntimeError("a worker has ended too early") from error


@contextmanager
def workers(count: int, settings: Settings) -> Iterator[list[Connection]]:
    """Connections to processes that have long been up, and wait."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=serve, args=(far, seed, settings), daemon=True)
        for seed, (_, far) in enumerate(pairs)
    ]
    try:
        for process, (_, far) in zip(processes, pairs, strict=True):
            process.start()
            far.close()  # else the end of the worker would not end the connection
        near = [own for own, _ in pairs]
        ask(near, "")
        yield near
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
                process.join(10)


def measure(models: Sequence[str], stacks: Sequence[int], processes: Sequence[int],
            settings: Settings) -> Iterator[tuple[str, str, float]]:  # fmt: skip
    """Model, contender and trial-steps per second."""
    contenders: list[tuple[str, int | None, bool]] = [("captured step, one process", None, True)]
    for size in stacks:
        contenders.append((f"stacked, {size} trials", size, False))
        contenders.append((f"stacked and captured, {size} trials", size, True))
    with training_of(models[0], 0, settings).computing():
        for model in models:
            for name, capture in ((BASELINE, True), ("ours, not replayed", False)):
                training = training_of(model, 0, settings, capture=capture)
                yield model, name, ours(training, settings, lambda: None)
            for name, stack, capture in contenders:
                if capture and settings.device != "cuda":
                    continue
                # One that this GPU refuses does not cost the others their numbers.
                try:
                    yield model, name, theirs(model, stack, capture, settings)
                except RuntimeError as error:
                    print(f"{model}: {name}: failed: {error}", file=sys.stderr)
    several = [count for count in processes if count > 1]
    # They start last: while so many import torch, nothing else can be timed.
    with workers(max(several, default=0), settings) as connections:
        for model in models:
            for count in several:
                ask(connections[:count], model)
                yield model, f"ours, {count} processes", sum(ask(connections[:count], "go"))


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="0.5 s each, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="cuda where there is one")
    parser.add_argument("--batch-size", type=int, default=32, help="the quickstart's is 32")
    parser.add_argument("--models", default=",".join(MODELS), help="of mlp and small_cnn")
    parser.add_argument("--stack", type=numbers, default=[25, 100], help="trials in a stack")
    parser.add_argument("--processes", type=numbers, default=[1, 4, 8, 16], help="how many")
    arguments = parser.parse_args()
    models = arguments.models.split(",")
    if not set(models) <= set(MODELS):
        parser.error(f"--models: choose from {', '.join(MODELS)}")
    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    seconds = 0.5 if arguments.quick else 3.0
    settings = Settings(device=device, batch_size=arguments.batch_size, seconds=seconds)
    rates: dict[tuple[str, str], float] = {}
    for model, name, rate in measure(models, arguments.stack, arguments.processes, settings):
        print(f"{model}: {name}: {rate:,.0f}", file=sys.stderr, flush=True)
        rates[model, name] = rate
    chip = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"torch {torch.__version__}, {chip}, digits, batch {settings.batch_size}, fp32")
    print(f"{'model':<11}{'contender':<36}{'trial-steps/s':>14}{'ratio':>8}")
    rows = []
    for (model, name), rate in sorted(rates.items(), key=lambda item: models.index(item[0][0])):
        ratio = rate / rates[model, BASELINE]
        print(f"{model:<11}{name:<36}{rate:>14,.0f}{ratio:>8.2f}")
        row = {"model": model, "contender": name, "trial_steps_per_second": rate, "ratio": ratio}
        rows.append(row)
    if arguments.json:
        about = {"torch": torch.__version__, "python": platform.python_version(), "device": chip}
        print(json.dumps({"benchmark": "stacked_trials", **about, "results": rows}))


if __name__ == "__main__":
    main()
