"""The fields of a trial that swings a pendulum up."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from adaloss.optimizer_names import is_named
from adaloss.tasks.trained_trial import HIDDEN, TrainedTrial
from adaloss.trial import FiniteFloat

SMOKE_STEPS = 8
SMOKE_PASSES = 2


class PendulumTrial(TrainedTrial):
    """A trial that swings a pendulum up: see :class:`~adaloss.tasks.trained_trial.TrainedTrial`.

    ``batch_size`` is the number of frames in each step's minibatch.
    """

    SETTINGS: ClassVar = frozenset(
        {"gamma", "gae_lambda", "clip_range", "value_weight", "entropy_weight", "initial_log_std"}
    )
    SAME_TIME: ClassVar = TrainedTrial.SAME_TIME | SETTINGS | {"rate_sees"}
    SAME_CODE: ClassVar = TrainedTrial.SAME_CODE | SETTINGS

    task: Literal["pendulum"]
    copies: Annotated[
        int, Field(ge=1, description="The number of pendulums that are simulated at once.")
    ] = 16
    rollout_steps: Annotated[
        int,
        Field(
            ge=2,
            description="Time steps of each copy in a roll-out, which has "
            "copies × rollout_steps frames.",
        ),
    ] = 128
    rollouts_per_epoch: Annotated[
        int, Field(ge=1, description="Roll-outs between two records.")
    ] = 5
    passes: Annotated[
        int, Field(ge=1, description="How often the optimizer goes over the frames of a roll-out.")
    ] = 10
    gamma: Annotated[
        FiniteFloat, Field(ge=0, le=1, description="The discount of a reward one time step later.")
    ] = 0.9
    gae_lambda: Annotated[
        FiniteFloat,
        Field(ge=0, le=1, description="λ of generalized advantage estimation."),
    ] = 0.95
    clip_range: Annotated[
        FiniteFloat,
        Field(gt=0, description="How far the ratio of probabilities may leave 1 and still count."),
    ] = 0.2
    value_weight: Annotated[
        FiniteFloat, Field(ge=0, description="The weight of the critic's loss in the joint loss.")
    ] = 0.5
    entropy_weight: Annotated[
        FiniteFloat, Field(ge=0, description="The weight of the policy's entropy as a bonus.")
    ] = 0.0
    hidden: Annotated[int, Field(ge=1, description=HIDDEN)] = 64
    initial_log_std: Annotated[
        FiniteFloat, Field(description="The logarithm of the policy's standard deviation at first.")
    ] = 0.0
    rate_sees: Annotated[
        Literal["joint", "actor", "critic"],
        Field(
            description="The loss that adaloss adds to b²; the gradient is always that of the "
            "joint loss."
        ),
    ] = "joint"

    @property
    def to_be_tried(self) -> bool:
        """Whether the optimizer is the user's own, or may refuse what its rate is to see."""
        return super().to_be_tried or (self.rate_sees != "joint" and is_named(self.optimizer))

    @property
    def frames_per_rollout(self) -> int:
        """The frames of a roll-out."""
        return self.copies * self.rollout_steps

    @property
    def steps_per_epoch(self) -> int:
        """The optimizer's steps of an epoch; the last minibatch of a pass may be smaller."""
        batches = -(-self.frames_per_rollout // self.batch_size)
        return self.rollouts_per_epoch * self.passes * batches

    def steps_in_epoch(self, examples: int) -> int:
        """The steps between two records: there are no examples."""
        return self.steps_per_epoch

    def in_small(self) -> dict[str, Any]:
        """One short roll-out."""
        return {
            "rollout_steps": min(self.rollout_steps, SMOKE_STEPS),
            "rollouts_per_epoch": 1,
            "passes": min(self.passes, SMOKE_PASSES),
        }
