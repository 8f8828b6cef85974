"""The findings of checks, and file systems for them to look at."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from runners.preflight.finding import Level

FINE, WARNING, REFUSED = Level.FINE, Level.WARNING, Level.REFUSED


@contextmanager
def mounted(folder, options):
    """A small file system of its own in memory."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a file system")
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def about(findings, subject):
    return [finding for finding in findings if finding.about == subject]
