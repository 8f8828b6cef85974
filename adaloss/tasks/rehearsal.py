"""Try a trial before a sweep, for a moment and on stand-ins for its data."""

import traceback
from dataclasses import dataclass

from adaloss.errors import UserError
from adaloss.records.places import Places
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.failures import lacks_memory
from adaloss.tasks.table import task_of
from adaloss.trial import Trial


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a trial cannot be trained; ``traceback`` is empty where the message is enough."""

    message: str
    traceback: str = ""


def rehearse(trial: Trial, places: Places, device: str = "cpu") -> Trouble | None:
    """Train for a moment; None where that works."""
    try:
        task_of(trial).load().rehearse(trial, places, device)
    except DivergedError:
        # The sweep finds out which learning rates do.
        return None
    except UserError as error:
        return Trouble(message=str(error))
    # The user's own code can raise anything.
    except Exception as error:
        if lacks_memory(error):
            # Memory has a check of its own.
            return None
        return Trouble(message=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())
    return None
