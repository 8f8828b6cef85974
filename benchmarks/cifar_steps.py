"""Compare the training steps of ResNet-20 at 32 pixels with the best plain loop on a processor.

    python benchmarks/cifar_steps.py [--quick] [--json] [--batch-size N] [--threads N] [--jemalloc]
        [--bf16]

- plain: forward, backward and `torch.optim.SGD(fused=True)` on one prepared batch, without an input
  pipeline, in each layout of weights and images in memory and each precision that the processor has
  instructions for.
- ours: the complete step of a trial with AdaLoss: a shuffled batch, crops with padding, flips,
  normalisation, b_t. Its images have their channels last in memory, whatever its weights have.

Times are CPU time with one thread, wall time with several. Ratios are medians over rounds of
(plain / ours in the same round), to the fastest plain loop in the same precision, so more than 1 is
faster. With --jemalloc all of them use Ray's allocator, as trials do.
"""

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Iterator
from statistics import median, quantiles
from typing import NamedTuple

import torch
from allocator import allocators
from published_loop import synthetic_splits
from torch.nn import functional

from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.training import Training
from runners.preflight.machine.precision import INSTRUCTIONS, PROCESSORS, instructions

MODEL, SIZE, CLASSES, BATCHES = "cifar_resnet20", 32, 100, 8
ROUNDS, QUICK_ROUNDS, STEPS = 11, 3, 2


class Variant(NamedTuple):
    """A precision, and whether channels are last in the memory of weights."""

    precision: str
    channels_last: bool

    def __str__(self) -> str:
        return f"{self.precision}, weights' channels {'last' if self.channels_last else 'first'}"


def variants(*, with_bf16: bool) -> list[Variant]:
    with_bf16 = with_bf16 or bool(instructions(PROCESSORS) & INSTRUCTIONS)
    precisions = ["fp32", *["bf16"] * with_bf16]
    return [Variant(precision, last) for precision in precisions for last in (False, True)]


def training_of(variant: Variant, batch_size: int) -> Training:
    trial = ImageTrial(
        dataset="cifar100", model=MODEL, optimizer="adaloss", b0=1, lr=0.1, weight_decay=1e-4,
        epochs=1, batch_size=batch_size, seed=0, padding=4, flip=True,
        precision=variant.precision, channels_last=variant.channels_last,
    )  # fmt: skip
    training = Training(trial, synthetic_splits(BATCHES * batch_size))
    training.model.train()
    return training


def our_steps(training: Training) -> Iterator[object]:
    while True:
        yield from training.train_steps()


def plain_steps(training: Training, *, images_last: bool) -> Iterator[object]:
    size = training.trial.batch_size
    images, labels = torch.randn(size, 3, SIZE, SIZE), torch.randint(0, CLASSES, (size,))
    if images_last:
        images = images.to(memory_format=torch.channels_last)
    parameters = training.model.parameters()
    optimizer = torch.optim.SGD(parameters, lr=0.1, weight_decay=1e-4, fused=True)
    while True:
        with training.precision:
            loss = functional.cross_entropy(training.model(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        yield loss


def contenders(batch_size: int, *, with_bf16: bool) -> dict[str, tuple[Training, Iterator[object]]]:
    compared: dict[str, tuple[Training, Iterator[object]]] = {}
    for variant in variants(with_bf16=with_bf16):
        ours = training_of(variant, batch_size)
        compared[f"ours: {variant}"] = (ours, our_steps(ours))
        for images_last in (True,) if variant.channels_last else (False, True):
            plain = training_of(variant, batch_size)
            name = f"plain: {variant}, images' {'last' if images_last else 'first'}"
            compared[name] = (plain, plain_steps(plain, images_last=images_last))
    return compared


def measure(batch_size: int, rounds: int, *, with_bf16: bool) -> dict[str, list[float]]:
    """Seconds of a step of each contender in each round, in a new random order each time."""
    now = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    compared = contenders(batch_size, with_bf16=with_bf16)
    times: dict[str, list[float]] = {name: [] for name in compared}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(compared), k=len(compared)):
            training, steps = compared[name]
            with training.computing():
                next(steps)
                started = now()
                for _ in range(STEPS):
                    next(steps)
                times[name].append((now() - started) / STEPS)
    return times


def ratios(times: dict[str, list[float]], name: str, other: str) -> list[float]:
    """The quartiles of how many times faster a contender is than another."""
    pairs = zip(times[name], times[other], strict=True)
    return quantiles([theirs / own for own, theirs in pairs], n=4)


def best_plain(times: dict[str, list[float]], *, like: str) -> str:
    """The fastest plain loop in the precision of a contender."""
    precision = like.partition(": ")[2].partition(",")[0]
    plain = (name for name in times if name.startswith(f"plain: {precision},"))
    return min(plain, key=lambda name: median(times[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--jemalloc", action="store_true", help="use the allocator of trials")
    parser.add_argument("--bf16", action="store_true", help="also without instructions for it")
    options = parser.parse_args()
    if options.jemalloc:
        variables = dict(list(allocators().values())[-1])
        preloaded = os.environ.get("LD_PRELOAD", variables["LD_PRELOAD"])
        if preloaded != variables["LD_PRELOAD"]:
            sys.exit(f"--jemalloc: unset LD_PRELOAD, which is {preloaded}")
        if not variables.items() <= os.environ.items():
            os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | variables)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    times = measure(options.batch_size, rounds, with_bf16=options.bf16)
    print(
        f"torch {torch.__version__}, {MODEL}, batch {options.batch_size}, threads "
        f"{options.threads}{', jemalloc' * options.jemalloc}"
    )
    print(f"{'contender':<54}{'images/s':>9}  to the best plain loop (quartiles)")
    rows = []
    for name, own in times.items():
        best = best_plain(times, like=name)
        low, middle, high = of_best = ratios(times, name, best)
        rate = options.batch_size / median(own)
        rows.append(
            {"contender": name, "images_per_second": rate, "best": best, "to_best": of_best}
        )
        print(f"{name:<54}{rate:>9,.0f}  {middle:.3f} ({low:.3f} to {high:.3f})")
    if options.json:
        about = {"torch": torch.__version__, "python": platform.python_version()}
        about |= {"batch_size": options.batch_size, "threads": options.threads}
        about |= {"jemalloc": options.jemalloc}
        print(json.dumps({"benchmark": "cifar_steps", **about, "results": rows}))


if __name__ == "__main__":
    main()
