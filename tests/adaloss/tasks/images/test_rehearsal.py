"""Models tried on a few stand-in images: what cannot be trained is known before a sweep."""

import numpy as np
import pytest
from PIL import Image

from adaloss.records.places import Places
from adaloss.tasks.rehearsal import rehearse

MODELS = """
import torch
from torch import nn

def build(channels, image_size, classes, outputs=0):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, classes + outputs))

def fine(channels, image_size, classes):
    return build(channels, image_size, classes)

def one_too_few(channels, image_size, classes):
    return build(channels, image_size, classes, -1)

def one_too_many(channels, image_size, classes):
    return build(channels, image_size, classes, 1)

def no_images(channels, image_size, classes):
    return nn.Linear(3, classes)

def another_signature(width):
    return None

def nothing_to_learn(channels, image_size, classes):
    return nn.Flatten()

class Pair(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner(images), images

def a_pair(channels, image_size, classes):
    return Pair(build(channels, image_size, classes))

class Evaluates(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        if not self.training:
            raise ZeroDivisionError("only in evaluation")
        return self.inner(images)

def fails_in_evaluation(channels, image_size, classes):
    return Evaluates(build(channels, image_size, classes))

def normalised(channels, image_size, classes):
    inputs = channels * image_size**2
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(inputs), nn.Linear(inputs, classes))

def too_large(channels, image_size, classes):
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "models_to_rehearse.py").write_text(MODELS)
    return Places(data_root=folder / "no-data", own=(folder,))


def test_a_model_that_fits_is_fine(make_trial, places):
    for fields in ({}, {"dataset": "cifar100"}, {"batch_size": 1}, {"lr": 1e30}, {"compile": True}):
        trial = make_trial(model="models_to_rehearse:fine", **fields)
        assert rehearse(trial, places) is None, fields


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("one_too_few", r"returns a tensor of shape (8, 9) for 8 images of 10 classes"),
        ("one_too_many", r"returns a tensor of shape (8, 11) for 8 images of 10 classes"),
        ("a_pair", "returns an object of type tuple"),
        ("no_images", "RuntimeError: "),
        ("another_signature", "cannot be called"),
        ("nothing_to_learn", "empty parameter list"),
        ("fails_in_evaluation", "ZeroDivisionError: only in evaluation"),
        ("not_there", "not_there is not defined in"),
    ],
)
def test_what_cannot_be_trained_is_said(make_trial, places, function, message):
    trouble = rehearse(make_trial(model=f"models_to_rehearse:{function}"), places)
    assert message in trouble.message


def test_a_lack_of_memory_is_left_to_the_check_of_memory(make_trial, places):
    assert rehearse(make_trial(model="models_to_rehearse:too_large"), places) is None


def test_a_last_batch_of_one_image_is_tried(make_trial, places):
    fields = {"model": "models_to_rehearse:normalised", "batch_size": 128}
    assert rehearse(make_trial(train_examples=128, **fields), places) is None
    trouble = rehearse(make_trial(train_examples=129, **fields), places)
    assert "Expected more than 1 value per channel" in trouble.message


def test_the_traceback_has_the_users_line(make_trial, places):
    trouble = rehearse(make_trial(model="models_to_rehearse:fails_in_evaluation"), places)
    assert "models_to_rehearse.py" in trouble.traceback


def test_constants_that_do_not_fit_the_images_are_said(make_trial, places):
    trouble = rehearse(make_trial(mean=(0.5, 0.5), std=(0.5,)), places)
    assert "mean has 2 values" in trouble.message


def test_an_image_folders_classes_count(make_trial, places):
    for name in ("cat", "dog", "cow"):
        (places.own[0] / "pets" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((4, 4, 3), dtype="uint8")).save(
            places.own[0] / "pets" / name / "0.png"
        )
    trial = make_trial(model="models_to_rehearse:fine", dataset="imagefolder:pets", image_size=4)
    assert rehearse(trial, places) is None
    fewer = make_trial(**(trial.values | {"model": "models_to_rehearse:one_too_few"}))
    assert "(8, 2) for 8 images of 3 classes" in rehearse(fewer, places).message


def test_an_optimizer_that_is_tried_prints_nothing(make_trial, places, capsys):
    assert rehearse(make_trial(optimizer="adamw", lr=0.01), places) is None
    assert capsys.readouterr() == ("", "")
