"""The same trials, run by us and by eight other ways: wall time, processor time, memory, overhead.

    python benchmarks/versus/compare.py [--quick] [--json] [--ways a,b] [--trials 40 200]
        [--repetitions 3] [--epochs 8] [--workers 2] [--markdown FILE] [--figure FILE]

The quickstart's digits with small_cnn, 8 epochs, two workers of one thread each: through
adaloss-sweep (W&B disabled, and offline), joblib alone, Optuna's GridSampler (threads, and
processes), Hydra's joblib launcher, a process per trial, and Ray Tune's function trainable (as it
is, and with WandbLoggerCallback offline). Each is a script beside this file, as that tool's
documentation writes one; what is not installed is left out and named: the environment is

    uv venv bench && uv pip install --python bench/bin/python -e ".[bench]"

Within a repetition the ways take turns in random order; figures are medians over repetitions,
ratios are taken within one. Every way must come to the same numbers, to the bit. Overhead is
(wall time x workers - time inside epochs) / trials. With --quick there are 8 trials, once.
"""

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figure import save_figure
from page import page
from runs import Run, run_way
from space import QUICKSTART_EPOCHS, space_of
from summary import Row, Verdict, rows_of, verdicts_of
from ways import WAYS, version_of

TRIALS, QUICK_TRIALS = (40, 200), (8,)
REPETITIONS = 3
# The slowest way is known to take some seconds for each trial.
LEAST_LIMIT, LIMIT_PER_TRIAL = 180.0, 25.0
ALSO_NAMED = ("torch", "numpy", "scikit-learn")


def options_given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="8 trials, once")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument("--trials", type=int, nargs="+", help="how many, each in turn")
    parser.add_argument("--repetitions", type=int, help=f"of each, by default {REPETITIONS}")
    parser.add_argument("--epochs", type=int, default=QUICKSTART_EPOCHS, help="of each trial")
    parser.add_argument("--workers", type=int, default=2, help="trials at a time")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--figure", type=Path, help="write the figure there (.png, .svg, .pdf)")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the runs")
    options = parser.parse_args()
    unknown = [name for name in options.ways.split(",") if name not in WAYS]
    if unknown:
        parser.error(f"--ways {', '.join(unknown)}: there are {', '.join(WAYS)}")
    if options.workers > len(os.sched_getaffinity(0)):
        parser.error(f"--workers {options.workers}: more than this machine's processors")
    return options


def installed(names: Sequence[str]) -> Iterator[str]:
    """The ways that can run here; says which cannot."""
    for name in names:
        if missing := WAYS[name].not_installed:
            say(f'left out: {name} needs {", ".join(missing)}: uv pip install -e ".[bench]"')
        else:
            yield name


def all_runs(options: argparse.Namespace) -> Iterator[Run]:
    """Every way at every number of trials, repeated, in random order within a repetition."""
    ways = list(installed(options.ways.split(",")))
    repetitions = options.repetitions or (1 if options.quick else REPETITIONS)
    order = random.Random(options.seed)
    for repetition in range(repetitions):
        for trials in options.trials or (QUICK_TRIALS if options.quick else TRIALS):
            space = space_of(trials, options.epochs, options.workers)
            limit = LEAST_LIMIT + LIMIT_PER_TRIAL * trials
            for name in order.sample(ways, k=len(ways)):
                # A short name: the path of a socket of Ray's in it may have 107 characters.
                with tempfile.TemporaryDirectory(prefix="v-", ignore_cleanup_errors=True) as folder:
                    yield run_way(name, space, Path(folder), repetition=repetition, limit=limit)


def said_as_it_goes(run: Run) -> str:
    """A line about a run that has ended."""
    return (
        f"{run.trials:>6,} trials, {run.repetition + 1}: {run.way:<18}{run.cost.wall:8.1f} s wall"
        f"{run.cost.cpu:8.1f} s CPU{run.cost.memory / 1e9:6.2f} GB{run.overhead:8.3f} s each "
        f"beside training{f'  FAILED: {run.problem}' if run.problem else ''}"
    )


def say(line: str) -> None:
    """Say how it goes, beside what is printed at the end."""
    print(line, file=sys.stderr, flush=True)


def versions() -> dict[str, str]:
    """The version of everything that is compared."""
    packages = (*(name for way in WAYS.values() for name in way.packages), *ALSO_NAMED)
    found = {name: version_of(name) for name in dict.fromkeys(packages)}
    there = {name: version for name, version in found.items() if version}
    return {"python": platform.python_version(), **there}


def notes_on(rows: Sequence[Row], options: argparse.Namespace) -> list[str]:
    """How it was measured."""
    repetitions = max((row.repetitions for row in rows), default=0)
    alone = {row.trials: min(other.training for other in rows if other.trials == row.trials)
             for row in rows}  # fmt: skip
    floors = ", ".join(
        f"{seconds / options.workers:.1f} s for {trials:,}" for trials, seconds in alone.items()
    )
    return [
        f"digits, small_cnn, {options.epochs} epochs, {options.workers} workers of one thread; "
        f"medians of {repetitions} repetitions in random order. No way can be faster than the "
        f"training alone, of the way in which it took the least: {floors} trials.",
        "",
        ", ".join(f"{name} {version}" for name, version in versions().items()) + ".",
    ]


def as_json(rows: Sequence[Row], verdicts: Sequence[Verdict], runs: Sequence[Run]) -> str:
    """Everything, each run too; the trials' numbers are left out."""
    measured: list[dict[str, Any]] = []
    for run in runs:
        described = {
            name: value for name, value in vars(run).items() if name not in ("numbers", "cost")
        }
        measured.append(described | asdict(run.cost) | {"overhead": run.overhead})
    return json.dumps(
        {
            "benchmark": "versus",
            "versions": versions(),
            "rows": [asdict(row) for row in rows],
            "aims": [asdict(verdict) | {"met": verdict.met} for verdict in verdicts],
            "runs": measured,
        }
    )


def main() -> None:
    """Measure and print the comparison; exit status 1 where a run failed."""
    options = options_given()
    # Stopped from outside, it ends what it has started, as on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    runs: list[Run] = []
    for run in all_runs(options):
        runs.append(run)
        say(said_as_it_goes(run))
        rows, verdicts = rows_of(runs), verdicts_of(runs)
        text = page(rows, verdicts, notes_on(rows, options), options.workers)
        # Now, too: the whole may take hours, and be stopped.
        if options.markdown:
            options.markdown.write_text(text)
    if not runs:
        sys.exit("nothing to compare: none of these ways is installed")
    print(text)
    if options.figure and rows:
        save_figure(rows, options.figure)
    if options.json:
        print(as_json(rows, verdicts, runs))
    sys.exit(any(run.problem for run in runs))


if __name__ == "__main__":
    main()
