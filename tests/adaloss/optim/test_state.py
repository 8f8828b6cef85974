"""Saving, loading, copying and pickling keep the state bit for bit."""

import copy
import io
import pickle

import pytest
import torch

from adaloss.optim import OPTIMIZERS, AdaGradNormRowwise, AdaLoss, build_optimizer

from .paths import (
    ACCUMULATING,
    FULL,
    NAME_AND_PATH,
    NAMES,
    PATHS,
    PLAIN,
    keep_state_in_tensors,
    random_weights,
    run,
)

DTYPES = [torch.float64, torch.float32, torch.bfloat16]


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def copies(weights):
    return [w.detach().clone().requires_grad_() for w in weights]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("settings", [PLAIN, FULL], ids=["plain", "all"])
@pytest.mark.parametrize(("name", "path"), NAME_AND_PATH)
def test_a_resumed_run_is_the_uninterrupted_run_bit_for_bit(name, settings, dtype, path):
    weights = random_weights(dtype=dtype)
    optimizer = build_optimizer(name, weights, **settings)
    PATHS[path](optimizer)
    run(optimizer, weights, range(3))
    resumed_weights = copies(weights)
    resumed = build_optimizer(name, resumed_weights, b0=123.0)
    resumed.load_state_dict(through_a_file(optimizer.state_dict()))
    PATHS[path](resumed)
    run(optimizer, weights, range(3, 6))
    run(resumed, resumed_weights, range(3, 6))
    for w, again in zip(weights, resumed_weights, strict=True):
        assert torch.equal(w, again)
    assert resumed.b() == optimizer.b()


@pytest.mark.parametrize("settings", [PLAIN, FULL], ids=["plain", "all"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_continues_like_the_original(name, duplicate, settings):
    weights = random_weights()
    optimizer = build_optimizer(name, weights, **settings)
    run(optimizer, weights, range(2))
    duplicated = duplicate(optimizer)
    copied_weights = duplicated.param_groups[0]["params"]
    run(optimizer, weights, range(2, 4))
    run(duplicated, copied_weights, range(2, 4))
    for w, again in zip(weights, copied_weights, strict=True):
        assert w is not again
        assert torch.equal(w, again)


@pytest.mark.parametrize("name", ACCUMULATING)
@pytest.mark.parametrize("path", PATHS)
def test_b_stays_in_float64_with_bfloat16_weights(name, path):
    optimizer = build_optimizer(name, random_weights(dtype=torch.bfloat16), b0=10000.3)
    PATHS[path](optimizer)
    loaded = build_optimizer(name, random_weights(dtype=torch.bfloat16))
    loaded.load_state_dict(through_a_file(optimizer.state_dict()))
    assert loaded.b() == [10000.3]
    assert isinstance(loaded.param_groups[0]["b_squared"], float)


@pytest.mark.parametrize("path", PATHS)
def test_later_steps_do_not_change_a_saved_b(path):
    weights = random_weights()
    optimizer = AdaLoss(weights, b0=2.0)
    PATHS[path](optimizer)
    saved = optimizer.state_dict()
    run(optimizer, weights, range(3))
    assert float(saved["param_groups"][0]["b_squared"]) == 4.0
    assert saved["param_groups"][0]["t"] == 0
    assert optimizer.param_groups[0]["t"] == 3


@pytest.mark.parametrize("name", NAMES)
def test_state_on_a_device_keeps_its_tensors_until_it_is_loaded(name):
    weights = random_weights()
    optimizer = build_optimizer(name, weights, **PLAIN)
    run(optimizer, weights, range(2))
    optimizer.keep_on(torch.device("cpu"))
    (group,) = optimizer.param_groups
    kept = {key: group[key] for key in optimizer.state_keys}
    run(optimizer, weights, range(2, 4))
    assert all(group[key] is tensor for key, tensor in kept.items())
    assert kept["t"].item() == 4
    state = optimizer.state_dict()
    optimizer.load_state_dict(through_a_file(state))
    (group,) = optimizer.param_groups
    assert type(group["t"]) is int
    assert [group[key] for key in kept] == [tensor.item() for tensor in kept.values()]
    run(optimizer, weights, range(4, 5))
    assert (group["t"], kept["t"].item()) == (5, 4)


def test_a_shallow_copy_does_not_change_the_original():
    optimizer = AdaLoss(random_weights(), b0=2.0)
    optimizer.keep_on(torch.device("cpu"))
    duplicated = copy.copy(optimizer)
    assert duplicated.param_groups[0]["b_squared"] == 4.0
    assert isinstance(optimizer.param_groups[0]["b_squared"], torch.Tensor)


def test_later_steps_do_not_change_a_tensor_that_was_read():
    weights = random_weights()
    optimizer = AdaLoss(weights, b0=2.0)
    (group,) = optimizer.param_groups
    group["b_squared"] = read = torch.tensor(4.0, dtype=torch.float64)  # as it is on a GPU
    run(optimizer, weights, range(2))
    assert read.item() == 4.0
    assert group["b_squared"] > 4.0


def test_rowwise_accumulators_keep_float32_with_bfloat16_weights():
    weights = random_weights(dtype=torch.bfloat16)
    optimizer = AdaGradNormRowwise(weights)
    run(optimizer, weights, range(2))
    loaded = AdaGradNormRowwise(copies(weights))
    loaded.load_state_dict(optimizer.state_dict())
    for before, after in zip(optimizer.state.values(), loaded.state.values(), strict=True):
        assert after["squared_sum"].dtype is torch.float32
        assert torch.equal(after["squared_sum"], before["squared_sum"])
        assert after["squared_sum"] is not before["squared_sum"]


def test_the_momentum_buffer_is_the_one_of_the_equations():
    """buf = m·buf + g/b + wd·w on every code path, so that any device can load the state."""
    host_weights, device_weights = random_weights(), random_weights()
    host, device = AdaLoss(host_weights, **FULL), AdaLoss(device_weights, **FULL)
    keep_state_in_tensors(device)
    run(host, host_weights, range(3))
    run(device, device_weights, range(3))
    for ours, theirs in zip(host_weights, device_weights, strict=True):
        torch.testing.assert_close(
            host.state[ours]["momentum_buffer"],
            device.state[theirs]["momentum_buffer"],
            rtol=1e-12,
            atol=1e-12,
        )


def test_a_momentum_buffer_follows_its_weights_into_another_layout():
    contiguous = [torch.randn(2, 3, 4, 4, dtype=torch.float64).requires_grad_()]
    optimizer = AdaLoss(contiguous, **FULL)
    run(optimizer, contiguous, range(2))
    channels_last = [
        w.detach().clone(memory_format=torch.channels_last).requires_grad_() for w in contiguous
    ]
    moved = AdaLoss(channels_last, **FULL)
    moved.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    run(optimizer, contiguous, range(2, 4))
    run(moved, channels_last, range(2, 4))
    torch.testing.assert_close(channels_last[0], contiguous[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_state_of_another_optimizer_is_refused(name):
    weights = random_weights()
    foreign = torch.optim.SGD(weights, lr=0.1).state_dict()
    optimizer = build_optimizer(name, weights)
    with pytest.raises(ValueError, match=f"b0.*not the state of {type(optimizer).__name__}"):
        optimizer.load_state_dict(foreign)


@pytest.mark.parametrize("name", NAMES)
def test_bad_values_are_refused_when_loaded_and_leave_the_optimizer_as_it_was(name):
    optimizer = build_optimizer(name, random_weights())
    bad = {"lr": -1.0, "b0": 0.0, "alpha": -0.5, "c": float("nan"), "momentum": 1.0}
    for argument in OPTIMIZERS[name].arguments:
        state = optimizer.state_dict()
        value = bad.get(argument, -1.0)
        state["param_groups"][0][argument] = value
        with pytest.raises(ValueError, match=f"{argument} must be .*{value}"):
            optimizer.load_state_dict(state)
        assert optimizer.param_groups[0][argument] != value


@pytest.mark.parametrize(("key", "value"), [("t", -1), ("t", 1.5), ("b_squared", -4.0)])
def test_state_that_no_run_could_reach_is_refused(key, value):
    optimizer = AdaLoss(random_weights())
    state = optimizer.state_dict()
    state["param_groups"][0][key] = value
    with pytest.raises(ValueError, match=f"{key} must be"):
        optimizer.load_state_dict(state)


def test_a_diverged_run_can_be_loaded():
    weights = random_weights()
    optimizer = AdaLoss(weights)
    optimizer.step(loss=float("nan"))
    loaded = AdaLoss(weights)
    loaded.load_state_dict(optimizer.state_dict())
    assert loaded.b() != loaded.b()  # nan
