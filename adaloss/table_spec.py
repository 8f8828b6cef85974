"""What a results table shows: an entry of a grid's ``tables:``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NaIf = Literal["any", "majority", "all"]
At = Literal["last", "best_val"]


class TableSpec(BaseModel):
    """One table per value of ``per``: ``rows`` × ``columns`` of mean±std over the seeds.

    ``rows``, ``columns`` and ``per`` name fields of a trial; ``metric`` and ``at`` default to the
    sweep's. ``na_if`` says when a cell is N/A: if any, most or all of its trials diverged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: str = "b0"
    columns: str = "optimizer"
    per: str | None = "model"
    metric: str | None = None
    at: At | None = None
    na_if: NaIf = "any"
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    title: str | None = None
