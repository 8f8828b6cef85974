"""Compare the throughput of training steps with the published loop and with an upper limit.

    python benchmarks/train_throughput.py [--device cpu|cuda] [--quick] [--json] [--models A,B]

- published: the loop of the paper's repository: Pillow in a DataLoader with two workers, float32,
  `.item()` after every step.
- ours: the steps of a trial, in each precision that the device supports. On a GPU they are replayed
  as a CUDA graph; the best precision is also measured with `execution.capture: false`.
- limit: forward and backward of the same network in the same precision on a batch that is on the
  device, without an input pipeline and an optimizer, and without replay.

Every round measures the contenders in a new random order; ratios are medians over rounds. The
benchmark needs neither Ray nor W&B.
"""

import argparse
import json
import platform
import random
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any, NamedTuple

import torch
from published_loop import RESIZE, SIZE, endless, published_loader, synthetic_splits
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adaloss.records.places import NOWHERE
from adaloss.records.provenance import device_name
from adaloss.tasks.images.calibration import finish
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.training import Training
from adaloss.tasks.optimizers.paper import PaperOptimizer

MODELS = ("vit_small_patch16_224", "resnet50")
BATCH_SIZE = {"cpu": 16, "cuda": 128}
STEPS = {"cpu": 3, "cuda": 40}
WARM_UP = {"cpu": 1, "cuda": 10}
# NVIDIA's peaks for dense matrices, in 1e12 operations per second, of the first name that is part
# of the card's.
PEAK_TFLOPS: Mapping[str, Mapping[str, float]] = {
    "NVL": {"bf16": 835.0, "tf32": 417.0, "fp32": 60.0},
    "H200": {"bf16": 989.0, "tf32": 494.0, "fp32": 67.0},
    "H100 PCIe": {"bf16": 756.0, "tf32": 378.0, "fp32": 51.0},
    "H100": {"bf16": 989.0, "tf32": 494.0, "fp32": 67.0},
    "A100": {"bf16": 312.0, "tf32": 156.0, "fp32": 19.5},
}
TRIALS_PER_MODEL, EPOCHS, TRAIN_IMAGES, EVALUATED_IMAGES = 100, 10, 45_000, 15_000

Step = Callable[[], object]


def trial(model: str, precision: str, batch_size: int, *, compiled: bool) -> ImageTrial:
    """A trial of the paper's kind, without pretrained weights."""
    return ImageTrial.model_validate(
        {
            "dataset": "cifar100", "model": model, "optimizer": "adaloss", "seed": 0, "lr": 0.1,
            "epochs": 1, "batch_size": batch_size, "weight_decay": 1e-4, "resize": RESIZE,
            "image_size": SIZE, "flip": True, "precision": precision, "compile": compiled,
            "channels_last": model == "resnet50",
        }
    )  # fmt: skip


class Variant(NamedTuple):
    """Options with which this tool's steps are measured."""

    precision: str
    compiled: bool = False
    replayed: bool = True

    def __str__(self) -> str:
        more = " compiled" * self.compiled + " not replayed" * (not self.replayed)
        return f"{self.precision}{more}"


def training_of(model: str, variant: Variant, device: torch.device) -> Training:
    """A training on random images."""
    batch_size = BATCH_SIZE[device.type]
    splits = synthetic_splits(64 * batch_size, str(device))
    described = trial(model, variant.precision, batch_size, compiled=variant.compiled)
    training = Training(described, splits, NOWHERE, str(device), capture=variant.replayed)
    training.model.train()
    return training


def our_steps(training: Training) -> Iterator[Tensor]:
    """Training steps of a trial, epoch after epoch; losses stay on the device."""
    while True:
        for loss, _ in training.train_steps():
            yield loss


def published_steps(training: Training) -> Iterator[float]:
    """The published loop with the same network and optimizer."""
    splits = synthetic_splits(64 * training.trial.batch_size)
    assert isinstance(training.steps.optimizer, PaperOptimizer)
    optimizer = training.steps.optimizer.optimizer
    loader = published_loader(splits.train, training.trial.batch_size, training.device)
    for images, labels in endless(loader, training.device):
        loss = functional.cross_entropy(training.model(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step(loss=loss)
        yield loss.item()


def limit_steps(training: Training) -> Iterator[None]:
    """Only forward and backward, on one batch that is on the device."""
    shape = (training.trial.batch_size, 3, SIZE, SIZE)
    images = torch.randn(shape, device=training.device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 100, (shape[0],), device=training.device)
    while True:
        with training.precision:
            loss = functional.cross_entropy(training.forward(images), labels)
        training.model.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        # A step cannot be captured while the autograd graph of an earlier one exists.
        del loss
        yield


def images_per_second(steps: Iterator[object], training: Training, quick: bool) -> float:
    """The rate of the steps after a warm-up."""
    kind = training.device.type
    count = max(2, STEPS[kind] // (2 if quick else 1))
    with training.computing():
        for _ in range(WARM_UP[kind]):
            next(steps)
        finish(training.device)
        started = time.perf_counter()
        for _ in range(count):
            next(steps)
        finish(training.device)
    return count * training.trial.batch_size / (time.perf_counter() - started)


def contenders(
    model: str, device: torch.device, *, compiled: bool
) -> dict[str, tuple[Training, Iterator[object]]]:
    """All contenders by name."""
    plain = training_of(model, Variant("fp32"), device)
    # The published network does not use the channels-last format.
    plain.model.to(memory_format=torch.contiguous_format)
    compared: dict[str, tuple[Training, Iterator[object]]] = {
        "published": (plain, published_steps(plain))
    }
    variants = [Variant("fp32")]
    if device.type == "cuda":
        variants += [Variant("tf32"), Variant("bf16"), Variant("bf16", replayed=False)]
    if compiled:
        variants.append(Variant("bf16" if device.type == "cuda" else "fp32", compiled=True))
    for variant in variants:
        training = training_of(model, variant, device)
        compared[f"ours {variant}"] = (training, our_steps(training))
        if variant.replayed:
            compared[f"limit {variant}"] = (training, limit_steps(training))
    return compared


def measure(
    model: str, device: torch.device, *, quick: bool, compiled: bool
) -> dict[str, list[float]]:
    """Images per second of each contender in each round."""
    rounds = 3 if quick else 5
    compared = contenders(model, device, compiled=compiled)
    rates: dict[str, list[float]] = {name: [] for name in compared}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(compared), k=len(compared)):
            training, steps = compared[name]
            rates[name].append(images_per_second(steps, training, quick))
            if name == "published":
                # Wait until the DataLoader's workers have refilled their queue.
                time.sleep(2)
    return rates


def flops_per_image(model: str) -> float:
    """Operations of the products and convolutions of forward and backward, per image.

    Attention is counted as its products: torch 2.11 counts none in its own kernel for processors.
    """
    training = training_of(model, Variant("fp32"), torch.device("cpu"))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        loss = training.model(torch.zeros(2, 3, SIZE, SIZE)).sum()
        torch.autograd.backward(loss)
    return float(counter.get_total_flops()) / 2


def peaks_of(card: str) -> Mapping[str, float]:
    """The peak of each precision, empty for a card that is not listed."""
    return next((peaks for name, peaks in PEAK_TFLOPS.items() if name in card), {})


def summary(
    model: str, rates: dict[str, list[float]], device: torch.device
) -> list[dict[str, Any]]:
    """A row per contender: rate, ratios, and on GPUs of PEAK_TFLOPS the fraction of the peak."""
    flops = flops_per_image(model)
    peaks = peaks_of(device_name(str(device)))
    rows = []
    for name, own in rates.items():
        kind, _, variant = name.partition(" ")
        rate = median(own)
        row: dict[str, Any] = {
            "model": model,
            "contender": name,
            "images_per_second": rate,
            "to_published": ratio(own, rates["published"]),
        }
        if kind == "ours":
            limit = rates[f"limit {variant.removesuffix(' not replayed')}"]
            row["to_limit"] = ratio(own, limit)
            images = TRIALS_PER_MODEL * EPOCHS * TRAIN_IMAGES
            # An evaluation is a forward pass: a third of a training step.
            evaluated = TRIALS_PER_MODEL * EPOCHS * EVALUATED_IMAGES / 3
            row["hours_per_100_trials"] = (images + evaluated) / rate / 3600
        precision = variant.split()[0] if variant else "fp32"
        if precision in peaks:
            row["of_peak"] = rate * flops / (peaks[precision] * 1e12)
        rows.append(row)
    return rows


def ratio(own: list[float], other: list[float]) -> float:
    """The median over rounds of the ratio of two rates."""
    return median(a / b for a, b in zip(own, other, strict=True))


def print_rows(rows: list[dict[str, Any]]) -> None:
    print(
        f"{'model':<24}{'contender':<22}{'images/s':>10}{'/published':>12}{'/limit':>8}"
        f"{'of peak':>9}{'h/100 trials':>14}"
    )
    for row in rows:
        to_limit = f"{row['to_limit']:.3f}" if "to_limit" in row else ""
        of_peak = f"{row['of_peak']:.1%}" if "of_peak" in row else ""
        hours = f"{row['hours_per_100_trials']:,.1f}" if "hours_per_100_trials" in row else ""
        print(
            f"{row['model']:<24}{row['contender']:<22}{row['images_per_second']:>10,.1f}"
            f"{row['to_published']:>12.2f}{to_limit:>8}{of_peak:>9}{hours:>14}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--device", default="cpu", type=torch.device)
    parser.add_argument("--models", default=",".join(MODELS), help="names of timm models")
    parser.add_argument("--compile", action="store_true", help="also measure torch.compile")
    arguments = parser.parse_args()
    if arguments.device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here")
    device: torch.device = arguments.device
    rows: list[dict[str, Any]] = []
    for model in arguments.models.split(","):
        rates = measure(model, device, quick=arguments.quick, compiled=arguments.compile)
        rows += summary(model, rates, device)
    machine, batch_size = device_name(str(device)), BATCH_SIZE[device.type]
    print(f"{machine}, {torch.get_num_threads()} threads, batch {batch_size}")
    print_rows(rows)
    if arguments.json:
        result = {
            "benchmark": "train_throughput",
            "device": machine,
            "threads": torch.get_num_threads(),
            "batch_size": batch_size,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "results": rows,
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
