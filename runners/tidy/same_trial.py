"""Two records of one trial: which of them a merged sweep takes, and what becomes of the other."""

import filecmp
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatch
from pathlib import Path

from adaloss.records.file import CorruptRecordError
from adaloss.records.result import Digest, Fingerprint, TrialResult, TrialState
from adaloss.records.store import (
    LOG_FILE,
    METRICS_FILE,
    RESULT_FILE,
    TEMPORARY_FILES,
    TRIAL_FILE,
    Store,
)
from adaloss.tasks.metrics import numbers
from adaloss.tasks.table import task_of
from runners.tidy.records import Recorded, recorded_in
from runners.tidy.sizes import files_below
from runners.verify.compare import (
    Difference,
    Records,
    differing_numbers,
    first_difference,
    identical,
)

# All that a record of equal numbers may differ in: times, the machine, and what was printed.
OF_EQUAL_NUMBERS = frozenset({TRIAL_FILE, METRICS_FILE, RESULT_FILE, LOG_FILE})


class Stage(IntEnum):
    """How far a record has come; the later stage wins."""

    UNREADABLE = 0
    UNFINISHED = 1
    FAILED = 2
    FINISHED = 3


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What happens to a trial that both have: ``conflict`` is their difference, if they have one.

    Unless there is a conflict, ``takes_second`` says which record is taken. ``keeps_other`` says
    that the other has something that the taken one has not, ``is_same`` that both have the same
    numbers.
    """

    folder: str
    takes_second: bool = False
    keeps_other: bool = False
    is_same: bool = False
    conflict: str | None = None

    @property
    def is_declined(self) -> bool:
        """Whether the record of the first stays, and that of the second is another."""
        return not self.takes_second and not self.is_same


def meeting(folder: str, first: Store, second: Store) -> Meeting:
    """Compare the two records of the trial with this folder."""
    ours, theirs = (store.trials_folder / folder for store in (first, second))
    if equal_files(ours, theirs):
        return Meeting(folder=folder, is_same=True)
    found = [read(path, store) for path, store in ((ours, first), (theirs, second))]
    stages = [stage_of(record) for record in found]
    if stages[0] is not stages[1]:
        return Meeting(folder=folder, takes_second=stages[0] < stages[1], keeps_other=True)
    one, other = found
    if one is None or other is None:
        why = "cannot be read in either, and their files differ"
        return Meeting(folder=folder, conflict=why, keeps_other=True)
    if one.result is None or other.result is None:
        later = len(one.history) < len(other.history)
        return Meeting(folder=folder, takes_second=later, keeps_other=True)
    conflict = next(differences(one, other), None)
    keeps_other = conflict is not None or not names_of(theirs) <= OF_EQUAL_NUMBERS
    return Meeting(
        folder=folder, keeps_other=keeps_other, is_same=conflict is None, conflict=conflict
    )


def read(folder: Path, store: Store) -> Recorded | None:
    """The records of a trial; None if some cannot be read."""
    try:
        return recorded_in(folder, store)
    except CorruptRecordError:
        return None


def stage_of(record: Recorded | None) -> Stage:
    """How far the record has come."""
    if record is None:
        return Stage.UNREADABLE
    if record.result is None:
        return Stage.UNFINISHED
    return Stage.FAILED if record.result.state is TrialState.FAILED else Stage.FINISHED


def differences(one: Recorded, other: Recorded) -> Iterator[str]:
    """In what two results of a trial differ besides times and machines, in words."""
    if one.result is None or other.result is None:
        return
    task = task_of(one.trial)
    records = [
        Records(history=each.history, result=result)
        for each, result in ((one, one.result), (other, other.result))
    ]
    for recorded, now in (records, records[::-1]):
        found = first_difference(recorded, now, task, bits=True)
        if found is not None:
            yield in_words(found)
    for name in ("last", "best_val"):
        before, after = (numbers(getattr(each.result, name) or {}) for each in records)
        for found in differing_numbers(None, f"{name} ", before, after, identical):
            yield in_words(found)
    if one.result.optimizer != other.result.optimizer:
        yield "the optimizer's arguments differ"
    if own := own_differences(one.result, other.result):
        yield f"your own {', '.join(own)} differs"


def in_words(found: Difference) -> str:
    """A difference as the end of a sentence."""
    where = "" if found.epoch is None else f"epoch {found.epoch} "
    return f"{where}{found.field} is {found.recorded} and {found.now}"


def own_differences(one: TrialResult, other: TrialResult) -> list[str]:
    """The fields whose code or data of the user's own is known to differ."""
    if one.fingerprint is None or other.fingerprint is None:
        return []
    pairs = {
        field: (one.fingerprint.of(field), other.fingerprint.of(field))
        for field in Fingerprint.model_fields
    }
    return [
        field
        for field, (before, after) in pairs.items()
        if before is not None and after is not None and are_different(before, after)
    ]


def are_different(before: Digest, after: Digest) -> bool:
    """Whether two digests differ; of code only in files that both name."""
    if isinstance(before, str) or isinstance(after, str):
        return before != after
    return any(before[name] != after[name] for name in before.keys() & after.keys())


def names_of(folder: Path) -> set[str]:
    """The files in a trial's folder, without those that a killed process has left."""
    names = (Path(path).relative_to(folder).as_posix() for path, _ in files_below(folder))
    return {name for name in names if not any(fnmatch(name, each) for each in TEMPORARY_FILES)}


def equal_files(first: Path, second: Path) -> bool:
    """Whether both folders have the same files with the same content, or are the same file."""
    if is_file(first) and is_file(second):
        # No trial, such as what a file manager leaves.
        return filecmp.cmp(first, second, shallow=False)
    if not all(path.is_dir() and not path.is_symlink() for path in (first, second)):
        return False
    names = names_of(first)
    return names == names_of(second) and all(
        is_file(first / name)
        and is_file(second / name)
        and filecmp.cmp(first / name, second / name, shallow=False)
        for name in names
    )


def is_file(path: Path) -> bool:
    """Whether this is a file and no link."""
    return path.is_file() and not path.is_symlink()
