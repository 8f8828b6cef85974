"""Save figures: the same records give the same bytes at any time and on any machine."""

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
from adaloss.records.writing import replacing

# Metadata that would make files of the same figure differ: versions and the time.
UNDATED: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Creator": None, "Date": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}
DPI = 300
# Panels' corners are rounded to this many decimals: the layout's solver orders its variables by
# memory address, so that the last bits of its solution vary.
DECIMALS = 9
# Journals refuse Type 3 fonts; without a fixed salt, an SVG's ids are random.
SAVE_SETTINGS = {"pdf.fonttype": 42, "svg.hashsalt": "adaloss-sweep", "savefig.dpi": DPI}
# Font tables for ligatures and the like, which matplotlib has already applied: viewers do not need
# them, and subsetting them takes two fifths of the time of a small PDF.
SHAPING = ["GDEF", "GPOS", "GSUB"]
DROPPED = "fontTools.subset.Options._drop_tables_default"


def lay_out(figure: Figure) -> None:
    """Lay out the figure, once for all its files."""
    engine = figure.get_layout_engine()
    if engine is None or not figure.axes:
        return
    with mpl.style.context(["default", SAVE_SETTINGS]):
        before = figure.get_dpi()
        # Measure letters at the resolution of the finest file.
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
    """Write the figure in the format of the path's suffix; the same figure gives the same bytes.

    The figure is laid out if it has not been.

    Raises:
        UserError: the suffix belongs to no format.
    """
    ending = path.suffix.lower()
    if ending not in UNDATED:
        raise UserError(f"{path}: a figure's suffix must be one of {', '.join(UNDATED)}")
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
    """Drop further font tables while PDFs are written.

    Neither library has an option for this. If the private name changes, the tables stay in PDFs.
    """
    with ExitStack() as change:
        with suppress(ImportError, AttributeError):
            change.enter_context(patch(DROPPED, [*resolve_name(DROPPED), *tables]))
        yield
