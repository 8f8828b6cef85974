"""How much worker time is lost to scheduling, from one worker to a thousand.

    python benchmarks/scale.py [--slots 1 4 16] [--trials-per-slot 12] [--million] [--json]

Trials that only sleep for a second run on a Ray cluster on this machine that claims to have so many
processors. Measured: the share of the workers' time, between the first trial and the last one to
be begun, in which no trial ran, and the driver's processor time for each trial and each report. A
discrete-event model with these two times and one for a worker's own change of trial is compared
with the measurements, and then says what to expect of more workers and of longer trials. It leaves
out the network and the start of the workers.

``--million`` also times ``plan``, ``status`` and ``table`` for a grid of a million trials, none of
which has run.
"""

import argparse
import heapq
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from runners.trials.worker import SECONDS_PER_REPORT, WORKERS_AT_THIS_INTERVAL

PROGRAM = Path(sys.executable).parent / "adaloss-sweep"
RAY = Path(sys.executable).parent / "ray"
# Of the trials that run, and of longer ones, whose reports are counted.
SHORT, LONG = 1.0, 6.0
FUNCTION = """
import time

def train(trial):
    for _ in range({steps}):
        time.sleep(0.25)
        yield {{"loss": trial["x"]}}
"""
GRID = """
name: scale
program: sleeps.py:train
metric: {{name: loss}}
parameters: {{x: {values}}}
seeds: 1
resources: {{cpu: 1, gpu: 0}}
wandb: {{mode: disabled}}
"""
MILLION = """
name: million
parameters:
  {{dataset: digits, model: mlp, optimizer: [adaloss, sgd_constant, sgd_decay_sqrt, adagrad_norm],
   b0: [0.01, 0.1, 1, 10, 100], lr: {rates}, epochs: 1, batch_size: 128}}
seeds: 10
"""
# As many cells as a sweep may have.
RATES = 5_000
SIMULATED = (1, 10, 100, 1_000)
LENGTHS = (1.0, 60.0)
TRIALS_PER_SIMULATED_SLOT = 20
CLOCK = os.sysconf("SC_CLK_TCK")

Span = tuple[float, float]


@dataclass(frozen=True)
class Measured:
    """One sweep of sleeping trials; times in seconds, memory in MB."""

    slots: int
    trials: int
    lost: float
    driver_per_trial: float
    change: float
    driver_memory: float


@dataclass(frozen=True)
class Driver:
    """Seconds of the driver for a trial and for a report, and of a worker between two trials."""

    for_a_trial: float
    for_a_report: float
    change: float


def main() -> None:
    """Measure, compare the model with the measurements, and print what it says of more."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--trials-per-slot", type=int, default=12)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    if arguments.trials_per_slot < 2:
        parser.error("--trials-per-slot: at least 2, because what is lost is between two trials")
    found = [
        measured(slots, arguments.trials_per_slot * slots, SHORT)
        for slots in sorted(arguments.slots)
    ]
    most = found[-1].slots
    longer = measured(most, max(3, arguments.trials_per_slot // 3) * most, LONG)
    cost = statistics.median(each.driver_per_trial for each in found)
    # With as many workers: the driver takes less for a trial of more of them.
    more = longer.driver_per_trial - found[-1].driver_per_trial
    report = max(0.0, more) / (LONG - SHORT)
    driver = Driver(
        for_a_trial=cost, for_a_report=report, change=min(each.change for each in found)
    )
    rows: list[dict[str, Any]] = [
        asdict(each) | {"model": simulated(each.slots, each.trials, SHORT, driver)}
        for each in found
    ]
    expected = [
        {
            "slots": slots,
            "seconds_of_a_trial": length,
            "lost": simulated(slots, TRIALS_PER_SIMULATED_SLOT * slots, length, driver),
        }
        for slots in SIMULATED
        for length in LENGTHS
    ]
    million = commands_for_a_million() if arguments.million else []
    if arguments.as_json:
        everything = {"measured": rows, "driver": asdict(driver), "expected": expected}
        print(json.dumps(everything | {"million": million}, indent=2))
        return
    print("measured, trials of 1 s      lost   by the model   driver per trial   driver's memory")
    for row in rows:
        print(
            f"{row['slots']:>5} workers {row['trials']:>6} trials {row['lost']:>8.1%} "
            f"{row['model']:>12.1%} {1000 * row['driver_per_trial']:>13.1f} ms "
            f"{row['driver_memory']:>14.0f} MB"
        )
    print(f"a report: {1000 * report:.1f} ms of the driver")
    print("expected by the model         1 s            60 s")
    for slots in SIMULATED:
        shares = [row["lost"] for row in expected if row["slots"] == slots]
        print(f"{slots:>5} workers " + "".join(f"{share:>16.1%}" for share in shares))
    for row in million:
        print(f"{row['command']:<8} {row['seconds']:.0f} s, {row['gigabytes']:.1f} GB")


def measured(slots: int, trials: int, seconds: float) -> Measured:
    """Run trials that sleep for so long on so many workers."""
    with tempfile.TemporaryDirectory(prefix="scale-") as name, ray_with(slots) as address:
        folder = Path(name)
        (folder / "sleeps.py").write_text(FUNCTION.format(steps=int(seconds / 0.25)))
        (folder / "grid.yaml").write_text(GRID.format(values=list(range(trials))))
        words = [str(PROGRAM), "run", "grid.yaml", "--profile", "--yes", "--no-figures", "--quiet"]
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=os.environ | {"RAY_ADDRESS": address},
            stdout=subprocess.DEVNULL,
        )
        samples = sampled(process)
        if process.returncode:
            sys.exit(f"the sweep ended with exit code {process.returncode}")
        events = json.loads((folder / "results" / "scale" / "profile.json").read_text())
    return steady(slots, events, samples)


def sampled(process: subprocess.Popen[bytes]) -> list[tuple[float, float, float]]:
    """The time of day, the processor time and the peak memory in MB of a process until its end."""
    samples: list[tuple[float, float, float]] = []
    while process.poll() is None:
        try:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), None)
        if peak is not None:
            used = (int(fields[11]) + int(fields[12])) / CLOCK
            samples.append((time.time(), used, int(peak.split()[1]) / 1000))
        time.sleep(0.1)
    process.wait()
    return samples


def steady(
    slots: int, events: Sequence[dict[str, Any]], samples: Sequence[tuple[float, float, float]]
) -> Measured:
    """What was lost while all workers had trials, and what the driver used in that time."""
    of_trials: dict[tuple[int, str], list[float]] = {}
    for event in events:
        if event.get("name") == "epochs":
            times = of_trials.setdefault((event["tid"], event["args"]["trial"]), [])
            times += [event["ts"] / 1e6, (event["ts"] + event["dur"]) / 1e6]
    spans: dict[int, list[Span]] = {}
    for (worker, _), times in sorted(of_trials.items(), key=lambda item: min(item[1])):
        spans.setdefault(worker, []).append((min(times), max(times)))
    first, last = window(spans)
    changes = [
        after - before for each in spans.values() for (_, before), (after, _) in pairwise(each)
    ]
    inside = [used for at, used, _ in samples if first <= at <= last]
    ended = sum(first <= end <= last for each in spans.values() for _, end in each)
    return Measured(
        slots=slots,
        trials=sum(map(len, spans.values())),
        lost=lost_share(spans),
        driver_per_trial=(inside[-1] - inside[0]) / ended,
        change=min(changes),
        driver_memory=samples[-1][2],
    )


@contextmanager
def ray_with(cpus: int) -> Iterator[str]:
    """A Ray of this machine alone that claims to have so many processors; its address."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        words = [str(RAY), "start", "--head", "--block", "--port", "6399", "--num-cpus", str(cpus)]
        words += ["--include-dashboard", "false"]
        words += ["--temp-dir", folder, "--object-store-memory", "100000000"]
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(words, stdout=output, stderr=output)
        try:
            while "Ray runtime started" not in log.read_text():
                if process.poll() is not None:
                    sys.exit(log.read_text())
                time.sleep(0.2)
            named = re.search(r"--address='([^']+)'", log.read_text())
            yield named[1] if named else "auto"
        finally:
            process.terminate()
            process.wait()


def simulated(slots: int, trials: int, seconds: float, driver: Driver) -> float:
    """The share of the workers' time in which no trial runs, in a sweep of sleeping trials.

    The driver serves one end of a trial after the other, and between them the reports of longer
    trials. A worker's own change of trial includes the driver's time. The workers begin one after
    the other.
    """
    interval = SECONDS_PER_REPORT * max(1.0, slots / WORKERS_AT_THIS_INTERVAL)
    reports = max(0.0, seconds / interval - 1)
    service = driver.for_a_trial + reports * driver.for_a_report
    spans: dict[int, list[Span]] = {}
    ends: list[tuple[float, int]] = []
    for worker in range(slots):
        begin = seconds * worker / slots
        spans[worker] = [(begin, begin + seconds)]
        heapq.heappush(ends, (begin + seconds, worker))
    free_at = 0.0
    for _ in range(trials - slots):
        end, worker = heapq.heappop(ends)
        free_at = max(free_at, end) + service
        begin = free_at + max(0.0, driver.change - driver.for_a_trial)
        spans[worker].append((begin, begin + seconds))
        heapq.heappush(ends, (begin + seconds, worker))
    return lost_share(spans)


def lost_share(spans: Mapping[int, Sequence[Span]]) -> float:
    """The share of the workers' time without a trial, while there were trials for all."""
    first, last = window(spans)
    busy = sum(
        max(0.0, min(end, last) - max(begin, first))
        for of_worker in spans.values()
        for begin, end in of_worker
    )
    return 1 - busy / (len(spans) * (last - first))


def window(spans: Mapping[int, Sequence[Span]]) -> Span:
    """From the first trial of the last worker to get one, to the last begin of any trial."""
    begins = [[begin for begin, _ in of_worker] for of_worker in spans.values()]
    return max(each[0] for each in begins), max(each[-1] for each in begins)


def commands_for_a_million() -> list[dict[str, Any]]:
    """Time and memory of the commands that look at a whole grid, on one of a million trials."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="million-") as name:
        rates = [round(0.001 * 1.0005**index, 12) for index in range(RATES)]
        Path(name, "grid.yaml").write_text(MILLION.format(rates=rates))
        # Without results there is no table.
        Path(name, "results", "million", "trials").mkdir(parents=True)
        for command in ("plan", "status", "table"):
            started = time.monotonic()
            process = subprocess.Popen(
                [PROGRAM, command, "grid.yaml"],
                cwd=name,
                stdout=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
            if code := os.waitstatus_to_exitcode(status):
                sys.exit(f"adaloss-sweep {command} ended with exit code {code}")
            seconds = time.monotonic() - started
            gigabytes = usage.ru_maxrss * 1024 / 1e9
            rows.append({"command": command, "seconds": seconds, "gigabytes": gigabytes})
    return rows


if __name__ == "__main__":
    main()
