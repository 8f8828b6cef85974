import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb.sdk.lib import config_util

from adaloss.errors import UserError
from adaloss.tasks.program.environment import (
    ALLOCATOR,
    CHILD,
    PARAMETERS_FILE,
    READS_FILE,
    grouped,
    wandb_environment,
)

# wandb does not close the file of parameters.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.text(
    st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1, max_size=9
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


def read_by_wandb(folder: Path, parameters: dict[str, object]) -> Any:
    wandb_environment(folder, "a", parameters, {})
    return config_util.dict_from_config_file(str(folder / PARAMETERS_FILE))


@pytest.mark.slow
@settings(max_examples=50)
@given(parameters=st.dictionaries(KEYS.filter(lambda key: key != "wandb_version"), VALUES))
def test_wandb_reads_the_parameters_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, parameters: dict[str, object]
) -> None:
    assert read_by_wandb(tmp_path_factory.mktemp("trial"), parameters) == parameters


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1e-05, 1e-05),
        (1e22, 1e22),
        (-0.0, 0.0),
        (np.float64(0.1), 0.1),
        ((1, 2), [1, 2]),
        ("1e-05", "1e-05"),
        ("no", "no"),
        ("é\u2028😀\x7f", "é\u2028😀\x7f"),
    ],
)
def test_values_that_yaml_could_take_for_others(
    tmp_path: Path, value: object, expected: object
) -> None:
    config = read_by_wandb(tmp_path, {"a": value, "b": [{"c": value}]})
    assert config == {"a": expected, "b": [{"c": expected}]}
    assert type(config["a"]) is type(expected)


def test_names_with_dots_are_nested_in_a_group_only(tmp_path: Path) -> None:
    parameters = {"o.lr": 0.1, "o.a": {"b": 1}, "o.a.c": 2, "oo.lr": 3, "x": {}}
    as_agent = grouped(parameters, ("o",))
    assert as_agent == {"o": {"lr": 0.1, "a": {"b": 1, "c": 2}}, "oo.lr": 3, "x": {}}
    assert read_by_wandb(tmp_path, as_agent) == as_agent
    assert read_by_wandb(tmp_path, parameters) == parameters == grouped(parameters, ())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"g.o": 1, "g.o.lr": 2}, "o.lr: o is a parameter with a value of its own"),
        ({"g.o.lr": 2, "g.o": 1}, "o: there are two values"),
        ({"g.o.lr": 2, "g.o": {"lr": 1}}, "o.lr: there are two values"),
        ({"o": {"a": {1}}}, "which is no number, text, list or mapping"),
    ],
)
def test_parameters_that_fit_in_no_config(
    tmp_path: Path, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        wandb_environment(tmp_path, "a", grouped(parameters, ("g",)), {})


def test_what_the_script_inherits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = {
        "HOME": "/home/me",
        "PYTHONPATH": "mine",
        "WANDB_ENTITY": "me",
        "CUDA_VISIBLE_DEVICES": "1",
    }
    removed = {
        "RAY_JOB_ID": "1",
        "PYTHONSAFEPATH": "1",
        "WANDB_API_KEY": "secret",
        "WANDB_SERVICE": "3-1-tcp-localhost-1",
        "WANDB_X_SKIP_TRANSACTION_LOG": "true",
    }
    monkeypatch.chdir(tmp_path)
    made = wandb_environment(Path(), "trial-1", {}, base | removed | {"WANDB_MODE": "online"})
    assert not made.keys() & removed.keys()
    assert made | base == made | {"PYTHONPATH": "mine"}
    assert made["PYTHONPATH"] == f"{CHILD}{os.pathsep}mine"
    assert made["WANDB_MODE"] == "offline"
    assert made["WANDB_DIR"] == str(tmp_path)
    assert made["WANDB_RUN_ID"] == made["WANDB_NAME"] == "trial-1"
    assert made["ADALOSS_READS"] == str(tmp_path / READS_FILE)
    assert wandb_environment(tmp_path, "a", {}, {"PYTHONPATH": ""})["PYTHONPATH"] == str(CHILD)


def test_the_allocator_of_the_workers_is_not_the_scripts_and_the_users_own_is(
    tmp_path: Path,
) -> None:
    users = {"LD_PRELOAD": "libtcmalloc.so", "MALLOC_CONF": "narenas:1"}
    made = wandb_environment(tmp_path, "a", {}, users)
    assert made.items() >= users.items()
    workers = {"LD_PRELOAD": "/ray/libjemalloc.so"} | ALLOCATOR
    assert not workers.keys() & wandb_environment(tmp_path, "a", {}, workers).keys()
