"""What a results table shows: an entry of a grid's ``tables:``."""

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
    raise PydanticCustomError("wanted", "{wanted}", {"wanted": "last, best_val or epoch N"})


def epoch_of(at: str) -> int | None:
    """The N of ``epoch N``, None of ``last`` and ``best_val``."""
    found = EPOCH.fullmatch(at)
    return int(found[1]) if found else None


def listed(value: Any) -> Any:
    """One name, several or none as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


At = Annotated[str, BeforeValidator(valid_at)]
"""The epoch that a number is of: the last, the best by validation accuracy, or the N-th."""

PointValues = Mapping[str, tuple[Any, ...]]
"""The values of each field that single out cells."""


class TableSpec(BaseModel):
    """One table per value of ``per``: ``rows`` × ``columns`` of mean±spread over the seeds.

    ``rows``, ``columns`` and ``per`` name fields of a trial, ``per`` any number of them; ``metric``
    and ``at`` default to the sweep's. ``na_if`` says when a cell is N/A: if any, most or all of its
    trials diverged. ``spread`` is the standard deviation, the standard error of the mean, or half
    of its 95 % confidence interval (Student's t). ``mark`` says what stands out among a row's
    columns, ``show_n`` whether complete cells tell their number of seeds too. ``transpose`` turns
    the table over after that. ``only`` has the values to keep by field, ``exclude`` the cells to
    leave out, each as the values by field that they all have. With ``provenance`` the caption tells
    the code version and the date.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: str = "b0"
    columns: str = "optimizer"
    per: Annotated[tuple[str, ...], BeforeValidator(listed)] = ("model",)
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
        """The fields that a cell is found by."""
        return (self.rows, self.columns, *self.per)
