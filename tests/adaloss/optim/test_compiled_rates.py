"""A rate with torch.compile: of the optimizer's step, as torch documents it, and of the model."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from adaloss.optim.rates import add_rate, b_of

STEPS = 12
# The compiler has advice and remarks of its own.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
OPTIMIZERS = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.05),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
    "tensor": lambda parameters: torch.optim.AdamW(parameters, lr=torch.tensor(0.05)),
    "foreach": lambda parameters: torch.optim.AdamW(parameters, lr=0.05, foreach=True),
    "fused": lambda parameters: torch.optim.AdamW(parameters, lr=0.05, fused=True),
}


@pytest.fixture(autouse=True)
def _forget_compiled_code():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def trained(name, rate, *, compile_step=False, compile_model=False, **options):
    """The losses, the last weights, b_t and the learning rates of a short training."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = add_rate(OPTIMIZERS[name](model.parameters()), rate)
    step = torch.compile(optimizer.step, **options) if compile_step else optimizer.step
    forward = torch.compile(model) if compile_model else model
    losses = []
    for number in range(STEPS):
        if number == STEPS // 2:
            # As a scheduler would.
            optimizer.param_groups[0]["lr"] = optimizer.param_groups[0]["lr"] * 0.5
        optimizer.zero_grad()
        inputs, labels = torch.randn(16, 4), torch.randint(3, (16,))
        loss = functional.cross_entropy(forward(inputs), labels)
        loss.backward()
        step(loss=loss)
        losses.append(loss.item())
    weights = [parameter.detach().flatten() for parameter in model.parameters()]
    lr = [float(group["lr"]) for group in optimizer.param_groups]
    return torch.tensor(losses), torch.cat(weights), torch.tensor(b_of(optimizer)), lr


def assert_about_equal(ones, others):
    for one, other in zip(ones[:3], others[:3], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert ones[3] == others[3] == [pytest.approx(0.025)]


@pytest.mark.parametrize("rate", ["adaloss", "adagrad_norm", "decay_sqrt", "constant"])
def test_a_compiled_step_is_the_step(rate):
    assert_about_equal(trained("adamw", rate, compile_step=True), trained("adamw", rate))


@pytest.mark.parametrize("name", ["sgd", "tensor", "foreach", "fused"])
def test_so_is_that_of_other_implementations(name):
    assert_about_equal(trained(name, "adaloss", compile_step=True), trained(name, "adaloss"))


def test_a_compiled_model_trains_the_same():
    assert_about_equal(trained("adamw", "adaloss", compile_model=True), trained("adamw", "adaloss"))


# torch's own steps are no single graph either.
def test_a_step_that_must_be_one_graph_is_refused():
    with pytest.raises(torch._dynamo.exc.Unsupported):
        trained("adamw", "adaloss", compile_step=True, fullgraph=True)
