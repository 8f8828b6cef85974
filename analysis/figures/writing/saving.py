"""Figures as files: the same records give the same bytes, whoever draws them and when."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from pkgutil import resolve_name
from unittest.mock import patch

import matplotlib as mpl
import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from adaloss.errors import UserError
from adaloss.records.store import replacing

# What would make the same figure a different file: versions and the time of day.
UNDATED: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Creator": None, "Date": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}
DPI = 300
# Of a panel's corners, as shares of the figure: the layout's solver takes its variables as they lie
# in memory, and the last bits of what it finds differ from time to time.
DECIMALS = 9
# Journals refuse Type 3 fonts; without a salt of ours an SVG's ids are random.
SAVE_SETTINGS = {"pdf.fonttype": 42, "svg.hashsalt": "adaloss-sweep", "savefig.dpi": DPI}
# What a font says of ligatures and the like, which matplotlib has dealt with: a viewer needs none
# of it, and to cut it down to the letters in use takes two fifths of the time of a small PDF.
SHAPING = ["GDEF", "GPOS", "GSUB"]
DROPPED = "fontTools.subset.Options._drop_tables_default"


def lay_out(figure: Figure) -> None:
    """Give everything in the figure its place, once for all its files."""
    engine = figure.get_layout_engine()
    if engine is None or not figure.axes:
        return
    with mpl.style.context(["default", SAVE_SETTINGS]):
        before = figure.get_dpi()
        # Letters are as wide as in the finest of the files.
        figure.set_dpi(DPI)
        try:
            engine.execute(figure)
        finally:
            figure.set_dpi(before)
        for axes in figure.axes:
            corners = axes.get_position(original=True).get_points()
            axes.set_position(Bbox(corners.round(DECIMALS)))
        figure.set_layout_engine(None)


def save_figure(figure: Figure, path: Path) -> None:
    """Write the figure in the format of the path's suffix; the same figure is the same bytes.

    It is laid out where it has not been.

    Raises:
        UserError: the suffix is not that of a format.
    """
    ending = path.suffix.lower()
    if ending not in UNDATED:
        raise UserError(f"{path}: a figure's name must end in {', '.join(UNDATED)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    lay_out(figure)
    with (
        mpl.style.context(["default", SAVE_SETTINGS]),
        replacing(path, durable=False) as temporary,
        fonts_without(SHAPING) if ending == ".pdf" else nullcontext(),
    ):
        figure.savefig(temporary, format=ending[1:], metadata=UNDATED[ending])


@contextmanager
def fonts_without(tables: Sequence[str]) -> Iterator[None]:
    """While PDFs are written: their fonts lack these tables, beside those that they always lack.

    Neither library has an option for it. Where the private name is another, PDFs are as ever.
    """
    with ExitStack() as change:
        with suppress(ImportError, AttributeError):
            change.enter_context(patch(DROPPED, [*resolve_name(DROPPED), *tables]))
        yield
