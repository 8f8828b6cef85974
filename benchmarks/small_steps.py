"""Compare the training steps of small networks with plain PyTorch loops.

    python benchmarks/small_steps.py [--quick] [--json] [--batch-size N]

The trials are the quickstart's digits with `mlp` and `small_cnn`, with one thread. In every round
each contender trains for one epoch, in a new random order; all models start from the same weights.
Times are CPU time, and ratios are medians over rounds of (contender / baseline in the same round).
The baseline is a minimal loop with prepared batches and `torch.optim.SGD(fused=True)`. This tool's
optimizers are measured with the complete step of a trial, which gathers shuffled batches, checks
the losses and accumulates b_t. `torch.compile` is measured after compilation; its name contains the
compilation time.
"""

import argparse
import json
import os
import platform
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from adaloss.optim import OPTIMIZERS
from adaloss.tasks.images.data.splits import load_splits, spec_of
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.training import Training

BASELINE = "prepared batches, SGD(fused=True)"
MODELS = ("mlp", "small_cnn")
Epoch = Callable[[], object]


class Row(TypedDict):
    """One row of the table: microseconds per step and the ratio to the baseline."""

    model: str
    contender: str
    microseconds: float
    ratio: float
    ratio_quartiles: tuple[float, float]


def training_of(model: str, optimizer: str, batch_size: int) -> Training:
    trial = ImageTrial(
        dataset="digits", model=model, optimizer=optimizer, b0=1, lr=0.1, weight_decay=1e-4,
        epochs=1, batch_size=batch_size, seed=0,
    )  # fmt: skip
    return Training(trial, load_splits(spec_of(trial), Path(), "cpu"))


def step(forward: Callable[[Tensor], Tensor], model: nn.Module, images: Tensor, labels: Tensor,
         optimizer: torch.optim.Optimizer | None) -> Tensor:  # fmt: skip
    loss = functional.cross_entropy(forward(images), labels)
    model.zero_grad()
    torch.autograd.backward(loss)
    if optimizer is not None:
        optimizer.step()
    return loss


def plain_loops(model: str, batch_size: int) -> Iterator[tuple[str, Epoch]]:
    """The contenders that use only PyTorch; the last one is compiled before it is yielded."""
    source = training_of(model, "sgd_constant", batch_size)
    order = torch.randperm(len(source.train.examples))
    batches = [(x.clone(), y.clone()) for x, y in source.train.batches(batch_size, order)]
    loader = DataLoader(
        TensorDataset(*map(torch.cat, zip(*batches, strict=True))), batch_size=batch_size,
        shuffle=True,
    )  # fmt: skip

    def contender() -> tuple[nn.Module, torch.optim.Optimizer]:
        module = training_of(model, "sgd_constant", batch_size).model
        return module, torch.optim.SGD(module.parameters(), lr=0.1, weight_decay=1e-4, fused=True)

    module, optimizer = contender()
    yield BASELINE, lambda: [step(module, module, x, y, optimizer) for x, y in batches]
    fixed, _ = contender()
    yield (
        "its forward and backward only",
        lambda: [step(fixed, fixed, x, y, None) for x, y in batches],
    )
    tutorial, tutorial_optimizer = contender()
    yield (
        "DataLoader and loss.item(), as in tutorials",
        lambda: sum(step(tutorial, tutorial, x, y, tutorial_optimizer).item() for x, y in loader),
    )
    plain, compiled_optimizer = contender()
    compiled = torch.compile(plain, dynamic=False)

    def compiled_epoch() -> None:
        for x, y in batches:
            forward = compiled if len(y) == batch_size else plain
            step(forward, plain, x, y, compiled_optimizer)

    start = time.perf_counter()
    compiled_epoch()
    yield f"torch.compile, after {time.perf_counter() - start:.0f} s", compiled_epoch


def full_steps(model: str, batch_size: int) -> Iterator[tuple[str, Epoch]]:
    for optimizer in OPTIMIZERS:
        yield f"ours, {optimizer}", training_of(model, optimizer, batch_size).train_one_epoch


def measure(epochs: dict[str, Epoch], rounds: int) -> dict[str, list[float]]:
    """CPU seconds per epoch of each contender in each round, after two rounds of warm-up."""
    times: dict[str, list[float]] = {name: [] for name in epochs}
    order = random.Random(0)
    for number in range(-2, rounds):
        for name in order.sample(list(epochs), k=len(epochs)):
            start = time.process_time()
            epochs[name]()
            if number >= 0:
                times[name].append(time.process_time() - start)
    return times


def rows_of(model: str, times: dict[str, list[float]], steps: int) -> list[Row]:
    rows = []
    for name, own in times.items():
        ratios = [one / base for one, base in zip(own, times[BASELINE], strict=True)]
        lower, middle, upper = quantiles(ratios, n=4)
        rows.append(
            Row(
                model=model,
                contender=name,
                microseconds=1e6 * median(own) / steps,
                ratio=middle,
                ratio_quartiles=(lower, upper),
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument(
        "--batch-size", type=int, default=32, help="default: 32, as in the quickstart"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # A new cache, so that the compilation time does not depend on earlier runs.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(prefix="small-steps-")
    rows: list[Row] = []
    for model in MODELS:
        epochs = dict(
            [*plain_loops(model, arguments.batch_size), *full_steps(model, arguments.batch_size)]
        )
        examples = len(training_of(model, "adaloss", arguments.batch_size).train.examples)
        times = measure(epochs, 5 if arguments.quick else 60)
        rows += rows_of(model, times, -(-examples // arguments.batch_size))
    shutil.rmtree(os.environ["TORCHINDUCTOR_CACHE_DIR"])
    print(f"torch {torch.__version__}, digits, batch {arguments.batch_size}, one thread")
    print(f"{'model':<11}{'contender':<50}{'µs/step':>8}{'ratio':>7}   quartiles")
    for row in rows:
        lower, upper = row["ratio_quartiles"]
        print(
            f"{row['model']:<11}{row['contender']:<50}{row['microseconds']:>8.0f}"
            f"{row['ratio']:>7.2f}   {lower:.2f} to {upper:.2f}"
        )
    if arguments.json:
        about = {"torch": torch.__version__, "python": platform.python_version()}
        about |= {"batch_size": arguments.batch_size}
        print(json.dumps({"benchmark": "small_steps", **about, "results": rows}))


if __name__ == "__main__":
    main()
