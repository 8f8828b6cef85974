"""What a training step costs with the system's allocator, and with the one that workers have.

    python benchmarks/allocator.py [--quick] [--json] [--models mlp,small_cnn,resnet18,...]

Contenders are processes of one thread each, which train the same trial: with the system's
allocator, with jemalloc as Ray has it, and with jemalloc told to keep its pages, as workers on
processors have it. They take turns: digits in whole epochs with `mlp` and `small_cnn`, two steps of
8 images of 224 pixels with any of timm's. Seconds are the processor's; ratios are medians over
rounds of (contender / the system's in the same round). Memory is what a process holds at the end,
and the most that it has held.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple, TypedDict

from runners.on_ray.allocator import USER_VARIABLES, VARIABLES

SYSTEMS = "the system's"
SMALL = ("mlp", "small_cnn")
MODELS = (*SMALL, "resnet18", "resnet50", "vit_small_patch16_224")
ROUNDS, ROUNDS_OF_LARGE, QUICK_ROUNDS = 60, 8, 4


class Turn(NamedTuple):
    """One turn of a process: seconds of the processor, and bytes."""

    seconds: float
    resident: int
    most: int


class Row(TypedDict):
    """One line of the table."""

    model: str
    contender: str
    milliseconds: float
    ratio: float
    ratio_quartiles: tuple[float, float]
    resident: int
    most: int


def allocators() -> dict[str, Mapping[str, str]]:
    """The contenders, and what their processes are started with."""
    ray = find_spec("ray")
    library = Path(str(ray.origin)).parent / "core" / "libjemalloc.so" if ray else Path()
    if not library.is_file():
        sys.exit("Ray has no jemalloc for this system, so workers have the system's allocator")
    preloaded = {"LD_PRELOAD": str(library)}
    keeps = {"MALLOC_CONF": VARIABLES["MALLOC_CONF"]}
    return {
        SYSTEMS: {},
        "jemalloc": preloaded,
        "jemalloc that keeps its pages: ours": preloaded | keeps,
    }


def serve(model: str) -> None:
    """Train whenever a line comes, and answer with the turn; ends with the input."""
    import torch

    from adaloss.tasks.images.data.splits import load_splits, spec_of
    from adaloss.tasks.images.training import Training
    from adaloss.trial import Trial

    torch.set_num_threads(1)
    large: dict[str, Any] = {"image_size": 224, "train_examples": 16, "batch_size": 8}
    trial = Trial(
        dataset="digits", model=model, optimizer="adaloss", b0=1, lr=0.1, epochs=1, seed=0,
        **({"batch_size": 32} if model in SMALL else large),
    )  # fmt: skip
    training = Training(trial, load_splits(spec_of(trial), Path(), "cpu"))
    for _ in sys.stdin:
        start = time.process_time()
        with training.computing():
            training.train_one_epoch()
        print(json.dumps(Turn(time.process_time() - start, *memory())), flush=True)


def memory() -> tuple[int, int]:
    """The bytes that this process holds, and the most that it has held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    named = dict(line.split(":", 1) for line in lines)
    held, most = (1024 * int(named[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return held, most


@contextmanager
def process(model: str, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that trains this model, with these variables set."""
    own = {name: value for name, value in os.environ.items() if name not in USER_VARIABLES}
    with subprocess.Popen(
        [sys.executable, __file__, "--serve", model],
        env={**own, **variables}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        yield started


def turn_of(contender: "subprocess.Popen[str]") -> Turn:
    """Have the process train once."""
    assert contender.stdin is not None, "it was started with pipes"
    assert contender.stdout is not None, "it was started with pipes"
    contender.stdin.write("\n")
    contender.stdin.flush()
    answer = contender.stdout.readline()
    if not answer:
        sys.exit(f"a contender has ended with status {contender.wait()}")
    return Turn(*json.loads(answer))


def measure(model: str, rounds: int) -> dict[str, list[Turn]]:
    """The turns of each contender, in an order drawn anew each round, after a warm-up."""
    order = random.Random(0)
    with ExitStack() as all_processes:
        started = {
            name: all_processes.enter_context(process(model, variables))
            for name, variables in allocators().items()
        }
        turns: dict[str, list[Turn]] = {name: [] for name in started}
        for number in range(-1, rounds):
            for name in order.sample(list(started), k=len(started)):
                turn = turn_of(started[name])
                if number >= 0:
                    turns[name].append(turn)
    return turns


def rows_of(model: str, turns: Mapping[str, list[Turn]]) -> Iterator[Row]:
    for name, own in turns.items():
        ratios = [one.seconds / base.seconds for one, base in zip(own, turns[SYSTEMS], strict=True)]
        lower, middle, upper = quantiles(ratios, n=4)
        yield Row(
            model=model,
            contender=name,
            milliseconds=1e3 * median(turn.seconds for turn in own),
            ratio=middle,
            ratio_quartiles=(lower, upper),
            resident=own[-1].resident,
            most=own[-1].most,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--models", default=",".join(MODELS), help="with commas in between")
    parser.add_argument("--serve", metavar="MODEL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    rows: list[Row] = []
    print(f"torch {version('torch')}, Ray {version('ray')}, one thread each")
    print(
        f"{'model':<23}{'allocator':<37}{'ms a turn':>10}{'ratio':>7}   quartiles"
        "     held, most, MB"
    )
    for model in arguments.models.split(","):
        rounds = ROUNDS if model in SMALL else ROUNDS_OF_LARGE
        turns = measure(model, QUICK_ROUNDS if arguments.quick else rounds)
        for row in rows_of(model, turns):
            lower, upper = row["ratio_quartiles"]
            print(
                f"{model:<23}{row['contender']:<37}{row['milliseconds']:>10.1f}"
                f"{row['ratio']:>7.2f}   {lower:.2f} to {upper:.2f}"
                f"{row['resident'] / 1e6:>9.0f}{row['most'] / 1e6:>7.0f}",
                flush=True,
            )
            rows.append(row)
    if arguments.json:
        about = {name: version(name) for name in ("torch", "ray")}
        print(
            json.dumps(
                {"benchmark": "allocator", "python": platform.python_version(), **about,
                 "results": rows}
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()
