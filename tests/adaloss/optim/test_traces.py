"""Whole runs repeat the golden traces, and those of the official implementation if available."""

import json
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from adaloss.optim import OPTIMIZERS, build_optimizer

from .make_golden import GOLDEN, NAMES, trace
from .problem import initial_weights, loss_at
from .reference import DEFAULTS

GOLDEN_TRACES = json.loads(GOLDEN.read_text())
OFFICIAL = "ADALOSS_OFFICIAL_TRACES"
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def label(entry: dict) -> str:
    return f"{entry['name']}-momentum{entry['momentum']}"


def as_tensor(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_golden_traces_cover_every_optimizer():
    assert set(NAMES) == set(OPTIMIZERS) == {entry["name"] for entry in GOLDEN_TRACES}


@pytest.mark.parametrize("entry", GOLDEN_TRACES, ids=label)
def test_a_run_repeats_the_golden_trace(entry):
    weights = [w.requires_grad_() for w in initial_weights()]
    optimizer = build_optimizer(entry["name"], weights, **{k: entry[k] for k in DEFAULTS})
    losses, rates = [], []
    for step in range(len(entry["losses"])):
        optimizer.zero_grad()
        loss = loss_at(weights, step)
        loss.backward()
        losses.append(float(optimizer.step(loss=loss).detach()))
        rates += optimizer.rates()
    torch.testing.assert_close(as_tensor(losses), as_tensor(entry["losses"]), **CLOSE)
    if None in entry["rates"]:
        assert rates == entry["rates"]
    else:
        torch.testing.assert_close(as_tensor(rates), as_tensor(entry["rates"]), **CLOSE)
    for w, final in zip(weights, entry["final"], strict=True):
        torch.testing.assert_close(w.detach().flatten(), as_tensor(final), **CLOSE)


@pytest.mark.parametrize("entry", GOLDEN_TRACES, ids=label)
def test_the_reference_repeats_the_golden_trace(entry):
    again = trace(entry["name"], {name: entry[name] for name in DEFAULTS})
    torch.testing.assert_close(as_tensor(again["losses"]), as_tensor(entry["losses"]), **CLOSE)
    for w, final in zip(again["final"], entry["final"], strict=True):
        torch.testing.assert_close(as_tensor(w), as_tensor(final), **CLOSE)


def network(kind: str, initial: dict[str, Tensor]) -> nn.Module:
    """The networks of the official traces, with the sizes of their initial weights."""
    if kind == "mlp":
        (hidden, inputs), (classes, _) = initial["0.weight"].shape, initial["2.weight"].shape
        layers = [nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes)]
    elif kind == "conv":
        channels, inputs, kernel, _ = initial["0.weight"].shape
        classes, features = initial["4.weight"].shape
        layers = [
            nn.Conv2d(inputs, channels, kernel),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(features, classes),
        ]
    else:
        pytest.fail(f"official traces of an unknown kind of network: {kind!r}")
    model = nn.Sequential(*layers).double()
    model.load_state_dict(initial)
    return model


def test_every_official_trace_is_reproduced(subtests):
    if OFFICIAL not in os.environ:
        pytest.skip(f"{OFFICIAL} names no file with traces of the official implementation")
    for number, entry in enumerate(json.loads(Path(os.environ[OFFICIAL]).read_text())):
        with subtests.test(number=number, kind=entry["kind"], method=entry["method"]):
            repeat_official_run(entry)


def repeat_official_run(entry: dict) -> None:
    initial = {name: as_tensor(values) for name, values in entry["initial_state"].items()}
    model = network(entry["kind"], initial)
    optimizer = build_optimizer(
        entry["method"], model.parameters(), **{name: entry[name] for name in DEFAULTS}
    )
    losses, rates = [], []
    for inputs, targets in zip(entry["inputs"], entry["targets"], strict=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(as_tensor(inputs)), torch.tensor(targets))
        loss.backward()
        optimizer.step(loss=loss)
        losses.append(float(loss.detach()))
        rates += optimizer.rates()
    torch.testing.assert_close(as_tensor(losses), as_tensor(entry["losses"]), **CLOSE)
    for ours, theirs in zip(rates, entry["rates"], strict=True):
        assert theirs is None or ours == pytest.approx(theirs, rel=1e-12, abs=1e-12)
    final = model.state_dict()
    for name, values in entry["final_state"].items():
        torch.testing.assert_close(final[name].double(), as_tensor(values), **CLOSE)
