"""What a check found: how bad it is, the numbers, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is: a sweep runs, may suffer, or cannot work."""

    FINE = "fine"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at: ``found`` has the numbers, ``advice`` says what to do."""

    level: Level
    about: str
    found: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """What is told of it, on one line."""
        return f"{self.about}: {self.found}" + (f": {self.advice}" if self.advice else "")


def fine(about: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(level=Level.FINE, about=about, found=found)


def warning(about: str, found: str, advice: str) -> Finding:
    """The sweep may suffer."""
    return Finding(level=Level.WARNING, about=about, found=found, advice=advice)


def refused(about: str, found: str, advice: str) -> Finding:
    """The sweep cannot work."""
    return Finding(level=Level.REFUSED, about=about, found=found, advice=advice)


def with_level(findings: Iterable[Finding], level: Level) -> tuple[Finding, ...]:
    """Those of one level."""
    return tuple(finding for finding in findings if finding.level is level)
