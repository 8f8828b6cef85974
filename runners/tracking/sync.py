"""Mirror a sweep to W&B: while it runs, or afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adaloss.errors import UserError
from adaloss.grid.schema.schema import WandbMode
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from runners.tracking.follower_process import FollowerProcess, Outcome, Say


@dataclass(frozen=True)
class Mirroring:
    """How a sweep is mirrored: the mode, and the command that uploads it afterwards."""

    mode: WandbMode
    sync_command: str


Alert = Callable[[str, str], None]
"""Sends an alert with this title and text."""


@contextmanager
def mirrored(sweep: Sweep, store: Store, mirroring: Mirroring, say: Say) -> Iterator[Alert]:
    """Mirror the records to W&B during the block, and for ``wandb.finish_timeout`` after it.

    Yields a function that sends an alert of W&B, if it is online.

    A problem with W&B is reported in one line and never stops the sweep: the next run of trials,
    or ``adaloss-sweep sync``, sends what is missing.
    """
    if mirroring.mode == "disabled":
        yield lambda title, text: None
        return
    conversation = FollowerProcess(sweep, store, mirroring.mode, say, live=True)
    patience = sweep.grid.wandb.finish_timeout
    try:
        yield conversation.alert
    except KeyboardInterrupt:
        say(f"W&B: sending its runs for up to {patience:g} s; Ctrl-C leaves them to `sync`")
        raise
    finally:
        outcome = conversation.end(patience)
        for line in outcome.lines(patience, mirroring.sync_command):
            say(line)


class MirrorError(UserError):
    """The mirror failed; the message has the reason, or the file that has it."""


def synchronise(
    sweep: Sweep, store: Store, mode: WandbMode, say: Say, *, dry_run: bool = False
) -> Outcome:
    """Send W&B what it lacks, without a time limit; a dry run only lists it.

    Raises:
        MirrorError: the mirror failed, or there are no records.
    """
    if not store.trials_folder.exists():
        raise MirrorError(f"no trial of {sweep.name} has run in {store.root.parent}")
    outcome = FollowerProcess(sweep, store, mode, say, live=False, dry_run=dry_run).end(None)
    if outcome.left is None:
        raise MirrorError(f"W&B: {outcome.why()}")
    return outcome
