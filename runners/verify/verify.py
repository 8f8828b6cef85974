"""Run finished trials again in this process, in a separate store, and compare the records."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaloss.errors import UserError
from adaloss.own_code.fresh_process import in_fresh_process
from adaloss.records.places import Places
from adaloss.records.result import Provenance, TrialResult
from adaloss.records.store import Store
from adaloss.tasks.table import common_task, task_of
from adaloss.trial import Trial
from runners.trials.machine import cpus_of_this_machine
from runners.verify.compare import (
    Change,
    Difference,
    Records,
    changes,
    first_difference,
    optimizer_changes,
    own_code_changes,
)

if TYPE_CHECKING:
    from adaloss.execution import ExecutionSettings
    from adaloss.tasks.task import TaskCode


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The comparison of a repeated trial with its records.

    ``bits`` says whether they had to agree bit for bit. ``difference`` is the first one, None
    without one. ``reported`` has the task's reported metric after the last
    epoch, on record and now, None without an epoch. ``dirty`` is a code version that stands for
    more than one code.
    """

    trial: Trial
    epochs: int
    state: str
    bits: bool
    difference: Difference | None
    reported: tuple[float | None, float | None]
    changes: tuple[Change, ...]
    dirty: bool


def choose(trials: Sequence[Trial], count: int | None, seed: int) -> tuple[Trial, ...]:
    """Choose ``count`` of the trials, spread over the cells; None chooses all.

    The seed decides which. Every cell contributes one trial before any contributes a second.
    """
    in_order = sorted(trials, key=lambda trial: drawn(trial, seed))
    taken: Counter[Any] = Counter()
    turns = {}
    for trial in in_order:
        turns[trial.trial_id] = taken[trial.cell]
        taken[trial.cell] += 1
    # Sorting is stable: trials with the same turn keep their order.
    return tuple(sorted(in_order, key=lambda trial: turns[trial.trial_id])[:count])


def drawn(trial: Trial, seed: int) -> str:
    """A sort key that shuffles trials by the seed, the same on every machine."""
    return hashlib.sha256(f"{seed}/{trial.trial_id}".encode()).hexdigest()


def verify(trials: Sequence[Trial], store: Store, places: Places) -> Generator[Verification]:
    """Run the trials again one by one; ``places`` are the grid's.

    Data sets and weights must be on this disk. The runs' files are removed when the iterator ends
    or is closed.

    Raises:
        CorruptRecordError: a record on disk cannot be read.
    """
    code = common_task(trials).load()
    with scratch_store() as scratch:
        for trial in trials:
            yield verify_trial(trial, store, scratch, places, code)


@contextmanager
def scratch_store() -> Iterator[Store]:
    """A temporary store."""
    with tempfile.TemporaryDirectory(prefix="adaloss-sweep-verify-") as folder:
        yield Store(Path(folder))


def verify_trial(
    trial: Trial, store: Store, scratch: Store, places: Places, code: "TaskCode[Any]"
) -> Verification:
    """Run one trial again and compare."""
    recorded = records_of(trial, store)
    settings = settings_like(recorded.result, places)
    provenance = provenance_here(settings.device, settings.threads)
    now = run_again(trial, scratch, settings, code, provenance)
    made = recorded.result.provenance
    bits = bit_for_bit(trial, recorded.result, settings.device)
    return Verification(
        trial=trial,
        epochs=recorded.result.epochs,
        state=recorded.result.state.value,
        bits=bits,
        difference=first_difference(recorded, now, task_of(trial), bits=bits),
        reported=(last_reported(recorded, trial), last_reported(now, trial)),
        changes=(
            *changes(made, provenance),
            *own_code_changes(recorded.result.fingerprint, now.result.fingerprint),
            *optimizer_changes(recorded.result.optimizer, now.result.optimizer),
        ),
        dirty=made is not None and made.code_version.endswith(".dirty"),
    )


def records_of(trial: Trial, store: Store) -> Records:
    """Everything on record about a trial that has finished."""
    result = store.read_result(trial)
    assert result is not None, "only finished trials are verified"
    return Records(history=store.read_metrics(trial), result=result)


def settings_like(result: TrialResult, places: Places) -> "ExecutionSettings":
    """The recorded device and number of threads, as far as this machine has them."""
    from adaloss.execution import ExecutionSettings
    from runners.calibrate import device_here

    made = result.provenance
    return ExecutionSettings(
        places=places,
        device=device_here() if ran_on_gpu(result) else "cpu",
        threads=min(made.threads if made else 1, cpus_of_this_machine()),
        timeout=None,
        checkpoint_interval=float("inf"),
        keep_checkpoints=False,
    )


def ran_on_gpu(result: TrialResult) -> bool:
    """Whether the record was made on a GPU."""
    return result.memory is not None


def bit_for_bit(trial: Trial, result: TrialResult, device: str) -> bool:
    """Whether the numbers must equal the recorded ones to the last bit."""
    if ran_on_gpu(result):
        return device != "cpu" and bool(trial.values.get("deterministic"))
    return True


@lru_cache(maxsize=8)
def provenance_here(device: str, threads: int) -> Provenance:
    """The provenance of results of this process."""
    from adaloss.records.provenance import collect_provenance

    return collect_provenance(device, threads)


def run_again(
    trial: Trial,
    scratch: Store,
    settings: "ExecutionSettings",
    code: "TaskCode[Any]",
    provenance: Provenance,
) -> Records:
    """Run the trial and return its new records.

    The user's own code runs in a separate process, so that it cannot affect other trials.
    """
    if trial.runs_own_code:
        try:
            in_fresh_process(execute, trial, scratch, settings, None, provenance)
        except UserError as error:
            raise UserError(f"{trial.readable_name} cannot be run again: {error}") from error
    else:
        execute(trial, scratch, settings, code, provenance)
    return records_of(trial, scratch)


def execute(
    trial: Trial,
    scratch: Store,
    settings: "ExecutionSettings",
    code: "TaskCode[Any] | None",
    provenance: Provenance,
) -> None:
    """Run the trial to its end; without ``code`` the task's code is loaded here."""
    from adaloss.execution import Execution

    loaded = code or task_of(trial).load()
    execution = Execution(trial, scratch, settings, loaded, provenance)
    while execution.advance() is not None:
        pass


def last_reported(records: Records, trial: Trial) -> float | None:
    """The reported metric after the last epoch, None without an epoch."""
    last = records.result.last
    return None if last is None else last.values.get(task_of(trial).reported)
