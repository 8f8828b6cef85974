"""A constructor's arguments are read from the source as Python would find them."""

import inspect
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adaloss.optimizer_names import TORCH_OPTIMIZERS
from adaloss.own_code.signatures import (
    Constructor,
    constructor_of,
    keys_of,
    methods_of,
    names_in,
)


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS.values())
def test_those_of_torch_are_torchs(name):
    found = constructor_of("torch.optim", name, [])
    assert found.arguments == tuple(inspect.signature(getattr(torch.optim, name)).parameters)


@pytest.mark.parametrize(
    ("module", "name", "argument"),
    [
        ("schedulefree", "AdamWScheduleFree", "warmup_steps"),
        ("prodigyopt", "Prodigy", "d_coef"),
        ("dog", "DoG", "reps_rel"),
        ("pytorch_optimizer", "Prodigy", "d0"),
        ("timm.optim", "Lamb", "trust_clip"),
    ],
)
def test_those_of_packages_are_found_through_their_imports(module, name, argument):
    assert argument in constructor_of(module, name, []).arguments
    assert name in names_in(module, [])


@pytest.mark.parametrize(
    ("module", "name", "modes"),
    [
        ("schedulefree", "AdamWScheduleFree", True),
        ("pytorch_optimizer", "ScheduleFreeSGD", True),
        ("torch.optim", "AdamW", False),
        ("dog", "LDoG", False),
    ],
)
def test_methods_are_those_of_the_class_and_its_bases(module, name, modes):
    methods = methods_of(module, name, [])
    assert "__init__" in methods
    assert (methods >= {"train", "eval"}) == modes


@pytest.mark.parametrize(
    ("statement", "used"),
    [
        ("pass", False),
        ("defaults = {'lr': lr, **others}", False),
        ("self.base = make(params, **others)", True),
        ("super().__init__(params, others)", True),
        ("self.k = others.get('k', 1)", True),
    ],
)
def test_what_a_constructor_does_with_other_names(tmp_path, statement, used):
    (tmp_path / "mine.py").write_text(
        f"class A:\n    def __init__(self, params, lr, **others):\n        {statement}\n"
    )
    found = constructor_of("mine", "A", [tmp_path])
    assert (found.any_name, found.uses_others) == (True, used)


def test_the_keys_that_a_class_looks_up():
    keys = keys_of("pytorch_optimizer", "Lion", [])
    assert {"cautious", "adanorm"} <= keys
    assert "beta2" not in keys


def test_nothing_is_imported(tmp_path):
    (tmp_path / "raises_when_imported.py").write_text(
        "class A:\n    def __init__(self, params, lr): pass\nraise SystemExit\n"
    )
    found = constructor_of("raises_when_imported", "A", [tmp_path])
    assert found == Constructor(arguments=("params", "lr"), any_name=False)
    assert "raises_when_imported" not in sys.modules


CASES = {
    "class A(B): pass\nclass B:\n    def __init__(self, params, x=1): ...": ("params", "x"),
    "class B:\n    def __init__(self, params, *, x): ...\nA = B": ("params", "x"),
    "def A(params, lr): ...": ("params", "lr"),
    "from other import B as A": ("params", "y"),
    "from other import *": ("params", "z"),
    "try:\n    from other import A\nexcept ImportError:\n    A = None": ("params", "z"),
    "if True:\n    class A:\n        def __init__(self, params): ...": ("params",),
    "A = make()": None,
    "A = B\nB = A": None,
    "from missing import A": None,
    "class A(": None,
    "": None,
}


@pytest.mark.parametrize(("source", "expected"), CASES.items(), ids=range(len(CASES)))
def test_each_way_to_define_a_class(tmp_path, source, expected):
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "other.py").write_text(
        "class B:\n    def __init__(self, params, y): ...\n"
        "class A:\n    def __init__(self, params, z): ...\n"
    )
    found = constructor_of("mine", "A", [tmp_path])
    assert (found.arguments if found else None) == expected


@given(source=st.text(max_size=200))
def test_any_text_is_read_without_an_error(tmp_path_factory, source):
    folder = tmp_path_factory.mktemp("any")
    (folder / "mine.py").write_text(source, encoding="utf-8", errors="replace")
    constructor_of("mine", "A", [folder])
    names_in("mine", [folder])
