"""Regenerate the golden traces from the reference: `python -m tests.optim.make_golden`."""

import json
from itertools import product
from pathlib import Path

from .problem import initial_weights, loss_and_gradients
from .reference import DEFAULTS, Reference

GOLDEN = Path(__file__).parents[2] / "golden" / "optim_traces.json"
STEPS = 10
NAMES = ("adaloss", "adagrad_norm", "adagrad_norm_rowwise", "sgd_constant", "sgd_decay_sqrt")
SETTINGS = (
    {},
    {"lr": 0.3, "b0": 0.5, "alpha": 0.7, "c": 0.4, "momentum": 0.9, "weight_decay": 0.02},
)


def trace(name: str, settings: dict[str, float]) -> dict[str, object]:
    """One run of the reference on the small problem."""
    run = Reference(name, [initial_weights()], [settings])
    losses, rates = [], []
    for step in range(STEPS):
        loss, gradients = loss_and_gradients(run.weights[0], step)
        rates.append(run.step(loss, [gradients])[0])
        losses.append(loss)
    final = [w.flatten().tolist() for w in run.weights[0]]
    hyperparameters = {**DEFAULTS, **settings}
    return {"name": name, **hyperparameters, "losses": losses, "rates": rates, "final": final}


if __name__ == "__main__":
    traces = [trace(name, settings) for name, settings in product(NAMES, SETTINGS)]
    lines = ",\n".join(json.dumps(entry) for entry in traces)
    GOLDEN.write_text(f"[\n{lines}\n]\n")
