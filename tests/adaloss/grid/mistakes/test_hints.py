"""A hint names a synonym or a similar name. If no name is similar, there is no hint."""

from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaloss.grid.check import model_in
from adaloss.grid.mistakes.hints import SPELLINGS, edit_distance, similar_names, squashed
from adaloss.grid.schema.schema import Grid
from adaloss.optimizer_names import LOSS_OPTIMIZERS
from adaloss.tasks.metrics import METRICS
from adaloss.tasks.table import FIELD_NAMES

FIELDS = {
    "lr": "learning_rate learning-rate learningRate LEARNING_RATE lr_rate LR base_lr init_lr "
    "initial_lr lr0 eta learing_rate optimizer.learning_rate scheduler.lr lrr",
    "epochs": "epoch Epochs num_epochs num-epochs n_epochs max_epochs num_train_epochs "
    "trainer.max_epochs training.epochs",
    "batch_size": "batch-size batchsize batchSize bs train_batch_size bacth_size "
    "per_device_train_batch_size datamodule.batch_size",
    "weight_decay": "wd weight-decay weightDecay weigth_decay",
    "optimizer": "optim opt optimiser optimizer_name",
    "model": "arch architecture model_name model_name_or_path backbone modle",
    "dataset": "dataset_name data_set data",
    "seed": "random_seed manual_seed rng_seed",
    "image_size": "img_size imgsz input_size",
    "momentum": "momentun mom",
}
MISSPELT_METRICS = {
    ("val/top1",): "val_accuracy val_acc val-accuracy valAcc validation_accuracy eval/accuracy",
    ("val/top1", "test/top1"): "accuracy acc Accuracy top-1",
    ("test/top1",): "test_acc test_accuracy test/accuracy",
    ("val/loss",): "val_loss val-loss valid_loss validation_loss eval/loss",
    ("train/loss", "val/loss"): "loss",
    ("train/loss",): "train_loss training_loss",
}
LIKE_NOTHING = (
    "dropout hidden_size num_layers warmup_ratio warmup_epochs tau eps clip grad_clip "
    "num_classes train_loss eval_batch_size max_steps n_estimators lambda compute tokenizer "
    "num_workers device fp16 x b - ."
)


@pytest.mark.parametrize(
    ("written", "field"),
    [(written, field) for field, names in FIELDS.items() for written in names.split()],
)
def test_other_spellings_of_a_field_suggest_it(written, field):
    assert similar_names(written, FIELD_NAMES) == (field,)


@pytest.mark.parametrize(
    ("written", "metrics"),
    [
        (written, metrics)
        for metrics, names in MISSPELT_METRICS.items()
        for written in names.split()
    ],
)
def test_other_spellings_of_a_metric_suggest_it(written, metrics):
    assert similar_names(written, METRICS) == metrics


@pytest.mark.parametrize("written", LIKE_NOTHING.split())
def test_there_is_no_hint_if_no_name_is_similar(written):
    assert similar_names(written, FIELD_NAMES) == ()


@pytest.mark.parametrize("written", ["adam", "adamw", "adagrad", "rmsprop", "lion"])
def test_another_optimizer_does_not_suggest_one_of_ours(written):
    assert similar_names(written, LOSS_OPTIMIZERS) == ()


def test_every_synonym_stands_for_an_existing_name():
    keys = {name for section in sections(Grid) for name in section.model_fields}
    assert set(SPELLINGS) <= {*FIELD_NAMES, *METRICS, *LOSS_OPTIMIZERS, *keys}
    assert not {squashed(name) for name in FIELD_NAMES} & {
        squashed(spelling) for listed in SPELLINGS.values() for spelling in listed.split()
    }


def sections(model):
    """The model and those of its sections."""
    return [model, *filter(None, (model_in(f.annotation) for f in model.model_fields.values()))]


SPELT = {
    squashed(spelling): {name for name in SPELLINGS if spelling in SPELLINGS[name].split()}
    for listed in SPELLINGS.values()
    for spelling in listed.split()
}
WRITTEN = st.text(max_size=20) | st.sampled_from(
    [*FIELD_NAMES, *SPELT, *LIKE_NOTHING.split()]
).flatmap(
    lambda name: st.builds(
        lambda start, length, new: name[:start] + new + name[start + length :],
        st.integers(0, len(name)),
        st.integers(0, 4),
        st.text(alphabet="abcdefglnrstu_-.0123", max_size=4),
    )
)


@given(WRITTEN)
def test_a_hint_is_a_synonym_or_similar_to_the_name(written):
    for hint in similar_names(written, FIELD_NAMES):
        parts = {squashed(written), squashed(written.rpartition(".")[2])}
        meant = {squashed(hint)} | {spelling for spelling, names in SPELT.items() if hint in names}
        assert parts & meant or any(
            SequenceMatcher(None, squashed(written), spelling).ratio() >= 0.6
            and abs(len(squashed(written)) - len(spelling)) <= 3
            and squashed(written)[0] == spelling[0]
            for spelling in meant
        )


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [
        ("", "", 0),
        ("lr", "lr", 0),
        ("mpl", "mlp", 1),
        ("sedes", "seeds", 1),
        ("digit", "digits", 1),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_letters_are_changed_added_removed_or_swapped(one, other, number):
    assert edit_distance(one, other) == edit_distance(other, one) == number
