"""Room on the disks for all that a sweep writes, and for as many files."""

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
    """What is written below a folder; ``assumed`` where its size is not known before."""

    what: str
    folder: Path
    size: int
    files: int = 0
    assumed: bool = False

    @property
    def told(self) -> str:
        """The need in words."""
        return f"{self.what} {'perhaps ' if self.assumed else ''}{readable(self.size)}"


@dataclass(frozen=True, kw_only=True)
class Room:
    """What is free below a folder; ``files`` None where the file system does not count them."""

    size: int
    files: int | None


def room_at(folder: Path) -> Room:
    """What this user may still write on the folder's file system."""
    about = os.statvfs(nearest(folder))
    return Room(
        size=about.f_bavail * about.f_frsize, files=about.f_favail if about.f_files else None
    )


def space(needs: Iterable[Need]) -> Iterator[Finding]:
    """One finding for each file system, with all that is to be written on it."""
    on_one: defaultdict[int, list[Need]] = defaultdict(list)
    for need in needs:
        on_one[nearest(need.folder).stat().st_dev].append(need)
    for together in on_one.values():
        yield held_against(together, room_at(together[0].folder))


def held_against(needs: list[Need], room: Room) -> Finding:
    """The needs on one file system against its room."""
    certain = sum(need.size for need in needs if not need.assumed)
    possible, files = sum(need.size for need in needs), sum(need.files for need in needs)
    folders = ", ".join(dict.fromkeys(str(need.folder) for need in needs))
    told = ", ".join(need.told for need in needs if need.size)
    found = f"{told}; " if told else ""
    found += f"{readable(room.size)} free for {folders}"
    if certain > room.size:
        return refused("disk", f"no room: {found}", MAKE_ROOM)
    if room.files is not None and files > room.files:
        numbers = f"no room for {files:,} files: {room.files:,} are left for {folders}"
        return refused("disk", numbers, MAKE_ROOM)
    if possible > room.size:
        return warning("disk", f"little room: {found}", MAKE_ROOM)
    return fine("disk", found)
