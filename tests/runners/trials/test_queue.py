"""When failed trials start again: which, how often, after what delay; and that all come to an end.

The machine of the laws has room for a few trials, ends them in any order and any way, and passes
the time at will.
"""

from itertools import pairwise

import pytest
from clock import Clock
from hypothesis import given
from hypothesis import strategies as st

from adaloss.records.result import FailureKind, TrialState
from adaloss.tasks.images.fields import ImageTrial
from runners.trials.queue import CURABLE, LONGEST_DELAY, Capacity, End, TrialQueue, delay_before

PLACES = 3
COMPLETE = End(state=TrialState.COMPLETE)
LOST = End(state=TrialState.FAILED, failure=FailureKind.WORKER_LOST)
ENDS = [
    COMPLETE,
    End(state=TrialState.DIVERGED),
    *(End(state=TrialState.FAILED, failure=kind) for kind in FailureKind),
]


class Machine:
    """Runs a queue's trials; notes each start with its time, each end, and each way back."""

    def __init__(self, count, *, gpus=0, retries=2, max_failed=None, most=None):
        self.clock = Clock()
        self.trials = [
            ImageTrial(
                dataset="digits", model="mlp", optimizer="adaloss", seed=seed, lr=1.0, epochs=1,
                batch_size=128,
            )
            for seed in range(count)
        ]  # fmt: skip
        self.queue = TrialQueue(
            self.trials,
            Capacity(
                cpus=PLACES, gpus=gpus, cpus_per_trial=1, gpus_per_trial=None, most_at_a_time=most
            ),
            {},
            retries=retries,
            max_failed=max_failed,
            now=self.clock,
        )
        self.running = []
        self.starts = {trial.trial_id: [] for trial in self.trials}
        self.delays = {trial.trial_id: [] for trial in self.trials}
        self.ends = []

    def fill(self):
        """Start what there is to start and room for."""
        while len(self.running) < PLACES and (start := self.queue.start_next()) is not None:
            self.starts[start.trial.trial_id].append(self.clock.seconds)
            self.running.append(start)

    def end(self, position, end):
        """End one of the running trials this way; returns how it starts again."""
        start = self.running.pop(position % len(self.running))
        again = self.queue.ended(start.trial, end)
        if again is None:
            self.ends.append((start.trial.trial_id, end))
        else:
            self.delays[start.trial.trial_id].append(again.delay)
        return again


def run_to_its_end(machine, chance):
    """Run until the queue says that it is exhausted; returns the number of turns."""
    machine.fill()
    while machine.running or not machine.queue.exhausted:
        if machine.running:
            machine.end(chance.draw(st.integers(0, PLACES - 1)), chance.draw(st.sampled_from(ENDS)))
        else:
            # Nothing runs and nothing can start: then there is a retry, and it is due in time.
            machine.clock.seconds += LONGEST_DELAY
            machine.fill()
            assert machine.running, "nothing is waited for"
        machine.clock.seconds += chance.draw(st.floats(0, 5))
        machine.fill()


@given(
    count=st.integers(1, 6),
    gpus=st.integers(0, 2),
    retries=st.integers(0, 3),
    chance=st.data(),
)
def test_every_trial_ends_exactly_once_after_at_most_its_retries(count, gpus, retries, chance):
    machine = Machine(count, gpus=gpus, retries=retries)
    run_to_its_end(machine, chance)
    assert sorted(trial_id for trial_id, _ in machine.ends) == sorted(machine.starts)
    for trial_id, end in machine.ends:
        assert 1 <= len(machine.starts[trial_id]) <= retries + 1
        assert (
            end.failure not in CURABLE
            or end.failure is FailureKind.OUT_OF_MEMORY
            or (len(machine.starts[trial_id]) == retries + 1)
        )


@given(count=st.integers(1, 6), retries=st.integers(0, 5), chance=st.data())
def test_delays_grow_and_are_kept(count, retries, chance):
    machine = Machine(count, retries=retries)
    run_to_its_end(machine, chance)
    for trial_id, delays in machine.delays.items():
        assert delays == sorted(set(delays))
        starts = machine.starts[trial_id]
        waited = [later - earlier for earlier, later in pairwise(starts)]
        assert all(time >= delay for time, delay in zip(waited, delays, strict=True))


@given(max_failed=st.integers(0, 3), count=st.integers(1, 6), chance=st.data())
def test_after_too_many_failures_nothing_starts_and_what_runs_still_ends(max_failed, count, chance):
    machine = Machine(count, max_failed=max_failed)
    run_to_its_end(machine, chance)
    failed = [end for _, end in machine.ends if end.state is TrialState.FAILED]
    assert len(failed) <= max_failed + PLACES
    ended = [trial_id for trial_id, _ in machine.ends]
    assert len(ended) == len(set(ended))
    assert len(failed) > max_failed or sorted(ended) == sorted(machine.starts)


@given(retry=st.integers(1, 10**9))
def test_a_delay_is_never_longer_than_the_longest(retry):
    assert 0 < delay_before(retry) <= delay_before(retry + 1) <= LONGEST_DELAY


@pytest.mark.parametrize("kind", [FailureKind.CODE, FailureKind.DATA, FailureKind.TIMEOUT])
def test_what_would_only_fail_again_is_not_started_again(kind):
    machine = Machine(1)
    machine.fill()
    assert machine.end(0, End(state=TrialState.FAILED, failure=kind)) is None
    assert machine.queue.exhausted


def test_others_do_not_wait_for_a_retry():
    machine = Machine(PLACES + 2)
    machine.fill()
    again = machine.end(0, LOST)
    assert again.delay > 0
    machine.fill()
    assert [start.trial.seed for start in machine.running] == [1, 2, 3]
    # When it is due it goes first: its seed is one that was to be done by now.
    machine.clock.seconds += again.delay
    machine.end(0, COMPLETE)
    machine.fill()
    assert [start.trial.seed for start in machine.running] == [2, 3, 0]


@pytest.mark.parametrize("gpus", [0, PLACES])
def test_no_more_run_at_a_time_than_the_grid_lets_run(gpus):
    machine = Machine(PLACES + 1, gpus=gpus, most=2)
    machine.fill()
    assert len(machine.running) == 2
    again = machine.end(0, LOST)
    machine.fill()
    assert [start.trial.seed for start in machine.running] == [1, 2]
    # Nor does a retry that is due start beside them.
    machine.clock.seconds += again.delay
    machine.fill()
    assert len(machine.running) == 2
    machine.end(0, COMPLETE)
    machine.fill()
    assert [start.trial.seed for start in machine.running] == [2, 0]


@given(count=st.integers(1, 6), most=st.integers(1, PLACES), chance=st.data())
def test_a_limit_of_trials_at_a_time_keeps_none_from_its_end(count, most, chance):
    machine = Machine(count, most=most)
    run_to_its_end(machine, chance)
    assert sorted(trial_id for trial_id, _ in machine.ends) == sorted(machine.starts)


def test_no_retries_is_one_start():
    machine = Machine(1, retries=0)
    machine.fill()
    assert machine.end(0, LOST) is None


def test_a_trial_that_is_alone_stays_alone_when_its_worker_is_lost():
    machine = Machine(1)
    machine.fill()
    first = machine.end(0, End(state=TrialState.FAILED, failure=FailureKind.OUT_OF_MEMORY))
    machine.clock.seconds += first.delay
    machine.fill()
    second = machine.end(0, LOST)
    assert (first.alone, second.alone) == (True, True)


ALIKE_ENDS = End(state=TrialState.FAILED, failure=FailureKind.CODE, message="shape (8, 9)")


def ends_until_stopped(machine, ends):
    """End one trial after the other; returns how many have ended when no more are started."""
    ended = 0
    while not machine.queue.exhausted:
        machine.fill()
        machine.end(0, ends[min(ended, len(ends) - 1)])
        ended += 1
        if machine.queue.fuse_blown:
            return ended
    return ended


def test_ten_trials_that_fail_in_the_same_way_stop_the_sweep():
    another = End(state=TrialState.FAILED, failure=FailureKind.CODE, message="shape (8, 11)")
    assert ends_until_stopped(Machine(40), [ALIKE_ENDS, another, ALIKE_ENDS]) == 10


VARYING = [
    "ValueError: lr 1e-3 of seed {seed}",
    "ValueError: no file /tmp/{seed}/a b.pt",
    "ValueError: object at 0x{seed}f, run {seed}b9d6bcd",
    "ValueError: trial {trial_id}",
    "ValueError: {name} is broken",
]


@pytest.mark.parametrize("message", VARYING)
def test_ten_failures_that_differ_in_what_trials_differ_in_stop_it(message):
    machine = Machine(40)
    ends = [
        End(
            state=TrialState.FAILED,
            failure=FailureKind.CODE,
            message=message.format(
                seed=trial.seed, trial_id=trial.trial_id, name=trial.readable_name
            ),
        )
        for trial in machine.trials
    ]
    assert ends_until_stopped(machine, ends) == 10


def test_trials_that_diverge_are_no_failures_however_alike():
    alike = End(state=TrialState.DIVERGED, message="shape (8, 9)")
    assert ends_until_stopped(Machine(40), [alike]) == 40


@pytest.mark.parametrize(
    "other",
    [
        COMPLETE,
        End(state=TrialState.DIVERGED),
        End(state=TrialState.FAILED, failure=FailureKind.CODE, message="another reason"),
        End(state=TrialState.FAILED, failure=FailureKind.CODE, message="TypeError: shape (8, 9)"),
        End(state=TrialState.FAILED, failure=FailureKind.TIMEOUT, message="shape (8, 9)"),
    ],
)
@pytest.mark.parametrize("place", [0, 5, 9])
def test_one_of_the_first_ten_that_ends_otherwise_lets_it_go_on(other, place):
    ends = [ALIKE_ENDS] * 40
    ends[place] = other
    assert ends_until_stopped(Machine(40), ends) == 40


def test_after_a_refusal_what_runs_still_ends_and_nothing_starts(make_trial):
    trials = [make_trial(seed=seed) for seed in range(3)]
    capacity = Capacity(cpus=2, gpus=0, cpus_per_trial=1, gpus_per_trial=None)
    queue = TrialQueue(trials, capacity, {}, retries=2, max_failed=None)
    for _ in range(2):
        queue.start_next()
    queue.refused(trials[0])
    assert queue.start_next() is None
    assert queue.ended(trials[1], End(state=TrialState.COMPLETE)) is None
    assert queue.exhausted
    assert not queue.running


def test_max_failed_says_how_many_are_tried_instead():
    assert ends_until_stopped(Machine(40, max_failed=14), [ALIKE_ENDS]) == 15
    assert ends_until_stopped(Machine(40, max_failed=40), [ALIKE_ENDS]) == 40
