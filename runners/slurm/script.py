"""The script that sbatch takes: its options, what differs from sweep to sweep, and batch.sh."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from runners.slurm.job import SlurmJob

LOG = "slurm-%x-%j.log"


@dataclass(frozen=True, kw_only=True)
class Start:
    """What the script starts, and where.

    ``programs`` is the folder with the commands of this installation, ``command`` the arguments of
    ``adaloss-sweep``. All nodes must see the files and folders ``needed``, and the folders
    ``results`` and ``data``, which the job creates.
    """

    folder: Path
    programs: Path
    command: tuple[str, ...]
    results: Path
    needed: tuple[Path, ...]
    data: tuple[Path, ...] = ()


def script(job: SlurmJob, start: Start) -> str:
    """The text of the script."""
    body = files("runners.slurm").joinpath("batch.sh").read_text(encoding="utf-8")
    return "\n".join((*header(job, start), "", body))


def header(job: SlurmJob, start: Start) -> Iterator[str]:
    """The lines before ``batch.sh``: options of sbatch, lines of the user, variables."""
    yield "#!/bin/bash"
    for option in (
        *job.directives(),
        f"--chdir={shlex.quote(str(start.folder))}",
        f"--output={LOG}",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:TERM@{job.grace_seconds}",
    ):
        yield f"#SBATCH {option}"
    yield ""
    yield "# Written by adaloss-sweep slurm. Submit it with sbatch."
    yield from job.setup
    yield f"programs={shlex.quote(str(start.programs))}"
    yield f"folder={shlex.quote(str(start.folder))}"
    yield f"results={shlex.quote(str(start.results))}"
    yield f"data=({shlex.join(map(str, start.data))})"
    yield f"needed=({shlex.join(map(str, start.needed))})"
    yield f"arguments=({shlex.join(start.command)})"
