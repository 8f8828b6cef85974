"""Which process may write a trial's records, where several machines see them.

A machine that a cluster has lost may run on behind a broken network while its trial has been
started again elsewhere. Whoever took the claim last may write; the other finds its token gone.
"""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from adaloss.records.store import CLAIM_FILE
from adaloss.records.writing import replacing, write_utf8


class ClaimLostError(OSError):
    """The trial was started again elsewhere: this process may not write its records any more."""


@dataclass(frozen=True)
class Claim:
    """The right to write the records in a trial's folder."""

    folder: Path
    token: str = field(default_factory=lambda: uuid4().hex)

    def take(self) -> None:
        """Take the right from whoever has it."""
        with replacing(self.folder / CLAIM_FILE, durable=False) as temporary:
            write_utf8(temporary, self.token)

    def check(self) -> None:
        """Check before each write that nobody else has taken the right.

        Raises:
            ClaimLostError: somebody has.
        """
        try:
            holder = (self.folder / CLAIM_FILE).read_text("utf-8")
        except FileNotFoundError:
            holder = ""
        if holder != self.token:
            raise ClaimLostError(f"{self.folder.name} was started again by another worker")

    def release(self) -> None:
        """Give the right up, after the last write."""
        (self.folder / CLAIM_FILE).unlink(missing_ok=True)
