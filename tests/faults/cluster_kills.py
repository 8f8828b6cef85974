"""Break clusters of three machines at random moments, complete the sweep and compare the records.

A point runs a small sweep, breaks one thing, and runs the same command again until the sweep is
complete. ``--first 12 --points 1`` repeats a single point. Needs the right to make namespaces.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "elsewhere"))
sys.path.insert(0, str(Path(__file__).parents[1] / "waiting"))
from cluster import Cluster, Machine, machines, why_not

from adaloss.grid.sweep import Sweep, load_sweep
from adaloss.records.store import Store
from adaloss.tasks.metrics import numbers
from runners.trials.in_process import execute_here

MACHINES = 3
RUNS_TO_COMPLETE = 5
SECONDS_FOR_A_RUN = 900.0
EPOCHS = 240
PROGRAM = Path(sys.executable).parent / "adaloss-sweep"
GRID = f"""\
name: sweep
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: 1
  lr: 1
  epochs: {EPOCHS}
  batch_size: 128
seeds: 5
execution: {{checkpoint_interval: 0.2, retries: 5}}
wandb: {{mode: disabled}}
"""

Records = dict[str, tuple[str, list[dict[str, float | None]]]]
"""The end and the epochs of each trial, by the name of its folder."""


@dataclass(frozen=True)
class Point:
    """One thing to break, so many seconds after the first epoch was recorded."""

    number: int

    @property
    def draw(self) -> random.Random:
        """The same draws for the same point."""
        return random.Random(self.number)

    @property
    def kind(self) -> str:
        """What breaks."""
        return list(FAULTS)[self.number % len(FAULTS)]

    @property
    def shared(self) -> bool:
        """Whether all machines see the results."""
        return self.number // len(FAULTS) % 2 == 0

    @property
    def after(self) -> float:
        """Seconds after the first recorded epoch."""
        return self.draw.uniform(0.0, 12.0)


def machine_dies(cluster: Cluster, draw: random.Random, driver: subprocess.Popen[str]) -> None:
    """A machine that is not the head loses its power."""
    lose(cluster, draw.choice(cluster.machines[1:]))


def head_dies(cluster: Cluster, draw: random.Random, driver: subprocess.Popen[str]) -> None:
    """The head, on which the command runs, loses its power."""
    lose(cluster, cluster.machines[0])


def lose(cluster: Cluster, machine: Machine) -> None:
    """The machine is gone."""
    machine.die()
    cluster.machines.remove(machine)


def worker_dies(cluster: Cluster, draw: random.Random, driver: subprocess.Popen[str]) -> None:
    """A worker is killed."""
    workers = processes(cluster, "ray::TrialWorker")
    if workers:
        os.kill(draw.choice(workers), signal.SIGKILL)


def command_dies(cluster: Cluster, draw: random.Random, driver: subprocess.Popen[str]) -> None:
    """The command is killed, interrupted or terminated."""
    number = draw.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
    for pid in processes(cluster, str(PROGRAM)):
        os.kill(pid, number)


def cable_is_pulled(cluster: Cluster, draw: random.Random, driver: subprocess.Popen[str]) -> None:
    """A machine cannot be reached for a while, for some seconds or for longer than Ray waits."""
    machine = draw.choice(cluster.machines[1:])
    machine.plug(in_=False)
    time.sleep(draw.choice([3.0, 40.0]))
    machine.plug(in_=True)


def server_dies(cluster: Cluster, draw: random.Random, driver: subprocess.Popen[str]) -> None:
    """Ray's server on the head is killed, and with it the cluster."""
    for pid in processes(cluster, "gcs_server"):
        os.kill(pid, signal.SIGKILL)


def machine_joins(cluster: Cluster, draw: random.Random, driver: subprocess.Popen[str]) -> None:
    """A further machine joins, and another one is lost at once."""
    cluster.add(hidden=cluster.machines[-1].hidden)
    lose(cluster, cluster.machines[1])


Fault = Callable[[Cluster, random.Random, subprocess.Popen[str]], None]
FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        machine_dies,
        worker_dies,
        command_dies,
        cable_is_pulled,
        machine_joins,
        head_dies,
        server_dies,
    )
}
END_THE_CLUSTER = (head_dies.__name__, server_dies.__name__, cable_is_pulled.__name__)


def processes(cluster: Cluster, sign: str) -> list[int]:
    """The processes, on all machines of the cluster, whose command has this in it."""
    own = {Path(f"/proc/{machine.pid}/ns/net").readlink() for machine in cluster.machines}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            inside = (folder / "ns" / "net").readlink() in own
        except OSError:
            continue
        if inside and sign in command and "nsenter" not in command:
            found.append(int(folder.name))
    return found


def try_point(point: Point, cluster: Cluster, folder: Path, expected: Records) -> list[str]:
    """Everything that is wrong after the point; an empty list is as it should be."""
    (folder / "grid.yaml").write_text(GRID)
    broken = False
    for _ in range(RUNS_TO_COMPLETE):
        command = cluster.start(cluster.machines[0], PROGRAM, "run", "grid.yaml", cwd=folder)
        if not broken:
            wait_for_an_epoch(folder, command)
            time.sleep(point.after)
            print(f"    {ended(folder)} of the trials had ended", flush=True)
            if command.poll() is None:
                FAULTS[point.kind](cluster, point.draw, command)
            broken = True
        try:
            output, _ = command.communicate(timeout=SECONDS_FOR_A_RUN)
        except subprocess.TimeoutExpired:
            for pid in processes(cluster, str(PROGRAM)):
                os.kill(pid, signal.SIGKILL)
            return [f"hangs: {command.communicate()[0][-2000:]}"]
        print(f"    exit {command.returncode}: {last_line(output)}", flush=True)
        if "Traceback" in output:
            return [output]
        if command.returncode == 0:
            return differences(folder, expected)
        if point.kind in END_THE_CLUSTER:
            cluster.restart(MACHINES)
    return [f"not complete after {RUNS_TO_COMPLETE} runs: {output[-2000:]}"]


def last_line(output: str) -> str:
    """The last line of an output that says something."""
    return next((line for line in reversed(output.splitlines()) if line.strip()), "")


def wait_for_an_epoch(folder: Path, command: subprocess.Popen[str]) -> None:
    """Wait until something is recorded or the command has ended."""
    trials = folder / "results" / "sweep" / "trials"
    while command.poll() is None and not any(trials.glob("*/metrics.jsonl")):
        time.sleep(0.1)


def ended(folder: Path) -> int:
    """How many trials have a result."""
    return len(list((folder / "results" / "sweep" / "trials").glob("*/result.json")))


def differences(folder: Path, expected: Records) -> list[str]:
    """What the records have lost, have twice, or have with other numbers."""
    sweep, store = load_sweep(folder / "grid.yaml"), Store(folder / "results" / "sweep")
    wrong = []
    for trial in sweep.trials:
        name, result = store.folder_name(trial), store.read_result(trial)
        state, epochs = expected[name]
        if result is None or result.state != state:
            wrong.append(f"{name}: {result and result.state}, not {state}")
        elif [numbers(epoch) for epoch in store.read_metrics(trial)] != epochs:
            wrong.append(f"{name}: other epochs than without the fault")
        if left := [path.name for path in store.trial_folder(trial).glob(".*")]:
            wrong.append(f"{name}: {', '.join(left)} is left")
    return wrong


def undisturbed(folder: Path) -> Records:
    """The records of the sweep in this process."""
    (folder / "grid.yaml").write_text(GRID)
    sweep: Sweep = load_sweep(folder / "grid.yaml")
    store = Store(folder / "here")
    with redirect_stdout(StringIO()):
        for trial in sweep.trials:
            execute_here(trial, sweep, store)
    records: Records = {}
    for trial in sweep.trials:
        result = store.read_result(trial)
        assert result is not None, "it was run"
        epochs = [numbers(epoch) for epoch in store.read_metrics(trial)]
        records[store.folder_name(trial)] = (result.state, epochs)
    return records


def tried(points: Iterator[Point], expected: Records) -> dict[Point, list[str]]:
    """What is wrong after each point. Points with the same machines share a cluster."""
    found: dict[Point, list[str]] = {}
    with ExitStack() as ends:
        folders = {shared: Path(tempfile.mkdtemp(prefix="clk-")) for shared in (False, True)}
        for folder in folders.values():
            ends.callback(shutil.rmtree, folder, ignore_errors=True)
        for point in points:
            print(f"{point.number}: {point.kind} after {point.after:.1f} s", flush=True)
            shared = "all" if point.shared else "one"
            print(f"    {shared} see{'' if point.shared else 's'} the results", flush=True)
            own = folders[point.shared] / str(point.number)
            own.mkdir()
            hidden = () if point.shared else (own,)
            with machines(MACHINES, hidden=hidden) as cluster:
                found[point] = try_point(point, cluster, own, expected)
            print(f"    {'; '.join(found[point]) or 'nothing lost, nothing twice'}", flush=True)
    return found


def main() -> None:
    """Try the points; exit with 1 if one of them lost or changed something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    arguments: Any = parser.parse_args()
    if why := why_not():
        print(f"left out, because no machines can be made: {why}")
        return
    with tempfile.TemporaryDirectory() as name:
        expected = undisturbed(Path(name))
    numbers_of_points = range(arguments.first, arguments.first + arguments.points)
    found = tried(map(Point, numbers_of_points), expected)
    wrong = {point: reasons for point, reasons in found.items() if reasons}
    print(f"{len(found) - len(wrong)} of {len(found)} points as without a fault")
    for point, reasons in wrong.items():
        print(f"{point.number} {point.kind}: {reasons[0]}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
