"""Make outputs one after the other, so that one that fails stops none of the others."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adaloss.errors import UserError
from adaloss.records.writing import replacing, write_utf8

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class Unwritten:
    """An output that could not be made.

    ``output`` is its path below the sweep's folder, for a figure without suffix. ``remedy`` is the
    command that makes it, and its options. ``trace`` is the traceback, empty for what the user can
    correct.
    """

    output: str
    reason: str
    remedy: tuple[str, ...]
    trace: str


@dataclass(frozen=True)
class Attempts:
    """The files that were written, and the outputs that could not be made."""

    written: list[Path] = field(default_factory=list)
    unwritten: list[Unwritten] = field(default_factory=list)

    @contextmanager
    def attempt(self, output: str, *remedy: str) -> Iterator[None]:
        """Make an output in the block; note its error, which then does not leave the block.

        Raises:
            OSError: the disk is full, so that nothing else can be written either.
        """
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise
            self.unwritten.append(unwritten(output, error, remedy))

    def add(self, other: "Attempts") -> None:
        """Add what another process has made; errors that all processes have count once."""
        self.written.extend(other.written)
        known = {(failed.output, failed.reason) for failed in self.unwritten}
        self.unwritten.extend(
            failed for failed in other.unwritten if (failed.output, failed.reason) not in known
        )

    def write_errors(self, path: Path) -> Path | None:
        """Write the tracebacks to this file; None if there are none, or they cannot be written.

        Raises:
            OSError: the disk is full.
        """
        traces = [f"{one.output}: {one.reason}\n{one.trace}" for one in self.unwritten if one.trace]
        try:
            if not traces:
                path.unlink(missing_ok=True)
                return None
            with replacing(path, durable=False) as temporary:
                write_utf8(temporary, "\n".join(traces))
        except OSError as error:
            if error.errno in DISK_FULL:
                raise
            return None
        return path


def unwritten(output: str, error: Exception, remedy: tuple[str, ...]) -> Unwritten:
    """The output that this error has stopped."""
    is_users = isinstance(error, UserError)
    said = str(error) or "no message"
    return Unwritten(
        output=output,
        reason=said if is_users else f"{type(error).__name__}: {said}",
        remedy=remedy,
        trace="" if is_users else "".join(traceback.format_exception(error)),
    )
