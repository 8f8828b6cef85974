"""Decide which trial starts next, and with which resources, as earlier trials end."""

import heapq
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from adaloss.records.result import DeviceMemory, FailureKind, TrialState
from adaloss.trial import Trial
from runners.trials.common_form import common_form
from runners.trials.packing import gpu_share, note

# Failures that a retry may cure; an error in code or data, or a hang, would only repeat.
CURABLE = frozenset({FailureKind.WORKER_LOST, FailureKind.OUT_OF_MEMORY})
# Seconds before the first retry; each further one waits twice as long, up to the longest.
FIRST_DELAY = 2.0
LONGEST_DELAY = 300.0
# If the first SAME_FAILURES trials all fail in the same way, the others are assumed to fail too.
SAME_FAILURES = 10


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The resources of the machine or cluster, and those of a trial.

    ``gpus_per_trial`` None packs trials by their measured memory; ``cpus_of_a_node`` is the number
    on the largest node, None for all. ``smallest_gpu`` are the bytes of the smallest GPU, None if
    all are like the one on which a trial was measured. ``most_at_a_time`` is the grid's own limit
    of trials at a time, None for none.
    """

    cpus: float
    gpus: float
    cpus_per_trial: int
    gpus_per_trial: float | None
    cpus_of_a_node: float | None = None
    smallest_gpu: int | None = None
    most_at_a_time: int | None = None

    @property
    def cpus_alone(self) -> float:
        """The processors of a trial that runs alone: those of one node at most."""
        return self.cpus if self.cpus_of_a_node is None else self.cpus_of_a_node

    @property
    def places(self) -> int:
        """The largest number of trials that fit and may run at a time."""
        places = int(self.cpus // self.cpus_per_trial)
        if self.gpus and self.gpus_per_trial:
            places = min(places, int(self.gpus / self.gpus_per_trial + 1e-6))
        return places if self.most_at_a_time is None else min(places, self.most_at_a_time)

    @property
    def most_per_gpu(self) -> int:
        """The largest number of trials per GPU, limited by the processors and by the grid."""
        gpus = max(1.0, self.gpus)
        most = int(self.cpus // self.cpus_per_trial // gpus)
        if self.most_at_a_time is not None:
            most = min(most, math.ceil(self.most_at_a_time / gpus))
        return max(1, most)


@dataclass(frozen=True, kw_only=True)
class Start:
    """A trial to start, with its processors and GPUs.

    ``alone`` marks a trial that ran out of memory: it gets a whole GPU, or all processors.
    """

    trial: Trial
    cpus: float
    gpus: float
    alone: bool


@dataclass(frozen=True, kw_only=True)
class End:
    """How a trial ended, with ``failure``, ``message`` and ``memory`` where they apply."""

    state: TrialState
    failure: FailureKind | None = None
    message: str = ""
    memory: DeviceMemory | None = None


@dataclass(frozen=True, kw_only=True)
class Retry:
    """The retry of a failed trial in ``delay`` seconds: ``number`` of ``retries``."""

    number: int
    retries: int
    delay: float
    alone: bool


class TrialQueue:
    """The trials of a sweep that wait for a worker, in order.

    A trial is retried up to ``retries`` times. No more trials start when more than ``max_failed``
    have failed; without ``max_failed``, when the first :data:`SAME_FAILURES` trials all failed in
    the same way. ``now`` is a clock in seconds.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        capacity: Capacity,
        measured: Mapping[Hashable, DeviceMemory],
        *,
        retries: int,
        max_failed: int | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.waiting = deque(trials)
        self.retries = retries
        self.now = now
        self.starts: Counter[str] = Counter()
        # Sorted by due time, then by the order of failure.
        self.to_repeat: list[tuple[float, int, Trial, bool]] = []
        self.repeats = 0
        self.capacity = capacity
        self.measured = dict(measured)
        self.measuring: Counter[Hashable] = Counter()
        self.running: dict[str, Start] = {}
        self.max_failed = max_failed
        self.failed = 0
        self.is_closed = False
        self.first_ends: list[str | None] = []

    @property
    def exhausted(self) -> bool:
        """Whether no further trial will start."""
        none_left = not (self.waiting or self.to_repeat or self.running)
        return self.is_closed or self.fuse_blown or none_left

    @property
    def fuse_blown(self) -> bool:
        """Whether too many trials have failed."""
        if self.max_failed is None:
            return self.hopeless
        return self.failed > self.max_failed

    @property
    def hopeless(self) -> bool:
        """Whether the first trials have all failed in the same way."""
        ends = self.first_ends
        return (
            self.max_failed is None
            and len(ends) == SAME_FAILURES
            and len(set(ends)) == 1
            and None not in ends
        )

    def start_next(self) -> Start | None:
        """The trial to start now; None while all remaining trials have to wait.

        A trial waits for a measurement by a running one, for the delay before its retry, or while
        as many run as may run at a time.
        """
        most = self.capacity.most_at_a_time
        if self.exhausted or (most is not None and len(self.running) >= most):
            return None
        if self.to_repeat and self.to_repeat[0][0] <= self.now():
            _, _, trial, alone = heapq.heappop(self.to_repeat)
            return self.started(trial, alone=alone)
        for trial in self.waiting:
            if self.gpus_for(trial) is not None:
                self.waiting.remove(trial)
                return self.started(trial, alone=False)
        return None

    def started(self, trial: Trial, *, alone: bool) -> Start:
        """Note that the trial runs."""
        gpus = self.gpus_alone if alone else self.gpus_for(trial)
        if self.packs and not alone and trial.memory_kind not in self.measured:
            self.measuring[trial.memory_kind] += 1
        on_cpu = not self.capacity.gpus
        start = Start(
            trial=trial,
            cpus=self.capacity.cpus_alone if alone and on_cpu else self.capacity.cpus_per_trial,
            # A retry does not wait for a measurement: it measures itself.
            gpus=0.0 if on_cpu else self.gpus_alone if gpus is None else gpus,
            alone=alone,
        )
        self.starts[trial.trial_id] += 1
        self.running[trial.trial_id] = start
        return start

    @property
    def gpus_alone(self) -> float:
        """The GPUs of a trial that runs alone: one, or more if the grid asks for more."""
        return max(1.0, self.capacity.gpus_per_trial or 0.0)

    @property
    def packs(self) -> bool:
        """Whether trials share GPUs by their memory."""
        return bool(self.capacity.gpus) and self.capacity.gpus_per_trial is None

    def gpus_for(self, trial: Trial) -> float | None:
        """The trial's GPUs; None while it has to wait for another trial's measurement.

        The first trial of each kind runs alone on a GPU, where its memory is measured.
        """
        if not self.packs:
            return self.capacity.gpus_per_trial or 0.0
        kind = trial.memory_kind
        if kind in self.measured:
            capacity = self.capacity
            return gpu_share(self.measured[kind], capacity.most_per_gpu, capacity.smallest_gpu)
        return 1.0 if self.measuring[kind] < self.capacity.gpus else None

    def refused(self, trial: Trial) -> None:
        """A worker may not run the trial, nor any other: no more start."""
        del self.running[trial.trial_id]
        self.is_closed = True

    def ended(self, trial: Trial, end: End) -> Retry | None:
        """Record how a running trial ended; return its retry, None if it gets none."""
        start = self.running.pop(trial.trial_id)
        if self.packs and not start.alone and self.measuring[trial.memory_kind]:
            self.measuring[trial.memory_kind] -= 1
        # A trial that failed or diverged early may not have been at its peak, and one that runs
        # alone does so without replay, which takes more: the first measurement is another's.
        is_peak = not start.alone or trial.memory_kind in self.measured
        if end.memory is not None and end.state is TrialState.COMPLETE and is_peak:
            note(self.measured, trial, end.memory)
        retry = self.retry_of(start, end)
        if retry is not None:
            self.repeats += 1
            due = self.now() + retry.delay
            heapq.heappush(self.to_repeat, (due, self.repeats, trial, retry.alone))
            return retry
        if end.state is TrialState.FAILED:
            self.failed += 1
        if len(self.first_ends) < SAME_FAILURES:
            self.first_ends.append(way_of(trial, end))
        return None

    def retry_of(self, start: Start, end: End) -> Retry | None:
        """The trial's retry after such an end, None if a retry cannot help."""
        number = self.starts[start.trial.trial_id]
        if end.failure not in CURABLE or number > self.retries or self.fuse_blown:
            return None
        out_of_memory = end.failure is FailureKind.OUT_OF_MEMORY
        # A trial that already ran alone would not get more memory.
        if out_of_memory and start.alone:
            return None
        return Retry(
            number=number,
            retries=self.retries,
            delay=delay_before(number),
            alone=out_of_memory or start.alone,
        )


def way_of(trial: Trial, end: End) -> str | None:
    """The way in which a trial failed, equal for the same failure; None if it did not fail."""
    if end.state is not TrialState.FAILED:
        return None
    return common_form(trial, f"{end.failure}: {end.message}")


def delay_before(retry: int) -> float:
    """The delay in seconds before a trial's retry number 1, 2, …"""
    # A large exponent would overflow a float.
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(retry - 1, 16))
