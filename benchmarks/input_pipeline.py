"""Compare the throughput of the input pipeline with the published one, on the same images.

    python benchmarks/input_pipeline.py [--quick] [--json] [--device cpu|cuda]

Both resize images from 32 to 256 pixels, crop 224 at random, flip half of them and normalise; with
equal random numbers their pixels are equal. The published pipeline is Pillow in a DataLoader with
two workers. The two alternate, and the ratio is the median over rounds. On a GPU the benchmark also
measures how much of a training step of ViT-S/16 the pipeline takes.
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from statistics import median

import torch
from published_loop import RESIZE, SIZE, WORKERS, endless, published_loader, synthetic_splits
from torch import Tensor

from adaloss.tasks.images.calibration import finish, step_seconds
from adaloss.tasks.images.data.batches import ImageBatches
from adaloss.tasks.images.data.recipe import draw, recipe_of
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.training import Training

BATCH_SIZE = 128
# The DataLoader prepares these batches during the other contender's turn: two finished ones and
# one in progress for each worker.
QUEUED = 3 * WORKERS


def trial(model: str = "vit_small_patch16_224", precision: str = "fp32") -> ImageTrial:
    """A trial with the published augmentation."""
    return ImageTrial.model_validate(
        {
            "dataset": "cifar100", "model": model, "optimizer": "adaloss", "seed": 0, "lr": 0.1,
            "epochs": 1, "batch_size": BATCH_SIZE, "resize": RESIZE, "image_size": SIZE,
            "flip": True, "precision": precision,
        }
    )  # fmt: skip


def our_batches(batches: ImageBatches, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Full batches of this tool's pipeline, epoch after epoch."""
    generator = torch.Generator().manual_seed(0)
    count = len(batches.examples)
    while True:
        order = torch.randperm(count, generator=generator).to(device)
        draws = draw(batches.recipe, count, generator).to(device)
        for images, labels in batches.batches(BATCH_SIZE, order, draws):
            if len(labels) == BATCH_SIZE:
                yield images, labels


def images_per_second(
    batches: Iterator[tuple[Tensor, Tensor]], count: int, device: torch.device
) -> float:
    """The rate over ``count`` batches; the batches in the DataLoader's queue are skipped."""
    for _ in range(QUEUED):
        next(batches)
    finish(device)
    started = time.perf_counter()
    for _ in range(count):
        next(batches)
    finish(device)
    return count * BATCH_SIZE / (time.perf_counter() - started)


def step_share(device: torch.device, pipeline_rate: float) -> float:
    """The pipeline's fraction of a training step of ViT-S/16 in the fastest precision."""
    vit = trial(precision="auto")
    training = Training(vit, synthetic_splits(50 * BATCH_SIZE, "cuda"), None, "cuda")  # type: ignore[arg-type]
    with training.computing():
        step = step_seconds(training, warm_up=10, timed=30)
    return BATCH_SIZE / pipeline_rate / step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--device", default="cpu", type=torch.device)
    arguments = parser.parse_args()
    if arguments.device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here")
    device: torch.device = arguments.device
    rounds, count = (3, 10) if arguments.quick else (7, 20)

    splits = synthetic_splits(50 * BATCH_SIZE, str(device))
    recipe = recipe_of(trial(), splits, SIZE, None, None)
    ours = our_batches(ImageBatches(splits.train, recipe, training=True), device)
    published = endless(published_loader(splits.train, BATCH_SIZE, device), device)
    rates: dict[str, list[float]] = {"ours": [], "published": []}
    for _ in range(rounds):
        rates["published"].append(images_per_second(published, count, device))
        # Wait until the DataLoader's workers have refilled their queue.
        time.sleep(1)
        rates["ours"].append(images_per_second(ours, count, device))
    ratios = [a / b for a, b in zip(rates["ours"], rates["published"], strict=True)]
    result = {
        "benchmark": "input_pipeline",
        "device": str(device),
        "threads": torch.get_num_threads(),
        "workers": WORKERS,
        "rounds": rounds,
        "images_per_second": {name: median(rate) for name, rate in rates.items()},
        "ratio": median(ratios),
        "ratio_range": (min(ratios), max(ratios)),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if device.type == "cuda":
        result["share_of_vit_step"] = step_share(device, median(rates["ours"]))
    print(f"published (Pillow, DataLoader({WORKERS})): {median(rates['published']):,.0f} images/s")
    print(f"ours ({device}): {median(rates['ours']):,.0f} images/s")
    print(f"ratio {median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
    if device.type == "cuda":
        print(f"share of a training step of ViT-S/16: {result['share_of_vit_step']:.1%}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
