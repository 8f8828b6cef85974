"""Whatever a file has in it, it is a grid or an error in plain words."""

import json
import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from small_grid import GRID

from adaloss.grid.sweep import GridError, Sweep, load_sweep


def loaded(path, text):
    """The sweep, or None if loading raises a well-formed error."""
    path.write_bytes(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
    try:
        return load_sweep(path)
    except GridError as error:
        problems, lines = error.problems, str(error).splitlines()
    assert problems
    assert len(lines) == len(problems)
    assert all(line.startswith(f"{path}:") for line in lines)
    return None


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.integers()
    | st.sampled_from(["mlp", "digits", "adaloss", "auto", "{b0}", "{", "2h", "b0", "test/top1"])
    | st.text(max_size=5)
)
KEYS = st.sampled_from(
    [
        "name method metric parameters seeds overrides exclude include divergence resources "
        "execution wandb tables data program command project entity run_cap early_terminate "
        "match set value values goal at rows columns per cpu gpu timeout tags mode <<",
        "dataset model optimizer seed lr epochs batch_size b0 alpha c momentum weight_decay "
        "pretrained image_size split_seed train_examples eval_examples resize padding flip "
        "interpolation normalize mean std precision channels_last compile deterministic max_loss",
    ]
).flatmap(lambda names: st.sampled_from(names.split())) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FUZZED = settings(
    max_examples=100,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def json_of(value):
    """The value as JSON, a subset of YAML, with YAML's names of nan and infinity."""
    return json.dumps(value).replace("NaN", ".nan").replace("Infinity", ".inf")


@FUZZED
@given(
    st.text(
        alphabet=st.sampled_from("ab:,-?*&!|>%@`'\"{}[]#\\\n\t 01.~\x85\ufeff\u2028"), max_size=60
    )
)
def test_text_with_yaml_syntax_is_a_grid_or_an_error(tmp_path, text):
    assert loaded(tmp_path / "grid.yaml", text) is None


@pytest.mark.slow
@FUZZED
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_grid_or_an_error(tmp_path, text):
    assert loaded(tmp_path / "grid.yaml", text) is None


@pytest.mark.slow
@FUZZED
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_structure_is_a_grid_or_an_error(tmp_path, grid):
    loaded(tmp_path / "grid.yaml", json_of(grid))


@pytest.mark.slow
@FUZZED
@given(
    st.dictionaries(KEYS, VALUES, max_size=2),
    st.dictionaries(KEYS, VALUES, max_size=2),
)
def test_any_change_of_a_valid_grid_is_a_grid_or_an_error(tmp_path, keys, parameters):
    right = YAML(typ="safe", pure=True).load(GRID)
    right["parameters"] |= parameters
    sweep = loaded(tmp_path / "grid.yaml", json_of(right | keys))
    assert sweep is None or (isinstance(sweep, Sweep) and sweep.trials)


@FUZZED
@given(st.integers(0, len(GRID)), st.integers(0, 4), st.text(max_size=3))
def test_any_typo_is_a_grid_or_an_error(tmp_path, start, length, text):
    loaded(tmp_path / "grid.yaml", GRID[:start] + text + GRID[start + length :])


PLACES = {
    "name": "name: demo",
    "dataset": "dataset: digits",
    "model": "model: mlp",
    "pretrained": "lr: 0.1",
    "project": "seeds: 2",
}
PATHS = st.text(alphabet=st.sampled_from("../\\~\0\n\x1b\u202eab:-%{}"), max_size=12)


@pytest.mark.slow
@FUZZED
@given(st.sampled_from(sorted(PLACES)), PATHS | st.text(max_size=8))
def test_any_name_is_not_a_path_or_is_an_error(tmp_path, field, text):
    new = {
        "pretrained": f"lr: 0.1\n  pretrained: {json.dumps(text + '.pth')}",
        "project": f"wandb: {{project: {json.dumps(text)}, name: {json.dumps(text)}}}",
    }.get(field, f"{field}: {json.dumps(text)}")
    assert GRID.count(PLACES[field]) == 1
    sweep = loaded(tmp_path / "grid.yaml", GRID.replace(PLACES[field], new))
    if sweep is not None:
        assert "\0" not in text
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", sweep.name)
        assert all(re.fullmatch(r"[A-Za-z0-9._=+-]+", t.readable_name) for t in sweep.trials)
