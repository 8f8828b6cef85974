"""The metrics of a two-layer network."""

from adaloss.tasks.metric import EFFECTIVE_LR, SECONDS, B, Metric
from adaloss.tasks.regression.metrics import OBJECTIVE

MOVED = Metric(name="moved", words="largest distance of a neuron from its start", logarithmic=True)
LAMBDA_0 = Metric(name="lambda_0", words="smallest eigenvalue of H∞", logarithmic=True)
H_NORM = Metric(name="h_norm", words="largest eigenvalue of H∞", logarithmic=True)

TWO_LAYER_METRICS = (OBJECTIVE, B, EFFECTIVE_LR, MOVED, LAMBDA_0, H_NORM, SECONDS)
