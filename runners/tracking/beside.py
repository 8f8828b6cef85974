"""Start the mirror beside a sweep and end it in time, whatever it is doing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adaloss.grid_schema import WandbMode
from adaloss.store import Store
from adaloss.sweep import Sweep
from runners.tracking.conversation import Conversation, Say


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
