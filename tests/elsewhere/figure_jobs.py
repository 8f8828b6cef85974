"""What tests have other processes do: a module that these can import, as a test's own is not."""

import os
import time
from pathlib import Path

from matplotlib.figure import Figure

from adaloss.records.writing import replacing
from analysis.figures import save_figure


def write(path: Path, height: float = 1) -> list[Path]:
    """Draw a figure and write it."""
    figure = Figure(figsize=(3, 2), layout="constrained")
    figure.subplots().plot([0, 1], [0, height], label="α × β")
    save_figure(figure, path)
    return [path]


def write_elsewhere(path: Path, height: float, parent: int) -> list[Path]:
    """Do so, but not in the process of the test: the fallback would hide that others cannot."""
    assert os.getpid() != parent
    return write(path, height)


def write_in(process: int, path: Path) -> list[Path]:
    """Do so in this process alone; any other dies of it."""
    if os.getpid() != process:
        os._exit(1)
    return write(path)


def write_for_ever(path: Path) -> list[Path]:
    """Begin, and never end."""
    with replacing(path, durable=False) as temporary:
        temporary.touch()
        time.sleep(600)
    return [path]
