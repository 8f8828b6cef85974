"""Where Ray runs and keeps its files, and whether its sockets' paths are short enough."""

import os
import sys
from pathlib import Path

from runners.preflight.finding import Finding, fine, refused

SHARED_MEMORY = Path("/dev/shm")
# The longest socket path below Ray's folder, and the system's limit without the final 0.
SOCKET = "session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
LONGEST_SOCKET = 107 if sys.platform.startswith("linux") else 103


def ray_folder() -> Path:
    """The folder in which Ray creates its session folders."""
    named = os.environ.get("RAY_TMPDIR")
    if named is None and sys.platform.startswith("linux"):
        named = os.environ.get("TMPDIR")
    return Path(named or "/tmp") / "ray"


def sockets() -> Finding:
    """Check the path of Ray's longest socket: Ray does not start if it is too long."""
    folder = ray_folder()
    length = len(os.fsencode(folder / SOCKET))
    if length <= LONGEST_SOCKET:
        return fine("Ray's sockets", f"paths of {length} bytes in {folder}, of {LONGEST_SOCKET}")
    return refused(
        "Ray's sockets",
        f"their paths in {folder} would have {length} bytes, and the limit for sockets is "
        f"{LONGEST_SOCKET}",
        "set RAY_TMPDIR to a folder with a short path, such as /tmp",
    )


def cluster() -> Finding:
    """Report whether RAY_ADDRESS sends the trials to a cluster."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        return fine("Ray", "RAY_ADDRESS is not set: trials run on this machine")
    return fine(
        "Ray",
        f"RAY_ADDRESS is {address}: Ray counts that cluster's processors, GPUs and memory",
    )
