"""A file of finished runs, so that a measurement can go on after an interruption."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from runs import ROOT, Run

Identity = tuple[str, int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """A run, and the commit of adaloss-sweep with which it was measured."""

    commit: str
    run: Run


LINE = TypeAdapter(KeptRun)


def identity_of(run: Run) -> Identity:
    """What tells the runs of a file apart."""
    return run.way, run.trials, run.epochs, run.workers, run.repetition


def commit_of_checkout() -> str:
    """The commit of this checkout, marked if files differ from it, or "unknown" without git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--dirty"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    return finished.stdout.strip() or "unknown"


def keep(path: Path, run: Run, commit: str) -> None:
    """Append a run to the file."""
    with path.open("ab") as file:
        file.write(LINE.dump_json(KeptRun(commit=commit, run=run)) + b"\n")


def kept_runs(path: Path, commit: str) -> dict[Identity, Run]:
    """The successful runs in the file; the file need not exist.

    Raises:
        ValueError: if a line is no run, or a run of another commit.
    """
    kept: dict[Identity, Run] = {}
    lines = path.read_bytes().splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            found = LINE.validate_json(line)
        except ValidationError as error:
            raise ValueError(
                f"{path}, line {number}: not a run of this benchmark; delete the line"
            ) from error
        if found.commit != commit:
            raise ValueError(
                f"{path}, line {number}: a run of commit {found.commit}, but this is {commit}; "
                "name another file, or check that commit out"
            )
        if not found.run.problem:
            kept[identity_of(found.run)] = found.run
    return kept
