"""Free space and free files on the disks for everything that a sweep writes."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runners.pages.plan import readable
from runners.preflight.finding import Finding, fine, refused, warning
from runners.preflight.machine.folders import nearest

MAKE_ROOM = "make room, or name a folder on another disk"


@dataclass(frozen=True, kw_only=True)
class Need:
    """Files that are written below a folder; ``assumed`` if their size is an estimate."""

    what: str
    folder: Path
    size: int
    files: int = 0
    assumed: bool = False

    @property
    def text(self) -> str:
        """The need in words, with its size."""
        return f"{self.what} {'perhaps ' if self.assumed else ''}{readable(self.size)}"


@dataclass(frozen=True, kw_only=True)
class Room:
    """Free space below a folder; ``files`` is None if the file system does not count files."""

    size: int
    files: int | None


def room_at(folder: Path) -> Room:
    """The free space of the folder's file system for this user."""
    about = os.statvfs(nearest(folder))
    return Room(
        size=about.f_bavail * about.f_frsize, files=about.f_favail if about.f_files else None
    )


def space(needs: Iterable[Need]) -> Iterator[Finding]:
    """One finding for each file system, with everything that is written to it."""
    on_one: defaultdict[int, list[Need]] = defaultdict(list)
    for need in needs:
        on_one[nearest(need.folder).stat().st_dev].append(need)
    for together in on_one.values():
        yield compared(together, room_at(together[0].folder))


def compared(needs: list[Need], room: Room) -> Finding:
    """Compare the needs on one file system with its free space."""
    certain = sum(need.size for need in needs if not need.assumed)
    possible, files = sum(need.size for need in needs), sum(need.files for need in needs)
    folders = ", ".join(dict.fromkeys(str(need.folder) for need in needs))
    written = ", ".join(need.text for need in needs if need.size)
    found = f"{written}; " if written else ""
    found += f"{readable(room.size)} free for {folders}"
    if certain > room.size:
        return refused("disk", f"no room: {found}", MAKE_ROOM)
    if room.files is not None and files > room.files:
        numbers = f"no room for {files:,} files: {room.files:,} are left for {folders}"
        return refused("disk", numbers, MAKE_ROOM)
    if possible > room.size:
        return warning("disk", f"little room: {found}", MAKE_ROOM)
    return fine("disk", found)
