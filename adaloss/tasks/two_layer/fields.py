"""The fields of a trial of a two-layer network."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from adaloss.optimizer_names import is_named, rate_of
from adaloss.tasks.trained_trial import TrainedTrial


class TwoLayerTrial(TrainedTrial):
    """A trial of a two-layer network: see :class:`~adaloss.tasks.trained_trial.TrainedTrial`."""

    SAME_TIME: ClassVar = TrainedTrial.SAME_TIME | {"accumulates"}

    task: Literal["two_layer_net"]
    rows: Annotated[int, Field(ge=1, description="The number of examples, rows of X.")] = 20
    dimensions: Annotated[int, Field(ge=1, description="The number of inputs, columns of X.")] = 20
    width: Annotated[int, Field(ge=1, description="The number of hidden neurons.")] = 1000
    steps_per_epoch: Annotated[int, Field(ge=1, description="Steps between two records.")] = 50
    accumulates: Annotated[
        Literal["squared", "norm"],
        Field(
            description="What adaloss adds to b² besides alpha: half of the squared residual "
            "(squared), or the residual's norm."
        ),
    ] = "squared"

    @property
    def accumulates_norm(self) -> bool:
        """Whether b² sees the residual's norm; others that take the loss want the loss itself."""
        named = is_named(self.optimizer)
        rate = rate_of(self.optimizer, self.rate) if named else self.optimizer
        return self.accumulates == "norm" and rate == "adaloss"

    @property
    def without_effect(self) -> Mapping[str, str]:
        """What is accumulated where nothing is, and every batch size from the number of rows on."""
        norm = self.model_copy(update={"accumulates": "norm"})
        unused = {} if norm.accumulates_norm else {"accumulates": f"{self.optimizer} ignores it"}
        whole = {"batch_size": f"there are {self.rows} rows"}
        return unused | (whole if self.batch_size >= self.rows else {})

    @property
    def to_be_tried(self) -> bool:
        """Whether the optimizer is the user's own, or may refuse what its rate is to see."""
        return super().to_be_tried or (self.accumulates == "norm" and is_named(self.optimizer))

    def in_small(self) -> dict[str, Any]:
        """Two steps."""
        return {"steps_per_epoch": min(self.steps_per_epoch, 2)}

    def steps_in_epoch(self, examples: int) -> int:
        """The steps between two records, whatever the number of examples."""
        return self.steps_per_epoch
