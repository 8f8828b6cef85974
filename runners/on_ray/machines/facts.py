"""Looks at one machine. Only the standard library, because the machine may lack all else."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "adaloss-sweep"
PACKAGES = (PACKAGE, "ray", "torch", "torchvision", "timm", "numpy")
FOLDERS_OF_CODE = ("adaloss", "runners")
SECONDS_FOR_GPUS = 20


def look(
    mark: str, wanted: Sequence[str], code: Sequence[str], folders: Sequence[str]
) -> dict[str, Any]:
    """The facts about this machine.

    ``mark`` is the path of a file by which a machine sees the results, ``wanted`` are the paths of
    the user's own data, ``code`` the names of the user's own files below one of the ``folders``.
    """
    return {
        "name": platform.node(),
        "python": platform.python_version(),
        "program": sys.executable,
        "packages": {name: version_of(name) for name in PACKAGES},
        "code": code_digest(),
        "gpus": gpus(),
        "sees_results": bool(mark) and Path(mark).exists(),
        "sees_code": all(any(Path(folder, name).is_file() for folder in folders) for name in code),
        "absent": [path for path in wanted if not Path(path).exists()],
        "free": shutil.disk_usage(home()).free,
        "clock": time.time(),
    }


def home() -> Path:
    """The user's folder, below which records and data are kept; the root if there is none."""
    try:
        folder = Path.home()
    except RuntimeError:
        return Path("/")
    return folder if folder.is_dir() else Path("/")


def version_of(package: str) -> str | None:
    """The installed version of a package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def public(version: str | None) -> str | None:
    """A version without what names a build, such as +cpu or +cu128."""
    return version and version.partition("+")[0]


def code_digest() -> str | None:
    """A digest of the installed adaloss-sweep's source, None if it is not installed."""
    digest = hashlib.sha256()
    for name in FOLDERS_OF_CODE:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(next(iter(spec.submodule_search_locations)))
        for path in sorted(folder.rglob("*.py")):
            digest.update(os.fsencode(path.relative_to(folder)) + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def gpus() -> list[str]:
    """The name and the MiB of each of this machine's NVIDIA GPUs, as ``name, MiB``."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_FOR_GPUS)
    except (OSError, subprocess.SubprocessError):
        return []
    return listed.stdout.split("\n")[:-1] if listed.returncode == 0 else []
