"""Whether the file system takes the names and paths of the records, the temporary ones too."""

import os
from pathlib import Path

from adaloss.records.store import CHECKPOINT_FILE, RESULT_FILE
from runners.preflight.finding import Finding, fine, refused
from runners.preflight.machine.folders import nearest

# What adaloss.records.store.replacing adds to a name: a dot, the process and eight digits.
TEMPORARY = "..4194304-00000000"
LONGEST_NAME, LONGEST_PATH = 255, 4096


def path_lengths(folder: Path) -> Finding:
    """Check the names and the path of the records in a trial's folder."""
    longest = longest_record(folder.absolute())
    return compared(longest, limit(longest, "PC_NAME_MAX"), limit(longest, "PC_PATH_MAX"))


def longest_record(folder: Path) -> Path:
    """The longest temporary name of a trial's files."""
    file = max(CHECKPOINT_FILE, RESULT_FILE, key=len)
    return folder / f"{file}{TEMPORARY}"


def compared(path: Path, longest_name: int, longest_path: int) -> Finding:
    """Compare the path with the limits of the file system."""
    name = max(path.parts, key=lambda part: len(os.fsencode(part)))
    # The system counts a final 0 as well.
    length, name_length = len(os.fsencode(path)) + 1, len(os.fsencode(name))
    advice = "choose a shorter --storage"
    if name_length > longest_name:
        found = f"{name} has {name_length} bytes, and a name may have {longest_name} there"
        return refused("names", found, advice)
    if length > longest_path:
        found = f"{path} has {length:,} bytes, and a path may have {longest_path:,}"
        return refused("names", found, advice)
    return fine(
        "names",
        f"the longest name has {name_length} of {longest_name} bytes, "
        f"the longest path {length:,} of {longest_path:,}",
    )


def limit(path: Path, which: str) -> int:
    """The file system's limit, or the usual one if it reports none."""
    usual = LONGEST_NAME if which == "PC_NAME_MAX" else LONGEST_PATH
    try:
        reported = os.pathconf(nearest(path), which)
    except (OSError, ValueError):
        return usual
    return reported if reported > 0 else usual
