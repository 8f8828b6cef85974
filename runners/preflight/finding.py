"""The result of a check: how serious it is, the numbers, and advice."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious a finding is: the sweep works, may have problems, or cannot work."""

    FINE = "fine"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check: ``found`` has the numbers, ``advice`` what to do."""

    level: Level
    about: str
    found: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """The finding on one line."""
        return f"{self.about}: {self.found}" + (f": {self.advice}" if self.advice else "")


def fine(about: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(level=Level.FINE, about=about, found=found)


def warning(about: str, found: str, advice: str) -> Finding:
    """The sweep may have problems."""
    return Finding(level=Level.WARNING, about=about, found=found, advice=advice)


def refused(about: str, found: str, advice: str) -> Finding:
    """The sweep cannot work."""
    return Finding(level=Level.REFUSED, about=about, found=found, advice=advice)


def with_level(findings: Iterable[Finding], level: Level) -> tuple[Finding, ...]:
    """The findings of one level."""
    return tuple(finding for finding in findings if finding.level is level)
