"""What the driver does as trials end: what is recorded, what is reported, what is retried."""

import errno
from dataclasses import replace

import pytest

from adaloss.records.result import Failure, FailureKind, TrialState
from adaloss.records.store import Store
from runners.trials.ends import TrialEnds
from runners.trials.queue import Capacity, TrialQueue

DUMP = """\
Timeout (0:00:06)!
Thread 0x00007f85e793e6c0 (most recent call first):
  File "threading.py", line 327 in wait

Thread 0x00007f86401feb80 (most recent call first):
  File "model.py", line 3 in forward
  File "training.py", line 92 in run_epoch
"""
STOOD = """\
Stack at the time limit (most recent call last):
  File "training.py", line 92 in run_epoch
  File "model.py", line 3 in forward"""
DIED = Failure(kind=FailureKind.WORKER_LOST, message="its worker died", traceback="as Ray reports")


class Recorder:
    """An observer that keeps the reports, in order."""

    def __init__(self):
        self.events = []
        self.warnings = []

    def trial_started(self, trial):
        pass

    def epoch_ended(self, trial, epoch, loss):
        pass

    def trial_ended(self, trial, state, message):
        self.events.append((state, message))

    def warned(self, message):
        self.warnings.append(message)

    def told(self, message):
        pass

    def starts_again(self, trial, reason, retry):
        self.events.append(("again", f"{reason}; {retry}"))


@pytest.fixture
def observer():
    return Recorder()


@pytest.fixture
def trial(make_trial):
    return make_trial()


@pytest.fixture
def ends(trial, store, observer, clock):
    """Of a running trial that may be started again ``retries`` times."""

    def of_a_running_trial(retries=0, timeout=None):
        capacity = Capacity(cpus=1, gpus=0, cpus_per_trial=1, gpus_per_trial=None)
        queue = TrialQueue([trial], capacity, {}, retries=retries, max_failed=None, now=clock)
        queue.start_next()
        return TrialEnds(queue=queue, store=store, observer=observer, timeout=timeout)

    return of_a_running_trial


def finished(execution):
    while execution.advance() is not None:
        pass
    return execution.result


def test_a_lost_trial_goes_on_from_its_checkpoint_later(ends, trial, start, store, observer):
    start(trial, checkpoint_interval=0.0).advance()
    ends(retries=2).lost(trial, DIED)
    assert observer.events == [
        (
            "again",
            "worker lost: its worker died; continues from its last checkpoint in 2 s "
            "(retry 1 of 2)",
        )
    ]
    assert store.read_result(trial) is None
    assert store.checkpoint_path(trial).exists()


def test_a_trial_lost_for_good_has_its_epochs_and_what_is_known_on_record(
    ends, trial, start, store, observer
):
    start(trial).advance()
    ends().lost(trial, DIED)
    result = store.read_result(trial)
    assert (result.state, result.epochs, result.failure) == (TrialState.FAILED, 1, DIED)
    assert observer.events == [(TrialState.FAILED, "worker lost: its worker died")]
    assert (
        store.log_path(trial).read_text().endswith("as Ray reports\nworker lost: its worker died\n")
    )


def test_a_refused_trial_has_no_record_and_no_more_are_started(ends, trial, store, observer):
    refusing = ends(retries=2)
    refusing.refused(trial, "machine2 has another adaloss-sweep")
    assert store.read_result(trial) is None
    assert observer.events == [
        ("again", "machine2 has another adaloss-sweep; it waits for the next run")
    ]
    (warning,) = observer.warnings
    assert warning.startswith("no more trials are started: machine2 has another adaloss-sweep;")
    assert refusing.queue.exhausted


def test_the_last_of_several_losses_says_how_many_there_were(ends, trial, store, observer, clock):
    losing = ends(retries=1)
    losing.lost(trial, DIED)
    clock.seconds += 2
    losing.queue.start_next()
    losing.lost(trial, DIED)
    assert store.read_result(trial).failure.message == "its worker died (started 2 times)"
    assert observer.events[-1] == (
        TrialState.FAILED,
        "worker lost: its worker died (started 2 times)",
    )


def test_a_worker_that_dies_between_its_record_and_its_report_has_ended_its_trial(
    ends, trial, start, store, observer
):
    result = finished(start(trial))
    ends(retries=2).lost(trial, DIED)
    assert observer.events == [(TrialState.COMPLETE, "")]
    assert store.read_result(trial) == result


def test_a_trial_that_its_time_limit_ended_says_where_it_stood_and_is_not_started_again(
    ends, trial, store, observer
):
    store.open_trial(trial)
    store.stack_path(trial).write_text(DUMP)
    ends(retries=2, timeout=6.0).lost(trial, DIED)
    failure = store.read_result(trial).failure
    assert failure.kind is FailureKind.TIMEOUT
    assert "execution.timeout (6 s)" in failure.message
    assert failure.traceback == STOOD
    assert store.log_path(trial).read_text() == f"{STOOD}\ntimeout: {failure.message}\n"
    assert not store.stack_path(trial).exists()
    ((state, message),) = observer.events
    assert state is TrialState.FAILED
    assert message == f"timeout: {failure.message}"


@pytest.mark.parametrize(
    ("after", "died_of", "kind"),
    [
        (5.5, FailureKind.WORKER_LOST, FailureKind.TIMEOUT),
        (4.5, FailureKind.WORKER_LOST, FailureKind.WORKER_LOST),
        (5.5, FailureKind.OUT_OF_MEMORY, FailureKind.OUT_OF_MEMORY),
    ],
)
def test_one_that_dies_at_its_time_limit_on_a_machine_that_is_not_seen_has_reached_it(
    ends, trial, store, after, died_of, kind
):
    ends(timeout=6.0).lost(trial, DIED.model_copy(update={"kind": died_of}), after=after)
    assert store.read_result(trial).failure.kind is kind


def test_a_dump_cut_short_is_told_as_it_is(ends, trial, store):
    store.open_trial(trial)
    store.stack_path(trial).write_text("Timeout (0:00:0")
    ends(timeout=6.0).lost(trial, DIED)
    assert store.read_result(trial).failure.traceback == "Timeout (0:00:0"


def test_a_worker_that_died_within_its_time_was_lost(ends, trial, store):
    store.open_trial(trial)
    store.stack_path(trial).touch()
    ends(timeout=6.0).lost(trial, DIED)
    assert store.read_result(trial).failure.kind is FailureKind.WORKER_LOST


def test_a_result_without_memory_is_kept_beside_the_next_attempts(
    ends, trial, start, store, observer
):
    result = finished(start(trial)).model_copy(
        update={
            "state": TrialState.FAILED,
            "failure": Failure(kind=FailureKind.OUT_OF_MEMORY, message="MemoryError: no room"),
        }
    )
    ends(retries=2).reported(trial, result)
    assert store.read_result(trial) is None
    assert (store.trial_folder(trial) / "attempts" / "1" / "result.json").exists()
    message = "out of memory: MemoryError: no room; retried, alone, in 2 s (retry 1 of 2)"
    assert observer.events == [("again", message)]


def test_equal_failures_that_stop_the_sweep_are_told_once(make_trial, store, observer, clock):
    trials = [make_trial(seed=seed) for seed in range(20)]
    capacity = Capacity(cpus=12, gpus=0, cpus_per_trial=1, gpus_per_trial=None)
    queue = TrialQueue(trials, capacity, {}, retries=0, max_failed=None, now=clock)
    ending = TrialEnds(queue=queue, store=store, observer=observer, timeout=None)
    for _ in range(12):
        queue.start_next()
    for trial in trials[:12]:
        ending.lost(trial, DIED)
    assert queue.exhausted
    assert {message for _, message in observer.events} == {"worker lost: its worker died"}
    (warning,) = observer.warnings
    assert warning.startswith("the first 10 trials have all failed in the same way: no more")


def test_what_a_program_leaves_out_is_told_once(ends, make_trial, start, observer):
    trials = [make_trial(seed=seed) for seed in range(2)]
    result = finished(start(trials[0]))
    said = result.model_copy(update={"unread": ("typo",), "notes": ("two runs",)})
    of_several = ends()
    for trial in trials:
        of_several.warn_of_program(trial, said)
    unread, note = observer.warnings
    assert "did not read the parameter typo" in unread
    assert note == "two runs"


class FullStore(Store):
    """On a disk without room."""

    def write_result(self, trial, result):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_end_that_cannot_be_recorded_is_told(ends, trial, store, observer):
    replace(ends(), store=FullStore(store.root)).lost(trial, DIED)
    ((state, message),) = observer.events
    assert state is TrialState.FAILED
    assert message == (
        "worker lost: its worker died, which cannot be recorded: [Errno 28] No space left on device"
    )
