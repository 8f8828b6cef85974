"""A trial of a user's program in progress."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from adaloss.records.result import DeviceMemory, EpochMetrics, FailureKind, Provenance
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.program.continuing import Reported, reports_before
from adaloss.tasks.program.errors import ProgramError
from adaloss.tasks.program.fields import LOGGED_AS, ProgramTrial
from adaloss.tasks.program.row import Row

MOST_NAMED = 12


class Reports(Protocol):
    """What a program reports: a function's or a script's."""

    def has_checkpoint(self) -> bool:
        """Whether an earlier start has left a checkpoint."""

    def forget_checkpoint(self) -> None:
        """Remove the checkpoint of an earlier start, which the trial does not continue from."""

    def left_behind(self) -> Sequence[Row]:
        """The rows of an earlier start, from its first one on, of which some may be unread."""

    def next_row(self) -> Row | None:
        """The next row, None at the end."""

    def start_over(self) -> None:
        """End the program and remove its checkpoint; the next row is the first of a new start."""

    def unread(self) -> tuple[str, ...]:
        """The parameters that the program has not looked at."""

    def ignores_the_seed(self) -> bool:
        """Whether the program gets a seed and has not looked at it."""

    def notes(self) -> tuple[str, ...]:
        """What else a user must know of the reports, in sentences."""

    @property
    def summary(self) -> Mapping[str, float]:
        """Values besides the rows."""

    @property
    def memory(self) -> DeviceMemory | None:
        """The GPU memory of a process of its own."""

    @property
    def python(self) -> str | None:
        """The version of an interpreter of its own."""

    def close(self) -> None:
        """End the program."""


class ProgramRun:
    """Each report of the program is an epoch: see :class:`adaloss.tasks.task.Run`."""

    resolved = None

    def __init__(self, trial: ProgramTrial, reports: Reports) -> None:
        self.trial = trial
        self.reports = reports
        self.epoch = 0
        self.step = 0
        # How many reports on record are before what was taken last; those after it are done again.
        self.kept = 0
        self.has_begun = self.continues = self.has_checkpoint = False
        self.reported: list[Reported] = []
        # What W&B counted in earlier starts: each start is a new run, which begins at 0.
        self.steps_before = 0
        self.left_behind: deque[Row] = deque()
        self.names: dict[str, None] = {}

    def continue_from(self, recorded: Sequence[EpochMetrics]) -> None:
        """The program is started again after these records: its own epochs tell where it is."""
        self.has_checkpoint = self.reports.has_checkpoint()
        left = self.reports.left_behind()
        names = [*(each.values for each in recorded), *(logged(row) for row in left)]
        if any(LOGGED_AS["epoch"] not in each for each in names):
            print("starts over: its reports have no epoch, which would tell where it continues")
            return
        self.reported = [Reported(each.values[LOGGED_AS["epoch"]], each.step) for each in recorded]
        if left and not self.follows(left[0]):
            self.forget_reports()
            return
        self.continues = True
        self.left_behind.extend(left)
        self.epoch = len(self.reported)
        self.names |= dict.fromkeys(name for each in recorded for name in each.values)

    def run_epoch(self) -> dict[str, float | None] | None:
        """The next report; None if the program has ended.

        The summary of a program that has reported nothing else is its one report.

        Raises:
            DivergedError: the metric that decides is not finite or beyond ``max_loss``.
            ProgramError: the program failed, or has reported nothing that tables show.
            ProgramLostError: the program was killed.
        """
        row = self.next_row()
        self.kept = len(self.reported)
        if row is None and not self.names and self.reports.summary:
            self.check_seed()
            row = Row(None, dict(self.reports.summary))
        if row is None:
            self.check_end()
            self.check_bound(self.summary)
            return None
        values = logged(row)
        self.names |= dict.fromkeys(values)
        self.epoch = len(self.reported) + 1
        self.step = self.step_of(row)
        self.reported.append(Reported(values.get(LOGGED_AS["epoch"]), self.step))
        self.check_bound(values)
        return values

    def next_row(self) -> Row | None:
        """The next row, of an earlier start first; the reports so far are those before it."""
        if self.left_behind:
            return self.left_behind.popleft()
        if self.has_begun:
            return self.reports.next_row()
        if not self.continues:
            self.reports.forget_checkpoint()
        row = self.reports.next_row()
        if self.continues and not self.follows(row):
            self.forget_reports()
            self.reports.start_over()
            row = self.reports.next_row()
        self.has_begun = True
        if row is not None:
            self.check_seed()
        return row

    def follows(self, first: Row | None) -> bool:
        """Drop the reports that a new start does again; False if it has to start over.

        ``first`` is its first report, None if it has ended without one.
        """
        if not self.reported and not self.has_checkpoint:
            # It has begun at its beginning.
            return True
        if first is None:
            # An earlier start may have been killed before its last report.
            return False
        before = reports_before(first, self.reported)
        if before is None:
            return False
        del self.reported[before:]
        self.steps_before = 0
        if first.of_wandb and first.step is not None and self.reported:
            self.steps_before = max(0, self.reported[-1].step + 1 - first.step)
        return True

    def forget_reports(self) -> None:
        """The program starts over."""
        print(
            "starts over: where it continues among its reports is not known, or one may be missing "
            "before that; report the epoch, and a step of your own if an epoch has several reports"
        )
        self.reported, self.names, self.steps_before = [], {}, 0

    def step_of(self, row: Row) -> int:
        """The step of a row, which is the number of the report if it has none."""
        if row.step is None:
            return self.epoch
        return max(row.step + (self.steps_before if row.of_wandb else 0), 0)

    def check_seed(self) -> None:
        """Refuse a program that gets a seed and has reported without a look at it."""
        if self.reports.ignores_the_seed():
            self.reports.close()
            raise ProgramError(
                f"{self.trial.program} does not read its seed, {self.trial.seed_parameter}: write "
                "seed_parameter: NAME if the seed has another name there, or leave out seeds to "
                "run every cell once without a seed"
            )

    def check_bound(self, values: Mapping[str, float | None]) -> None:
        """Notice a loss beyond the declared bound; what is not finite is noticed by the caller."""
        bound, name = self.trial.max_loss, self.trial.divergence_metric
        value = None if bound is None or name is None else values.get(name)
        if bound is not None and value is not None and value > bound:
            self.reports.close()
            raise DivergedError(
                epoch=self.epoch,
                step=self.step,
                loss=value,
                reason=f"{name} {value:.6g} is beyond max_loss {bound:g}",
            )

    def check_end(self) -> None:
        """Refuse a program that has ended without the metric of the sweep.

        Raises:
            ProgramError: of the kind ``no metric``.
        """
        self.check_logged(self.trial.metric, "metric")

    def check_divergence(self) -> None:
        """Refuse a program without the metric of divergence: its trials would never diverge.

        Raises:
            ProgramError: of the kind ``no metric``.
        """
        if self.trial.divergence_metric is not None:
            self.check_logged(self.trial.divergence_metric, "divergence.metric")

    def check_logged(self, name: str, key: str) -> None:
        """Refuse a program that has not logged the metric that this key of the grid names."""
        there = {**self.names, **self.reports.summary}
        if name in there:
            return
        named = ", ".join(list(there)[:MOST_NAMED]) + (", …" if len(there) > MOST_NAMED else "")
        what = f"only {named}" if there else "no metric at all"
        raise ProgramError(
            f"{self.trial.program} ended well and logged {what}, not {name}, which the grid's "
            f"{key} names",
            FailureKind.NO_METRIC,
        )

    def made_by(self, here: Provenance) -> Provenance:
        """The provenance of the result; which packages another interpreter has is not known."""
        version = self.reports.python
        if version is None:
            return here
        return here.model_copy(update={"python": version, "packages": {}})

    @property
    def memory(self) -> DeviceMemory | None:
        """The GPU memory of a process that the trial started."""
        return self.reports.memory

    @property
    def summary(self) -> Mapping[str, float]:
        """Values of the whole trial besides its reports."""
        return {LOGGED_AS.get(n, n): value for n, value in self.reports.summary.items()}

    def finish(self, *, keep_checkpoint: bool) -> None:
        """End the program, whose trial has its result."""
        self.reports.close()
        if not keep_checkpoint:
            self.reports.forget_checkpoint()

    def unread(self) -> tuple[str, ...]:
        """The parameters that the program has not looked at."""
        return self.reports.unread()

    def notes(self) -> tuple[str, ...]:
        """What else a user must know of the trial, in sentences."""
        return self.reports.notes()

    def close(self) -> None:
        """End the program."""
        self.reports.close()

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the program keeps its own checkpoint."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to load."""


def logged(row: Row) -> dict[str, float | None]:
    """The values of a row by their names in records."""
    return {LOGGED_AS.get(name, name): value for name, value in row.values.items()}
