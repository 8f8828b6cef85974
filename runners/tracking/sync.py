"""Mirror a sweep to W&B: while it runs, or afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adaloss.errors import UserError
from adaloss.grid.schema.schema import WandbMode
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from runners.tracking.conversation import Conversation, Outcome, Say


@dataclass(frozen=True)
class Mirroring:
    """How a sweep is mirrored: in which mode, and the command that does it afterwards."""

    mode: WandbMode
    sync_command: str


@contextmanager
def mirrored(sweep: Sweep, store: Store, mirroring: Mirroring, say: Say) -> Iterator[None]:
    """W&B's runs follow the records while this lasts, and for ``wandb.finish_timeout`` after.

    Trouble with it is one sentence and never the sweep's: what is missing is given by the next
    run of trials, or by ``adaloss-sweep sync``.
    """
    if mirroring.mode == "disabled":
        yield
        return
    conversation = Conversation(sweep, store, mirroring.mode, say, live=True)
    patience = sweep.grid.wandb.finish_timeout
    try:
        yield
    except KeyboardInterrupt:
        say(f"W&B: waiting up to {patience:g} s for its runs; Ctrl-C leaves them to `sync`")
        raise
    finally:
        outcome = conversation.end(patience)
        for line in outcome.lines(patience, mirroring.sync_command):
            say(line)


class MirrorError(UserError):
    """The mirror came to nothing; the message says why, or where that is."""


def synchronise(
    sweep: Sweep, store: Store, mode: WandbMode, say: Say, *, dry_run: bool = False
) -> Outcome:
    """Give W&B what it lacks, however long that takes; a dry run only lists it.

    Raises:
        MirrorError: it came to nothing, or there are no records.
    """
    if not store.trials_folder.exists():
        raise MirrorError(f"no trial of {sweep.name} has run in {store.root.parent}")
    outcome = Conversation(sweep, store, mode, say, live=False, dry_run=dry_run).end(None)
    if outcome.left is None and not dry_run:
        raise MirrorError(f"W&B: {outcome.why()}")
    return outcome
