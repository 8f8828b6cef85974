"""Whether and how a sweep is mirrored to W&B."""

import os

from adaloss.errors import UserError
from adaloss.grid.schema.schema import WandbMode
from runners.preflight.wandb.account import settings_of_files

MODES: tuple[WandbMode, ...] = ("auto", "online", "offline", "disabled")
TRUE = ("1", "true", "yes", "on")


class ModeError(UserError):
    """An unknown mode."""


def mirror_mode(declared: WandbMode, override: str | None) -> WandbMode:
    """The requested mode: the command line's, else the environment's, else the grid's.

    With ``auto`` in the grid, W&B's own settings apply: ``wandb offline`` writes them. The follower
    (:mod:`runners.tracking.follower`) resolves ``auto`` while the sweep runs.

    Raises:
        ModeError: there is no such mode.
    """
    asked = override or os.environ.get("WANDB_MODE")
    if not asked:
        switched_off = os.environ.get("WANDB_DISABLED", "").lower() in TRUE
        if switched_off:
            return "disabled"
        of_files = settings_of_files().get("mode") if declared == "auto" else None
        return next((mode for mode in MODES if mode == of_files), declared)
    for mode in MODES:
        if asked == mode:
            return mode
    where = "--wandb" if override else "WANDB_MODE"
    raise ModeError(f"{where} {asked}: must be one of {', '.join(MODES)}")


def sync_mode(declared: WandbMode, override: str | None) -> WandbMode:
    """The mode of ``sync``, which is a request to upload: offline only if ``override`` says so.

    A sweep that is declared offline is uploaded if there is a key; a disabled one is not.

    Raises:
        ModeError: as :func:`mirror_mode`.
    """
    mode = mirror_mode(declared, override)
    return "auto" if mode == "offline" and not override else mode
