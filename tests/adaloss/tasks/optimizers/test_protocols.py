"""What optimizers need of the training loop, and what they would do in silence without it."""

import pytest
import torch
from torch import nn

from adaloss.records.places import Places
from adaloss.tasks.images.training import Training
from adaloss.tasks.optimizers.constructors import OptimizerError
from adaloss.tasks.optimizers.named import build_named

# Of the source of dog-optimizer.
pytestmark = pytest.mark.filterwarnings("ignore:.*invalid escape sequence")

COMMON = {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.0, "b0": 1.0, "alpha": 1.0, "c": 0.0}
LEARNING_RATES = {
    **{"dog:DoG": 1.0, "dog:LDoG": 1.0, "momo:Momo": 0.1, "momo:MomoAdam": 0.01},
    **{"pytorch_optimizer:AdaHessian": 0.01, "timm:adahessian": 0.01},
    **{"adamw": 0.01, "adaloss": 1.0},
}

OWN = """
import torch
from torch import nn

class AnyName(torch.optim.AdamW):
    def __init__(self, params, **others):
        super().__init__(params, **others)

class EmoNavi(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
        self.losses = []

    def step(self, closure=None):
        self.losses.append(float(closure()))

class Net(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.frozen = nn.Linear(features, 16).requires_grad_(False)
        self.unused = nn.Linear(3, 3).requires_grad_(False)
        self.head = nn.Linear(16, classes)

    def forward(self, images):
        return self.head(self.frozen(images.flatten(1)).relu())

def frozen(channels, image_size, classes):
    return Net(channels * image_size**2, classes)

def unused(channels, image_size, classes):
    net = Net(channels * image_size**2, classes)
    net.unused.requires_grad_(True)
    return net
"""


def named(name, model, **changes):
    fields = {"hyperparameters": {}, "rate": "constant"} | COMMON | changes
    return build_named(name, model, **fields)


@pytest.fixture
def training_of(digits, make_trial, tmp_path):
    """A trial in training that finds a module of the user's own, ``own:``."""
    module = f"own_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(OWN)
    places = Places(data_root=tmp_path, own=(tmp_path,))

    def training(**fields):
        found = {
            name: value.replace("own:", f"{module}:") if isinstance(value, str) else value
            for name, value in fields.items()
        }
        return Training(make_trial(**found), digits, places)

    return training


@pytest.mark.parametrize("name", ["EmoNavi", "EmoLynx", "EmoFact"])
def test_an_optimizer_whose_closure_is_optional_gets_the_loss(training_of, name):
    training = training_of(optimizer=f"pytorch_optimizer:{name}", lr=1e-3)
    training.run_epoch()
    (optimizer,) = training.steps.optimizer.optimizers
    # Averages of the losses.
    assert all(average > 1 for average in optimizer.state["ema"].values())


def test_an_optimizer_with_a_closure_and_a_rate_gets_both(training_of):
    training = training_of(optimizer="own:EmoNavi", rate="adaloss")
    b = training.run_epoch()["b"]
    (optimizer,) = training.steps.optimizer.optimizers
    assert b**2 == pytest.approx(1 + sum(optimizer.losses))


def test_a_class_that_only_keeps_capturable_is_not_replayed():
    model = nn.Linear(2, 2)
    found = named("pytorch_optimizer:AdaBelief", model, hyperparameters={"capturable": True})
    assert found.optimizers[0].param_groups[0]["capturable"] is True
    assert not found.replayable


def test_a_weight_decay_of_its_own_is_refused_where_the_trial_has_none(training_of):
    fields = {"optimizer": "own:AnyName", "lr": 0.01}
    with pytest.raises(OptimizerError, match=r"has weight_decay=0\.01 of its own where"):
        training_of(**fields)
    (optimizer,) = training_of(**fields, weight_decay=0.05).steps.optimizer.optimizers
    assert optimizer.param_groups[0]["weight_decay"] == 0.05


@pytest.mark.parametrize("optimizer", LEARNING_RATES)
def test_what_a_model_has_frozen_stays(training_of, optimizer):
    lr = LEARNING_RATES[optimizer]
    training = training_of(model="own:frozen", optimizer=optimizer, lr=lr)
    frozen = training.model.frozen.weight.clone()
    head = training.model.head.weight.clone()
    training.run_epoch()
    assert torch.equal(training.model.frozen.weight, frozen)
    assert not torch.equal(training.model.head.weight, head)


@pytest.mark.parametrize("optimizer", ["pytorch_optimizer:AdaHessian", "adamw"])
def test_a_parameter_that_a_model_does_not_use_stays(training_of, optimizer):
    training = training_of(model="own:unused", optimizer=optimizer, lr=0.01)
    before = training.model.unused.weight.clone()
    training.run_epoch()
    assert torch.equal(training.model.unused.weight, before)


def test_the_rate_of_the_gradients_norm_takes_gradients_with_a_graph(training_of):
    fields = {"optimizer": "timm:adahessian", "lr": 0.01, "rate": "adagrad_norm"}
    assert training_of(**fields).run_epoch()["b"] > 1


def test_tensors_in_loaded_param_groups_are_where_the_parameters_are():
    saved = named("sgd", nn.Linear(2, 2)).state_dict()
    saved["optimizers"][0]["param_groups"][0] |= {"G": torch.ones(()), "eta": [torch.ones(())]}
    # In place of a GPU.
    elsewhere = named("sgd", nn.Linear(2, 2, device="meta"))
    elsewhere.load_state_dict(saved)
    (group,) = elsewhere.optimizers[0].param_groups
    assert group["G"].device.type == group["eta"][0].device.type == "meta"
