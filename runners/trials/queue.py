"""Which trial is started next and with what, decided as the ones before it end."""

import heapq
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from adaloss.records.result import DeviceMemory, FailureKind, TrialState
from adaloss.trial import Trial
from runners.trials.packing import gpu_share, note

# What another start may cure; an error of the code or the data, or a hang, would only come again.
CURABLE = frozenset({FailureKind.WORKER_LOST, FailureKind.OUT_OF_MEMORY})
# Seconds before the first retry; each further one waits twice as long, up to the longest.
FIRST_DELAY = 2.0
LONGEST_DELAY = 300.0
# As many trials that fail in the same way, and none that does not, say that all will.
ALIKE = 10


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What the machine or the cluster has, and a trial's part of it.

    ``gpus_per_trial`` None packs the trials by the memory that they are seen to take;
    ``cpus_of_a_node`` are those of the largest node, None all.
    """

    cpus: float
    gpus: float
    cpus_per_trial: int
    gpus_per_trial: float | None
    cpus_of_a_node: float | None = None

    @property
    def cpus_alone(self) -> float:
        """The processors of a trial that shares none: what is on two nodes, no trial can have."""
        return self.cpus if self.cpus_of_a_node is None else self.cpus_of_a_node

    @property
    def places(self) -> int:
        """How many trials there is room for at most."""
        places = int(self.cpus // self.cpus_per_trial)
        if self.gpus and self.gpus_per_trial:
            return min(places, int(self.gpus / self.gpus_per_trial + 1e-6))
        return places

    @property
    def most_per_gpu(self) -> int:
        """How many trials a GPU is shared by at most: there are no processors for more."""
        return max(1, int(self.cpus // self.cpus_per_trial // max(1.0, self.gpus)))


@dataclass(frozen=True, kw_only=True)
class Start:
    """A trial to start and the processors and GPUs that it gets.

    ``alone`` is a trial that ran out of memory and now has all of a GPU, or of the processors.
    """

    trial: Trial
    cpus: float
    gpus: float
    alone: bool


@dataclass(frozen=True, kw_only=True)
class End:
    """How a trial ended; ``failure`` and its ``message``, and ``memory``, where there are such."""

    state: TrialState
    failure: FailureKind | None = None
    message: str = ""
    memory: DeviceMemory | None = None


@dataclass(frozen=True, kw_only=True)
class Again:
    """A failed trial's next start: ``delay`` seconds from now, as this one of its ``retries``."""

    retry: int
    retries: int
    delay: float
    alone: bool


class TrialQueue:
    """The trials of a sweep on their way to the workers, in their order.

    ``retries`` is how often a trial is started again, ``max_failed`` how many may fail before no
    more are started, ``now`` a clock in seconds. Without ``max_failed`` no more are started where
    the first :data:`ALIKE` trials all failed in the same way.
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
        # By the time when they are due, then in the order in which they failed.
        self.to_repeat: list[tuple[float, int, Trial, bool]] = []
        self.repeats = 0
        self.capacity = capacity
        self.measured = dict(measured)
        self.measuring: Counter[Hashable] = Counter()
        self.running: dict[str, Start] = {}
        self.max_failed = max_failed
        self.failed = 0
        self.first_ends: list[str | None] = []

    @property
    def exhausted(self) -> bool:
        """Whether no trial will be started any more."""
        return self.fuse_blown or not (self.waiting or self.to_repeat or self.running)

    @property
    def fuse_blown(self) -> bool:
        """Whether more trials have failed than may."""
        if self.max_failed is None:
            return self.hopeless
        return self.failed > self.max_failed

    @property
    def hopeless(self) -> bool:
        """Whether the first trials have all failed in the same way."""
        ends = self.first_ends
        return (
            self.max_failed is None
            and len(ends) == ALIKE
            and len(set(ends)) == 1
            and None not in ends
        )

    def start_next(self) -> Start | None:
        """The trial to start now; None while all that are left are to be waited for.

        They wait for a running one to end, or for the delay before their retry.
        """
        if self.exhausted:
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
            # A retry does not wait for another's measurement: it measures too.
            gpus=0.0 if on_cpu else self.gpus_alone if gpus is None else gpus,
            alone=alone,
        )
        self.starts[trial.trial_id] += 1
        self.running[trial.trial_id] = start
        return start

    @property
    def gpus_alone(self) -> float:
        """The GPUs of a trial that shares none: one, unless the grid gives each more."""
        return max(1.0, self.capacity.gpus_per_trial or 0.0)

    @property
    def packs(self) -> bool:
        """Whether trials share GPUs by their memory."""
        return bool(self.capacity.gpus) and self.capacity.gpus_per_trial is None

    def gpus_for(self, trial: Trial) -> float | None:
        """The GPUs that the trial gets, None while another's measurement is to be waited for.

        The first of each kind has a GPU to itself, on which its memory is measured.
        """
        if not self.packs:
            return self.capacity.gpus_per_trial or 0.0
        kind = trial.memory_kind
        if kind in self.measured:
            return gpu_share(self.measured[kind], self.capacity.most_per_gpu)
        return 1.0 if self.measuring[kind] < self.capacity.gpus else None

    def ended(self, trial: Trial, end: End) -> Again | None:
        """Note how a running trial ended; returns how it starts again, None if that was its end."""
        start = self.running.pop(trial.trial_id)
        if self.packs and not start.alone and self.measuring[trial.memory_kind]:
            self.measuring[trial.memory_kind] -= 1
        # A trial that failed or diverged early may not have been at its peak.
        if end.memory is not None and end.state is TrialState.COMPLETE:
            note(self.measured, trial, end.memory)
        again = self.again(start, end)
        if again is not None:
            self.repeats += 1
            due = self.now() + again.delay
            heapq.heappush(self.to_repeat, (due, self.repeats, trial, again.alone))
            return again
        if end.state is TrialState.FAILED:
            self.failed += 1
        if len(self.first_ends) < ALIKE:
            self.first_ends.append(way_of(end))
        return None

    def again(self, start: Start, end: End) -> Again | None:
        """How the trial starts again after such an end, None where that would cure nothing."""
        retry = self.starts[start.trial.trial_id]
        if end.failure not in CURABLE or retry > self.retries or self.fuse_blown:
            return None
        out_of_memory = end.failure is FailureKind.OUT_OF_MEMORY
        # With no neighbours to leave, there would be no more memory the next time.
        if out_of_memory and start.alone:
            return None
        return Again(
            retry=retry,
            retries=self.retries,
            delay=delay_before(retry),
            alone=out_of_memory or start.alone,
        )


def way_of(end: End) -> str | None:
    """In which way a trial failed, its numbers aside; None where it did not."""
    if end.state is not TrialState.FAILED:
        return None
    return f"{end.failure}: {without_numbers(end.message)}"


def without_numbers(message: str) -> str:
    """A message by which failures are compared: addresses and numbers differ between trials."""
    return re.sub(r"0x[0-9a-fA-F]+|[0-9.]+", "0", message)


def delay_before(retry: int) -> float:
    """The seconds to wait before a trial's first, second, … retry."""
    # A large exponent would be a number too large for a float.
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(retry - 1, 16))
