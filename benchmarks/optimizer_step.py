"""Compare the time of an optimizer step with `torch.optim.SGD(fused=True)`.

    python benchmarks/optimizer_step.py [--quick] [--json] [--model NAME] [--device D] [--threads N]

All optimizers have the same settings and update the same parameters with the same gradients in one
process. In every round each takes a step, in a new random order, so that drift and noise from other
programs affect all of them. The ratio is the median over rounds of (step of this tool's optimizer /
step of SGD in the same round). AdamW with a rate is compared with AdamW(fused=True) likewise.
"""

import argparse
import json
import platform
import random
import time
from collections.abc import Callable
from functools import partial
from statistics import median, quantiles
from typing import TypedDict

import torch

from adaloss.optim import OPTIMIZERS, RateName, add_rate, build_optimizer

BASELINE = "torch.optim.SGD(fused=True)"
ADAMW = "torch.optim.AdamW(fused=True)"
RATES: tuple[RateName, ...] = ("adaloss", "decay_sqrt", "adagrad_norm")
BASELINES = {f"AdamW with {rate}": ADAMW for rate in RATES}
"""What a contender is compared with, if not with SGD."""
LR = 1e-6  # Small, so that the shared weights stay finite.
WEIGHT_DECAY = 1e-4


class Row(TypedDict):
    """One row of the table: milliseconds per step and the ratio to the baseline."""

    optimizer: str
    momentum: float
    median_ms: float
    ratio: float
    ratio_quartiles: tuple[float, float]


def build_model(name: str) -> torch.nn.Module:
    """An untrained timm model, or `mlp`: four small tensors, whose step is mostly overhead."""
    if name == "mlp":
        return torch.nn.Sequential(
            torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
        )
    import timm

    model: torch.nn.Module = timm.create_model(name, pretrained=False)
    return model


def parameters_with_gradients(name: str, device: torch.device) -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    params = list(build_model(name).to(device).parameters())
    for param in params:
        param.grad = torch.randn_like(param) * 1e-3
    return params


def contenders(
    params: list[torch.nn.Parameter], momentum: float
) -> dict[str, Callable[[], object]]:
    loss = torch.tensor(2.3, device=params[0].device)
    baseline = torch.optim.SGD(
        params, lr=LR, momentum=momentum, weight_decay=WEIGHT_DECAY, fused=True
    )
    steps: dict[str, Callable[[], object]] = {BASELINE: baseline.step}
    for name in OPTIMIZERS:
        optimizer = build_optimizer(
            name, params, lr=LR, momentum=momentum, weight_decay=WEIGHT_DECAY
        )
        steps[name] = partial(optimizer.step, loss=loss)
    if not momentum:
        steps[ADAMW] = adamw(params).step
        for rate in RATES:
            step: Callable[..., object] = add_rate(adamw(params), rate).step
            steps[f"AdamW with {rate}"] = partial(step, loss=loss)
    return steps


def adamw(params: list[torch.nn.Parameter]) -> torch.optim.AdamW:
    return torch.optim.AdamW(params, lr=LR, weight_decay=WEIGHT_DECAY, fused=True)


def seconds(step: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The seconds of one step, as the mean of `repeats` steps."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return (time.perf_counter() - start) / repeats


def measure(
    steps: dict[str, Callable[[], object]], device: torch.device, rounds: int, repeats: int
) -> dict[str, list[float]]:
    """Seconds per step of each contender in each round, after two rounds of warm-up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    order = random.Random(0)
    for number in range(-2, rounds):
        for name in order.sample(list(steps), k=len(steps)):
            elapsed = seconds(steps[name], device, repeats)
            if number >= 0:
                times[name].append(elapsed)
    return times


def summarise(times: dict[str, list[float]], momentum: float) -> list[Row]:
    rows: list[Row] = []
    for name, own in times.items():
        baseline = times[BASELINES.get(name, BASELINE)]
        ratios = [one / base for one, base in zip(own, baseline, strict=True)]
        lower, middle, upper = quantiles(ratios, n=4)
        rows.append(
            Row(
                optimizer=name,
                momentum=momentum,
                median_ms=1e3 * median(own),
                ratio=middle,
                ratio_quartiles=(lower, upper),
            )
        )
    return rows


def print_table(rows: list[Row]) -> None:
    print(f"{'optimizer':<30}{'momentum':>9}{'ms/step':>10}{'ratio':>8}   quartiles")
    for row in rows:
        lower, upper = row["ratio_quartiles"]
        print(
            f"{row['optimizer']:<30}{row['momentum']:>9}{row['median_ms']:>10.3f}"
            f"{row['ratio']:>8.2f}   {lower:.2f} to {upper:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--model", default="vit_small_patch16_224", help="a timm name, or mlp")
    parser.add_argument("--device", default="cpu", type=torch.device)
    parser.add_argument("--threads", type=int, help="CPU threads; default: PyTorch's choice")
    arguments = parser.parse_args()
    if arguments.device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU here")
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)

    params = parameters_with_gradients(arguments.model, arguments.device)
    numbers = sum(param.numel() for param in params)
    rounds = 12 if arguments.quick else 90
    repeats = 1 if numbers > 1_000_000 else 20
    print(
        f"{arguments.model}: {len(params)} tensors, {numbers:,} parameters, {params[0].device}, "
        f"{torch.get_num_threads()} threads, weight decay {WEIGHT_DECAY}, {rounds} rounds"
    )
    rows: list[Row] = []
    for momentum in (0.0, 0.9):
        steps = contenders(params, momentum)
        rows += summarise(measure(steps, arguments.device, rounds, repeats), momentum)
    print_table(rows)
    if arguments.json:
        result = {
            "benchmark": "optimizer_step",
            "model": arguments.model,
            "tensors": len(params),
            "parameters": numbers,
            "device": str(params[0].device),
            "threads": torch.get_num_threads(),
            "weight_decay": WEIGHT_DECAY,
            "rounds": rounds,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "baseline": BASELINE,
            "results": rows,
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
