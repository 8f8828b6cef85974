"""Compare stacking the trials of tiny networks with training them in several processes.

    python benchmarks/stacked_trials.py [--quick] [--json] [--device cpu|cuda] [--batch-size N]
        [--models mlp,small_cnn] [--stack 25,100] [--processes 1,4,8,16]

The trials are the quickstart's digits. The benchmark reports the training steps of all trials
together per second of wall time, and the ratio to the first contender:

- ours, one process: one trial with `Training.train_one_epoch`; on a GPU its steps are replayed as a
  CUDA graph;
- ours, not replayed: the same with `execution.capture: false`;
- ours, N processes: N processes of the first kind on one device, which is how this tool shares a
  GPU;
- captured step: one trial whose CUDA graph also gathers the batch;
- stacked, K trials: K trials take each step together with `torch.func` (`stack_module_state`,
  `functional_call`, `grad_and_value`, `vmap`); each has its own weights, b0 and order;
- stacked and captured: the same as a CUDA graph.

All contenders compute in fp32 (no tf32) without weight decay, keep b_t² in float64, and read the
losses once per epoch. Before timing, the other contenders take a few steps from the same state as
trials of this tool, and their weights must agree. Each is timed for 3 s (--quick: 0.5 s) after a
warm-up, with one thread per process. Several processes start timing when all of them are warm.

Some work of this tool is omitted from the other contenders: they skip the smaller last batch of an
epoch, draw the orders on the device and do not stop diverged trials. Neither network has batch norm
or dropout, so none is stacked. CUDA graphs are measured only on a GPU.
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
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.training import Training

BASELINE = "ours, one process"
MODELS = ("mlp", "small_cnn")
B0S = (0.01, 0.1, 1.0, 10.0, 100.0)
CHECKED_TRIALS = 3
WARM_UP = 0.3  # As a fraction of the timed seconds.
PATIENCE = 300.0  # Seconds to wait for a worker's answer.


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of all contenders."""

    device: str
    batch_size: int
    seconds: float


@cache
def splits(spec: SplitsSpec, device: str) -> Splits:
    return load_splits(spec, Path(), device)


def training_of(model: str, seed: int, settings: Settings, *, capture: bool = True) -> Training:
    trial = ImageTrial(
        dataset="digits", model=model, optimizer="adaloss", b0=B0S[seed % len(B0S)], lr=0.1,
        epochs=1, batch_size=settings.batch_size, seed=seed, precision="fp32",
    )  # fmt: skip
    data = splits(spec_of(trial), settings.device)
    return Training(trial, data, NOWHERE, settings.device, capture=capture)


def clock(device: str) -> float:
    """The time after all work on the device has finished."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def repeat(epoch: Callable[[], object], seconds: float, device: str) -> float:
    """Epochs per second, measured for at least ``seconds``."""
    start, count = clock(device), 0
    while count == 0 or time.perf_counter() - start < seconds:
        epoch()
        count += 1
    return count / (clock(device) - start)


def own_rate(training: Training, settings: Settings, ready: Callable[[], object]) -> float:
    """Steps per second of one trial, timed after a warm-up and after ``ready`` has returned."""
    repeat(training.train_one_epoch, WARM_UP * settings.seconds, settings.device)
    ready()
    steps = -(-len(training.train.examples) // settings.batch_size)
    return steps * repeat(training.train_one_epoch, settings.seconds, settings.device)


def loop_rate(model: str, stack: int | None, capture: bool, settings: Settings) -> float:
    """Steps per second of one trial or of a stack, timed after comparing its weights."""
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
    """Run a worker: for each model received, warm up, wait for the start signal and measure."""
    torch.set_num_threads(1)

    def ready() -> None:
        connection.send(0.0)
        connection.recv()

    with training_of(MODELS[0], seed, settings).computing():
        connection.send(0.0)
        while True:
            training = training_of(connection.recv(), seed, settings)
            connection.send(own_rate(training, settings, ready))


def ask(connections: Sequence[Connection], message: str) -> list[float]:
    """Send all workers a message, unless it is empty, and wait for an answer from each.

    Raises:
        RuntimeError: a worker ended, or did not answer in time.
    """
    try:
        for connection in connections if message else ():
            connection.send(message)
        for connection in connections:
            if not connection.poll(PATIENCE):
                raise RuntimeError(f"a worker did not answer within {PATIENCE:.0f} s")
        return [connection.recv() for connection in connections]
    except (EOFError, OSError) as error:
        raise RuntimeError("a worker ended too early") from error


@contextmanager
def workers(count: int, settings: Settings) -> Iterator[list[Connection]]:
    """Connections to worker processes that have started and wait for a model."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [
        context.Process(target=serve, args=(remote, seed, settings), daemon=True)
        for seed, (_, remote) in enumerate(pairs)
    ]
    try:
        for process, (_, remote) in zip(processes, pairs, strict=True):
            process.start()
            remote.close()  # Otherwise the connection would stay open after the worker ends.
        connections = [local for local, _ in pairs]
        ask(connections, "")
        yield connections
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
                process.join(10)


def measure(models: Sequence[str], stacks: Sequence[int], processes: Sequence[int],
            settings: Settings) -> Iterator[tuple[str, str, float]]:  # fmt: skip
    """Yield model, contender and trial steps per second."""
    contenders: list[tuple[str, int | None, bool]] = [("captured step, one process", None, True)]
    for size in stacks:
        contenders.append((f"stacked, {size} trials", size, False))
        contenders.append((f"stacked and captured, {size} trials", size, True))
    with training_of(models[0], 0, settings).computing():
        for model in models:
            for name, capture in ((BASELINE, True), ("ours, not replayed", False)):
                training = training_of(model, 0, settings, capture=capture)
                yield model, name, own_rate(training, settings, lambda: None)
            for name, stack, capture in contenders:
                if capture and settings.device != "cuda":
                    continue
                # A contender that fails on this GPU does not end the benchmark.
                try:
                    yield model, name, loop_rate(model, stack, capture, settings)
                except RuntimeError as error:
                    print(f"{model}: {name}: failed: {error}", file=sys.stderr)
    several = [count for count in processes if count > 1]
    # They start last: importing torch in many processes would disturb other measurements.
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
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda if available")
    parser.add_argument(
        "--batch-size", type=int, default=32, help="default: 32, as in the quickstart"
    )
    parser.add_argument("--models", default=",".join(MODELS), help="mlp, small_cnn or both")
    parser.add_argument("--stack", type=numbers, default=[25, 100], help="trials per stack")
    parser.add_argument(
        "--processes", type=numbers, default=[1, 4, 8, 16], help="numbers of processes"
    )
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here")
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
        about_run = {"benchmark": "stacked_trials", "batch_size": settings.batch_size}
        print(json.dumps({**about_run, **about, "results": rows}))


if __name__ == "__main__":
    main()
