"""What the other side of a comparison is called on a command line."""

from pathlib import Path

from analysis.comparison.from_file import file_side
from analysis.comparison.side import Side
from analysis.measure import Measure
from analysis.published import published_side


def named_side(name: str, *, measure: Measure) -> Side | None:
    """The side that a name stands for, of this measure; None where it can only be another grid.

    ``published`` and ``published:DATE`` are the published tables, ``….csv`` is a file of results.

    Raises:
        UserError: there is no such version, or the file cannot be used.
    """
    if name == "published" or name.startswith("published:"):
        return published_side(name)
    if name.lower().endswith(".csv"):
        return file_side(Path(name), measure=measure)
    return None
