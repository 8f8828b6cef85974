"""Which events of a sweep the user is told about: each at most once in a run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from adaloss.grid.sweep import Sweep
from adaloss.records.printable import printable_line, shortened
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial
from runners.notify.command import Commands
from runners.planning import Plan

Alert = Callable[[str, str], None]
"""Takes a title and a text."""
Say = Callable[[str], None]

# The system starts no command with a longer variable than 128 KiB.
LONGEST_SENTENCE = 1_000


class Event(StrEnum):
    """What happened."""

    FIRST_FAILURE = "first_failure"
    DIVERGED = "diverged"
    END = "end"


@dataclass(frozen=True, kw_only=True)
class Notifier:
    """Tells the user about the events of a sweep, in a run of it.

    ``commands`` and ``alert`` are the ways to do so. ``ended`` has the states of the trials that
    have one. ``diverged_share`` is the share of diverged trials to tell about if it is exceeded.
    ``reasons`` says why the sweep ended early, in what the sentence about its end begins with.
    """

    sweep: Sweep
    plan: Plan
    store: Store
    commands: Commands | None
    alert: Alert | None
    diverged_share: float | None
    ended: dict[str, str]
    told: set[Event] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)

    def ended_by(self, error: Exception) -> None:
        """Tell about this error at the end."""
        self.reasons.append(f"ended by an error: {error}")

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """Tell about the first failure, and about many divergences."""
        self.ended[trial.trial_id] = state.value
        if state is TrialState.FAILED:
            self.tell(Event.FIRST_FAILURE, f"{trial.readable_name} failed: {message}")
        diverged, trials = self.count(TrialState.DIVERGED.value), len(self.plan.trials)
        if self.diverged_share is not None and diverged > self.diverged_share * trials:
            share = f"more than {self.diverged_share:g} of them"
            self.tell(Event.DIVERGED, f"{diverged} of {trials} trials have diverged, {share}")

    def count(self, state: str) -> int:
        """The number of trials in this state."""
        return sum(found == state for found in self.ended.values())

    def tell(self, event: Event, what: str) -> None:
        """Tell the user, once."""
        if event in self.told:
            return
        self.told.add(event)
        sentence = shortened(printable_line(f"{self.sweep.name}: {what}"), LONGEST_SENTENCE)
        if self.commands is not None:
            self.commands.start(sentence, self.facts(event, sentence))
        if self.alert is not None:
            self.alert(f"{self.sweep.name}: {event.replace('_', ' ')}", sentence)

    def facts(self, event: Event, sentence: str) -> dict[str, str]:
        """The command's environment variables."""
        counts = {state.value: self.count(state.value) for state in TrialState}
        trials = len(self.plan.trials)
        counts |= {"trials": trials, "missing": trials - sum(counts.values())}
        return {
            "ADALOSS_SWEEP": self.sweep.name,
            "ADALOSS_EVENT": event.value,
            "ADALOSS_SENTENCE": sentence,
            "ADALOSS_FOLDER": str(self.store.root.resolve()),
            **{f"ADALOSS_{name.upper()}": str(number) for name, number in counts.items()},
        }


@contextmanager
def notified(
    sweep: Sweep,
    plan: Plan,
    store: Store,
    *,
    command: str | None,
    alert: Alert,
    say: Say,
) -> Iterator[Notifier]:
    """Tell the user about events of the block, and about its end however it ends.

    ``command`` takes the place of the grid's.
    """
    section = sweep.grid.notify
    shell = command or section.command
    notifier = Notifier(
        sweep=sweep,
        plan=plan,
        store=store,
        commands=Commands(command=shell, say=say) if shell else None,
        alert=alert if section.wandb else None,
        diverged_share=section.diverged_share,
        ended={key: result.state.value for key, result in plan.results.items()},
    )
    try:
        yield notifier
    except KeyboardInterrupt:
        notifier.reasons.append("stopped")
        raise
    except Exception as error:
        notifier.ended_by(error)
        raise
    finally:
        states = ", ".join(f"{notifier.count(state.value)} {state.value}" for state in TrialState)
        done, trials = len(notifier.ended), len(plan.trials)
        how = f"{done} of {trials} trials are done ({states})"
        notifier.tell(Event.END, "; ".join((*notifier.reasons, how)))
        if notifier.commands is not None:
            notifier.commands.wait()
