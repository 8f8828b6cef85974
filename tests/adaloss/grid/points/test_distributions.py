"""Random search draws from W&B's distributions, and a point never changes once it is drawn."""

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from adaloss.grid.points import distributions
from adaloss.grid.points.distributions import (
    MOST_DRAWS_PER_POINT,
    distribution_of,
    draw_points,
    mistake_in_distribution,
    probability_of,
)
from adaloss.grid.points.forms import FINITE, SAMPLED, WEIGHTED
from adaloss.grid.points.quantiles import DISTRIBUTIONS

NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-6, 1e6)
EXPONENTS = st.floats(-20, 20)
UNITS = st.integers(1, 100) | st.floats(1e-3, 100)
SEEDS = st.integers(0, 2**32)
MANY = 5_000


def ranges(numbers):
    return st.tuples(numbers, numbers).map(sorted)


@st.composite
def ranged(draw, distribution):
    numbers = POSITIVE if distribution.endswith("_values") else NUMBERS
    if "log" in distribution and numbers is NUMBERS:
        numbers = EXPONENTS
    if distribution == "int_uniform":
        numbers = st.integers(-(10**20), 10**20)
    least, most = draw(ranges(numbers))
    form = {"distribution": distribution, "min": least, "max": most}
    return form | ({"q": draw(UNITS)} if distribution.startswith("q_") else {})


RANGED = [name for name, known in DISTRIBUTIONS.items() if "min" in known.needed]
ENDS = {
    "log_uniform": lambda least, most: (math.exp(least), math.exp(most)),
    "inv_log_uniform": lambda least, most: (math.exp(-most), math.exp(-least)),
}


LOG_3_2 = stats.loguniform(math.exp(-3), math.exp(2))
LOG_2_1 = stats.loguniform(math.exp(-2), math.exp(-1))


def values_of(form, count, seed=0):
    return [point["x"] for point in draw_points({"x": form}, seed, count)]


GOLDEN = [
    {
        "lr": 0.000246115177859,
        "size": 64,
        "layers": 4,
        "wd": 0.10390888654,
        "mix": 0.285654455072,
        "name": "a",
    },
    {
        "lr": 2.54617003554e-05,
        "size": 64,
        "layers": 2,
        "wd": 0.111350117308,
        "mix": 0.307500859043,
        "name": "b",
    },
]


def test_every_distribution_of_wandb_is_known():
    assert set(DISTRIBUTIONS) == {*FINITE, WEIGHTED, *SAMPLED}


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sampled_from(RANGED).flatmap(ranged), SEEDS)
def test_values_are_within_bounds_and_multiples(form, seed):
    assert mistake_in_distribution("x", form) is None
    distribution = form["distribution"]
    least, most = ENDS.get(distribution.removeprefix("q_"), lambda *ends: ends)(
        form["min"], form["max"]
    )
    unit = form.get("q", 0)
    for value in values_of(form, 3, seed):
        slack = unit / 2 + 1e-9 * abs(value) if unit else 0
        assert least - slack <= value <= most + slack
        whole = distribution == "int_uniform" or isinstance(form.get("q"), int)
        assert type(value) is (int if whole else float)
        if unit:
            assert value == pytest.approx(round(value / unit) * unit, rel=1e-9)


@given(SEEDS, st.integers(1, 8))
def test_more_points_and_parameters_change_none(seed, count):
    parameters = {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
        "depth": {"min": 2, "max": 6},
        "dropout": {"values": (0.0, 0.1, 0.5)},
    }
    points = draw_points(parameters, seed, count)
    assert len(points) == count
    assert draw_points(parameters, seed, count + 5)[:count] == points
    wider = {"first": {"distribution": "normal"}, **dict(reversed(parameters.items()))}
    for narrow, wide in zip(points, draw_points(wider, seed, count), strict=True):
        assert narrow["lr"] == wide["lr"]
        assert narrow == {name: wide[name] for name in narrow}


@given(st.dictionaries(st.sampled_from("abc"), st.integers(1, 4), min_size=1), SEEDS)
def test_points_are_distinct_and_a_small_space_is_exhausted(sizes, seed):
    parameters = {name: [*range(size)] for name, size in sizes.items()}
    points = draw_points(parameters, seed, 100)
    assert len(points) == math.prod(sizes.values())
    assert len({json.dumps(point) for point in points}) == len(points)


def test_drawing_ends():
    assert draw_points({"x": 1}, 0, 50) == [{"x": 1}]
    assert draw_points({}, 0, 3) == [{}]
    assert draw_points({"x": {"min": 0, "max": 1}}, 0, 0) == []
    rare = {"values": ["a", "b"], "probabilities": [1 - 1e-6, 1e-6]}
    assert values_of(rare, 2) == ["a"]
    assert MOST_DRAWS_PER_POINT == 100


def test_drawing_many_points_of_few_ends_soon(monkeypatch):
    draws = []
    monkeypatch.setattr(
        distributions, "probability_of", lambda *of: draws.append(of) or probability_of(*of)
    )
    few = {"x": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}}
    assert len(draw_points(few, 0, 100_000)) == 5
    assert len(draws) < 2_000


def test_true_and_one_are_two_values():
    assert {repr(value) for value in values_of([True, 1, 1.0, "1"], 10)} == {
        *("True", "1", "1.0", "'1'"),
    }


def test_the_draws_of_all_versions():
    """If these change, finished trials no longer belong to their sweep."""
    parameters = {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-1},
        "size": {"distribution": "q_uniform", "min": 16, "max": 256, "q": 16},
        "layers": {"min": 1, "max": 8},
        "wd": {"distribution": "normal", "mu": 0.1, "sigma": 0.01},
        "mix": {"distribution": "beta", "a": 2, "b": 5},
        "name": {"values": ["a", "b"], "probabilities": [0.7, 0.3]},
    }
    assert draw_points(parameters, 7, 2) == GOLDEN


def test_another_process_draws_the_same():
    code = (
        "from adaloss.grid.points.distributions import draw_points; import sys;"
        "print(draw_points({'x': {'distribution': 'normal'}, 'y': {'min': 0, 'max': 9}}, 3, 5));"
        "assert not {'numpy', 'scipy', 'torch'} & sys.modules.keys()"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    parameters = {"x": {"distribution": "normal"}, "y": {"min": 0, "max": 9}}
    assert printed.strip() == repr(draw_points(parameters, 3, 5))


def test_values_are_plain():
    assert draw_points({"x": [[0.9, [1]]], "y": {"value": [1, 2]}}, 0, 1) == [
        {"x": (0.9, (1,)), "y": (1, 2)},
    ]
    q_values = values_of({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}, 11)
    assert {repr(value) for value in q_values} == {str(n / 10) for n in range(11)}
    assert all(type(v) is int for v in values_of({"distribution": "q_normal", "sigma": 9}, 20))


@pytest.mark.parametrize(
    ("form", "frozen"),
    [
        ({"min": 2.0, "max": 5}, stats.uniform(2, 3)),
        ({"distribution": "log_uniform", "min": -3, "max": 2}, LOG_3_2),
        (
            {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
            stats.loguniform(1e-5, 0.1),
        ),
        ({"distribution": "inv_log_uniform", "min": 1, "max": 2}, LOG_2_1),
        ({"distribution": "inv_log_uniform_values", "min": 2, "max": 9}, stats.loguniform(2, 9)),
        ({"distribution": "normal"}, stats.norm(0, 1)),
        ({"distribution": "normal", "mu": 3, "sigma": 0.5}, stats.norm(3, 0.5)),
        ({"distribution": "log_normal", "mu": 1, "sigma": 2}, stats.lognorm(2, scale=math.e)),
        ({"distribution": "beta"}, stats.uniform(0, 1)),
        ({"distribution": "beta", "a": 2, "b": 0.5}, stats.beta(2, 0.5)),
    ],
)
def test_continuous_values_have_their_distribution(form, frozen):
    assert stats.kstest(values_of(form, MANY), frozen.cdf).pvalue > 0.01


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"min": 1, "max": 4}, {1: 0.25, 2: 0.25, 3: 0.25, 4: 0.25}),
        (["a", "b", "a"], {"a": 2 / 3, "b": 1 / 3}),
        ({"values": "abc", "probabilities": [0.5, 0, 0.5]}, {"a": 0.5, "c": 0.5}),
        # A value rounds to the nearest multiple, so those at the bounds have half a share.
        ({"distribution": "q_uniform", "min": 0, "max": 4, "q": 2}, {0: 0.25, 2: 0.5, 4: 0.25}),
        ({"distribution": "q_uniform", "min": 1, "max": 3}, {1: 0.25, 2: 0.5, 3: 0.25}),
        ({"distribution": "q_beta", "q": 0.5}, {0.0: 0.25, 0.5: 0.5, 1.0: 0.25}),
    ],
)
def test_discrete_values_have_their_probabilities(form, expected):
    # The other parameter makes every point distinct.
    points = draw_points({"x": form, "y": {"min": 0.0, "max": 1.0}}, 1, MANY)
    values = [point["x"] for point in points]
    counts = [values.count(value) for value in expected]
    assert sum(counts) == MANY
    shares = [share * MANY for share in expected.values()]
    assert stats.chisquare(counts, shares).pvalue > 0.01


def test_streams_of_parameters_and_seeds_are_independent():
    form = {"min": 0.0, "max": 1.0}
    points = draw_points({"a": form, "b": form, "a\0b": form}, 0, 2_000)
    other = values_of(form, 2_000, seed=1)
    a, b = ([point[name] for point in points] for name in "ab")
    assert abs(stats.pearsonr(a, b).statistic) < 0.06
    assert abs(stats.pearsonr(a, other).statistic) < 0.06
    assert abs(stats.pearsonr(a[1:], a[:-1]).statistic) < 0.06


@pytest.mark.parametrize(
    ("form", "distribution"),
    [
        ({"value": 1}, "constant"),
        ({"values": [1]}, "categorical"),
        ({"values": [1], "probabilities": [1]}, WEIGHTED),
        ({"min": 1, "max": 2}, "int_uniform"),
        ({"min": 1, "max": 2.0}, "uniform"),
        ({"min": 1, "max": 2, "distribution": "uniform"}, "uniform"),
    ],
)
def test_distributions_without_a_name(form, distribution):
    assert mistake_in_distribution("x", form) is None
    assert distribution_of(form) == distribution


RANGE = {"min": 1, "max": 2}


@pytest.mark.parametrize(
    ("form", "key", "message"),
    [
        ([], None, "x.values must be a list of at least one value, found an empty one"),
        ({"values": 3}, "values", "x.values must be a list of at least one value, found 3"),
        ({}, None, "x must have value, values, min and max, or a distribution; found nothing"),
        ({"min": 1}, None, "or a distribution; found min"),
        ({"mu": 1, "sigma": 2}, None, "or a distribution; found mu, sigma"),
        ({**RANGE, "distribution": "unifrom"}, "distribution", "'unifrom'; did you mean uniform?"),
        ({**RANGE, "distribution": "loguniform"}, "distribution", "did you mean log_uniform?"),
        ({"distribution": "zeta"}, "distribution", "'zeta'; known: constant, categorical,"),
        ({"distribution": 3}, "distribution", "x.distribution must be a name, found 3"),
        ({"distribution": None, **RANGE}, "distribution", "must be a name, found nothing"),
        ({"distribution": ()}, "distribution", "must be a name, found a list"),
        ({"distribution": "uniform", "min": 1}, None, "x needs max for the distribution uniform"),
        ({"distribution": "q_uniform"}, None, "x needs min and max"),
        ({**RANGE, "q": 1}, "q", "x.q is not a key of the distribution int_uniform"),
        ({**RANGE, "distribution": "normal"}, "min", "the distribution normal; known: mu, sigma"),
        ({"distribution": "constant", "values": [1]}, "values", "; did you mean value?"),
        (
            {"distribution": "categorical", "values": "ab", "probabilities": [1, 0]},
            *("probabilities", "; did you mean categorical_w_probabilities?"),
        ),
        ({"min": "a", "max": 2}, "min", "x.min must be a finite number, found the text 'a'"),
        ({"min": 1, "max": math.inf}, "max", "x.max must be a finite number, found .inf"),
        ({"min": 1, "max": 10**400}, "max", "x.max must be a finite number"),
        ({"min": False, "max": True}, "min", "x.min must be a finite number, found false"),
        ({"distribution": "int_uniform", "min": 1, "max": 2.0}, "max", "x.max must be a whole"),
        ({"min": 2, "max": 1}, "min", "x.min 2 is greater than max 1"),
        ({"distribution": "q_uniform", **RANGE, "q": 0}, "q", "x.q must be greater than 0, fou"),
        ({"distribution": "normal", "sigma": -1}, "sigma", "x.sigma must be at least 0, found -1"),
        ({"distribution": "beta", "a": 0}, "a", "x.a must be greater than 0, found 0"),
        (
            {"distribution": "log_uniform_values", "min": 0, "max": 1},
            *("min", "x.min must be greater than 0 for log_uniform_values, found 0"),
        ),
        (
            {"distribution": "log_uniform", "min": 1, "max": 1000},
            *(None, "range of floats: min and max are exponents of e; did you mean log_uni"),
        ),
        ({"distribution": "log_normal", "sigma": 100}, None, "beyond the range of floats"),
        ({"values": [1, 2], "probabilities": 1}, "probabilities", "must be a list"),
        ({"values": [1, 2], "probabilities": [1]}, "probabilities", "2 values and 1 probabilities"),
        ({"values": [1, 2], "probabilities": [1, 1]}, "probabilities", "add up to 1, not to 2"),
        ({"values": [1, 2], "probabilities": [2, -1]}, "probabilities", "at least 0, found -1"),
        ({"values": [1, 2], "probabilities": ["1", 0]}, "probabilities", "found the text '1'"),
        ({"values": [1, 2], "probabilities": [10**400, 0]}, "probabilities", "must be numbers of"),
        ({"value": 1, "min": 0}, "min", "x.min is not a key of the distribution constant"),
    ],
)
def test_mistakes(form, key, message):
    found = mistake_in_distribution("x", form)
    assert found is not None
    assert found[0] == key
    assert message in found[1]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.slow
@settings(max_examples=500)
@given(
    st.dictionaries(
        st.sampled_from(
            ["value", "values", "probabilities", "min", "max", "mu", "sigma", "q", "a"]
        ),
        JUNK | st.integers(1, 3) | st.floats(1, 3),
        max_size=4,
    ),
    st.none() | st.sampled_from([*DISTRIBUTIONS]),
)
def test_a_form_is_a_mistake_or_draws(form, distribution):
    form |= {"distribution": distribution} if distribution else {}
    if mistake_in_distribution("x", form) is None:
        assert values_of(form, 2)
