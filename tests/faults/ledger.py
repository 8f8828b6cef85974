"""Read records, and compare a disturbed sweep with an undisturbed one."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from adaloss.grid.sweep import Sweep
from adaloss.records.result import TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.tasks.metrics import numbers
from adaloss.trial import Trial

EXPECTED_FILES = frozenset({"trial.json", "metrics.jsonl", "result.json", "log.txt"})
DATE_AND_VERSION = re.compile(r" (Code version|Mixes \d+ code versions): .*$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A finished trial's record on the disk, and the number of times the trial was started."""

    content: bytes
    inode: int
    modified: int
    starts: int

    @property
    def failed(self) -> bool:
        """Whether the trial failed, so that ``retry`` may run it again."""
        return TrialResult.model_validate_json(self.content).state is TrialState.FAILED


@dataclass(frozen=True)
class Records:
    """The records of a sweep below one storage folder."""

    sweep: Sweep
    store: Store

    @cached_property
    def trials(self) -> dict[str, Trial]:
        """The sweep's trials by the name of their folder."""
        return {self.store.folder_name(trial): trial for trial in self.sweep.trials}

    def finished(self) -> dict[str, Entry]:
        """The records of the finished trials by the name of their folder."""
        entries = {}
        for name in self.trials:
            path = self.folder(name) / "result.json"
            if path.exists():
                status = path.stat()
                entries[name] = Entry(
                    content=path.read_bytes(),
                    inode=status.st_ino,
                    modified=status.st_mtime_ns,
                    starts=self.starts(name),
                )
        return entries

    def ended(self) -> int:
        """The number of trials that have a result."""
        return sum((self.folder(name) / "result.json").exists() for name in self.trials)

    def starts(self, name: str) -> int:
        """How often the trial was started; its log contains every start except the first."""
        folder = self.store.trials_folder / name
        if not (folder / "trial.json").exists():
            return 0
        log = folder / "log.txt"
        again = log.read_text(errors="replace") if log.exists() else ""
        return 1 + again.count(" starts after epoch ")

    def started_again(self) -> list[str]:
        """The trials that were started more than once."""
        return [name for name in self.trials if self.starts(name) > 1]

    def numbers(self, name: str) -> tuple[str, list[dict[str, Any]]]:
        """The trial's state and its metrics without measured times."""
        trial = self.trials[name]
        result = self.store.read_result(trial)
        history = self.store.read_metrics(trial)
        state = "missing" if result is None else result.state.value
        return state, [numbers(metrics) for metrics in history]

    def tables(self) -> str:
        """The compiled tables without date and code version."""
        path = self.store.tables_folder / "tables.md"
        return DATE_AND_VERSION.sub("", path.read_text()) if path.exists() else ""

    def litter(self) -> list[str]:
        """Unexpected files in the trials' folders."""
        files = [path for name in self.trials for path in self.folder(name).glob("*")]
        return [
            str(path.relative_to(self.store.trials_folder))
            for path in files
            if path.is_file() and path.name not in EXPECTED_FILES
        ]

    def folder(self, name: str) -> Path:
        """The folder of this name below ``trials``."""
        return self.store.trials_folder / name


def lost(before: dict[str, Entry], after: dict[str, Entry]) -> list[str]:
    """The finished trials whose record is missing or has changed."""
    return [
        name
        for name, entry in before.items()
        if name not in after or after[name].content != entry.content
    ]


def run_twice(before: dict[str, Entry], after: dict[str, Entry]) -> list[str]:
    """The finished trials that were started again, or whose record was rewritten."""
    return [
        name
        for name, entry in before.items()
        if name in after
        and (after[name].starts, after[name].inode, after[name].modified)
        != (entry.starts, entry.inode, entry.modified)
    ]


def differing(records: Records, reference: Records) -> list[str]:
    """The trials, and the tables, that differ from the reference."""
    names = [name for name in records.trials if records.numbers(name) != reference.numbers(name)]
    return [*names, *(["tables.md"] if records.tables() != reference.tables() else [])]
