"""A rate on any optimizer: golden against the equations, its limits, its state, its protocol."""

import copy
import math
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from adaloss.optim import AdaGradNorm, AdaLoss, PaperAdam, SGDConstant, SGDDecaySqrt
from adaloss.optim.rates import add_rate, b_of

STEPS = 25


def problem(seed=0, dtype=torch.float64):
    """A small regression: a model and a function that gives its loss."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(40, 5, generator=generator, dtype=dtype)
    targets = torch.randn(40, 2, generator=generator, dtype=dtype)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=dtype) / 3)
    return model, lambda: nn.functional.mse_loss(model(inputs), targets)


def train(model, loss_of, step, steps=STEPS):
    """Take steps; returns the losses."""
    losses = []
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = None
        loss = loss_of()
        loss.backward()
        step(loss)
        losses.append(float(loss.detach()))
    return losses


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def run_with_rate(build, rate, steps=STEPS, dtype=torch.float64, **hyperparameters):
    model, loss_of = problem(dtype=dtype)
    optimizer = add_rate(build(model.parameters()), rate, **hyperparameters)
    losses = train(model, loss_of, lambda loss: optimizer.step(loss=loss), steps)
    return model, losses, optimizer


def sgd(parameters, lr=0.5):
    return torch.optim.SGD(parameters, lr=lr)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.05, betas=(0.9, 0.99), weight_decay=0.1)


@pytest.mark.parametrize("c", [0.0, 0.3])
def test_adamw_with_adaloss_follows_the_equations(c):
    model, loss_of = problem()
    b_squared, alpha, lr, decay, eps = 0.25, 2.0, 0.05, 0.1, 1e-8
    w = [parameter.detach().clone() for parameter in model.parameters()]
    m, v = ([torch.zeros_like(x) for x in w] for _ in range(2))
    for t in range(1, STEPS + 1):
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), w, strict=True):
                parameter.copy_(value)
        loss = loss_of()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        b_squared += alpha * abs(float(loss.detach()) - c)
        step = lr / math.sqrt(b_squared)
        for i, g in enumerate(gradients):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.99 * v[i] + 0.01 * g**2
            unbiased = (v[i] / (1 - 0.99**t)).sqrt() + eps
            w[i] = w[i] * (1 - step * decay) - step * (m[i] / (1 - 0.9**t)) / unbiased
    expected = torch.cat([x.flatten() for x in w])
    trained, _, optimizer = run_with_rate(adamw, "adaloss", b0=0.5, alpha=alpha, c=c)
    torch.testing.assert_close(weights(trained), expected, rtol=1e-12, atol=1e-12)
    assert b_of(optimizer)[0] ** 2 == pytest.approx(b_squared, rel=1e-12)


@pytest.mark.parametrize(
    ("rate", "own"),
    [
        ("adaloss", AdaLoss),
        ("adagrad_norm", AdaGradNorm),
        ("decay_sqrt", SGDDecaySqrt),
        ("constant", SGDConstant),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_plain_sgd_it_is_the_papers_optimizer_to_the_bit(rate, own, dtype):
    model, loss_of = problem(dtype=dtype)
    optimizer = own(model.parameters(), lr=0.5, b0=0.7)
    train(model, loss_of, lambda loss: optimizer.step(loss=loss))
    with_rate, _, _ = run_with_rate(
        lambda p: torch.optim.SGD(p, lr=0.5, fused=True), rate, dtype=dtype, b0=0.7
    )
    assert torch.equal(weights(with_rate), weights(model))


@pytest.mark.parametrize("build", [sgd, adamw])
def test_without_growth_adaloss_is_constant(build):
    constant, _, _ = run_with_rate(build, "constant", b0=2.0)
    still, _, _ = run_with_rate(build, "adaloss", b0=2.0, alpha=0.0)
    assert torch.equal(weights(constant), weights(still))


@given(b0=st.floats(0.1, 10), alpha=st.floats(0.01, 10))
@settings(max_examples=20)
def test_losses_one_away_from_c_are_decay_sqrt(b0, alpha):
    models = []
    for rate in ("adaloss", "decay_sqrt"):
        model, loss_of = problem()
        optimizer = add_rate(sgd(model.parameters()), rate, b0=b0, alpha=alpha, c=3.0)
        train(model, loss_of, lambda _, o=optimizer: o.step(loss=4.0), steps=5)
        models.append(weights(model))
    torch.testing.assert_close(*models, rtol=1e-12, atol=1e-14)


def test_b_grows_by_the_losses():
    _, losses, optimizer = run_with_rate(adamw, "adaloss", b0=0.5, alpha=3.0, c=0.1)
    expected = 0.25 + 3.0 * sum(abs(loss - 0.1) for loss in losses)
    assert b_of(optimizer)[0] ** 2 == pytest.approx(expected, rel=1e-12)


def test_the_state_goes_on_where_it_was():
    whole, _, _ = run_with_rate(adamw, "adaloss", steps=20)
    model, _, optimizer = run_with_rate(adamw, "adaloss", steps=12)
    state, parameters = copy.deepcopy((optimizer.state_dict(), model.state_dict()))
    resumed, loss_of = problem()
    resumed.load_state_dict(parameters)
    other = add_rate(adamw(resumed.parameters()), "adaloss")
    other.load_state_dict(state)
    train(resumed, loss_of, lambda loss: other.step(loss=loss), steps=8)
    assert torch.equal(weights(resumed), weights(whole))


def test_a_state_without_the_rate_is_refused():
    model, _ = problem()
    with_rate = add_rate(adamw(model.parameters()))
    with pytest.raises(ValueError, match="without a rate"):
        with_rate.load_state_dict(adamw(model.parameters()).state_dict())


def test_schedulers_multiply_the_rate():
    model, loss_of = problem()
    optimizer = add_rate(sgd(model.parameters()), "constant", b0=2.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    before = weights(model)
    for factor in (1.0, 0.5):
        model.zero_grad()
        loss_of().backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        optimizer.step()
        scheduler.step()
        torch.testing.assert_close(weights(model), before - factor * 0.5 / 2 * gradient)
        before = weights(model)
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_a_closure_gives_the_loss_and_is_called_once():
    calls = []

    def step(model, loss_of):
        optimizer = add_rate(adamw(model.parameters()))

        def closure():
            calls.append(1)
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            return loss

        return [float(optimizer.step(closure).detach()) for _ in range(5)]

    model, loss_of = problem()
    losses = step(model, loss_of)
    expected, by_loss, _ = run_with_rate(adamw, "adaloss", steps=5)
    assert losses == by_loss
    assert torch.equal(weights(model), weights(expected))
    assert len(calls) == 5


def test_an_optimizer_that_computes_the_loss_again_is_refused():
    model, loss_of = problem()
    optimizer = add_rate(torch.optim.LBFGS(model.parameters()))

    def closure():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="more than once in a step"):
        optimizer.step(closure)


def test_a_step_that_fails_leaves_the_learning_rate():
    model, loss_of = problem()
    optimizer = add_rate(sgd(model.parameters()), b0=2.0)
    with pytest.raises(TypeError, match="needs the loss: write optimizer"):
        optimizer.step()
    loss_of().backward()
    optimizer.step(loss=1.0)
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_what_cannot_be_is_refused():
    model, _ = problem()
    with pytest.raises(ValueError, match="there is no rate 'fast'; the rates are constant"):
        add_rate(sgd(model.parameters()), "fast")
    with pytest.raises(ValueError, match="b0 must be above 0"):
        add_rate(sgd(model.parameters()), b0=0)
    with pytest.raises(ValueError, match="already has a rate"):
        add_rate(add_rate(sgd(model.parameters())))
    without_lr = sgd(model.parameters())
    del without_lr.param_groups[0]["lr"]
    with pytest.raises(ValueError, match="has no learning rate"):
        add_rate(without_lr)


def test_a_group_added_later_starts_from_b0():
    model, loss_of = problem()
    first, *others = model.parameters()
    optimizer = add_rate(sgd([first]), b0=2.0)
    optimizer.add_param_group({"params": others})
    train(model, loss_of, lambda loss: optimizer.step(loss=loss), steps=2)
    assert b_of(optimizer)[0] == b_of(optimizer)[1] > 2


def test_it_works_with_a_grad_scaler_and_a_compiled_model():
    model, loss_of = problem(dtype=torch.float32)
    optimizer = add_rate(adamw(model.parameters()))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    for _ in range(3):
        optimizer.zero_grad()
        loss = loss_of()
        scaler.scale(loss).backward()
        scaler.step(optimizer, loss=loss.detach())
        scaler.update()
    expected, _, _ = run_with_rate(adamw, "adaloss", steps=3, dtype=torch.float32)
    torch.testing.assert_close(weights(model), weights(expected))


@pytest.mark.parametrize("unscale", [False, True])
@pytest.mark.parametrize("rate", ["adaloss", "adagrad_norm", "decay_sqrt"])
@pytest.mark.parametrize("build", [torch.optim.SGD, torch.optim.AdamW])
def test_a_grad_scaler_leaves_the_rate_of_a_fused_optimizer_as_that_of_any(build, rate, unscale):
    found = []
    for fused in (False, True):
        model, loss_of = problem(dtype=torch.float32)
        optimizer = add_rate(build(model.parameters(), lr=0.1, fused=fused), rate)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for number in range(4):
            optimizer.zero_grad()
            loss = loss_of()
            scaler.scale(loss).backward()
            if number == 1:
                # The scaler skips this step.
                next(model.parameters()).grad[0] = math.inf
            if unscale:
                scaler.unscale_(optimizer)
            scaler.step(optimizer, loss=loss.detach())
            scaler.update()
        found.append((weights(model), b_of(optimizer)[0], optimizer.param_groups[0]["rate_steps"]))
    (plain, plain_b, plain_steps), (fused, fused_b, fused_steps) = found
    assert plain_steps == fused_steps == 3
    assert fused_b == pytest.approx(plain_b, rel=1e-5)
    torch.testing.assert_close(fused, plain)


def with_steps(optimizer, count):
    """Take steps on ½‖w‖²; returns the weights."""
    (parameter,) = optimizer.param_groups[0]["params"]
    for _ in range(count):
        parameter.grad = parameter.detach().clone()
        optimizer.step(loss=float(parameter.detach().square().sum() / 2))
    return parameter.detach()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@pytest.mark.parametrize("rate", ["constant", "adaloss", "adagrad_norm", "decay_sqrt"])
def test_a_copy_goes_on_when_it_gets_the_rate_again(rate, copied):
    whole, first = (
        add_rate(adamw([nn.Parameter(torch.tensor([3.0, -2.0]))]), rate, b0=0.5) for _ in range(2)
    )
    with_steps(first, 12)
    other = add_rate(copied(first), rate, b0=0.5)
    assert torch.equal(with_steps(other, 8), with_steps(whole, 20))
    assert b_of(other) == b_of(whole)
    with pytest.raises(ValueError, match="already has a rate"):
        add_rate(other, rate, b0=0.5)


class NoReadBack(TorchDispatchMode):
    """Raises where a value is read from a device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert "_local_scalar_dense" not in str(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("rate", ["adaloss", "adagrad_norm", "decay_sqrt"])
def test_a_step_reads_no_value_back(rate):
    model, loss_of = problem()
    optimizer = add_rate(torch.optim.SGD(model.parameters(), lr=0.1), rate)
    loss = loss_of()
    loss.backward()
    with NoReadBack():
        optimizer.step(loss=loss)


def test_paper_adam_has_epsilon_inside_the_root():
    model, loss_of = problem()
    lr, eps = 0.05, 0.01
    w = [parameter.detach().clone() for parameter in model.parameters()]
    m, v = ([torch.zeros_like(x) for x in w] for _ in range(2))
    for t in range(1, STEPS + 1):
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), w, strict=True):
                parameter.copy_(value)
        for i, g in enumerate(torch.autograd.grad(loss_of(), list(model.parameters()))):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.99 * v[i] + 0.01 * g**2
            w[i] = w[i] - lr * (m[i] / (1 - 0.9**t)) / (v[i] / (1 - 0.99**t) + eps).sqrt()
    trained, loss_of = problem()
    optimizer = PaperAdam(trained.parameters(), lr=lr, eps=eps)
    train(trained, loss_of, lambda _: optimizer.step())
    expected = torch.cat([x.flatten() for x in w])
    torch.testing.assert_close(weights(trained), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("b0", [0.1, 1.0, 10.0, 400.0])
def test_the_pseudo_codes_reading_of_adamloss_is_ours_from_the_root_of_b0(b0):
    ours, _, _ = run_with_rate(lambda p: PaperAdam(p, lr=0.1), "adaloss", b0=math.sqrt(b0))
    model, loss_of = problem()
    optimizer = PaperAdam(model.parameters(), lr=0.1)
    b = b0

    def step(loss):
        nonlocal b
        b += abs(float(loss.detach()))
        optimizer.param_groups[0]["lr"] = 0.1 / math.sqrt(b)
        optimizer.step()

    train(model, loss_of, step)
    torch.testing.assert_close(weights(ours), weights(model), rtol=1e-12, atol=1e-14)


def test_paper_adam_refuses_what_is_out_of_range():
    with pytest.raises(ValueError, match="betas in"):
        PaperAdam(problem()[0].parameters(), betas=(0.9, 1.0))


def test_gradients_that_are_differentiated_again_have_the_same_norm():
    found = []
    for create_graph in (False, True):
        model, loss_of = problem()
        optimizer = add_rate(sgd(model.parameters()), "adagrad_norm")
        parameters = list(model.parameters())
        gradients = torch.autograd.grad(loss_of(), parameters, create_graph=create_graph)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
        found.append(b_of(optimizer))
    assert found[0] == found[1]
