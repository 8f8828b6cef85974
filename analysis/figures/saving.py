"""Figures as files: the same records give the same bytes, whoever draws them and when."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.style
from matplotlib.figure import Figure

from adaloss.store import replacing
from adaloss.user_error import UserError

# What would make the same figure a different file: versions and the time of day.
UNDATED: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Creator": None, "Date": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}
# Journals refuse Type 3 fonts; without a salt of ours an SVG's ids are random.
SAVE_SETTINGS = {"pdf.fonttype": 42, "svg.hashsalt": "adaloss-sweep", "savefig.dpi": 300}


def save_figure(figure: Figure, path: Path) -> None:
    """Write the figure in the format of the path's suffix; the same figure is the same bytes.

    Raises:
        UserError: the suffix is not that of a format.
    """
    if path.suffix not in UNDATED:
        raise UserError(f"{path}: a figure's name must end in {', '.join(UNDATED)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        mpl.style.context(["default", SAVE_SETTINGS]),
        replacing(path, durable=False) as temporary,
    ):
        figure.savefig(temporary, format=path.suffix[1:], metadata=UNDATED[path.suffix])
