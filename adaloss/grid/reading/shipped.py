"""The grids that come with the package, and the path of a grid named on the command line."""

from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.mistakes.problems import GridError, Problem, suggestion
from adaloss.records.places import url_problem

GRID_SUFFIX = ".yaml"


def shipped_grids() -> dict[str, Path]:
    """The grids that come with the package, by name."""
    return {path.stem: path for path in sorted(shipped_folder().glob(f"*{GRID_SUFFIX}"))}


def shipped_folder() -> Path:
    """The folder of the shipped grids and the JSON Schemas."""
    package = Path(__file__).resolve().parents[2]
    # A wheel has the grids inside the package, a checkout next to it.
    return package / "grids" if (package / "grids").is_dir() else package.parent / "sweeps"


def resolve_grid(name_or_path: str) -> Path:
    """The path of a grid file, from the path itself or from the name of a shipped grid.

    Raises:
        GridError: there is neither such a file nor such a grid.
        UserError: the path is a URL.
    """
    path = Path(name_or_path)
    shipped = shipped_grids()
    # A folder of results may have the name of a shipped grid.
    if name_or_path in shipped and not path.is_file():
        return shipped[name_or_path]
    if path.exists():
        return path
    if problem := url_problem(name_or_path):
        raise UserError(problem)
    hint = suggestion(path.stem, shipped)
    message = f"there is no such file, and no shipped grid of this name{hint}"
    if "did you mean" in hint:
        message += f" Shipped grids: {', '.join(shipped)}"
    elif len(path.parts) > 1:
        # No shipped grid has a name with a slash.
        message = "there is no such file or folder"
    raise GridError(name_or_path, [Problem(None, "", message)])
