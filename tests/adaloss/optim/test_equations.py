"""The fast update follows the equations for every optimizer, dtype, layout and code path."""

import pytest
import torch

from adaloss.optim import AdaLoss, SGDConstant, build_optimizer
from adaloss.optim.gradients import device_squared_norm, gather, host_squared_norm
from adaloss.optim.update import scaled

from .paths import (
    FULL,
    NAME_AND_PATH,
    NAMES,
    PATHS,
    PLAIN,
    SHAPES,
    assert_follows_reference,
    loss_of,
    random_weights,
    set_gradients,
)
from .reference import Reference

# Five steps, each of which rounds the weights and with momentum the buffers to the dtype.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.float16: 5e-3, torch.bfloat16: 5e-2}
SETTINGS = {
    "plain": PLAIN,
    "weight_decay": {**PLAIN, "weight_decay": 0.05},
    "momentum": {**PLAIN, "momentum": 0.9},
    "all": FULL,
    "large_b0": {**FULL, "b0": 2e4},  # a rate too small to fold into the kernel with momentum
}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("name", "path"), NAME_AND_PATH)
def test_the_update_follows_the_equations(name, settings, dtype, path):
    tolerance = TOLERANCE[dtype]
    assert_follows_reference(
        name,
        random_weights(dtype=dtype),
        SETTINGS[settings],
        rtol=tolerance,
        atol=tolerance,
        path=path,
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", NAMES)
def test_the_update_on_a_gpu_follows_the_equations(name, settings, dtype):
    tolerance = TOLERANCE[dtype]
    assert_follows_reference(
        name,
        [w.detach().cuda().requires_grad_() for w in random_weights(dtype=dtype)],
        SETTINGS[settings],
        rtol=tolerance,
        atol=tolerance,
        loss=lambda step: torch.tensor(loss_of(step), dtype=torch.float64, device="cuda"),
    )


@pytest.mark.parametrize(("name", "path"), NAME_AND_PATH)
def test_memory_layouts_may_differ(name, path):
    """Channels-last weights, gradients of another layout, views with gaps."""
    weights = [
        torch.randn(4, 3, 5, 5, dtype=torch.float64).to(memory_format=torch.channels_last),
        torch.randn(4, 3, 5, 5, dtype=torch.float64),
        torch.randn(6, 8, dtype=torch.float64)[:, ::2],
        torch.randn(6, 8, dtype=torch.float64).t(),
        torch.randn(7, 4, 1, 1, dtype=torch.float64).to(memory_format=torch.channels_last),
    ]

    def gradients(weights, step):
        set_gradients(weights, step)
        weights[1].grad = weights[1].grad.to(memory_format=torch.channels_last)
        weights[2].grad = weights[2].grad.t().contiguous().t()
        return [w.grad for w in weights]

    assert_follows_reference(
        name,
        [w.requires_grad_() for w in weights],
        FULL,
        path=path,
        gradients=gradients,
    )


@pytest.mark.parametrize(("name", "path"), NAME_AND_PATH)
def test_one_group_may_mix_dtypes(name, path):
    weights = random_weights(1, SHAPES[:2]) + random_weights(2, SHAPES[:4], torch.float32)
    assert_follows_reference(name, weights, FULL, rtol=1e-5, atol=1e-5, path=path)


@pytest.mark.parametrize(("name", "path"), NAME_AND_PATH)
def test_a_weight_without_gradient_does_not_change(name, path):
    """A weight may be frozen at first, for a while, or always. Its momentum does not change."""

    def gradients(weights, step):
        set_gradients(weights, step)
        weights[0].grad = None
        if step < 2:
            weights[1].grad = None
        if step == 3:
            weights[2].grad = None
        return [w.grad for w in weights]

    weights = random_weights()
    frozen = weights[0].detach().clone()
    assert_follows_reference(name, weights, FULL, path=path, gradients=gradients)
    assert torch.equal(weights[0], frozen)


@pytest.mark.parametrize(("name", "path"), NAME_AND_PATH)
def test_groups_have_their_own_hyperparameters(name, path):
    first, second = random_weights(1), random_weights(2)
    other = {"lr": 0.02, "b0": 0.5, "alpha": 2.0, "c": 0.9, "momentum": 0.0, "weight_decay": 0.0}
    optimizer = build_optimizer(name, [{"params": first}, {"params": second, **other}], **FULL)
    reference = Reference(name, [first, second], [FULL, other])
    PATHS[path](optimizer)
    for step in range(5):
        gradients = [set_gradients(first, step), set_gradients(second, 50 + step)]
        rates = reference.step(loss_of(step), gradients)
        optimizer.step(loss=loss_of(step))
        assert optimizer.rates() == [rate and pytest.approx(rate, rel=1e-12) for rate in rates]
    for weights, expected in zip((first, second), reference.weights, strict=True):
        for w, e in zip(weights, expected, strict=True):
            torch.testing.assert_close(w.detach(), e, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("error")
def test_schedulers_change_lr_between_steps(name):
    weights = random_weights()
    optimizer = build_optimizer(name, weights, **FULL)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    reference = Reference(name, [weights], [FULL])
    for step in range(4):
        reference.settings[0]["lr"] = FULL["lr"] * 0.5**step
        reference.step(loss_of(step), [set_gradients(weights, step)])
        optimizer.step(loss=loss_of(step))
        scheduler.step()
    for w, expected in zip(weights, reference.weights[0], strict=True):
        torch.testing.assert_close(w.detach(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_the_norm_is_the_same_on_every_path(dtype):
    weights = random_weights(dtype=dtype)
    exact = sum(float(g.double().square().sum()) for g in set_gradients(weights, 0))
    (batch,) = gather(weights)
    assert host_squared_norm(batch) == pytest.approx(exact, rel=1e-6)
    assert float(device_squared_norm(batch)) == pytest.approx(exact, rel=1e-6)


def test_the_norm_does_not_overflow_with_float32():
    w = torch.zeros(3, requires_grad=True)
    w.grad = torch.full((3,), 1e30)
    assert host_squared_norm(gather([w])[0]) == pytest.approx(3e60, rel=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("b0", [1e-10, 1e-3, 1e3, 1e5, 1e10])
def test_small_and_large_rates_keep_all_their_digits(b0, momentum):
    """The weights start at 0, so that no larger number hides the digits that a step loses."""
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = SGDConstant([w], lr=1.0, b0=b0, momentum=momentum)
    for _ in range(2):
        w.grad = torch.tensor([1.0, -3.0, 0.1], dtype=torch.float64)
        optimizer.step()
    expected = -(2 + momentum) * w.grad / b0
    torch.testing.assert_close(w.detach(), expected, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_a_rate_on_the_device_is_not_rounded_to_half_precision(dtype):
    weights = random_weights(dtype=dtype)
    set_gradients(weights, 0)
    (batch,) = gather(weights)
    rate = torch.tensor(0.1, dtype=torch.float64)
    wide = torch.promote_types(dtype, torch.float32)
    for direction, grad in zip(scaled(batch, rate), batch.grads, strict=True):
        assert torch.equal(direction, (grad.to(wide) * rate.to(wide)).to(dtype))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e300, 1e-300])
def test_extreme_losses_do_what_the_equations_say(loss, path, momentum):
    """The rate is nan, 0 or close to 0: nan spreads, and weight decay still applies."""
    w = torch.tensor([1.0, -2.0, 3.0, 4.0], dtype=torch.float64, requires_grad=True)
    optimizer = AdaLoss([w], lr=0.5, b0=1e-100, weight_decay=0.1, momentum=momentum)
    PATHS[path](optimizer)
    w.grad = torch.tensor([1.0, float("inf"), float("nan"), 0.0], dtype=torch.float64)
    before, grad = w.detach().clone(), w.grad.clone()
    optimizer.step(loss=loss)
    rate = 1 / torch.tensor(1e-200 + loss, dtype=torch.float64).sqrt()
    expected = before - 0.5 * (rate * grad + 0.1 * before)
    torch.testing.assert_close(w.detach(), expected, rtol=1e-12, atol=0.0, equal_nan=True)
