"""Slurm's commands as scripts that run everything on this machine, and a job of theirs.

The "nodes" share this machine's files; ``hidden`` are paths that the last node does not see.
``export`` is that option of sbatch, which srun obeys as well.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runners.slurm.job import SlurmJob
from runners.slurm.script import Start, script

SRUN = """\
while [[ $1 == -* ]]; do shift; done
stop() {
    stopped=yes
    ((${#tasks[@]})) && kill -KILL -- "${tasks[@]/#/-}" 2>/dev/null
}
tasks=()
trap stop TERM
set -m
last=$((SLURM_JOB_NUM_NODES - 1))
clean=()
[[ ${SLURM_EXPORT_ENV:-ALL} == ALL ]] || clean=(--ignore-environment "PATH=$PATH")
for number in $(seq 0 $last); do
    words=("$@")
    if ((number == last)) && [[ -n $HIDDEN ]]; then
        words=("${words[@]/#$HIDDEN//nowhere$HIDDEN}")
    fi
    env "${clean[@]}" SLURM_NODEID=$number SLURMD_NODENAME=node$((number + 1)) \\
        SLURM_CPUS_ON_NODE=1 "${words[@]}" &
    tasks+=($!)
    [[ -z $stopped ]] || stop
done
worst=0
for task in "${tasks[@]}"; do wait "$task" || worst=$?; done
exit $worst
"""
SCONTROL = """\
case $1 in
    show) for number in $(seq $SLURM_JOB_NUM_NODES); do echo node$number; done ;;
    *) echo "$*" >>"$CALLS" ;;
esac
"""
SQUEUE = 'echo "$STATE"'
SBATCH = """\
cat >"$CALLS"
[[ -z $REFUSED ]] || { echo "sbatch: error: $REFUSED" >&2; exit 1; }
echo "4711;cluster"
"""


@dataclass
class Slurm:
    """A folder with the stand-ins, and the job that runs there."""

    folder: Path
    programs: Path
    nodes: int = 1
    state: str = "RUNNING"
    hidden: str = ""
    export: str = "ALL"
    restarts: int = 0
    needed: tuple[Path, ...] = ()
    command: Sequence[str] = ("run", "grid.yaml")
    setup: Sequence[str] = ()
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        commands = {"srun": SRUN, "scontrol": SCONTROL, "squeue": SQUEUE, "sbatch": SBATCH}
        for name, text in commands.items():
            write_script(self.folder / "slurm" / name, text)

    @property
    def results(self) -> Path:
        """The results' folder."""
        return self.folder / "results" / "small"

    @property
    def calls(self) -> Path:
        """What the job told Slurm."""
        return self.folder / "calls"

    @property
    def requeued(self) -> int:
        """How often the job asked to be queued again."""
        return self.calls.read_text().count("requeue") if self.calls.exists() else 0

    def start(self) -> subprocess.Popen[str]:
        """Start the job's script with bash, as Slurm does."""
        job = SlurmJob(name="small", time="1:00:00", nodes=self.nodes, setup=tuple(self.setup))
        start = Start(
            folder=self.folder,
            programs=self.programs,
            command=tuple(self.command),
            results=self.results,
            needed=self.needed,
        )
        process = subprocess.Popen(
            ["bash", "-c", script(job, start)],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self) -> tuple[int, str]:
        """Run the job's script to its end: exit code and log."""
        process = self.start()
        log, _ = process.communicate()
        return process.returncode, log

    def environment(self) -> dict[str, str]:
        """The environment of a job."""
        return os.environ | {
            "PATH": f"{self.folder / 'slurm'}:{os.environ['PATH']}",
            "SLURM_JOB_ID": str(os.getpid()),
            "SLURM_JOB_NODELIST": "node[1-9]",
            "SLURM_JOB_NUM_NODES": str(self.nodes),
            "SLURM_RESTART_COUNT": str(self.restarts),
            "SLURM_EXPORT_ENV": self.export,
            "SLURMD_NODENAME": "node1",
            "CALLS": str(self.calls),
            "STATE": self.state,
            "HIDDEN": self.hidden,
        }


def write_script(path: Path, text: str) -> None:
    """Write a script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)
