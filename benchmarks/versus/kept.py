"""A file of finished runs, so that a measurement can go on after an interruption."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError
from runs import ROOT, Run

from adaloss.records.provenance import device_name

# Whatever these files contain is measured.
CODE = ("*.py", "*.sh", "*.yaml", "*.cfg", "*.toml")


class Identity(NamedTuple):
    """What tells the runs of a file apart."""

    way: str
    trials: int
    epochs: int
    workers: int
    repetition: int


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What all runs of a measurement have in common."""

    commit: str
    processor: str
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """A line of the file."""

    measured: Circumstances
    run: Run


LINE = TypeAdapter(KeptRun)


class KeptError(Exception):
    """Runs cannot be kept in the file; the message says why."""


def identity_of(run: Run) -> Identity:
    """The identity of a run."""
    return Identity(
        way=run.way,
        trials=run.trials,
        epochs=run.epochs,
        workers=run.workers,
        repetition=run.repetition,
    )


def circumstances(versions: Mapping[str, str]) -> Circumstances:
    """What is measured here.

    Raises:
        KeptError: git does not know what is measured.
    """
    if changed := git("status", "--porcelain", "--", *CODE):
        raise KeptError(
            "--runs needs a checkout without changes of code: commit or stash them, the first is "
            f"{changed.splitlines()[0].strip()}"
        )
    return Circumstances(
        commit=git("rev-parse", "HEAD").strip(), processor=device_name("cpu"), versions=versions
    )


def git(*arguments: str) -> str:
    """The output of git in this checkout."""
    try:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise KeptError(f"--runs needs git and a checkout of adaloss-sweep: {error}") from error


def keep(path: Path, run: Run, measured: Circumstances) -> None:
    """Append a run to the file."""
    content = json.dumps(asdict(KeptRun(measured=measured, run=run)))
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{content}\n")


def kept_runs(path: Path, measured: Circumstances) -> dict[Identity, Run]:
    """The successful runs in the file, which is created if there is none.

    Raises:
        KeptError: the file cannot be written, or has something else in it than runs of the same
            commit, processor and versions.
    """
    kept: dict[Identity, Run] = {}
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            found = LINE.validate_json(line)
        except ValidationError as error:
            raise KeptError(
                f"{path}, line {number}: not a run of this benchmark: name another file"
            ) from error
        for name, now in vars(measured).items():
            if (then := getattr(found.measured, name)) != now:
                raise KeptError(
                    f"{path}, line {number}: measured with another {name} ({then}; now {now}): "
                    "name another file"
                )
        if not found.run.problem:
            kept[identity_of(found.run)] = found.run
    return kept


def whole_lines(path: Path) -> list[bytes]:
    """The lines of the file; half a line, which an interruption left, is removed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            file.seek(0)
            *lines, rest = file.read().split(b"\n")
            if rest:
                file.truncate(file.tell() - len(rest))
    except OSError as error:
        raise KeptError(f"{path} cannot be written: {os.strerror(error.errno or 0)}") from error
    return lines
