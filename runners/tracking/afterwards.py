"""Bring W&B to the state of the records when no sweep is running."""

from adaloss.grid_schema import WandbMode
from adaloss.store import Store
from adaloss.sweep import Sweep
from adaloss.user_error import UserError
from runners.tracking.conversation import Conversation, Outcome, Say


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
