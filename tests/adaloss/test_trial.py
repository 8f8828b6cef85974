"""A trial's identity is its content."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adaloss.optim import OPTIMIZERS
from adaloss.optimizer_names import LOSS_OPTIMIZERS, unused_fields
from adaloss.tasks.images.fields import ImageTrial


def test_one_and_one_point_zero_are_one_value(make_trial):
    assert make_trial(lr=1, b0=10).trial_id == make_trial(lr=1.0, b0=10.0).trial_id


def test_zero_has_no_sign(make_trial):
    assert make_trial(c=-0.0).trial_id == make_trial(c=0.0).trial_id


def test_a_field_at_its_default_is_as_if_not_given(make_trial):
    assert make_trial(alpha=1.0, weight_decay=0).trial_id == make_trial().trial_id


def test_the_identity_never_changes(make_trial):
    # Finished trials are found by it: a release that changes it loses everybody's results.
    assert make_trial().trial_id == "89d6d7bc118a"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "small_cnn"),
        ("optimizer", "sgd_constant"),
        ("seed", 1),
        ("lr", 0.5),
        ("epochs", 3),
        ("batch_size", 64),
        ("b0", 0.1),
        ("alpha", 2.0),
        ("c", 0.1),
        ("momentum", 0.9),
        ("weight_decay", 1e-4),
        ("image_size", 16),
        ("split_seed", 1),
        ("max_loss", 10.0),
    ],
)
def test_whatever_can_change_the_numbers_changes_the_identity(make_trial, field, value):
    assert make_trial(**{field: value}).trial_id != make_trial().trial_id


def test_what_an_optimizer_ignores_is_no_part_of_the_identity(make_trial):
    plain = make_trial(optimizer="sgd_constant")
    assert make_trial(optimizer="sgd_constant", alpha=5.0, c=1.0).trial_id == plain.trial_id


def test_what_applies_agrees_with_the_optimizers():
    assert set(LOSS_OPTIMIZERS) == set(OPTIMIZERS)
    for name, spec in OPTIMIZERS.items():
        used = {"alpha", "c", "momentum"} - unused_fields(name, "constant")
        assert used == {"alpha", "c", "momentum"} & set(spec.arguments)


@given(b0=st.floats(min_value=1e-300, max_value=1e300), seed=st.integers(0, 2**63 - 1))
def test_a_trial_read_back_from_json_is_the_same_trial(b0, seed):
    trial = ImageTrial(
        dataset="digits", model="mlp", optimizer="adaloss", seed=seed, lr=1, epochs=1,
        batch_size=1, b0=b0,
    )  # fmt: skip
    again = ImageTrial.model_validate_json(trial.model_dump_json())
    assert (again, again.trial_id) == (trial, trial.trial_id)


@pytest.mark.parametrize(
    "fields",
    [
        {"b0": 0}, {"b0": float("nan")}, {"alpha": -1}, {"lr": -0.1}, {"epochs": 0},
        {"momentum": 1}, {"seed": -1}, {"optimizer": "adalos"}, {"dataset": "none"}, {"extra": 1},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(make_trial, fields):
    with pytest.raises(ValidationError):
        make_trial(**fields)


def test_folder_names_are_safe(make_trial):
    assert "/" not in make_trial(model="../../etc/passwd").readable_name


@given(seed=st.integers(0, 2**63 - 1), model=st.text(min_size=1, max_size=20))
def test_a_trial_with_another_seed_is_the_trial_declared_with_it(seed, model):
    fields = {"dataset": "digits", "optimizer": "adaloss", "lr": 1, "epochs": 1, "batch_size": 8}
    first = ImageTrial(**fields, model=model, seed=0)
    assert first.trial_id != first.with_seed(1).trial_id
    other = first.with_seed(seed)
    declared = ImageTrial(**fields, model=model, seed=seed)
    assert (other, other.trial_id) == (declared, declared.trial_id)
    assert (other.identity, other.readable_name) == (declared.identity, declared.readable_name)
    assert (other.values, other.cell) == (declared.values, declared.cell)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "b0": st.floats(1e-9, 1e9),
            "alpha": st.floats(0, 10),
            "pretrained": st.sampled_from([True, 'w","seed":1.pth']),
            "split_seed": st.sampled_from([3, "trial"]),
            "weight_decay": st.floats(0, 1),
            "mean": st.tuples(st.floats(0, 1)),
            "train_examples": st.integers(1, 99),
        },
    ),
    st.sampled_from(LOSS_OPTIMIZERS),
    st.integers(0, 99),
)
def test_the_identity_is_the_canonical_json_of_what_counts(fields, optimizer, seed):
    trial = ImageTrial(
        dataset="digits", model="mlp", lr=1, epochs=1, batch_size=8, seed=seed,
        optimizer=optimizer, **fields,
    )  # fmt: skip
    ignored = unused_fields(optimizer, "constant")
    content = trial.model_dump(exclude_defaults=True, exclude=set(ignored))
    assert trial.identity == json.dumps(content, sort_keys=True, separators=(",", ":"))


def test_a_copy_with_another_value_keeps_nothing_of_the_old_identity(make_trial):
    trial = make_trial()
    known = (trial.trial_id, trial.readable_name, trial.values)
    copied = trial.model_copy(update={"b0": 7.0})
    assert known != (copied.trial_id, copied.readable_name, copied.values)
    assert copied.trial_id == make_trial(b0=7).trial_id
