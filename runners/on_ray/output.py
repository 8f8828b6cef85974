"""Redirects what Ray prints to a file: its C++ code writes to the terminal in any case."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

STDOUT, STDERR = 1, 2


@contextmanager
def printed_to(file: Path) -> Iterator[None]:
    """Redirect everything that is printed inside to the file, except ``sys.stderr``.

    A ``sys.stderr`` that is no file, as in a notebook, stays as it is.
    An empty file is deleted.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    before = os.dup(STDOUT), os.dup(STDERR)
    stdout, stderr = sys.stdout, sys.stderr
    with (
        file.open("w", encoding="utf-8", errors="backslashreplace", buffering=1) as kept,
        open(
            before[1], "w", encoding=stderr.encoding, errors=stderr.errors, buffering=1,
            closefd=False,
        ) as terminal,
    ):  # fmt: skip
        try:
            for descriptor in (STDOUT, STDERR):
                os.dup2(kept.fileno(), descriptor)
            sys.stdout = kept
            if writes_to(stderr, STDERR):
                sys.stderr = terminal
            yield
        finally:
            sys.stdout, sys.stderr = stdout, stderr
            for descriptor, original in zip((STDOUT, STDERR), before, strict=True):
                os.dup2(original, descriptor)
                os.close(original)
            if not file.stat().st_size:
                file.unlink()


def writes_to(stream: TextIO, descriptor: int) -> bool:
    """Whether what is written to the stream goes to this file descriptor."""
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError, AttributeError):
        return False
