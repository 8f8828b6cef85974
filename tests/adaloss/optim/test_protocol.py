"""The protocol of `step`, the checks of arguments, and their error messages."""

import inspect
import math
import pydoc
import re

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from adaloss.optim import OPTIMIZERS, AdaLoss, build_optimizer

from .paths import (
    ACCUMULATING,
    FULL,
    NAME_AND_PATH,
    NAMES,
    PATHS,
    PLAIN,
    keep_state_in_tensors,
    loss_of,
    random_weights,
    run,
    set_gradients,
)

BAD_VALUES = [
    ("lr", -0.1),
    ("lr", math.inf),
    ("lr", math.nan),
    ("b0", 0.0),
    ("b0", -1.0),
    ("b0", math.inf),
    ("b0", math.nan),
    ("b0", 1e-200),  # its square is 0
    ("b0", 1e200),  # its square is inf
    ("alpha", -1.0),
    ("alpha", math.inf),
    ("c", math.nan),
    ("c", -math.inf),
    ("momentum", -0.1),
    ("momentum", 1.0),
    ("weight_decay", -1e-4),
    ("weight_decay", math.nan),
]
HAVING = [
    pytest.param(name, argument, value, id=f"{name}-{argument}-{value}")
    for name in NAMES
    for argument, value in BAD_VALUES
    if argument in OPTIMIZERS[name].arguments
]


class NoReadBack(TorchDispatchMode):
    """Fails on the operation behind `.item()`, `float(tensor)` and the like."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default, "a value was read back"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("settings", [PLAIN, FULL], ids=["plain", "all"])
@pytest.mark.parametrize(("name", "path"), NAME_AND_PATH)
def test_step_reads_nothing_back_and_leaves_gradients_alone(name, settings, dtype, path):
    weights = random_weights(dtype=dtype)
    optimizer = build_optimizer(name, weights, **settings)
    PATHS[path](optimizer)
    for step in range(2):
        gradients = set_gradients(weights, step)
        before = [g.clone() for g in gradients]
        with NoReadBack():
            optimizer.step(loss=torch.tensor(1.5, dtype=dtype, requires_grad=True))
        for w, g, expected in zip(weights, gradients, before, strict=True):
            assert w.grad is g
            assert torch.equal(g, expected)


def test_the_read_back_guard_works():
    with NoReadBack(), pytest.raises(AssertionError, match="read back"):
        torch.tensor(1.5).item()


@pytest.mark.parametrize("name", NAMES)
def test_a_closure_is_the_same_as_a_loss(name):
    with_loss, with_closure = random_weights(shapes=[(3,)]), random_weights(shapes=[(3,)])
    first = build_optimizer(name, with_loss, **FULL)
    second = build_optimizer(name, with_closure, **FULL)

    def closure():
        second.zero_grad()
        loss = with_closure[0].square().sum()
        loss.backward()
        return loss

    for _ in range(3):
        first.zero_grad()
        loss = with_loss[0].square().sum()
        loss.backward()
        assert first.step(loss=loss) is loss
        assert torch.equal(second.step(closure), loss)
    assert torch.equal(with_loss[0], with_closure[0])


@pytest.mark.parametrize(
    "loss",
    [1.5, torch.tensor(1.5), torch.tensor(1.5).bfloat16(), torch.tensor(1.5, requires_grad=True)],
    ids=["number", "float32", "bfloat16", "with_graph"],
)
def test_any_scalar_is_a_loss(loss):
    optimizer = AdaLoss(random_weights(), b0=1.0)
    assert optimizer.step(loss=loss) is loss
    assert optimizer.b() == [math.sqrt(2.5)]


@pytest.mark.parametrize("name", NAMES)
def test_only_adaloss_needs_the_loss(name):
    weights = random_weights()
    optimizer = build_optimizer(name, weights)
    set_gradients(weights, 0)
    if name == "adaloss":
        with pytest.raises(TypeError, match=r"optimizer\.step\(loss=loss\).*closure"):
            optimizer.step()
        assert optimizer.param_groups[0]["t"] == 0
    else:
        assert optimizer.step() is None
        assert optimizer.param_groups[0]["t"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_mistaken_step_says_what_is_wrong_and_changes_nothing(name):
    weights = random_weights()
    optimizer = build_optimizer(name, weights, **FULL)
    set_gradients(weights, 0)
    before = [w.detach().clone() for w in weights]
    with pytest.raises(TypeError, match="not both"):
        optimizer.step(lambda: 1.0, loss=1.0)
    with pytest.raises(TypeError, match=r"step\(loss=loss\)"):
        optimizer.step(torch.tensor(1.0))
    with pytest.raises(ValueError, match=r"scalar.*\(2,\).*mean"):
        optimizer.step(loss=torch.ones(2))
    with pytest.raises(TypeError, match="complex"):
        optimizer.step(loss=torch.tensor(1j))
    with pytest.raises(TypeError, match="'high'"):
        optimizer.step(loss="high")
    weights[-1].grad = weights[-1].grad.to_sparse()
    with pytest.raises(RuntimeError, match="dense"):
        optimizer.step(loss=1.0)
    for w, expected in zip(weights, before, strict=True):
        assert torch.equal(w, expected)
    assert optimizer.param_groups[0]["t"] == 0
    assert not optimizer.state


@pytest.mark.parametrize(("name", "argument", "value"), HAVING)
def test_a_bad_value_is_refused_by_name(name, argument, value):
    build = OPTIMIZERS[name].build
    message = f"^{argument} must be .*, not {re.escape(repr(value))}$"
    with pytest.raises(ValueError, match=message):
        build(random_weights(), **{argument: value})
    with pytest.raises(ValueError, match=message):
        build([{"params": random_weights(), argument: value}])
    optimizer = build(random_weights())
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": random_weights(), argument: value})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["0.1", None, torch.tensor(0.1), True], ids=repr)
def test_a_hyperparameter_is_a_real_number(name, value):
    for argument in OPTIMIZERS[name].arguments:
        with pytest.raises(TypeError, match=f"{argument} must be a real number"):
            OPTIMIZERS[name].build(random_weights(), **{argument: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64], ids=str)
def test_parameters_are_real_floating_point(name, dtype):
    with pytest.raises(TypeError, match=f"real floating-point tensors, not {dtype}"):
        build_optimizer(name, [torch.zeros(2, dtype=dtype)])


def test_build_optimizer_passes_on_what_applies():
    for name, spec in OPTIMIZERS.items():
        optimizer = build_optimizer(name, random_weights(), **FULL)
        assert type(optimizer) is spec.build
        assert {k: optimizer.defaults[k] for k in spec.arguments} == {
            k: FULL[k] for k in spec.arguments
        }
    with pytest.raises(ValueError, match=r"did you mean adaloss\?.*sgd_decay_sqrt"):
        build_optimizer("adalos", random_weights())
    with pytest.raises(TypeError, match=r"nesterov.*momentum"):
        build_optimizer("adaloss", random_weights(), nesterov=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_help_of_each_optimizer_describes_its_arguments(name):
    text = pydoc.plain(pydoc.render_doc(OPTIMIZERS[name].build))
    for argument in ("params", *OPTIMIZERS[name].arguments):
        assert f"{argument}: " in text
    signature = inspect.signature(OPTIMIZERS[name].build)
    assert tuple(signature.parameters) == ("params", *OPTIMIZERS[name].arguments)


@pytest.mark.parametrize("name", NAMES)
def test_before_the_first_step_loggers_see_b0(name):
    optimizer = build_optimizer(name, random_weights(), b0=4.0)
    assert optimizer.b() == ([None] if name == "adagrad_norm_rowwise" else [4.0])
    assert optimizer.rates() == ([None] if name == "adagrad_norm_rowwise" else [0.25])


@pytest.mark.parametrize("name", ACCUMULATING)
def test_b_stays_on_the_device_until_it_is_read(name):
    weights = random_weights()
    host, device = build_optimizer(name, weights), build_optimizer(name, weights)
    keep_state_in_tensors(device)
    for optimizer in (host, device):
        set_gradients(weights, 0)
        optimizer.step(loss=1.5)
    kept = device.param_groups[0]["b_squared"]
    assert isinstance(kept, torch.Tensor)
    assert kept.dtype is torch.float64
    assert device.b() == pytest.approx(host.b(), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_hooks_and_the_grad_scaler_work_as_for_any_optimizer(name):
    weights, plain = random_weights(dtype=torch.float32), random_weights(dtype=torch.float32)
    optimizer = build_optimizer(name, weights, **FULL)
    seen = []
    optimizer.register_step_pre_hook(lambda _, args, kwargs: seen.append(kwargs["loss"]))
    optimizer.register_step_post_hook(lambda _, args, kwargs: seen.append("after"))
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    loss = torch.tensor(loss_of(0))
    scaler.scale(loss)
    for w, g in zip(weights, set_gradients(plain, 0), strict=True):
        w.grad = 8 * g
    scaler.step(optimizer, loss=loss)
    assert seen == [loss, "after"]
    run(build_optimizer(name, plain, **FULL), plain, [0])
    torch.testing.assert_close(weights, plain)
