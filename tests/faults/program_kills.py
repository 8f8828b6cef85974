"""Kill sweeps of a user's own programs at random moments, complete them and compare the records.

A point runs a small sweep of a program, kills or signals one of its processes, and runs the same
command again until the sweep is complete. ``--first 12 --points 1`` repeats a single point. Linux
only.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kill_points import (
    COMPLETE,
    ENDED_BY_RAY,
    FAILED,
    INT,
    KILL,
    PROGRESS_POLL_SECONDS,
    RUNS_TO_COMPLETE,
    STOPPED,
    TERM,
    driver,
    prepare,
    start,
    workers,
)
from ledger import Records, lost, run_twice
from session_processes import Process
from sweep_run import Ended, HungError, SweepRun

from runners.on_ray.end_message import KILLED

POINTS = 50
WORKERS = 2
REPORTS = 12
# Seconds after the end of a command in which all processes of its scripts must have ended.
SECONDS_TO_VANISH = 20.0
# A kill between a result and the removal of its checkpoint leaves one, which is no fault.
CHECKPOINTS = ("checkpoint.pt", "files/checkpoint")
# Measured, and different at each run.
MEASURED = ("seconds", "finished_at", "provenance", "memory", "fingerprint")

FUNCTION = f"""\
import json
import time


def train(trial):
    epoch, weight = 0, 5.0 + trial["seed"]
    if trial.checkpoint.exists():
        epoch, weight = json.loads(trial.checkpoint.read_text())
    while epoch < {REPORTS}:
        weight -= trial["lr"] * weight
        time.sleep(0.1)
        yield {{"epoch": epoch, "loss": weight**2}}
        epoch += 1
        temporary = trial.folder / "temporary"
        temporary.write_text(json.dumps([epoch, weight]))
        temporary.rename(trial.checkpoint)
"""
SCRIPT = f"""\
import argparse
import json
import os
import subprocess
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int)
given = parser.parse_args()
child = subprocess.Popen(["sleep", "1000"])
checkpoint = Path(os.environ["ADALOSS_CHECKPOINT"])
epoch, weight = 0, 5.0 + given.seed
SET_UP
while epoch < {REPORTS}:
    weight -= given.lr * weight
    time.sleep(0.1)
    REPORT
    epoch += 1
    SAVE
"""
LOAD = """\
if checkpoint.exists():
    epoch, weight = json.loads(checkpoint.read_text())
"""
SAVE = """\
temporary = checkpoint.with_name("temporary")
    temporary.write_text(json.dumps([epoch, weight]))
    temporary.rename(checkpoint)"""
APPEND = """\
with open(os.environ["ADALOSS_REPORT"], "a") as file:
        file.write(json.dumps({"loss": weight**2}) + "\\n")"""
APPEND_EPOCH = APPEND.replace("{", '{"epoch": epoch, ')
WITH_WANDB = 'wandb.log({"epoch": epoch, "loss": weight**2})'


def script(report: str, set_up: str = "", save: str = "") -> str:
    """A script that reports in this way and saves in this way."""
    return SCRIPT.replace("REPORT", report).replace("SAVE", save).replace("SET_UP", set_up)


PROGRAMS = {
    "function": ("train.py:train", FUNCTION),
    "lines": ("train.py", script(APPEND_EPOCH, LOAD, SAVE)),
    "wandb": ("train.py", script(WITH_WANDB, f"import wandb\nwandb.init()\n{LOAD}", SAVE)),
    "no checkpoint": ("train.py", script(APPEND)),
}
GRID = f"""\
name: faults
program: PROGRAM
metric: {{name: loss, goal: minimize}}
parameters:
  lr: [0.1, 0.2, 0.3]
seeds: 2
resources: {{cpu: 1}}
execution: {{max_concurrent: {WORKERS}, retries: 2}}
"""
TRIALS = 6


def environment_of(process: int) -> bytes:
    """The environment with which a process was started; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return b""


def marked(mark: str) -> list[Process]:
    """The running processes whose environment has this text."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and mark.encode() in environment_of(int(folder.name)):
            # A process may end before its files are read.
            with contextlib.suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                if state not in "ZX":
                    found.append(Process(int(folder.name), command.decode().strip()))
    return found


def of_scripts(folder: Path) -> list[Process]:
    """The processes of the scripts of a sweep in this folder."""
    return marked(f"ADALOSS_FOLDER={folder.resolve()}/")


def scripts(run: SweepRun) -> list[Process]:
    """The processes of the scripts themselves."""
    return [each for each in of_scripts(run.folder) if "train.py" in each.command]


def children(run: SweepRun) -> list[Process]:
    """What the scripts have started."""
    return [each for each in of_scripts(run.folder) if each.command.startswith("sleep")]


Victims = Callable[[SweepRun], list[Process]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A disturbance: each of the signals is sent to one of the run's victims of its kind."""

    signals: tuple[tuple[signal.Signals, Victims], ...]
    codes: frozenset[int] = frozenset({COMPLETE})
    whole_group: bool = False


KILLED_DRIVER = frozenset({COMPLETE, -KILL})
OF_FUNCTIONS = {
    "kill the driver": Kind(signals=((KILL, driver),), codes=KILLED_DRIVER),
    "kill a worker": Kind(signals=((KILL, workers),)),
    "SIGTERM": Kind(signals=((TERM, driver),), codes=STOPPED),
    "Ctrl-C": Kind(signals=((INT, driver),), codes=STOPPED, whole_group=True),
}
OF_SCRIPTS = {
    "kill a script": Kind(signals=((KILL, scripts),)),
    "kill a script's child": Kind(signals=((KILL, children),)),
    "kill driver and script": Kind(signals=((KILL, driver), (KILL, scripts)), codes=KILLED_DRIVER),
    "kill worker and script": Kind(signals=((KILL, workers), (KILL, scripts))),
}
KINDS = OF_FUNCTIONS | OF_SCRIPTS


@dataclass(frozen=True, kw_only=True)
class Point:
    """What is disturbed, how, and when: seconds after so many trials have ended."""

    number: int
    seed: int
    program: str
    kind: str
    ended: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"point {self.number} (seed {self.seed}): {self.program}, {self.kind}, "
            f"{self.seconds:.2f} s after the end of {self.ended} trials"
        )


def point(number: int, seed: int = 0) -> Point:
    """The point of this number: every second one is of the function."""
    chance = random.Random(f"{seed} {number}")
    others = [name for name in PROGRAMS if name != "function"]
    program = "function" if number % 2 == 0 else others[number // 2 % len(others)]
    kinds = list(OF_FUNCTIONS if program == "function" else KINDS)
    return Point(
        number=number,
        seed=seed,
        program=program,
        # No common factor with the number of scripts: every pair has its turn.
        kind=kinds[number // 2 % len(kinds)],
        ended=chance.randint(0, TRIALS - WORKERS),
        seconds=chance.uniform(0, 1.5),
    )


@dataclass(kw_only=True)
class Outcome:
    """What came of a point: whether it was in time, its exit codes, and what is wrong."""

    point: Point
    struck: bool = False
    finished_before: int = 0
    started_again: int = 0
    seconds: float = 0.0
    codes: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    litter: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The outcome in one line."""
        when = "" if self.struck else " (too late)"
        litter = f" (left behind: {', '.join(self.litter)})" if self.litter else ""
        return (
            f"{self.point}{when}, {self.finished_before} finished, {self.started_again} started "
            f"again: exit {', '.join(map(str, self.codes))}, {self.seconds:.0f} s: "
            f"{'; '.join(self.faults) or 'fine'}{litter}"
        )


def prepare_program(name: str, folder: Path) -> Records:
    """Write the program and its grid to the folder; the sweep's records, which do not exist yet."""
    program, text = PROGRAMS[name]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(text)
    return prepare(folder, GRID.replace("PROGRAM", program))


@dataclass(frozen=True)
class Content:
    """What a sweep leaves behind, without what is measured: per trial, and the tables."""

    trials: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]]
    files: dict[str, set[str]]
    tables: str


def content_of(records: Records) -> Content:
    """Read the files of a sweep as they are, not as the program reads them.

    Raises:
        ValueError: a line is not an object of JSON.
        FileNotFoundError: a record is missing.
    """
    trials, files = {}, {}
    for name in records.trials:
        folder = records.folder(name)
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        rows = [without_measured(json.loads(line)) for line in lines]
        trials[name] = rows, without_measured(json.loads((folder / "result.json").read_text()))
        files[name] = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return Content(trials, files, records.tables())


def without_measured(record: dict[str, Any]) -> dict[str, Any]:
    """The record without times and the like."""
    return {
        name: without_measured(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if name not in MEASURED
    }


def differences(found: Content, expected: Content) -> Iterator[str]:
    """What differs from the undisturbed sweep."""
    for name, (rows, result) in expected.trials.items():
        its_rows, its_result = found.trials[name]
        if its_rows != rows:
            epochs = [row.get("logged_epoch", row["epoch"]) for row in its_rows]
            yield f"{name} has the reports {epochs}"
        if its_result != result:
            yield f"{name} has another result: {its_result}"
        # wandb names its files after the time; a trial that was started again has a log.
        more = {
            file
            for file in found.files[name] - expected.files[name]
            if not file.startswith(".capture/wandb/") and file not in ("log.txt", *CHECKPOINTS)
        }
        if more:
            yield f"{name} has more files: {', '.join(sorted(more))}"
    if found.tables != expected.tables:
        yield "tables.md differs"


def undisturbed(name: str, folder: Path, limit: float) -> Content:
    """The sweep without a disturbance.

    Raises:
        RuntimeError: it is not complete.
    """
    records = prepare_program(name, folder)
    if records.ended() < TRIALS or not records.tables():
        with start(folder) as run:
            ended = run.end(limit)
        if ended.code != COMPLETE:
            raise RuntimeError(f"the undisturbed run ended with {ended.code}:\n{ended.output}")
    return content_of(records)


def try_point(point: Point, expected: Content, folder: Path, limit: float) -> Outcome:
    """Disturb a sweep, complete it and collect what is wrong."""
    outcome = Outcome(point=point)
    records = prepare_program(point.program, folder)
    started = time.monotonic()
    try:
        disturb(outcome, records, folder, limit)
        complete(outcome, records, folder, limit)
        content = content_of(records)
        outcome.faults += differences(content, expected)
        outcome.litter = [
            f"{name}/{file}"
            for name, files in content.files.items()
            for file in CHECKPOINTS
            if file in files
        ]
    except (HungError, OSError, ValueError) as error:
        outcome.faults.append(f"{type(error).__name__}: {error}")
    again = records.started_again()
    outcome.started_again = len(again)
    if len(again) > WORKERS:
        outcome.faults.append(f"more trials started again than were running: {', '.join(again)}")
    outcome.seconds = time.monotonic() - started
    return outcome


def disturb(outcome: Outcome, records: Records, folder: Path, limit: float) -> None:
    """Run the sweep and disturb it at the moment of the point."""
    point, kind = outcome.point, KINDS[outcome.point.kind]
    with start(folder) as run:
        run.wait_until(
            lambda: records.ended() >= point.ended and has_begun(records), PROGRESS_POLL_SECONDS
        )
        due = time.monotonic() + point.seconds
        run.wait_until(lambda: time.monotonic() >= due)
        before = records.finished()
        outcome.struck = strike(run, kind, random.Random(f"{point.seed} {point.number} victim"))
        outcome.finished_before = len(before)
        check_end(outcome, run, run.end(limit), kind.codes)
    after = records.finished()
    outcome.faults += [f"lost: {name}" for name in lost(before, after)]
    outcome.faults += [f"run twice: {name}" for name in run_twice(before, after)]


def has_begun(records: Records) -> bool:
    """Whether a trial has started."""
    return any(records.store.trials_folder.glob("*/trial.json"))


def strike(run: SweepRun, kind: Kind, chance: random.Random) -> bool:
    """Send the signals as soon as there are victims; returns False if the run ends first."""
    victims: list[tuple[signal.Signals, Process]] = []

    def found() -> bool:
        there = [(number, of_kind(run)) for number, of_kind in kind.signals]
        if all(processes for _, processes in there):
            victims[:] = [(number, chance.choice(processes)) for number, processes in there]
        return bool(victims)

    if not run.wait_until(found):
        return False
    for number, victim in victims:
        if kind.whole_group:
            os.killpg(run.process.pid, number)
        else:
            victim.send(number)
    return True


def check_end(outcome: Outcome, run: SweepRun, ended: Ended, codes: frozenset[int]) -> None:
    """Note the exit code of a command, what is wrong with it, and what still runs."""
    outcome.codes.append(ended.code)
    reported = ended.code == ENDED_BY_RAY and KILLED in ended.output
    if ended.code not in codes and not reported:
        last = (ended.output.strip().splitlines() or ["nothing"])[-1]
        outcome.faults.append(f"exit code {ended.code} after: {last[:200]}")
    if "Traceback" in ended.output:
        outcome.faults.append("a traceback on the terminal")
    # The scratch folder of the command is in the environment of everything that it started.
    deadline = time.monotonic() + SECONDS_TO_VANISH
    while (alive := marked(str(run.scratch))) and time.monotonic() < deadline:
        time.sleep(0.2)
    outcome.faults += [f"still runs: {process.command[:80]}" for process in alive]
    for process in alive:
        process.send(signal.SIGKILL)


def complete(outcome: Outcome, records: Records, folder: Path, limit: float) -> None:
    """Run the sweep until it is complete."""
    before = {name: entry for name, entry in records.finished().items() if not entry.failed}
    outcome.faults += [
        f"failed: {name}" for name, entry in records.finished().items() if entry.failed
    ]
    for _ in range(RUNS_TO_COMPLETE):
        if outcome.codes[-1] == COMPLETE:
            break
        with start(folder, "retry" if outcome.codes[-1] == FAILED else "run") as run:
            check_end(outcome, run, run.end(limit), frozenset({COMPLETE}))
    after = records.finished()
    outcome.faults += [f"lost: {name}" for name in lost(before, after)]
    outcome.faults += [f"run twice: {name}" for name in run_twice(before, after)]


def main() -> int:
    """Try the points and print each; returns 1 if any has a fault."""
    # Background jobs of a shell ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--first", type=int, default=0, help="number of the first point")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for a command")
    parser.add_argument("--folder", type=Path, help="keeps the undisturbed sweeps")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="program-kills-"))
    expected: dict[str, Content] = {}
    faulty = 0
    for number in range(given.first, given.first + given.points):
        chosen = point(number, given.seed)
        name = chosen.program
        expected[name] = expected.get(name) or undisturbed(name, folder / name, given.limit)
        outcome = try_point(chosen, expected[name], folder / f"point-{number}", given.limit)
        print(outcome.line(), flush=True)
        if outcome.faults:
            faulty += 1
        else:
            shutil.rmtree(folder / f"point-{number}")
    if not faulty and given.folder is None:
        shutil.rmtree(folder)
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
