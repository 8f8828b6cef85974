"""Optimizers by name in trials: each protocol with a real package, and exact resuming."""

import pytest
import torch
from torch import nn

from adaloss.optimizer_names import TORCH_OPTIMIZERS, canonical_optimizer
from adaloss.records.places import Places
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers
from adaloss.tasks.optimizers.constructors import OptimizerError
from adaloss.tasks.optimizers.named import build_named

# Of every protocol at least one; the learning rates are such that a trial learns.
OPTIMIZERS = {
    **{name: {"lr": 0.01} for name in TORCH_OPTIMIZERS},
    "adadelta": {"lr": 1.0},
    "sgd": {"lr": 0.5},
    "asgd": {"lr": 0.5},
    "lbfgs": {"lr": 0.1, "hyperparameters": {"max_iter": 3}},
    "paper_adam": {"lr": 0.01},
    "adamloss": {"lr": 0.05},
    "adam_decay_sqrt": {"lr": 0.05},
    "timm.optim:Lamb": {"lr": 0.02},
    "schedulefree:AdamWScheduleFree": {"lr": 0.01},
    "schedulefree:SGDScheduleFree": {"lr": 1.0},
    "schedulefree:AdamWScheduleFreeClosure": {"lr": 0.01},
    "schedulefree:SGDScheduleFreeClosure": {"lr": 1.0},
    "prodigyopt:Prodigy": {"lr": 1.0, "hyperparameters": {"d_coef": 10.0}},
    "dog:DoG": {"lr": 1.0, "hyperparameters": {"reps_rel": 0.01}},
    "pytorch_optimizer:Lion": {"lr": 0.001},
    "pytorch_optimizer:AdaHessian": {"lr": 0.1},
    "pytorch_optimizer:AliG": {"lr": 1.0},
}


def training_of(make_trial, digits, optimizer, **changes):
    fields = {"optimizer": optimizer, "epochs": 4, **OPTIMIZERS[optimizer], **changes}
    return Training(make_trial(**fields), digits)


# Of the source of dog-optimizer.
@pytest.mark.filterwarnings("ignore:.*invalid escape sequence")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_learns_and_resumes_to_the_bit(digits, make_trial, optimizer, tmp_path):
    whole, interrupted, resumed = (training_of(make_trial, digits, optimizer) for _ in range(3))
    expected = [numbers(whole.run_epoch()) for _ in range(4)]
    assert expected[-1]["train/loss"] < 0.9 * expected[0]["train/loss"]
    for _ in range(2):
        interrupted.run_epoch()
    torch.save(interrupted.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [numbers(resumed.run_epoch()) for _ in range(2)] == expected[2:]


def test_a_state_that_is_not_whole_is_not_resumed(digits, make_trial):
    trial = make_trial(optimizer="timm.optim.adahessian:Adahessian", lr=0.1)
    training = Training(trial, digits)
    training.run_epoch()
    with pytest.raises(ValueError, match="is not its whole state"):
        Training(trial, digits).load_state_dict(training.state_dict())


@pytest.mark.parametrize("rate", ["adaloss", "adagrad_norm", "decay_sqrt"])
@pytest.mark.parametrize("optimizer", ["adamw", "schedulefree:AdamWScheduleFree"])
def test_a_rate_divides_its_learning_rate_and_resumes(digits, make_trial, optimizer, rate):
    fields = {"rate": rate, "lr": 0.1, "b0": 2.0}
    whole, resumed = (training_of(make_trial, digits, optimizer, **fields) for _ in range(2))
    first = whole.run_epoch()
    assert first["b"] > 2.0
    assert first["effective_lr"] == pytest.approx(0.1 / first["b"])
    resumed.load_state_dict(whole.state_dict())
    assert numbers(resumed.run_epoch()) == numbers(whole.run_epoch())


def test_b0_divides_the_learning_rate_of_every_optimizer(digits, make_trial):
    scaled = training_of(make_trial, digits, "adamw", lr=0.1, b0=10.0)
    plain = training_of(make_trial, digits, "adamw", lr=0.01)
    ours, theirs = scaled.run_epoch(), plain.run_epoch()
    assert ours["train/loss"] == theirs["train/loss"]
    assert (ours["b"], ours["effective_lr"]) == (10.0, pytest.approx(0.01))


def test_sgd_with_adaloss_is_adaloss(digits, make_trial):
    fields = {"lr": 1.0, "hyperparameters": {"fused": True}, "rate": "adaloss"}
    named = training_of(make_trial, digits, "sgd", **fields)
    paper = Training(make_trial(optimizer="adaloss", lr=1.0, epochs=4), digits)
    assert numbers(named.run_epoch()) == numbers(paper.run_epoch())


def test_schedule_free_is_evaluated_at_its_average(digits, make_trial):
    training = training_of(make_trial, digits, "schedulefree:AdamWScheduleFree")
    training.run_epoch()
    trained = [parameter.detach().clone() for parameter in training.steps.parameters]
    with training.steps.optimizer.evaluating():
        averaged = [parameter.detach().clone() for parameter in training.steps.parameters]
    assert not any(torch.equal(a, b) for a, b in zip(trained, averaged, strict=True))
    for before, after in zip(trained, training.steps.parameters, strict=True):
        torch.testing.assert_close(before, after.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "lr"), [("AdamW", 0.01), ("SGD", 1.0)])
def test_schedule_free_with_a_closure_is_schedule_free(digits, make_trial, name, lr):
    calls = []
    with_closure = training_of(make_trial, digits, f"schedulefree:{name}ScheduleFreeClosure", lr=lr)
    gradients = with_closure.steps.gradients
    with_closure.steps.gradients = lambda *batch: calls.append(1) or gradients(*batch)
    without = training_of(make_trial, digits, f"schedulefree:{name}ScheduleFree", lr=lr)
    ours, theirs = with_closure.run_epoch(), without.run_epoch()
    assert ours["train/loss"] == pytest.approx(theirs["train/loss"], rel=1e-4)
    assert ours["test/loss"] == pytest.approx(theirs["test/loss"], rel=1e-3)
    assert len(calls) == with_closure.step


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Momo", {"lr": 1.0}),
        ("Momo", {"lr": 1.0, "hyperparameters": {"use_fstar": True, "bias_correction": True}}),
        ("Momo", {"lr": 1.0, "rate": "decay_sqrt", "weight_decay": 0.01}),
        ("MomoAdam", {"lr": 0.01}),
        ("MomoAdam", {"lr": 0.01, "rate": "adaloss"}),
    ],
)
def test_momo_gets_the_loss(digits, make_trial, name, fields):
    trial = make_trial(optimizer=f"momo:{name}", model="small_cnn", epochs=3, **fields)
    training = Training(trial, digits)
    epochs = [training.run_epoch() for _ in range(3)]
    # Without the loss, its step would raise an AssertionError.
    assert epochs[-1]["train/loss"] < 0.9 * epochs[0]["train/loss"]


def test_muon_has_the_matrices_and_adamw_the_rest(digits, make_trial):
    training = training_of(make_trial, digits, "muon")
    muon, rest = training.steps.optimizer.optimizers
    assert isinstance(muon, torch.optim.Muon)
    assert isinstance(rest, torch.optim.AdamW)
    assert all(p.ndim == 2 for group in muon.param_groups for p in group["params"])
    count = sum(len(g["params"]) for o in (muon, rest) for g in o.param_groups)
    assert count == len(training.steps.parameters)


def test_rmsprop_gets_its_own_alpha(digits, make_trial):
    fields = {"optimizer": "rmsprop", "lr": 0.01, "hyperparameters": {"alpha": 0.9}}
    training = Training(make_trial(**fields), digits)
    assert training.steps.optimizer.optimizers[0].defaults["alpha"] == 0.9
    other = Training(make_trial(**fields | {"hyperparameters": {}}), digits)
    assert training.run_epoch()["train/loss"] != other.run_epoch()["train/loss"]


@pytest.mark.parametrize("optimizer", ["adaloss", "adamw"])
def test_a_schedule_sets_the_learning_rate_of_each_step(digits, make_trial, optimizer):
    fields = {"optimizer": optimizer, "lr": 0.1, "schedule": "cosine", "warmup": 3.0}
    training = Training(make_trial(epochs=2, **fields), digits)
    group = (
        getattr(training.steps.optimizer, "optimizers", [None])[0]
        or training.steps.optimizer.optimizer
    )
    seen = []
    step = training.learn

    def recorded(*batch):
        seen.append(group.param_groups[0]["lr"])
        return step(*batch)

    training.learn = recorded
    last = [training.run_epoch() for _ in range(2)][-1]
    expected = [0.1 * training.steps.lr_factor(number) for number in range(len(seen))]
    assert seen == pytest.approx(expected)
    assert last["effective_lr"] == pytest.approx(seen[-1] / last["b"])


def test_a_resumed_schedule_goes_on(digits, make_trial):
    trial = make_trial(optimizer="adamw", lr=0.01, schedule="cosine", warmup=0.1, epochs=4)
    whole, resumed = Training(trial, digits), Training(trial, digits)
    for _ in range(2):
        whole.run_epoch()
    resumed.load_state_dict(whole.state_dict())
    assert [numbers(resumed.run_epoch()) for _ in range(2)] == [
        numbers(whole.run_epoch()) for _ in range(2)
    ]


def test_a_clipped_gradient_has_at_most_this_norm(digits, make_trial):
    training = Training(make_trial(clip_grad_norm=0.01), digits)
    training.run_epoch()
    norm = torch.cat([p.grad.flatten() for p in training.steps.parameters]).norm()
    assert norm <= 0.01 * 1.001


def test_smooth_labels_raise_the_training_loss_alone(digits, make_trial):
    plain, smooth = (Training(make_trial(label_smoothing=s, lr=0.0), digits) for s in (0.0, 0.3))
    before, after = plain.run_epoch(), smooth.run_epoch()
    assert after["train/loss"] != before["train/loss"]
    assert after["test/loss"] == before["test/loss"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"optimizer": "adamw", "hyperparameters": {"beta": 1}}, "adamw has no beta; it has lr"),
        ({"optimizer": "adamw", "hyperparameters": {"betas": 0.9}}, r"adamw\(lr=.*TypeError"),
        ({"optimizer": "torch.optim:Adamm"}, "torch.optim has no class Adamm"),
        ({"optimizer": "nowhere:Adam"}, "there is no module nowhere"),
        ({"optimizer": "lbfgs", "weight_decay": 0.1}, "lbfgs has no weight_decay"),
        ({"optimizer": "pytorch_optimizer:AliG", "b0": 2.0}, "has no learning rate"),
        (
            {"optimizer": "adamw", "hyperparameters": {"lr": 0.1}},
            "adamw gets lr from the trial's field: set that instead",
        ),
        ({"optimizer": "torch:tensor"}, "torch:tensor"),
        ({"optimizer": "muon", "rate": "adagrad_norm"}, "is two optimizers"),
        ({"optimizer": "pytorch_optimizer:AliG", "lr": 0.1}, "has no learning rate"),
        (
            {"optimizer": "schedulefree:AdamWScheduleFreeClosure", "rate": "adaloss"},
            "several times a step and has no rate",
        ),
    ],
)
def test_what_cannot_be_built_is_explained(digits, make_trial, tmp_path, fields, message):
    places = Places(data_root=tmp_path, own=(tmp_path,))
    with pytest.raises(OptimizerError, match=message):
        Training(make_trial(**fields), digits, places)


def test_an_optimizer_of_ones_own(digits, make_trial, tmp_path):
    (tmp_path / "own_optimizer_of_test.py").write_text(
        "import torch\n"
        "class Halved(torch.optim.SGD):\n"
        "    def __init__(self, params, lr, factor=0.5):\n"
        "        super().__init__(params, lr=lr * factor)\n"
    )
    places = Places(data_root=tmp_path, own=(tmp_path,))
    trial = make_trial(
        optimizer="own_optimizer_of_test.py:Halved", lr=1.0, hyperparameters={"factor": 0.25}
    )
    assert trial.optimizer == "own_optimizer_of_test:Halved"
    ours = Training(trial, digits, places)
    theirs = Training(make_trial(optimizer="sgd", lr=0.25), digits)
    assert ours.run_epoch()["train/loss"] == theirs.run_epoch()["train/loss"]


@pytest.mark.parametrize("where", ["", "    "])
def test_a_lack_of_memory_is_no_fault_of_the_optimizer(digits, make_trial, tmp_path, where):
    """While its module is imported, or its class is built."""
    name = f"large_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(
        "class Large:\n"
        "    def __init__(self, params, lr):\n"
        "        pass\n"
        f"{where}{where}raise MemoryError('for a copy of the weights')\n"
    )
    places = Places(data_root=tmp_path, own=(tmp_path,))
    with pytest.raises(MemoryError, match="for a copy of the weights"):
        Training(make_trial(optimizer=f"{name}:Large", lr=0.1), digits, places)


OWN = """
import torch

class AnyName(torch.optim.SGD):
    def __init__(self, params, **others):
        super().__init__(params, **others)

class Twice(torch.optim.SGD):
    def step(self, closure=None):
        return super().step(closure)

class Drifts(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] *= 0.9
"""


@pytest.fixture
def own(digits, make_trial, tmp_path):
    module = tmp_path.name
    (tmp_path / f"{module}.py").write_text(OWN)
    places = Places(data_root=tmp_path, own=(tmp_path,))

    def training(name, **fields):
        trial = make_trial(optimizer=f"{module}:{name}", **fields)
        return Training(trial, digits, places)

    return training


def test_a_constructor_that_takes_any_name_gets_the_learning_rate(own, digits, make_trial):
    fields = {"lr": 0.3, "weight_decay": 0.1}
    ours = own("AnyName", **fields).run_epoch()
    theirs = Training(make_trial(optimizer="sgd", **fields), digits).run_epoch()
    assert ours["train/loss"] == theirs["train/loss"]


def test_a_step_within_a_step_has_no_rate(own):
    with pytest.raises(OptimizerError, match="Twice and its base SGD both define step"):
        own("Twice", rate="adaloss")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"rate": "decay_sqrt"}, RuntimeError),
        ({"schedule": "cosine"}, OptimizerError),
        ({"warmup": 0.5}, OptimizerError),
    ],
    ids=str,
)
def test_an_optimizer_that_changes_its_learning_rate_has_neither_rate_nor_schedule(
    own, fields, error
):
    with pytest.raises(error, match="itself, and cannot have a "):
        own("Drifts", **fields).run_epoch()


def test_a_name_of_torchs_and_its_class_are_one_trial(make_trial):
    assert canonical_optimizer("torch.optim:AdamW") == "adamw"
    ids = {make_trial(optimizer=name).trial_id for name in ("adamw", "torch.optim:AdamW")}
    assert len(ids) == 1


def test_the_name_fixes_the_rate_of_adamloss(digits, make_trial):
    trial = make_trial(optimizer="adamloss", lr=0.1, b0=2.0)
    assert make_trial(optimizer="adamloss", lr=0.1, b0=2.0, rate="decay_sqrt") != trial
    other = make_trial(optimizer="adamloss", lr=0.1, b0=2.0, rate="decay_sqrt")
    assert other.trial_id == trial.trial_id
    assert Training(trial, digits).run_epoch()["b"] > 2.0


def test_hyperparameters_are_part_of_the_identity_in_any_order(make_trial):
    one = make_trial(optimizer="adamw", hyperparameters={"betas": [0.9, 0.95], "eps": 1e-6})
    same = make_trial(optimizer="adamw", hyperparameters={"eps": 1e-6, "betas": (0.9, 0.95)})
    other = make_trial(optimizer="adamw", hyperparameters={"eps": 1e-7, "betas": (0.9, 0.95)})
    assert one.trial_id == same.trial_id != other.trial_id
    assert type(one).model_validate_json(one.model_dump_json()) == one


def test_true_and_1_are_two_identities(make_trial):
    ids = [make_trial(optimizer="adamw", hyperparameters={"x": x}).trial_id for x in (True, 1)]
    assert ids[0] != ids[1]


def test_what_a_named_optimizer_does_not_use_is_not_in_its_identity(make_trial):
    plain = make_trial(optimizer="adamw")
    assert make_trial(optimizer="adamw", alpha=5, c=1, momentum=0.9).trial_id == plain.trial_id
    with_rate = make_trial(optimizer="adamw", rate="adaloss")
    assert make_trial(optimizer="adamw", rate="adaloss", alpha=5).trial_id != with_rate.trial_id
    assert make_trial(rate="adaloss").trial_id == make_trial().trial_id


@pytest.mark.parametrize(
    ("arguments", "rate", "replayable"),
    [
        ({"capturable": True}, "constant", True),
        ({"capturable": True}, "adaloss", False),
        ({}, "constant", False),
    ],
)
def test_only_capturable_optimizers_without_a_rate_may_be_replayed(arguments, rate, replayable):
    model = nn.Linear(2, 2)
    common = {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.0, "b0": 1.0, "alpha": 1.0, "c": 0.0}
    optimizer = build_named("adamw", model, hyperparameters=arguments, rate=rate, **common)
    assert optimizer.replayable is replayable
