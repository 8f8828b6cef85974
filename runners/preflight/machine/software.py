"""The clock, Python and the installed packages."""

import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from adaloss.records.provenance import installed_version
from runners.preflight.finding import Finding, fine, refused, warning

EARLIEST_YEAR = 2020
PACKAGE = "adaloss-sweep"
REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?>=([\d.]+)$")
VARIABLE = "PYTHONDONTWRITEBYTECODE"
NO_BYTECODE = "each worker compiles torch anew, which takes seconds"
REPORTED = ("torch", "torchvision", "timm", "ray", "wandb", "numpy", "pandas")


def clock(now: datetime) -> Finding:
    """Check the date: records contain it, and secure connections need it."""
    found = f"{now:%Y-%m-%d %H:%M} UTC"
    if now.year >= EARLIEST_YEAR:
        return fine("clock", found)
    advice = "set it: records contain the date, and secure connections fail if it is wrong"
    return warning("clock", f"it shows {found}", advice)


def the_clock() -> Finding:
    """Check this machine's clock."""
    return clock(datetime.now(UTC))


def packages(requirements: Iterable[str] | None = None) -> Iterator[Finding]:
    """The versions that results depend on, and packages that are missing or too old."""
    names = [PACKAGE, *(name for name in REPORTED if installed_version(name))]
    versions = ", ".join(f"{name} {installed_version(name)}" for name in names)
    yield fine("packages", f"Python {platform.python_version()}, {versions}")
    declared = metadata.requires(PACKAGE) or () if requirements is None else requirements
    for requirement in declared:
        # Requirements with a condition belong to extras.
        if named := REQUIREMENT.match(requirement):
            yield from package(named[1], named[2])


def bytecode(sources: Path | None = None) -> Iterator[Finding]:
    """A warning if each process would compile torch's ``sources`` anew, which takes seconds."""
    if sources is None:
        found = find_spec("torch")
        sources = Path(found.origin).parent if found and found.origin else Path()
    kept = Path(cache_from_source(str(sources / "__init__.py")))
    if (sources / "__init__.py").is_file() and not kept.exists():
        if sys.dont_write_bytecode:
            yield warning(
                "bytecode", f"{NO_BYTECODE}, because {VARIABLE} is set", f"unset {VARIABLE}"
            )
        elif not os.access(sources, os.W_OK):
            advice = f"have its owner run {sys.executable} -m compileall {sources.parent}"
            yield warning("bytecode", f"{NO_BYTECODE}, because {sources} is read-only", advice)


def package(name: str, least: str) -> Iterator[Finding]:
    """A finding if the package is missing or too old."""
    installed = installed_version(name)
    if installed is None:
        yield refused("packages", f"{name} is not installed", f"install {name}>={least}")
    elif numbers(installed) < numbers(least):
        found = f"{name} {installed} is older than {least}"
        yield refused("packages", found, f"install {name}>={least}")


def numbers(version: str) -> tuple[int, ...]:
    """The version's leading numbers, for comparison."""
    leading = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, leading[0].split("."))) if leading else ()
