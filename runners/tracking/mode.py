"""Whether and how a sweep goes to W&B."""

import os
from typing import Literal

from adaloss.user_error import UserError

MODES = ("auto", "online", "offline", "disabled")


class ModeError(UserError):
    """A mode that there is not."""


def mirror_mode(declared: str, override: str | None) -> Literal["offline", "disabled"]:
    """The mode: the command line's, else the environment's ``WANDB_MODE``, else the grid's.

    ``auto`` is offline: this version writes W&B's runs to the disk and leaves the upload to
    ``wandb sync``.

    Raises:
        ModeError: the mode is unknown, or online, which this version does not do itself.
    """
    environment = os.environ.get("WANDB_MODE") or None
    mode = override or environment or declared
    if mode not in MODES:
        where = "--wandb" if override else "WANDB_MODE"
        raise ModeError(f"{where} {mode}: must be one of {', '.join(MODES)}")
    if mode == "online":
        raise ModeError(
            "wandb mode online: this version does not upload by itself; use offline, and then "
            "upload with: wandb sync RESULTS/SWEEP/wandb/*/wandb/offline-run-*"
        )
    return "disabled" if mode == "disabled" else "offline"
