"""The id of a trial of the user's own program is that of its content, in records as in grids."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaloss.grid.sweep import load_sweep
from adaloss.tasks.program.fields import ProgramTrial, column, columns, parameter_of
from adaloss.tasks.table import common_task, trial_from

GRID = """\
name: demo
program: train.py
metric: {name: val_loss}
parameters:
  lr: [0.1, 1]
  sizes: [[64, 32], null]
seeds: 2
"""
GOLDEN = [
    "641b5cba22e5",
    "c48897a0aa83",
    "638a7fc02e94",
    "de133f8dcbe2",
    "17e05bfc6cf2",
    "727fd6e0c0bb",
    "fb9a83f1474d",
    "2a652c63bad9",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    # YAML has no half surrogate pairs.
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    ["task", "seed", "parameters.task", "parameters.parameters.state", "last:loss", "optimizer.lr"]
)
PARAMETERS = st.dictionaries(NAMES, VALUES, max_size=5)


@pytest.fixture
def ids(tmp_path):
    def ids_of(text, name="grid.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return [trial.trial_id for trial in load_sweep(path).trials]

    return ids_of


def test_these_ids_never_change(ids):
    assert ids(GRID) == GOLDEN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: demo\n", "name: other\n"),
        ("{name: val_loss}", "{name: acc, goal: maximize}"),
        ("seeds: 2", "seeds: 2\npython: /usr/bin/python3"),
        ("seeds: 2", "seeds: [0, 1]"),
        ("seeds: 2", "seeds: 2\nseed_parameter: seed"),
        ("seeds: 2\n", "task: program\nseeds: 2\n"),
        ("seeds: 2\n", "execution: {retries: 0}\nseeds: 2\n"),
        ("lr: [0.1, 1]", "lr: {values: [1e-1, 1]}"),
        ("sizes: [[64, 32], null]", "sizes: {values: [[64, 32], ~]}"),
    ],
)
def test_what_changes_no_number_changes_no_id(ids, old, new):
    assert GRID.count(old) == 1
    assert ids(GRID.replace(old, new)) == ids(GRID)


def test_the_order_of_the_parameters_changes_no_id(ids):
    first, second = "  lr: [0.1, 1]\n", "  sizes: [[64, 32], null]\n"
    changed = ids(GRID.replace(first + second, second + first))
    assert changed != ids(GRID)
    assert set(changed) == set(ids(GRID))


def test_the_order_of_groups_changes_no_id(ids):
    first, second = (f"  {name}: {{parameters: {{lr: {{value: 1}}}}}}\n" for name in "ab")
    before, after = GRID.split("  lr: [0.1, 1]\n")
    assert ids(before + first + second + after) == ids(before + second + first + after)


def test_a_nested_group_is_passed_in_another_way_than_dotted_names(ids):
    dotted = GRID.replace("lr:", "optimizer.lr:")
    nested = GRID.replace("lr: [0.1, 1]", "optimizer: {parameters: {lr: {values: [0.1, 1]}}}")
    assert len({*ids(dotted), *ids(nested), *ids(GRID)}) == 3 * len(ids(GRID))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("train.py", "./train.py"),
        ("seeds: 2", "seeds: 2\ncommand: [python, '${program}', '${args}']"),
        ("seeds: 2", "seeds: 2\nseed_parameter: rng"),
        ("seeds: 2", "seeds: 2\nmetrics: {file: out.json}"),
        ("seeds: 2", "seeds: 2\nmetrics: {pattern: 'loss=(?P<val_loss>.+)'}"),
        ("seeds: 2", "seeds: 2\ndivergence: {max_loss: 10000}"),
        ("seeds: 2", "seeds: 2\ndivergence: {metric: loss}"),
        ("seeds: 2", "seeds: [5, 6]"),
        ("lr: [0.1, 1]", "lr: ['0.1', '1']"),
        ("lr: [0.1, 1]", "lr: [0.1, true]"),
        ("lr: [0.1, 1]", "LR: [0.1, 1]"),
        ("null]", "[]]"),
        ("  lr:", "  depth: 3\n  lr:"),
    ],
)
def test_what_can_change_numbers_changes_ids(ids, old, new):
    assert GRID.count(old) == 1
    assert set(ids(GRID.replace(old, new))) != set(ids(GRID))


def test_a_bound_is_one_of_the_metric_that_tables_show_unless_it_names_its_own(ids):
    bound = GRID + "divergence: {max_loss: 100}\n"
    of_another = bound.replace("{name: val_loss}", "{name: acc}")
    assert not set(ids(bound)) & set(ids(of_another))
    named = of_another.replace("{max_loss: 100}", "{metric: val_loss, max_loss: 100}")
    assert ids(named) == ids(bound)


def test_a_script_without_seeds_has_other_ids_than_with_the_first(ids):
    assert not set(ids(GRID.replace("seeds: 2\n", ""))) & set(ids(GRID))


def test_a_parameter_that_is_left_out_is_not_null(ids):
    assert not set(ids(GRID.replace("lr:", "depth: null\n  lr:"))) & set(ids(GRID))


def trial_with(parameters, seed=0, **fields):
    return ProgramTrial.model_validate(
        {"task": "program", "program": "train.py", "seed": seed, "parameters": parameters} | fields
    )


@given(PARAMETERS, st.integers(0, 2**63 - 1), st.randoms(use_true_random=False))
def test_a_record_is_the_same_trial(parameters, seed, rng):
    trial = trial_with(parameters, seed)
    records = [trial.model_dump_json(), json.dumps(trial.model_dump())]
    shuffled = json.loads(records[0])
    shuffled["parameters"] = reordered(shuffled["parameters"], rng)
    for content in (*map(json.loads, records), reordered(shuffled, rng)):
        same = trial_from(content)
        assert same.identity == trial.identity
        assert same.trial_id == trial.trial_id
        assert (same, hash(same)) == (trial, hash(trial))


@given(PARAMETERS, st.randoms(use_true_random=False))
def test_the_identity_does_not_depend_on_the_order(parameters, rng):
    assert trial_with(reordered(parameters, rng)).identity == trial_with(parameters).identity


def reordered(content, rng: random.Random):
    return dict(rng.sample(list(content.items()), len(content)))


@given(PARAMETERS, PARAMETERS)
def test_other_parameters_are_another_trial(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (trial_with(one).trial_id == trial_with(other).trial_id) == same


@given(PARAMETERS, st.integers(0, 100))
def test_the_identity_is_the_json_of_the_fields_that_are_set(parameters, seed):
    trial = trial_with(parameters, 0, metric="loss", python="python3").with_seed(seed)
    content = {"program": "train.py", "seed": seed, "task": "program"}
    if parameters:
        content["parameters"] = parameters
    assert json.loads(trial.identity) == json.loads(json.dumps(content))
    assert trial.trial_id == trial_with(parameters, seed).trial_id


@given(PARAMETERS)
def test_every_parameter_has_a_name_of_its_own_in_tables(parameters):
    trial = trial_with(parameters)
    assert len({*columns(parameters), "task", "program", "seed"}) == len(parameters) + 3
    for name, value in trial.parameters:
        assert trial.value(column(name)) == value
        assert parameter_of(column(name)) == name
    assert set(common_task([trial]).field_names) == set(trial.values)


@given(PARAMETERS.filter(bool), SCALARS, st.data())
def test_other_values_by_their_names_in_tables(parameters, value, data):
    name = data.draw(st.sampled_from(list(parameters)))
    changed = trial_with(parameters).with_values({column(name): value})
    assert changed == trial_with(parameters | {name: value})
