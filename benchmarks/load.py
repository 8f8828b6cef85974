"""10,000 trivial trials in one sweep on two cores, through the real runner, against its aims.

    python benchmarks/load.py [--quick] [--trials N] [--json]

``adaloss-sweep run`` in a process of its own, with real Ray and two workers; a trial is an epoch of
a small network on 100 of the digits. Looked at from outside, twice a second, in /proc:

- memory: the driver's resident bytes while trials run and while the tables are compiled, at most
  1 GB; flat while trials run: the last sample at most 1.1 times the one after the first trials.
- cost per trial: the wall time of the last 1,000 at most 1.3 times that of the first 1,000 once the
  workers are up, which is after the first 20.
- status: ``adaloss-sweep status --json`` from another process half way, when the last trial has
  ended (the driver compiles the tables then) and at rest, at most 1 s; how much of it is starting
  Python (``adaloss-sweep --version``) is measured beside it.
- open files: entries of /proc/PID/fd of a worker, the most seen, at most 20 more than those of a
  Ray actor that does nothing.
- disk: the trials' folders, the lengths of their files and the blocks that files and folders take
  (st_blocks), at most 20 kB a trial each.

Each is printed with its aim and their ratio; more than 1 misses the aim. With --quick there are 300
trials and the first and last are 75; times of so few say little.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from processes import command_line, descendants, open_files, resident_bytes

GRID = """\
name: load
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_decay_sqrt]
  b0: [0.1, 1, 10, 100, 1000]
  lr: 1
  epochs: 1
  batch_size: 50
  train_examples: 100
  eval_examples: 50
seeds: {seeds}
resources: {{cpu: 1, gpu: 0}}
execution: {{max_concurrent: 2}}
"""
CELLS = 10
TRIALS, QUICK_TRIALS = 10_000, 300
MOST_COMPARED = 1_000
UNTIL_WORKERS_ARE_UP = 20
SECONDS_PER_SAMPLE = 0.5
# Ray names a worker's process after the class of its actor, and while a trial runs after Tune's.
WORKERS = b"ray::TrialWorker"
IDLE_ACTOR = """
import os
import ray

@ray.remote
class Idle:
    def files(self):
        return len(os.listdir("/proc/self/fd")) - 1  # listing the folder opens it

ray.init(
    address="local", num_cpus=1, include_dashboard=False, log_to_driver=False,
    logging_level="CRITICAL",
)
idle = Idle.remote()
ray.get(idle.files.remote())
print("files", ray.get(idle.files.remote()))
"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the processes held at one moment; ``files`` is the most that a worker had open."""

    seconds: float
    finished: int
    resident_bytes: int
    files: int


@dataclass(frozen=True, kw_only=True)
class StatusTime:
    """How long ``status --json`` took, Python's start included and alone, and what it counted."""

    when: str
    records: int
    seconds: float
    start_seconds: float


@dataclass(frozen=True, kw_only=True)
class Disk:
    """What the trials' folders take, per trial."""

    length_bytes: float
    block_bytes: float


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A figure and the most that it may be."""

    name: str
    measured: float
    most: float
    unit: str

    @property
    def ratio(self) -> float:
        """The figure in parts of what it may be."""
        return self.measured / self.most

    def line(self) -> str:
        """The figure, its aim, and their ratio."""
        missed = "" if self.ratio <= 1 else "  MISSED"
        figure = f"{self.measured:9.3f} {self.unit:<5} at most {self.most:6.2f}"
        return f"{self.name:<52} {figure}   ratio {self.ratio:5.2f}{missed}"


@dataclass(kw_only=True)
class Course:
    """A sweep seen from outside: when its trials ended, and what its processes held."""

    driver: int
    started: float
    ends: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def watch(self, stop: threading.Event) -> None:
        """Take a sample now and then, until told to stop."""
        while not stop.wait(SECONDS_PER_SAMPLE):
            self.samples.append(self.sample())

    def sample(self) -> Sample:
        """What the processes hold now."""
        workers = [
            process
            for process in descendants(self.driver)
            if command_line(process).startswith(WORKERS)
        ]
        return Sample(
            seconds=time.perf_counter() - self.started,
            finished=len(self.ends),
            resident_bytes=resident_bytes(self.driver),
            files=max(map(open_files, workers), default=0),
        )

    def note_ends(self, lines: Iterator[bytes]) -> Iterator[int]:
        """How many trials have ended, whenever the driver says ``[17/10000] …`` of one."""
        for line in lines:
            if line.startswith(b"["):
                self.ends.append(time.perf_counter() - self.started)
                yield len(self.ends)


def adaloss_sweep(*words: str | Path) -> list[str]:
    """A command line of the tool, with this Python."""
    return [sys.executable, "-m", "runners", *map(str, words)]


def run_sweep(grid: Path, folder: Path, trials: int) -> tuple[Course, list[StatusTime]]:
    """Run the sweep to its end, watched, and ask for its status three times.

    Raises:
        subprocess.CalledProcessError: it did not end well.
    """
    command = adaloss_sweep("run", grid, "--storage", folder, "--wandb", "disabled", "--yes")
    stop = threading.Event()
    with (
        ThreadPoolExecutor() as threads,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as driver,
    ):
        assert driver.stderr is not None
        course = Course(driver=driver.pid, started=time.perf_counter())
        threads.submit(course.watch, stop)
        asked = []
        try:
            for ended in course.note_ends(driver.stderr):
                # Not among the trials that are compared: it takes its share of the cores.
                if ended in (trials // 2, trials):
                    when = "half way" if ended < trials else "when the last trial has ended"
                    asked.append(threads.submit(status_time, grid, folder, when))
        finally:
            stop.set()
            driver.terminate()
    if driver.returncode:
        raise subprocess.CalledProcessError(driver.returncode, command)
    at_rest = status_time(grid, folder, "at rest")
    return course, [*(future.result() for future in asked), at_rest]


def status_time(grid: Path, folder: Path, when: str) -> StatusTime:
    """Ask for the status of the sweep, and for the version, which takes Python's start alone."""
    seconds, said = timed(adaloss_sweep("status", grid, "--storage", folder, "--json"))
    start_seconds, _ = timed(adaloss_sweep("--version"))
    records = json.loads(said)["complete"]
    return StatusTime(when=when, records=records, seconds=seconds, start_seconds=start_seconds)


def timed(command: Sequence[str]) -> tuple[float, str]:
    """How long a command takes, and what it prints."""
    started = time.perf_counter()
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - started, finished.stdout


def idle_actors_files() -> int:
    """What a Ray actor that does nothing has open."""
    _, said = timed([sys.executable, "-c", IDLE_ACTOR])
    return int(said.split()[-1])


def disk_of(folder: Path, trials: int) -> Disk:
    """What all below the folder takes, itself included, for each of so many trials."""
    stats = [(path, path.stat()) for path in (folder, *folder.rglob("*"))]
    return Disk(
        length_bytes=sum(stat.st_size for path, stat in stats if path.is_file()) / trials,
        block_bytes=512 * sum(stat.st_blocks for _, stat in stats) / trials,
    )


def compared(trials: int) -> int:
    """How many of the first trials are held against as many of the last."""
    return min(MOST_COMPARED, trials // 4)


def cost_aim(course: Course) -> Aim:
    """The last trials against the first, by the time between the ends of their first and last."""
    count = compared(len(course.ends))
    first = course.ends[UNTIL_WORKERS_ARE_UP + count] - course.ends[UNTIL_WORKERS_ARE_UP]
    last = course.ends[-1] - course.ends[-1 - count]
    name = f"cost per trial, last {count:,} / first {count:,}"
    return Aim(name=name, measured=last / first, most=1.3, unit="times")


def memory_aims(course: Course) -> Iterator[Aim]:
    """The driver's memory at its most, and how it has grown while trials ran."""
    trials = len(course.ends)
    running = [sample for sample in course.samples if sample.finished < trials]
    for name, samples in (("while trials run", running), ("at its most", course.samples)):
        most = max(sample.resident_bytes for sample in samples) / 1e9
        yield Aim(name=f"driver's memory {name}", measured=most, most=1.0, unit="GB")
    beginning = UNTIL_WORKERS_ARE_UP + compared(trials)
    sizes = [sample.resident_bytes for sample in running if sample.finished >= beginning]
    name = f"driver's memory, last sample / after {beginning:,}"
    yield Aim(name=name, measured=sizes[-1] / sizes[0], most=1.1, unit="times")


def aims_of(
    course: Course, times: Sequence[StatusTime], disk: Disk, idle_files: int
) -> Iterator[Aim]:
    """Every figure against its aim."""
    yield cost_aim(course)
    yield from memory_aims(course)
    for asked in times:
        name = f"status --json {asked.when} ({asked.records:,} records)"
        yield Aim(name=name, measured=asked.seconds, most=1.0, unit="s")
    files = max(sample.files for sample in course.samples) - idle_files
    yield Aim(name="files open beyond an idle actor's", measured=files, most=20, unit="files")
    for what, size in (("file lengths", disk.length_bytes), ("blocks", disk.block_bytes)):
        yield Aim(name=f"disk per trial, {what}", measured=size / 1e3, most=20.0, unit="kB")


def course_lines(course: Course, times: Sequence[StatusTime], idle_files: int) -> Iterator[str]:
    """The driver's memory over time in about ten lines, and what the figures are made of."""
    for sample in course.samples[:: max(1, len(course.samples) // 10)]:
        yield (
            f"{sample.seconds:8.1f} s  {sample.finished:>6,} trials  driver "
            f"{sample.resident_bytes / 1e6:7.1f} MB  worker {sample.files} files"
        )
    yield f"a Ray actor that does nothing has {idle_files} files open"
    for asked in times:
        yield f"Python's start, {asked.when}: {asked.start_seconds:.2f} s of status --json"


def main() -> None:
    """Run the sweep and print its figures against their aims."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TRIALS} trials")
    parser.add_argument("--trials", type=int, help=f"how many, a multiple of {CELLS}")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    options = parser.parse_args()
    trials = options.trials or (QUICK_TRIALS if options.quick else TRIALS)
    idle_files = idle_actors_files()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grid = folder / "load.yaml"
        grid.write_text(GRID.format(seeds=trials // CELLS))
        course, times = run_sweep(grid, folder, trials)
        disk = disk_of(folder / "load" / "trials", trials)
    aims = list(aims_of(course, times, disk, idle_files))
    print(*course_lines(course, times, idle_files), sep="\n")
    print(*(aim.line() for aim in aims), sep="\n")
    if options.json:
        figures = {
            "trials": trials,
            "aims": [asdict(aim) | {"ratio": aim.ratio} for aim in aims],
            "samples": list(map(asdict, course.samples)),
            "ends": course.ends,
            "status": list(map(asdict, times)),
            "disk": asdict(disk),
            "idle_actor_files": idle_files,
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
