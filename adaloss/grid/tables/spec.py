"""The specification of a results table: an entry of a grid's ``tables:``."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from adaloss.grid.tables.at import At
from adaloss.tasks.program.fields import POINT

NaIf = Literal["any", "majority", "all"]
Spread = Literal["std", "sem", "ci95"]
Mark = Literal["none", "best", "best_and_second"]
ShowN = Literal["incomplete", "always"]


def listed(value: Any) -> Any:
    """A tuple of one name, several names or none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


PointValues = Mapping[str, tuple[Any, ...]]
"""The values of each field that select cells."""


class TableSpec(BaseModel):
    """One table per value of ``per``: ``rows`` × ``columns`` of mean±spread over the seeds.

    ``rows``, ``columns`` and ``per`` are names of a trial's fields, with any number in ``per``.
    The rows of a program may also be the ``point``: all parameters that vary, the best first.
    ``tune`` has the fields whose value is chosen for each cell, by the mean validation metric.
    ``metric`` and ``at`` default to those of the sweep; until a target, the metric defaults to the
    number of epochs. A cell is N/A if any, the majority or all
    of its trials diverged (``na_if``). ``spread`` is the standard deviation, the standard error of
    the mean, or half of its 95 % confidence interval (Student's t). ``mark`` sets which values of a
    row are marked, ``show_n`` whether complete cells show their number of seeds too. ``decimals``
    are by default two, or of a program's metric as many as tell the numbers apart. ``transpose``
    exchanges rows and columns afterwards. ``only`` has the values to keep by field. Each entry of
    ``exclude`` has the values by field of the cells to leave out. With ``provenance`` the caption
    shows the code version and the date. With ``figure`` the table is also drawn against its rows,
    as the first table always is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: str = "b0"
    columns: str = "optimizer"
    per: Annotated[tuple[str, ...], BeforeValidator(listed)] = ("model",)
    tune: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    metric: str | None = None
    at: At | None = None
    na_if: NaIf = "any"
    spread: Spread = "std"
    mark: Mark = "best"
    show_n: ShowN = "incomplete"
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None
    transpose: bool = False
    only: PointValues = {}
    exclude: tuple[PointValues, ...] = ()
    title: str | None = None
    provenance: bool = True
    figure: bool = False

    @property
    def ranks_points(self) -> bool:
        """Whether the rows are the points of a search, which are ranked."""
        return self.rows == POINT

    @property
    def axes(self) -> tuple[str, ...]:
        """The fields that identify a cell of the table."""
        return (self.rows, self.columns, *self.per)
