"""Mathematical properties of the methods, for any losses and hyperparameters."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adaloss.optim import AdaGradNorm, AdaLoss, SGDConstant, SGDDecaySqrt

from .paths import FULL, random_weights, run, set_gradients

losses = st.lists(st.floats(0, 100), min_size=1, max_size=8)
positive = st.floats(0.01, 100)
some = settings(max_examples=40)


def quadratic_run(optimizer_class, losses, **hyperparameters):
    """Weights after a step per loss on ½‖w‖²."""
    w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([w], **hyperparameters)
    for loss in losses:
        w.grad = w.detach().clone()
        optimizer.step(loss=loss)
    return w.detach(), optimizer


@given(losses=losses, b0=positive, momentum=st.floats(0, 0.99), weight_decay=st.floats(0, 0.1))
@some
def test_alpha_0_is_sgd_constant(losses, b0, momentum, weight_decay):
    shared = {"b0": b0, "momentum": momentum, "weight_decay": weight_decay}
    ours, _ = quadratic_run(AdaLoss, losses, alpha=0.0, **shared)
    constant, _ = quadratic_run(SGDConstant, losses, **shared)
    decaying, _ = quadratic_run(SGDDecaySqrt, losses, alpha=0.0, **shared)
    assert torch.equal(ours, constant)
    assert torch.equal(decaying, constant)


@given(
    signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=1, max_size=8),
    b0=positive,
    alpha=st.floats(0, 10),
    c=st.integers(-3, 3),
)
@some
def test_a_loss_1_away_from_c_is_sgd_decay_sqrt(signs, b0, alpha, c):
    losses = [c + sign for sign in signs]
    ours, _ = quadratic_run(AdaLoss, losses, b0=b0, alpha=alpha, c=c)
    decaying, _ = quadratic_run(SGDDecaySqrt, losses, b0=b0, alpha=alpha)
    torch.testing.assert_close(ours, decaying, rtol=1e-12, atol=1e-12)


@given(losses=losses, b0=positive, alpha=st.floats(0, 10), c=st.floats(-5, 5))
@some
def test_b_squared_is_b0_squared_plus_alpha_times_the_losses(losses, b0, alpha, c):
    _, optimizer = quadratic_run(AdaLoss, losses, b0=b0, alpha=alpha, c=c)
    total = b0**2 + alpha * math.fsum(abs(loss - c) for loss in losses)
    assert optimizer.b() == [pytest.approx(math.sqrt(total), rel=1e-13)]
    assert optimizer.rates() == [1 / optimizer.b()[0]]


@given(losses=losses, b0=positive, alpha=st.floats(0, 10))
@some
def test_b_never_decreases(losses, b0, alpha):
    for optimizer_class in (AdaLoss, AdaGradNorm):
        w = torch.ones(3, requires_grad=True)
        extra = {"alpha": alpha} if optimizer_class is AdaLoss else {}
        optimizer = optimizer_class([w], b0=b0, **extra)
        history = [optimizer.b()[0]]
        assert history == [b0]
        for loss in losses:
            w.grad = torch.full_like(w, loss)
            optimizer.step(loss=loss)
            history += optimizer.b()
        assert history == sorted(history)


@given(order=st.permutations(range(6)), groups=st.integers(1, 3), cut=st.integers(1, 32))
@some
def test_adagrad_norm_does_not_depend_on_how_weights_are_split_or_ordered(order, groups, cut):
    def flat(values):
        return torch.cat([v.detach().flatten() for v in values])

    shapes = [(5, 3), (5,), (4, 2, 3, 3), (2,), (1, 3, 2), (33,)]
    whole = random_weights(shapes=shapes)
    split = [w.detach().clone() for w in whole]
    split[-1:] = split[-1].split(cut)  # the last one in pieces
    order = [*order[:5], *range(len(split))]
    order = list(dict.fromkeys(order))
    optimizer = AdaGradNorm(whole, lr=0.1, momentum=0.9)
    chosen = [split[i] for i in order]
    parts = AdaGradNorm(
        [{"params": chosen[i::groups]} for i in range(groups)], lr=0.1, momentum=0.9
    )
    for step in range(3):
        pieces = [g.clone() for g in set_gradients(whole, step)]
        pieces[-1:] = pieces[-1].split(cut)
        for piece, grad in zip(split, pieces, strict=True):
            piece.grad = grad
        optimizer.step()
        parts.step()
    torch.testing.assert_close(flat(split), flat(whole), rtol=1e-12, atol=1e-12)
    assert parts.b() == [pytest.approx(optimizer.b()[0], rel=1e-12)] * groups


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_without_scaling_it_is_torch_sgd(dtype):
    """b0 = 1 leaves the gradient unchanged, so weight decay and momentum are PyTorch's."""
    shared = {"lr": FULL["lr"], "momentum": 0.9, "weight_decay": 0.05}
    ours, theirs = random_weights(dtype=dtype), random_weights(dtype=dtype)
    run(SGDConstant(ours, b0=1.0, **shared), ours, range(5))
    sgd = torch.optim.SGD(theirs, **shared)
    for step in range(5):
        set_gradients(theirs, step)
        sgd.step()
    torch.testing.assert_close(ours, theirs)
