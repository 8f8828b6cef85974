"""The metrics of linear regression."""

from adaloss.tasks.metric import EFFECTIVE_LR, SECONDS, B, Metric

OBJECTIVE = Metric(
    name="objective", words="half of the squared residual", goal="minimize", logarithmic=True
)
DISTANCE = Metric(
    name="distance", words="squared distance to the solution", goal="minimize", logarithmic=True
)
RELATIVE_B = Metric(
    name="relative_b", words="b relative to lr·λ₁/2", logarithmic=True, optional=True
)

REGRESSION_METRICS = (OBJECTIVE, DISTANCE, B, RELATIVE_B, EFFECTIVE_LR, SECONDS)
