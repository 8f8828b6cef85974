"""Which trial is started next and with what, decided as the ones before it end."""

from collections import Counter, deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from adaloss.result import DeviceMemory, FailureKind, TrialState
from adaloss.trial import Trial
from runners.packing import gpu_share, memory_kind, note


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What the machine or the cluster has, and a trial's part of it.

    ``gpus_per_trial`` None packs the trials by the memory that they are seen to take.
    """

    cpus: float
    gpus: float
    cpus_per_trial: int
    gpus_per_trial: float | None

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
    """How a trial ended; ``failure`` and ``memory`` where there are such."""

    state: TrialState
    failure: FailureKind | None = None
    memory: DeviceMemory | None = None


class TrialQueue:
    """The trials of a sweep on their way to the workers, in their order."""

    def __init__(
        self,
        trials: Sequence[Trial],
        capacity: Capacity,
        measured: Mapping[Hashable, DeviceMemory],
        max_failed: int | None,
    ) -> None:
        self.waiting = deque(trials)
        self.to_repeat: deque[Trial] = deque()
        self.capacity = capacity
        self.measured = dict(measured)
        self.measuring: Counter[Hashable] = Counter()
        self.running: dict[str, Start] = {}
        self.max_failed = max_failed
        self.failed = 0

    @property
    def exhausted(self) -> bool:
        """Whether no trial will be started any more."""
        if self.max_failed is not None and self.failed > self.max_failed:
            return True
        return not (self.waiting or self.to_repeat or self.running)

    def start_next(self) -> Start | None:
        """The trial to start now; None while all that are left wait for a running one to end."""
        if self.exhausted:
            return None
        if self.to_repeat:
            return self.started(self.to_repeat.popleft(), alone=True)
        for trial in self.waiting:
            if self.gpus_for(trial) is not None:
                self.waiting.remove(trial)
                return self.started(trial, alone=False)
        return None

    def started(self, trial: Trial, *, alone: bool) -> Start:
        """Note that the trial runs."""
        gpus = 1.0 if alone else self.gpus_for(trial)
        assert gpus is not None, "only trials that need not wait are started"
        if self.packs and not alone and memory_kind(trial) not in self.measured:
            self.measuring[memory_kind(trial)] += 1
        on_cpu = not self.capacity.gpus
        start = Start(
            trial=trial,
            cpus=self.capacity.cpus if alone and on_cpu else self.capacity.cpus_per_trial,
            gpus=0.0 if on_cpu else gpus,
            alone=alone,
        )
        self.running[trial.trial_id] = start
        return start

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
        kind = memory_kind(trial)
        if kind in self.measured:
            return gpu_share(self.measured[kind], self.capacity.most_per_gpu)
        return 1.0 if self.measuring[kind] < self.capacity.gpus else None

    def runs_again(self, trial: Trial, end: End) -> bool:
        """Whether the trial's end is not its last: out of memory, but not yet alone."""
        start = self.running.get(trial.trial_id)
        return end.failure is FailureKind.OUT_OF_MEMORY and start is not None and not start.alone

    def ended(self, trial: Trial, end: End) -> None:
        """Note how a running trial ended."""
        again = self.runs_again(trial, end)
        start = self.running.pop(trial.trial_id)
        if self.packs and not start.alone and self.measuring[memory_kind(trial)]:
            self.measuring[memory_kind(trial)] -= 1
        # A trial that failed or diverged early may not have been at its peak.
        if end.memory is not None and end.state is TrialState.COMPLETE:
            note(self.measured, trial, end.memory)
        if again:
            self.to_repeat.append(trial)
        elif end.state is TrialState.FAILED:
            self.failed += 1
