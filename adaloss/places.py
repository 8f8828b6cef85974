"""Where data sets, weights and what is worked out from them are kept on this machine."""

import os
from pathlib import Path

from platformdirs import user_cache_path

ENVIRONMENT_VARIABLE = "ADALOSS_DATA"
APPLICATION = "adaloss-sweep"


def data_root(declared: str | None) -> Path:
    """The folder of the data sets: the grid's ``data.root``, ``ADALOSS_DATA``, the user's cache."""
    named = declared or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return user_cache_path(APPLICATION) / "data"


def weights_folder(root: Path) -> Path:
    """Where pretrained weights that no library has a cache for are kept."""
    return root / "weights"


def prepared_folder() -> Path:
    """Where the data sets lie as tensors, ready to be mapped into memory; safe to delete."""
    return user_cache_path(APPLICATION) / "prepared"


def scripts_folder() -> Path:
    """Where the scripts of the report are kept; safe to delete."""
    return user_cache_path(APPLICATION) / "scripts"
