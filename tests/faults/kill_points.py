"""Kill a sweep at random moments and check that no result is lost, repeated or changed.

Each point runs a small sweep, kills or signals one of its processes, and runs the sweep again until
it is complete. ``--points 300`` takes an hour or more on two cores. If it is interrupted, it prints
the points so far; ``--first N`` skips the first N points. Linux only.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ledger import Records, differing, lost, run_twice
from session_processes import Process
from sweep_run import Ended, HungError, SweepRun

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.on_ray.end_message import KILLED

WORKERS = 2
GRID = f"""\
name: faults
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: 0.01
  lr: 1
  epochs: 15
  batch_size: 128
seeds: 8
resources: {{cpu: 1}}
execution: {{max_concurrent: {WORKERS}, checkpoint_interval: 0.02}}
"""
SMALL = GRID.replace("seeds: 8", "seeds: 4")
RUNS_TO_COMPLETE = 3
# Reading all records takes CPU time from the sweep.
PROGRESS_POLL_SECONDS = 0.05
# The fraction of points before the first trial, while Python and Ray start.
START_FRACTION = 0.25
# A run that takes this many times as long as the undisturbed one hangs. Shorter times may be caused
# by a busy machine.
HANG_FACTOR = 4
COMPLETE, ENDED_BY_RAY, INCOMPLETE, FAILED, INTERRUPTED = 0, 1, 3, 4, 130


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A disturbance: the signals ``numbers`` are sent in turn to one of the run's ``victims``.

    ``codes`` are the allowed exit codes of the disturbed run; 0 if the signal came too late.
    """

    numbers: tuple[signal.Signals, ...]
    victims: Callable[[SweepRun], list[Process]]
    codes: frozenset[int]
    whole_group: bool = False

    @property
    def stops(self) -> bool:
        """Whether the run must stop if trials are left."""
        return INTERRUPTED in self.codes


def driver(run: SweepRun) -> list[Process]:
    """The process of the command."""
    return [process for process in run.members() if process.pid == run.process.pid]


def workers(run: SweepRun) -> list[Process]:
    """The processes in which trials run."""
    return [process for process in run.members() if process.is_worker]


def raylet(run: SweepRun) -> list[Process]:
    """The raylet, Ray's manager of the node."""
    return [process for process in run.members() if process.is_raylet]


def gcs(run: SweepRun) -> list[Process]:
    """The GCS, Ray's server of the cluster's state."""
    return [process for process in run.members() if process.is_gcs]


KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
STOPPED = frozenset({COMPLETE, INTERRUPTED})
RAY_LOST = frozenset({COMPLETE, INCOMPLETE})
KINDS = {
    "kill the driver": Kind(numbers=(KILL,), victims=driver, codes=frozenset({COMPLETE, -KILL})),
    "kill a worker": Kind(numbers=(KILL,), victims=workers, codes=frozenset({COMPLETE})),
    "kill the raylet": Kind(numbers=(KILL,), victims=raylet, codes=RAY_LOST),
    "kill the GCS": Kind(numbers=(KILL,), victims=gcs, codes=RAY_LOST),
    "SIGTERM": Kind(numbers=(TERM,), victims=driver, codes=STOPPED),
    "Ctrl-C": Kind(numbers=(INT,), victims=driver, codes=STOPPED, whole_group=True),
    "Ctrl-C twice": Kind(numbers=(INT, INT), victims=driver, codes=STOPPED, whole_group=True),
}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The undisturbed sweep, and the seconds of its phases: start, trials and tables."""

    records: Records
    start: float
    trials: float
    tables: float

    @property
    def seconds(self) -> float:
        """The total duration in seconds."""
        return self.start + self.trials + self.tables


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When to send signals: seconds after ``ended`` trials, or after the start if it is None.

    Progress is part of the moment because the duration of a run varies on a shared machine.
    """

    ended: int | None
    seconds: float

    def __str__(self) -> str:
        since = "the start" if self.ended is None else f"the end of {self.ended} trials"
        return f"{self.seconds:.2f} s after {since}"


@dataclass(kw_only=True)
class Point:
    """The results of one disturbance."""

    kind: str
    moment: str
    folder: str
    struck: bool = False
    finished_before: int = 0
    lost: list[str] = field(default_factory=list)
    run_twice: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    untidy: list[str] = field(default_factory=list)
    litter: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """The problems in words."""
        problems = (
            ("lost", self.lost),
            ("run twice", self.run_twice),
            ("differing", self.differing),
            ("hung", self.hung),
            ("untidy", self.untidy),
        )
        return [f"{name}: {what}" for name, details in problems for what in details]

    def line(self) -> str:
        """The point in one line."""
        codes = ", ".join(map(str, self.codes))
        faults = "; ".join(" ".join(fault.split()) for fault in self.faults) or "fine"
        struck = "" if self.struck else " (too late)"
        return (
            f"{self.kind}{struck}, {self.moment}, {self.finished_before} finished: exit {codes}, "
            f"{self.seconds:.0f} s: {faults}{self.remarks()}"
        )

    def remarks(self) -> str:
        """Files and processes that were left behind, which is not a fault."""
        remains = [*self.litter, *self.orphans]
        return f" (left behind: {', '.join(remains)})" if remains else ""


def prepare(folder: Path, grid: str = GRID) -> Records:
    """Write the grid to the folder; returns the sweep's records, which do not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grid.yaml").write_text(grid)
    sweep = load_sweep(folder / "grid.yaml")
    return Records(sweep, Store(folder / "results" / sweep.name))


def start(folder: Path, verb: str = "run", *options: str) -> SweepRun:
    """Start a command on the folder's grid."""
    return SweepRun(folder, verb, "grid.yaml", "--wandb", "disabled", *options)


def has_begun(records: Records) -> bool:
    """Whether a trial has started."""
    return any(records.store.trials_folder.glob("*/trial.json"))


def undisturbed(folder: Path, limit: float) -> Reference:
    """Run the sweep without a disturbance.

    Raises:
        RuntimeError: the sweep is not complete.
    """
    records = prepare(folder)
    with start(folder) as run:
        run.wait_until(lambda: has_begun(records))
        first_start = run.seconds
        run.wait_until(lambda: records.ended() == len(records.trials))
        trials_ended = run.seconds
        ended = run.end(limit)
    if ended.code != COMPLETE:
        raise RuntimeError(f"the undisturbed run ended with {ended.code}:\n{ended.output}")
    return Reference(
        records=records,
        start=first_start,
        trials=trials_ended - first_start,
        tables=ended.seconds - trials_ended,
    )


def draw_moment(reference: Reference, chance: random.Random) -> Moment:
    """A random moment: during the start, the trials or the compilation of the tables."""
    if chance.random() < START_FRACTION:
        return Moment(ended=None, seconds=chance.uniform(0, reference.start))
    trials = len(reference.records.trials)
    ended = chance.randint(0, trials)
    longest = reference.tables if ended == trials else reference.trials / trials
    return Moment(ended=ended, seconds=chance.uniform(0, longest))


def try_point(
    kind: str,
    moment: Moment,
    reference: Reference,
    folder: Path,
    chance: random.Random,
    limit: float,
    grid: str = GRID,
) -> Point:
    """Disturb a sweep, complete it and collect the problems."""
    records = prepare(folder, grid)
    point = Point(kind=kind, moment=str(moment), folder=str(folder))
    started = time.monotonic()
    try:
        disturb(point, moment, records, chance, limit)
        complete(point, records, limit)
    except HungError as error:
        point.hung.append(str(error))
    point.differing = differing(records, reference.records)
    point.litter = records.litter()
    again = records.started_again()
    if len(again) > WORKERS:
        point.run_twice.append(f"more trials than were running: {', '.join(again)}")
    point.seconds = time.monotonic() - started
    return point


def disturb(
    point: Point, moment: Moment, records: Records, chance: random.Random, limit: float
) -> None:
    """Run the sweep and disturb it at the moment."""
    with start(Path(point.folder)) as run:
        await_progress(run, records, moment.ended)
        due = time.monotonic() + moment.seconds
        run.wait_until(lambda: time.monotonic() >= due)
        before = records.finished()
        point.struck = strike(run, KINDS[point.kind], chance)
        point.finished_before = len(before)
        ended = run.end(limit)
    record_end(point, ended, KINDS[point.kind].codes)
    ignored = point.struck and ended.code == COMPLETE and len(before) < len(records.trials)
    if KINDS[point.kind].stops and ignored:
        point.untidy.append("the signal had no effect")
    after = records.finished()
    point.lost += lost(before, after)
    point.run_twice += run_twice(before, after)


def await_progress(run: SweepRun, records: Records, ended: int | None) -> None:
    """Wait until a trial has begun and ``ended`` trials have ended; do not wait if it is None."""
    if ended is not None:
        run.wait_until(
            lambda: has_begun(records) and records.ended() >= ended, PROGRESS_POLL_SECONDS
        )


def strike(run: SweepRun, kind: Kind, chance: random.Random) -> bool:
    """Send the signals as soon as a victim exists; returns False if the run ends first."""
    victims: list[Process] = []

    def found() -> bool:
        victims[:] = kind.victims(run)
        return bool(victims)

    if not run.wait_until(found):
        return False
    victim = chance.choice(victims)
    for number in kind.numbers:
        if number is not kind.numbers[0]:
            time.sleep(chance.uniform(0, 0.5))
        send(run, victim, number, whole_group=kind.whole_group)
    return True


def send(run: SweepRun, victim: Process, number: signal.Signals, *, whole_group: bool) -> None:
    """Send a signal to the victim or, like a terminal, to the command's process group."""
    if not whole_group:
        victim.send(number)
    elif run.running:
        os.killpg(run.process.pid, number)


def complete(point: Point, records: Records, limit: float) -> None:
    """Run the sweep until it is complete, and compare the records with those before."""
    before = {name: entry for name, entry in records.finished().items() if not entry.failed}
    folder = Path(point.folder)
    code = point.codes[-1]
    for _ in range(RUNS_TO_COMPLETE):
        with start(folder, "retry" if code == FAILED else "run") as run:
            ended = run.end(limit)
        record_end(point, ended, frozenset({COMPLETE}))
        code = ended.code
        if code == COMPLETE:
            break
    after = records.finished()
    point.lost += lost(before, after)
    point.run_twice += run_twice(before, after)


def record_end(point: Point, ended: Ended, codes: frozenset[int]) -> None:
    """Record the exit code, the problems and the orphans of a command."""
    point.codes.append(ended.code)
    # Ray's C++ code may end a command when its raylet dies; the output reports it.
    reported = ended.code == ENDED_BY_RAY and KILLED in ended.output
    # While Python starts, the system handles the signal.
    too_early = ended.code == -TERM and not ended.output
    if ended.code not in codes and not reported and not too_early:
        last = (ended.output.strip().splitlines() or ["nothing"])[-1]
        point.untidy.append(f"exit code {ended.code} after: {last[:200]}")
    if "Traceback" in ended.output:
        point.untidy.append("a traceback on the terminal")
    point.orphans += [process.command[:60] for process in ended.orphans]


def selected_kinds(only: str | None) -> list[str]:
    """The kinds whose name contains the text."""
    return [name for name in KINDS if only is None or only.lower() in name.lower()]


def points(
    arguments: argparse.Namespace, kinds: list[str], reference: Reference, folder: Path
) -> Iterator[Point]:
    """Try points of all kinds in turn; the seed determines kinds and moments.

    If the iteration stops, the running points are completed.
    """
    limit = max(arguments.limit, arguments.at_once * HANG_FACTOR * reference.seconds)

    def try_number(number: int) -> Point:
        chance = random.Random(f"{arguments.seed} {number}")
        kind = kinds[number % len(kinds)]
        moment = draw_moment(reference, chance)
        return try_point(kind, moment, reference, folder / f"point-{number}", chance, limit)

    executor = ThreadPoolExecutor(arguments.at_once)
    try:
        yield from executor.map(
            try_number, range(arguments.first, arguments.first + arguments.points)
        )
    finally:
        executor.shutdown(cancel_futures=True)


def report(found: Iterable[Point]) -> str:
    """A Markdown table with a row for each kind."""
    found = list(found)
    lines = [
        "| disturbance | points | in time | lost | run twice | differing | hung "
        "| untidy | litter | orphans | exit codes | s per point |",
        "| :-- | --: | --: | --: | --: | --: | --: | --: | --: | --: | :-- | --: |",
    ]
    for kind in KINDS:
        of_kind = [point for point in found if point.kind == kind]
        if of_kind:
            lines.append(row(kind, of_kind))
    if found:
        lines.append(row("all", found))
    return "\n".join(lines)


def row(name: str, found: list[Point]) -> str:
    """One row of the table; the exit codes are those of the disturbed runs."""
    codes = Counter(point.codes[0] if point.codes else "none" for point in found)
    cells = [
        name,
        len(found),
        sum(point.struck for point in found),
        *(
            sum(bool(getattr(point, fault)) for point in found)
            for fault in ("lost", "run_twice", "differing", "hung", "untidy", "litter", "orphans")
        ),
        ", ".join(f"{code} ({count}×)" for code, count in sorted(codes.items(), key=str)),
        f"{sum(point.seconds for point in found) / len(found):.0f}",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="number of the first point")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1, help="points that run at the same time")
    parser.add_argument("--only", metavar="KIND", help=f"part of one of: {', '.join(KINDS)}")
    parser.add_argument(
        "--limit", type=float, default=180.0, help="seconds within which a command must end"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    return parser.parse_args()


def main() -> int:
    """Try the points and print each; returns 1 if any has a fault."""
    # Background jobs of a shell ignore SIGINT; this program handles it and prints the results.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = parse_arguments()
    kinds = selected_kinds(arguments.only)
    if not kinds:
        print(f"--only: no kind contains {arguments.only!r}: {', '.join(KINDS)}", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="kill-points-"))
    found: list[Point] = []
    # With --json the standard output has only the JSON object.
    progress = sys.stderr if arguments.json else sys.stdout

    def show(line: str) -> None:
        print(line, file=progress, flush=True)

    try:
        reference = undisturbed(folder / "reference", HANG_FACTOR * arguments.limit)
        show(
            f"undisturbed: start {reference.start:.1f} s, trials {reference.trials:.1f} s, "
            f"tables {reference.tables:.1f} s"
        )
        for point in points(arguments, kinds, reference, folder):
            found.append(point)
            kept = f"; kept in {point.folder}" if point.faults else ""
            show(f"[{len(found)}/{arguments.points}] {point.line()}{kept}")
            if not point.faults:
                shutil.rmtree(point.folder)
    except KeyboardInterrupt:
        show("stopped; results so far:")
    show(report(found))
    faulty = [point for point in found if point.faults]
    if not faulty:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps({"points": [asdict(point) for point in found]}))
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
