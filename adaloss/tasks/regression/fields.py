"""The fields of a trial of linear regression."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from adaloss.tasks.trained_trial import TrainedTrial


class RegressionTrial(TrainedTrial):
    """A trial of linear regression: see :class:`~adaloss.tasks.trained_trial.TrainedTrial`."""

    task: Literal["linear_regression"]
    rows: Annotated[int, Field(ge=1, description="The number of equations, rows of X.")] = 200
    dimensions: Annotated[int, Field(ge=1, description="The number of unknowns, columns of X.")] = (
        20
    )
    steps_per_epoch: Annotated[int, Field(ge=1, description="Steps between two records.")] = 50

    @property
    def without_effect(self) -> Mapping[str, str]:
        """Every batch size from the number of rows on, which is the full gradient."""
        return {"batch_size": f"there are {self.rows} rows"} if self.batch_size >= self.rows else {}

    def in_small(self) -> dict[str, Any]:
        """Two steps."""
        return {"steps_per_epoch": min(self.steps_per_epoch, 2)}

    def steps_in_epoch(self, examples: int) -> int:
        """The steps between two records, whatever the number of examples."""
        return self.steps_per_epoch
