"""The lines of a traceback in the user's own code."""

import re
import sysconfig
from pathlib import Path

import adaloss_sweep

FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$')
MOST_FRAMES = 3
OTHERS = ("stdlib", "platstdlib", "purelib", "platlib")


def own_frames(traceback: str) -> tuple[str, ...]:
    """The innermost frames outside the tool and installed packages, with their code."""
    lines = traceback.splitlines()
    found = []
    for number, line in enumerate(lines):
        frame = FRAME.match(line)
        if frame is None or not is_own(frame["file"]):
            continue
        code = lines[number + 1].strip() if number + 1 < len(lines) else ""
        shown = f": {code}" if code and not FRAME.match(lines[number + 1]) else ""
        found.append(f"{frame['file']}:{frame['line']} in {frame['function']}{shown}")
    return tuple(found[-MOST_FRAMES:])


def is_own(file: str) -> bool:
    """Whether a file belongs neither to the tool, nor to Python, nor to an installed package."""
    if file.startswith("<"):
        return False
    tool = [Path(adaloss_sweep.HERE, name) for name in adaloss_sweep.PACKAGES]
    installed = [Path(path) for name in OTHERS if (path := sysconfig.get_path(name))]
    return not any(Path(file).is_relative_to(folder) for folder in (*tool, *installed))
