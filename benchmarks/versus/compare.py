"""Compare adaloss-sweep with eight other ways to run the same trials.

    python benchmarks/versus/compare.py [--quick] [--json] [--ways a,b] [--trials 40 200]
        [--repetitions 3] [--epochs 8] [--workers 2] [--runs FILE] [--markdown FILE] [--figure FILE]

The trials are the quickstart's digits with small_cnn and 8 epochs, on two workers with one thread
each. The ways are adaloss-sweep (W&B disabled, and offline), joblib alone, Optuna's GridSampler
(threads, and processes), Hydra's joblib launcher, a process per trial, and Ray Tune's function
trainable (plain, and with WandbLoggerCallback offline). Each is a script in this folder, written as
in that tool's documentation. Tools that are not installed are reported and skipped. To install all:

    uv venv bench && uv pip install --python bench/bin/python -e ".[bench]"

The benchmark reports wall time, CPU time, memory and overhead, which is
(wall time x workers - time inside epochs) / trials. In each repetition the ways run in a new random
order. Figures are medians over repetitions; a ratio compares runs of one repetition. The numbers of
all ways must be equal to the bit. With --quick there are 8 trials and one repetition. With --runs
each finished run is kept in a file, and a run that is in it is not repeated, so that a measurement
of hours can be interrupted. Interrupt between repetitions where you can: a ratio is of two runs
that should have seen the same hour of the machine.
"""

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figure import save_figure
from kept import Identity, KeptError, circumstances, identity_of, keep, kept_runs
from page import page
from runs import Run, run_way
from space import QUICKSTART_EPOCHS, space_of
from summary import Row, Verdict, rows_of, verdicts_of
from ways import WAYS, version_of

TRIALS, QUICK_TRIALS = (40, 200), (8,)
REPETITIONS = 3
# The slowest way takes some seconds per trial.
MIN_LIMIT, LIMIT_PER_TRIAL = 180.0, 25.0
OTHER_PACKAGES = ("torch", "numpy", "scikit-learn")
# What is computed from the outcomes of a run.
DERIVED = ("training", "trained", "overhead")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="8 trials, one repetition")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"some of: {', '.join(WAYS)}")
    parser.add_argument("--trials", type=int, nargs="+", help="one or several numbers of trials")
    parser.add_argument("--repetitions", type=int, help=f"default: {REPETITIONS}")
    parser.add_argument("--epochs", type=int, default=QUICKSTART_EPOCHS, help="epochs per trial")
    parser.add_argument("--workers", type=int, default=2, help="trials at the same time")
    parser.add_argument("--runs", type=Path, help="keep the runs in this file (JSON lines)")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    parser.add_argument(
        "--figure", type=Path, help="write the figure to this file (.png, .svg, .pdf)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the order of the runs")
    options = parser.parse_args()
    unknown = [name for name in options.ways.split(",") if name not in WAYS]
    if unknown:
        parser.error(f"--ways: unknown: {', '.join(unknown)}; choose from {', '.join(WAYS)}")
    if sys.platform != "linux":
        parser.error("needs Linux: time and memory are read from /proc")
    if options.workers > len(os.sched_getaffinity(0)):
        parser.error(f"--workers {options.workers}: this machine has fewer processors")
    return options


def installed(names: Sequence[str]) -> Iterator[str]:
    """The ways that can run here; reports those that cannot."""
    for name in names:
        if missing := WAYS[name].not_installed:
            print_progress(
                f'skipped: {name} needs {", ".join(missing)}: uv pip install -e ".[bench]"'
            )
        else:
            yield name


def all_runs(options: argparse.Namespace, kept: Mapping[Identity, Run]) -> Iterator[Run]:
    """Run each way with each number of trials; the order is random within a repetition.

    Runs in ``kept`` are not repeated.
    """
    ways = list(installed(options.ways.split(",")))
    repetitions = options.repetitions or (1 if options.quick else REPETITIONS)
    order = random.Random(options.seed)
    for repetition in range(repetitions):
        for trials in options.trials or (QUICK_TRIALS if options.quick else TRIALS):
            space = space_of(trials, options.epochs, options.workers)
            limit = MIN_LIMIT + LIMIT_PER_TRIAL * trials
            for name in order.sample(ways, k=len(ways)):
                identity = Identity(
                    way=name,
                    trials=trials,
                    epochs=options.epochs,
                    workers=options.workers,
                    repetition=repetition,
                )
                if identity in kept:
                    yield kept[identity]
                    continue
                # Ray's socket paths in this folder may have at most 107 characters.
                with tempfile.TemporaryDirectory(prefix="v-", ignore_cleanup_errors=True) as folder:
                    yield run_way(name, space, Path(folder), repetition=repetition, limit=limit)


def measured_runs(options: argparse.Namespace) -> Iterator[Run]:
    """The runs; each is kept in the file of ``--runs``, if there is one.

    Raises:
        KeptError: the file cannot be used, or the code has changed since the first run.
    """
    measured = circumstances(versions()) if options.runs else None
    kept = kept_runs(options.runs, measured) if measured else {}
    for run in all_runs(options, kept):
        if measured and identity_of(run) not in kept:
            if circumstances(measured.versions) != measured:
                raise KeptError(
                    f"{options.runs}: the last run is not kept, because another commit was checked "
                    "out meanwhile: check out the first again and start again"
                )
            keep(options.runs, run, measured)
        yield run


def progress_line(run: Run) -> str:
    """One line about a finished run."""
    return (
        f"{run.trials:>6,} trials, {run.repetition + 1}: {run.way:<18}{run.cost.wall:8.1f} s wall"
        f"{run.cost.cpu:8.1f} s CPU{run.cost.memory / 1e9:6.2f} GB{run.overhead:8.3f} s overhead "
        f"per trial{f'  FAILED: {run.problem}' if run.problem else ''}"
    )


def print_progress(line: str) -> None:
    """Print to the standard error; the standard output has only the results."""
    print(line, file=sys.stderr, flush=True)


def versions() -> dict[str, str]:
    """The versions of Python and of all compared packages."""
    packages = (*(name for way in WAYS.values() for name in way.packages), *OTHER_PACKAGES)
    found = {name: version_of(name) for name in dict.fromkeys(packages)}
    installed_versions = {name: version for name, version in found.items() if version}
    return {"python": platform.python_version(), **installed_versions}


def notes_on(rows: Sequence[Row], options: argparse.Namespace) -> list[str]:
    """Lines on how the runs were measured."""
    training = {row.trials: min(other.training for other in rows if other.trials == row.trials)
             for row in rows}  # fmt: skip
    floors = ", ".join(
        f"{seconds / options.workers:.1f} s for {trials:,}" for trials, seconds in training.items()
    )
    return [
        f"digits, small_cnn, {options.epochs} epochs, {options.workers} workers of one thread; "
        f"medians of the runs, in random order. The training alone, in the way in "
        f"which it was fastest, takes {floors} trials: no way can take less.",
        "",
        ", ".join(f"{name} {version}" for name, version in versions().items()) + ".",
    ]


def as_json(rows: Sequence[Row], verdicts: Sequence[Verdict], runs: Sequence[Run]) -> str:
    """All results as JSON, with each run, but without the trials' numbers."""
    measured: list[dict[str, Any]] = []
    for run in runs:
        described = {
            name: getattr(run, name)
            for name in ("way", "trials", "epochs", "workers", "repetition", "problem", *DERIVED)
        }
        measured.append(described | asdict(run.cost))
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
    """Measure and print the comparison; the exit status is 1 if a run failed."""
    options = parse_options()
    # SIGTERM ends the started processes, like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    runs: list[Run] = []
    try:
        for run in measured_runs(options):
            runs.append(run)
            print_progress(progress_line(run))
            rows, verdicts = rows_of(runs), verdicts_of(runs)
            text = page(rows, verdicts, notes_on(rows, options), options.workers)
            # Write after every run: the benchmark takes hours and may be interrupted.
            if options.markdown:
                options.markdown.write_text(text)
    except KeptError as error:
        sys.exit(str(error))
    if not runs:
        sys.exit("nothing to compare: no tool of --ways is installed")
    print(text)
    if options.figure and rows:
        save_figure(rows, options.figure)
    if options.json:
        print(as_json(rows, verdicts, runs))
    sys.exit(any(run.problem for run in runs))


if __name__ == "__main__":
    main()
