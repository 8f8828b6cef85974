"""The standard streams: those that are closed, and a question to whoever is at the terminal."""

import os
import sys


def open_closed_streams() -> None:
    """Give this process the standard streams that the shell has closed, as ``2>&-`` does.

    They lead nowhere. Else its next files would take their numbers, and what it starts would read
    and write there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free is the stream's own.
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def is_attended() -> bool:
    """Whether somebody sees a question here and can answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def agreed(question: str) -> bool:
    """Ask on standard error, because standard output may be a file; Ctrl-D counts as no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
