"""The metrics of a pendulum that is swung up."""

from adaloss.tasks.metric import EFFECTIVE_LR, SECONDS, B, Metric

RETURN = Metric(
    name="return",
    words="return of the greedy policy",
    heading="return",
    goal="maximize",
    decimals=1,
)
"""The mean over the starts of the evaluation."""
WORST_RETURN = Metric(
    name="worst_return", words="worst return of the greedy policy", goal="maximize", decimals=1
)
TRAIN_RETURN = Metric(
    name="train_return", words="return while training", goal="maximize", optional=True, decimals=1
)
"""Of the episodes that ended in the epoch; None where none did."""
JOINT_LOSS = Metric(name="joint_loss", words="joint loss", goal="minimize")
ACTOR_LOSS = Metric(name="actor_loss", words="loss of the actor", goal="minimize")
CRITIC_LOSS = Metric(
    name="critic_loss", words="loss of the critic", goal="minimize", logarithmic=True
)
FRAMES = Metric(name="frames", words="frames", decimals=0)

PENDULUM_METRICS = (
    RETURN, WORST_RETURN, TRAIN_RETURN, JOINT_LOSS, ACTOR_LOSS, CRITIC_LOSS, B, EFFECTIVE_LR,
    FRAMES, SECONDS,
)  # fmt: skip
