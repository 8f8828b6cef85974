"""Models of the user's own."""

import random

import numpy as np
import pytest
import torch
from weight_files import differing

from adaloss.tasks.images.models import user_model
from adaloss.tasks.images.models.user_model import UserModelError


def test_a_function_of_the_users_own_builds_a_model(build, here):
    built = build(model="my_models:wide", channels=2, image_size=4, classes=3)
    assert built.module(torch.rand(5, 2, 4, 4)).shape == (5, 3)
    assert (built.image_size, built.mean, built.std) == (4, None, None)
    again = build(model="my_models:wide", channels=2, image_size=4, classes=3)
    assert not differing(again.module, built.module.state_dict())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("my_modles:wide", "there is no module my_modles in"),
        ("nowhere.models:wide", "there is no module nowhere.models in"),
        ("my_models:deep", r"deep is not defined in .*my_models\.py"),
        ("my_models:constant", r"constant is no function in .*my_models\.py"),
        ("my_models:two_arguments", "cannot be called: got an unexpected keyword argument"),
        ("my_models:no_module", "returned an object of type list"),
    ],
)
def test_what_is_no_model_of_the_users_is_refused(build, here, model, message):
    with pytest.raises(UserModelError, match=f"model {model}.*{message}.*channels=…") as refused:
        build(model=model)
    assert "returns a torch.nn.Module" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("def f(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(build, here, source, message):
    (here / "broken_models.py").write_text(source)
    with pytest.raises(UserModelError, match=f"importing broken_models raises {message}"):
        build(model="broken_models:f")


def test_a_lack_of_memory_is_no_fault_of_the_module(build, here):
    (here / "large_models.py").write_text("raise MemoryError")
    with pytest.raises(MemoryError):
        build(model="large_models:f")


def test_what_the_users_function_raises_passes_through(build, here):
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        build(model="my_models:stumbles")


def test_a_function_without_a_signature_is_called():
    assert user_model.arguments_refused(print, {"channels": 1}) is not None
    assert user_model.arguments_refused(type, {"channels": 1}) is None


DRAWING = """
import random
import numpy as np
from torch import nn

def net(channels, image_size, classes):
    layer = nn.Linear(channels * image_size**2, classes)
    nn.init.constant_(layer.bias, random.random() + np.random.random())
    return nn.Sequential(nn.Flatten(), layer)
"""


def test_what_the_users_function_draws_depends_on_the_trials_seed_alone(build, here):
    (here / "drawing_models.py").write_text(DRAWING)
    models = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        models.append(build(model="drawing_models:net").module)
    assert not differing(models[0], models[1].state_dict())
    assert differing(models[0], build(model="drawing_models:net", seed=1).module.state_dict())
