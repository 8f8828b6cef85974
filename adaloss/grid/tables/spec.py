"""The specification of a results table: an entry of a grid's ``tables:``."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

NaIf = Literal["any", "majority", "all"]
Spread = Literal["std", "sem", "ci95"]
Mark = Literal["none", "best", "best_and_second"]
ShowN = Literal["incomplete", "always"]

LAST, BEST_VAL = "last", "best_val"
EPOCH = re.compile(r"epoch ([1-9][0-9]{0,8})")
AT_PATTERN = rf"^({LAST}|{BEST_VAL}|{EPOCH.pattern})$"


def valid_at(value: Any) -> Any:
    """``last``, ``best_val`` or ``epoch N``."""
    if value in (LAST, BEST_VAL) or (isinstance(value, str) and EPOCH.fullmatch(value)):
        return value
    raise PydanticCustomError("expected", "{expected}", {"expected": "last, best_val or epoch N"})


def epoch_of(at: str) -> int | None:
    """The N of ``epoch N``, or None for ``last`` and ``best_val``."""
    match = EPOCH.fullmatch(at)
    return int(match[1]) if match else None


def listed(value: Any) -> Any:
    """A tuple of one name, several names or none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


At = Annotated[str, BeforeValidator(valid_at)]
"""The epoch of a number: the last, the one with the best validation accuracy, or the N-th."""

PointValues = Mapping[str, tuple[Any, ...]]
"""The values of each field that select cells."""


class TableSpec(BaseModel):
    """One table per value of ``per``: ``rows`` × ``columns`` of mean±spread over the seeds.

    ``rows``, ``columns`` and ``per`` are names of a trial's fields, with any number in ``per``.
    ``tune`` has the fields whose value is chosen for each cell, by the mean validation metric.
    ``metric`` and ``at`` default to those of the sweep. A cell is N/A if any, the majority or all
    of its trials diverged (``na_if``). ``spread`` is the standard deviation, the standard error of
    the mean, or half of its 95 % confidence interval (Student's t). ``mark`` sets which values of a
    row are marked, ``show_n`` whether complete cells show their number of seeds too. ``transpose``
    exchanges rows and columns afterwards. ``only`` has the values to keep by field. Each entry of
    ``exclude`` has the values by field of the cells to leave out. With ``provenance`` the caption
    shows the code version and the date.
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
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    transpose: bool = False
    only: PointValues = {}
    exclude: tuple[PointValues, ...] = ()
    title: str | None = None
    provenance: bool = True

    @property
    def axes(self) -> tuple[str, ...]:
        """The fields that identify a cell of the table."""
        return (self.rows, self.columns, *self.per)
