"""Compare the time and memory of training with the system's allocator and with jemalloc.

    python benchmarks/allocator.py [--quick] [--json] [--models mlp,small_cnn,resnet18,...]

The contenders are processes with one thread each that train the same trial: with the system's
allocator, with jemalloc in Ray's configuration, and with jemalloc configured to keep its pages, as
workers on CPUs use it. They alternate: a turn is one epoch of digits for `mlp` and `small_cnn`, and
two steps with 8 images of 224 pixels for models of timm. Times are CPU time. Ratios are medians
over rounds of (contender / system's allocator in the same round). Memory is a process's resident
memory at the end, and its peak.
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

SYSTEM = "system allocator"
SMALL = ("mlp", "small_cnn")
MODELS = (*SMALL, "resnet18", "resnet50", "vit_small_patch16_224")
ROUNDS, ROUNDS_OF_LARGE, QUICK_ROUNDS = 60, 8, 4


class Turn(NamedTuple):
    """One turn of a process: CPU seconds, and resident and peak memory in bytes."""

    seconds: float
    resident: int
    peak: int


class Row(TypedDict):
    """One row of the table; memory is in bytes."""

    model: str
    contender: str
    milliseconds: float
    ratio: float
    ratio_quartiles: tuple[float, float]
    resident: int
    most: int


def allocators() -> dict[str, Mapping[str, str]]:
    """The environment variables of each contender's process."""
    ray = find_spec("ray")
    library = Path(str(ray.origin)).parent / "core" / "libjemalloc.so" if ray else Path()
    if not library.is_file():
        sys.exit("Ray has no jemalloc for this system, so workers use the system's allocator")
    preloaded = {"LD_PRELOAD": str(library)}
    keep_pages = {"MALLOC_CONF": VARIABLES["MALLOC_CONF"]}
    return {
        SYSTEM: {},
        "jemalloc": preloaded,
        "jemalloc, keeps its pages (workers)": preloaded | keep_pages,
    }


def serve(model: str) -> None:
    """For each line of the standard input, train for one turn and print its measurements."""
    import torch

    from adaloss.tasks.images.data.splits import load_splits, spec_of
    from adaloss.tasks.images.fields import ImageTrial
    from adaloss.tasks.images.training import Training

    torch.set_num_threads(1)
    large: dict[str, Any] = {"image_size": 224, "train_examples": 16, "batch_size": 8}
    trial = ImageTrial(
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
    """The resident and the peak memory of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    resident, peak = (1024 * int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return resident, peak


@contextmanager
def process(model: str, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that trains this model, with these environment variables."""
    inherited = {name: value for name, value in os.environ.items() if name not in USER_VARIABLES}
    with subprocess.Popen(
        [sys.executable, __file__, "--serve", model],
        env={**inherited, **variables}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        yield started


def run_turn(contender: "subprocess.Popen[str]") -> Turn:
    """Have the process train for one turn."""
    assert contender.stdin is not None, "the process has pipes"
    assert contender.stdout is not None, "the process has pipes"
    contender.stdin.write("\n")
    contender.stdin.flush()
    answer = contender.stdout.readline()
    if not answer:
        sys.exit(f"a contender ended with status {contender.wait()}")
    return Turn(*json.loads(answer))


def measure(model: str, rounds: int) -> dict[str, list[Turn]]:
    """The turns of each contender after a warm-up; every round has a new random order."""
    order = random.Random(0)
    with ExitStack() as all_processes:
        started = {
            name: all_processes.enter_context(process(model, variables))
            for name, variables in allocators().items()
        }
        turns: dict[str, list[Turn]] = {name: [] for name in started}
        for number in range(-1, rounds):
            for name in order.sample(list(started), k=len(started)):
                turn = run_turn(started[name])
                if number >= 0:
                    turns[name].append(turn)
    return turns


def rows_of(model: str, turns: Mapping[str, list[Turn]]) -> Iterator[Row]:
    for name, own in turns.items():
        ratios = [one.seconds / base.seconds for one, base in zip(own, turns[SYSTEM], strict=True)]
        lower, middle, upper = quantiles(ratios, n=4)
        yield Row(
            model=model,
            contender=name,
            milliseconds=1e3 * median(turn.seconds for turn in own),
            ratio=middle,
            ratio_quartiles=(lower, upper),
            resident=own[-1].resident,
            most=own[-1].peak,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, noisier ratios")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--models", default=",".join(MODELS), help="separated by commas")
    parser.add_argument("--serve", metavar="MODEL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    rows: list[Row] = []
    print(f"torch {version('torch')}, Ray {version('ray')}, one thread per process")
    print(f"{'model':<23}{'allocator':<37}{'ms/turn':>10}{'ratio':>7}   quartiles   RSS, peak, MB")
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
