"""The fields of a trial of linear regression."""

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

    def in_small(self) -> dict[str, Any]:
        """Two steps."""
        return {"steps_per_epoch": min(self.steps_per_epoch, 2)}

    def steps_in_epoch(self, examples: int) -> int:
        """The steps between two records, whatever the number of examples."""
        return self.steps_per_epoch
