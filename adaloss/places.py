"""Where data sets, weights and what is worked out from them are kept on this machine."""

import os
import re
from pathlib import Path

from platformdirs import user_cache_path

from adaloss.user_error import UserError

ENVIRONMENT_VARIABLE = "ADALOSS_DATA"
APPLICATION = "adaloss-sweep"
# With one slash too: that is what pathlib makes of two.
URL = re.compile(
    r"[a-z][a-z0-9+.-]*://|(s3a?|gs|gcs|az|abfss?|adl|hdfs|file|https?|ftp|memory):/", re.IGNORECASE
)


def data_root(declared: str | None) -> Path:
    """The folder of the data sets: the grid's ``data.root``, ``ADALOSS_DATA``, the user's cache."""
    named = declared or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        if trouble := url_trouble(named):
            where = "data.root" if declared else ENVIRONMENT_VARIABLE
            raise UserError(f"{where}: {trouble}")
        return Path(named).expanduser().absolute()
    return user_cache_path(APPLICATION) / "data"


def url_trouble(path: str) -> str | None:
    """Why this is no path of this machine, and what to do; None where it may be one."""
    found = URL.match(path)
    if found is None:
        return None
    scheme = found[0].partition(":")[0].lower()
    if scheme == "file":
        return f"{path} is a URL: write the path alone, without file://"
    return (
        f"{path} is a URL, and files are read and written on this machine only: name a folder or "
        f"file here, and copy from or to {scheme}:// with another program"
    )


def weights_folder(root: Path) -> Path:
    """Where pretrained weights that no library has a cache for are kept."""
    return root / "weights"


def prepared_folder() -> Path:
    """Where the data sets lie as tensors, ready to be mapped into memory; safe to delete."""
    return user_cache_path(APPLICATION) / "prepared"


def scripts_folder() -> Path:
    """Where the scripts of the report are kept; safe to delete."""
    return user_cache_path(APPLICATION) / "scripts"
