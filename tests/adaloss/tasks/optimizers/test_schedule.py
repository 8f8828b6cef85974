"""The learning rate over the steps equals torch's own schedulers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adaloss.tasks.optimizers.schedule import lr_factor, warmup_steps

STEPS = 50
SCHEDULES = ("constant", "cosine", "linear", "sqrt", "wsd")


def of_torch(build, steps=STEPS):
    """The factors that one of torch's schedulers gives."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = build(optimizer)
    factors = []
    for _ in range(steps):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


def factors(schedule, warmup=0.0, steps=STEPS):
    return [lr_factor(schedule, step, steps=steps, warmup=warmup) for step in range(steps)]


def test_cosine_is_torchs():
    expected = of_torch(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=STEPS))
    assert factors("cosine") == pytest.approx(expected, rel=1e-9)


def test_linear_is_torchs():
    expected = of_torch(
        lambda o: torch.optim.lr_scheduler.LinearLR(
            o, start_factor=1.0, end_factor=0.0, total_iters=STEPS
        )
    )
    assert factors("linear") == pytest.approx(expected, rel=1e-9)


def test_warmup_and_cosine_are_torchs_in_sequence():
    def build(optimizer):
        schedulers = torch.optim.lr_scheduler
        rise = schedulers.LinearLR(optimizer, start_factor=1 / 11, total_iters=10)
        fall = schedulers.CosineAnnealingLR(optimizer, T_max=STEPS - 10)
        return schedulers.SequentialLR(optimizer, [rise, fall], milestones=[10])

    assert factors("cosine", warmup=10) == pytest.approx(of_torch(build), rel=1e-9)
    assert factors("cosine", warmup=0.2) == factors("cosine", warmup=10)


def test_the_inverse_root_falls_from_the_end_of_the_warmup():
    found = factors("sqrt", warmup=10)
    assert found[10] == 1.0
    assert found[40] == pytest.approx(math.sqrt(10 / 40))


def test_wsd_is_stable_and_then_falls_over_the_last_fifth():
    found = factors("wsd", warmup=5)
    assert found[5:41] == [1.0] * 36
    assert found[45] == pytest.approx(0.5)


@given(
    schedule=st.sampled_from(SCHEDULES),
    steps=st.integers(1, 300),
    warmup=st.one_of(st.floats(0, 0.99), st.integers(1, 400).map(float)),
)
def test_a_factor_is_above_0_and_at_most_1(schedule, steps, warmup):
    found = factors(schedule, warmup, steps)
    assert all(0 < factor <= 1 for factor in found)
    first = warmup_steps(warmup, steps)
    rising, rest = found[:first], found[first:]
    assert rising == sorted(rising)
    assert rest == sorted(rest, reverse=True)
