"""Run a sweep of 10,000 trivial trials on two cores and compare its costs with limits.

    python benchmarks/load.py [--quick] [--trials N] [--json]

The benchmark starts ``adaloss-sweep run`` with Ray and two workers, and reads /proc twice a second.
A trial is one epoch of a small network on 100 images of the digits. The limits are:

- memory: at most 1 GB resident in the driver while trials run and while it compiles the tables.
  While trials run, the last sample is at most 1.1 times the sample after the first trials.
- cost per trial: the wall time of the last 1,000 trials is at most 1.3 times that of the first
  1,000. The first 20 trials are skipped, because the workers are still starting.
- status: ``adaloss-sweep status --json`` takes at most 1 s in another process: halfway, after the
  last trial (while the driver compiles the tables), and after the sweep. The time to start Python
  (``adaloss-sweep --version``) is printed too.
- open files: a worker never has over 20 more entries in /proc/PID/fd than an idle Ray actor.
- disk: the trials' folders take at most 20 kB per trial, both as the lengths of the files and as
  the blocks of files and folders (st_blocks).

Each figure is printed with its limit and the ratio of the two; a ratio above 1 misses the limit.
With --quick there are 300 trials, of which the first and the last 75 are compared; the times are
noisy.
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
# There is a first and a last quarter after those that wait for the workers to start.
FEWEST_TRIALS = 40
MAX_COMPARED = 1_000
STARTUP_TRIALS = 20
SECONDS_PER_SAMPLE = 0.5
# Ray names a worker's process after the class of its actor.
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
    """Finished trials, the driver's memory, and the most files that a worker has open."""

    seconds: float
    finished: int
    resident_bytes: int
    files: int


@dataclass(frozen=True, kw_only=True)
class StatusTime:
    """The duration of ``status --json`` in seconds, and of starting Python alone."""

    when: str
    records: int
    seconds: float
    start_seconds: float


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The size of the trials' folders, in bytes per trial."""

    length_bytes: float
    block_bytes: float


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A measured figure and its upper limit."""

    name: str
    measured: float
    most: float
    unit: str

    @property
    def ratio(self) -> float:
        """The figure divided by its limit."""
        return self.measured / self.most

    def line(self) -> str:
        """The figure, its limit and their ratio in one line."""
        missed = "" if self.ratio <= 1 else "  MISSED"
        figure = f"{self.measured:9.3f} {self.unit:<5} at most {self.most:6.2f}"
        return f"{self.name:<52} {figure}   ratio {self.ratio:5.2f}{missed}"


@dataclass(kw_only=True)
class Course:
    """The course of a sweep: the times at which trials ended, and samples of the processes."""

    driver: int
    started: float
    ends: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def watch(self, stop: threading.Event) -> None:
        """Take samples until ``stop`` is set."""
        while not stop.wait(SECONDS_PER_SAMPLE):
            self.samples.append(self.sample())

    def sample(self) -> Sample:
        """Take one sample."""
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

    def record_ends(self, lines: Iterator[bytes]) -> Iterator[int]:
        """Record the time of each line ``[17/10000] …`` of the driver; yields the number so far."""
        for line in lines:
            if line.startswith(b"["):
                self.ends.append(time.perf_counter() - self.started)
                yield len(self.ends)


def adaloss_sweep(*words: str | Path) -> list[str]:
    """A command line of adaloss-sweep with the current Python."""
    return [sys.executable, "-m", "runners", *map(str, words)]


def run_sweep(grid: Path, folder: Path, trials: int) -> tuple[Course, list[StatusTime]]:
    """Run the sweep, take samples, and measure ``status`` three times.

    Raises:
        subprocess.CalledProcessError: the sweep failed.
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
        status_times = []
        try:
            for ended in course.record_ends(driver.stderr):
                # These points are outside of the compared trials: the command takes CPU time.
                if ended in (trials // 2, trials):
                    when = "halfway" if ended < trials else "after the last trial"
                    status_times.append(threads.submit(status_time, grid, folder, when))
        finally:
            stop.set()
            driver.terminate()
    if driver.returncode:
        raise subprocess.CalledProcessError(driver.returncode, command)
    afterwards = status_time(grid, folder, "after the sweep")
    return course, [*(future.result() for future in status_times), afterwards]


def status_time(grid: Path, folder: Path, when: str) -> StatusTime:
    """Measure ``status``, and ``--version`` for the time of starting Python alone."""
    seconds, output = timed(adaloss_sweep("status", grid, "--storage", folder, "--json"))
    start_seconds, _ = timed(adaloss_sweep("--version"))
    records = json.loads(output)["complete"]
    return StatusTime(when=when, records=records, seconds=seconds, start_seconds=start_seconds)


def timed(command: Sequence[str]) -> tuple[float, str]:
    """The duration of a command in seconds, and its standard output."""
    started = time.perf_counter()
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - started, finished.stdout


def idle_actor_files() -> int:
    """The number of files that an idle Ray actor has open."""
    _, output = timed([sys.executable, "-c", IDLE_ACTOR])
    return int(output.split()[-1])


def disk_of(folder: Path, trials: int) -> Disk:
    """The size of the folder and its content, per trial."""
    stats = [(path, path.stat()) for path in (folder, *folder.rglob("*"))]
    return Disk(
        length_bytes=sum(stat.st_size for path, stat in stats if path.is_file()) / trials,
        block_bytes=512 * sum(stat.st_blocks for _, stat in stats) / trials,
    )


def compared(trials: int) -> int:
    """The number of first and of last trials that are compared."""
    return min(MAX_COMPARED, trials // 4)


def cost_aim(course: Course) -> Aim:
    """The time that the last trials take, relative to the first trials."""
    count = compared(len(course.ends))
    first = course.ends[STARTUP_TRIALS + count] - course.ends[STARTUP_TRIALS]
    last = course.ends[-1] - course.ends[-1 - count]
    name = f"cost per trial, last {count:,} / first {count:,}"
    return Aim(name=name, measured=last / first, most=1.3, unit="times")


def memory_aims(course: Course) -> Iterator[Aim]:
    """The peak of the driver's memory, and its growth while trials run."""
    trials = len(course.ends)
    running = [sample for sample in course.samples if sample.finished < trials]
    for name, samples in (("while trials run", running), ("peak", course.samples)):
        most = max(sample.resident_bytes for sample in samples) / 1e9
        yield Aim(name=f"driver's memory {name}", measured=most, most=1.0, unit="GB")
    beginning = STARTUP_TRIALS + compared(trials)
    sizes = [sample.resident_bytes for sample in running if sample.finished >= beginning]
    name = f"driver's memory, last sample / after {beginning:,}"
    # The last trials may all have ended between two samples.
    if sizes:
        yield Aim(name=name, measured=sizes[-1] / sizes[0], most=1.1, unit="times")


def aims_of(
    course: Course, times: Sequence[StatusTime], disk: Disk, idle_files: int
) -> Iterator[Aim]:
    """All figures with their limits."""
    yield cost_aim(course)
    yield from memory_aims(course)
    for status in times:
        name = f"status --json {status.when} ({status.records:,} records)"
        yield Aim(name=name, measured=status.seconds, most=1.0, unit="s")
    files = max(sample.files for sample in course.samples) - idle_files
    yield Aim(name="open files, compared with an idle actor", measured=files, most=20, unit="files")
    for what, size in (("file lengths", disk.length_bytes), ("blocks", disk.block_bytes)):
        yield Aim(name=f"disk per trial, {what}", measured=size / 1e3, most=20.0, unit="kB")


def course_lines(course: Course, times: Sequence[StatusTime], idle_files: int) -> Iterator[str]:
    """About ten samples, and the figures that the limits do not cover."""
    for sample in course.samples[:: max(1, len(course.samples) // 10)]:
        yield (
            f"{sample.seconds:8.1f} s  {sample.finished:>6,} trials  driver "
            f"{sample.resident_bytes / 1e6:7.1f} MB  worker {sample.files} files"
        )
    yield f"an idle Ray actor has {idle_files} files open"
    for status in times:
        yield f"starting Python {status.when}: {status.start_seconds:.2f} s of status --json"


def main() -> None:
    """Run the sweep and print the figures with their limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TRIALS} trials")
    parser.add_argument("--trials", type=int, help=f"a multiple of {CELLS}, from {FEWEST_TRIALS}")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    options = parser.parse_args()
    trials = options.trials or (QUICK_TRIALS if options.quick else TRIALS)
    if trials < FEWEST_TRIALS or trials % CELLS:
        parser.error(f"--trials: a multiple of {CELLS}, and at least {FEWEST_TRIALS}")
    idle_files = idle_actor_files()
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
