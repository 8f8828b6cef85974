"""The number of files and the space on the disk of what lies in a folder."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# The unit of st_blocks, see stat(2).
BLOCK = 512


@dataclass(frozen=True)
class Size:
    """Files, and the bytes that they take on the disk."""

    files: int = 0
    bytes: int = 0

    def __add__(self, other: "Size") -> "Size":
        """Both together."""
        return Size(self.files + other.files, self.bytes + other.bytes)

    def __str__(self) -> str:
        """As text."""
        return f"{counted(self.files, 'file')}, {bytes_in_words(self.bytes)}"


def counted(number: int, what: str) -> str:
    """So many of something."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def bytes_in_words(number: int) -> str:
    """A number of bytes in kB, MB or GB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB"


def total(sizes: Iterable[Size]) -> Size:
    """All together."""
    return sum(sizes, Size())


def size_of(path: Path) -> Size:
    """What a file, or a folder with all in it, takes. Links are not followed."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return Size(1, on_disk(status))
    return total(Size(1, on_disk(status)) for _, status in files_below(path))


def on_disk(status: os.stat_result) -> int:
    """The bytes that a file takes on the disk."""
    return status.st_blocks * BLOCK


def files_below(folder: Path | str) -> Iterator[tuple[str, os.stat_result]]:
    """The path and the status of every file below a folder; those that are gone are skipped.

    Text, not Path, which takes most of the time for a hundred thousand files.
    """
    folders = [str(folder)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                continue
            try:
                yield entry.path, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
