"""timm's optimizers by timm's own names: as timm builds them, and with the rest of a trial."""

from importlib import import_module

import pytest
import timm.optim
from torch import nn

from adaloss.grid.points.timm_optimizers import timm_optimizers
from adaloss.tasks.fingerprints import digest_of
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers
from adaloss.tasks.optimizers.constructors import OptimizerError
from adaloss.tasks.optimizers.named import build_named

# timm's advice for Kron.
pytestmark = pytest.mark.filterwarnings("ignore:.*opt_einsum")

NAMES = timm.optim.list_optimizers()
INFOS = {name: timm.optim.get_optimizer_info(name) for name in NAMES}
# The others are of packages that need a GPU.
OF_TIMM = [name for name, info in INFOS.items() if not isinstance(info.opt_class, str)]
OTHERS = {"lr": 0.01, "momentum": 0.0, "rate": "constant", "b0": 1.0, "alpha": 1.0, "c": 0.0}


def named(optimizer, model, **changes):
    fields = {"weight_decay": 0.1, "hyperparameters": {}} | OTHERS | changes
    return build_named(f"timm:{optimizer}", model, **fields)


def test_the_names_in_timms_source_are_timms():
    found = timm_optimizers()
    assert sorted(found) == sorted(NAMES)
    for name in OF_TIMM:
        expected = INFOS[name].opt_class
        module, class_name = found[name]
        assert getattr(import_module(module), class_name) is expected
    assert found["bnblion8bit"] == ("bitsandbytes.optim", "Lion8bit")


@pytest.mark.parametrize("name", OF_TIMM)
def test_each_is_what_timms_factory_builds(name):
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    (ours,) = named(name, model).optimizers
    theirs = timm.optim.create_optimizer_v2(
        list(model.parameters()), name, lr=0.01, weight_decay=0.1
    )
    assert type(ours) is type(theirs)
    assert ours.defaults == theirs.defaults
    (group,) = ours.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.01, 0.1)


def test_a_hyperparameter_replaces_what_timm_has_for_the_name():
    model = nn.Linear(3, 2)
    (optimizer,) = named("lambc", model, hyperparameters={"trust_clip": False}).optimizers
    assert optimizer.defaults["trust_clip"] is False
    (optimizer,) = named("nesterov", model, hyperparameters={"momentum": 0.5}).optimizers
    assert (optimizer.defaults["nesterov"], optimizer.defaults["momentum"]) == (True, 0.5)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("lamb", {"lr": 0.02}),
        ("nadamw", {"lr": 0.02, "b0": 2.0, "schedule": "cosine"}),
        ("sgd", {"lr": 0.05, "weight_decay": 1e-4}),
        ("lambc", {"lr": 0.1, "rate": "adaloss"}),
        ("nmuon", {"lr": 0.01, "average": "polynomial"}),
    ],
)
def test_a_trial_learns_and_resumes_to_the_bit(digits, make_trial, name, fields):
    trial = make_trial(optimizer=f"timm:{name}", epochs=4, **fields)
    whole, resumed = Training(trial, digits), Training(trial, digits)
    epochs = [whole.run_epoch() for _ in range(2)]
    assert epochs[1]["train/loss"] < 0.9 * epochs[0]["train/loss"]
    resumed.load_state_dict(whole.state_dict())
    assert numbers(resumed.run_epoch()) == numbers(whole.run_epoch())


@pytest.mark.parametrize(
    ("name", "hyperparameters", "message"),
    [
        ("lambda", {}, "optimizer timm:lambda: timm has no optimizer lambda"),
        ("lamb", {"layer_decay": 0.7}, "timm:lamb has no layer_decay; it has lr, "),
        ("kron", {"eps": 1e-8}, "timm:kron has no eps"),
        ("fusedadam", {}, "optimizer timm:fusedadam: (CUDA|APEX)"),
    ],
)
def test_what_timm_cannot_build_is_explained(name, hyperparameters, message):
    with pytest.raises(OptimizerError, match=message):
        named(name, nn.Linear(3, 2), hyperparameters=hyperparameters)


def test_the_second_order_one_differentiates_the_gradient_and_is_not_resumed():
    optimizer = named("adahessian", nn.Linear(3, 2))
    assert (optimizer.create_graph, optimizer.resumable) == (True, False)


def test_the_version_is_timms_and_the_name_is_its_own(make_trial):
    assert digest_of("optimizer", "timm:lamb", None) == {"timm": timm.__version__}
    assert make_trial(optimizer="timm:adamw").trial_id != make_trial(optimizer="adamw").trial_id
    assert not make_trial(optimizer="timm:lamb").runs_own_code
