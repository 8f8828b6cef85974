"""The looks of optimizers, and the places of values on an axis."""

from math import inf

import pytest

from adaloss.optimizer_names import LOSS_OPTIMIZERS
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES, OTHER_STYLES, line_styles
from analysis.figures.parts.positions import positions_of


def test_every_optimizer_has_a_name_and_a_look_of_its_own():
    assert set(OPTIMIZER_STYLES) == set(LOSS_OPTIMIZERS)
    looks = [*OPTIMIZER_STYLES.values(), *OTHER_STYLES]
    assert len({style.marker for style in looks}) == len(looks)
    assert len({style.colour for style in OPTIMIZER_STYLES.values()}) == len(LOSS_OPTIMIZERS)


def test_an_optimizer_looks_the_same_whatever_is_beside_it():
    mixed = line_styles(["x", "sgd_constant", 0.1, "adaloss"])
    assert mixed["adaloss"] == line_styles(["adaloss"])["adaloss"]
    assert (mixed["x"], mixed[0.1]) == (OTHER_STYLES[0], OTHER_STYLES[1])
    assert len(set(line_styles(range(20)).values())) == 20


def test_a_cross_has_a_colour_of_its_own_while_there_is_one():
    """Of the paper's adaloss beside four optimizers of torch."""
    styles = line_styles(["adaloss", "sgd", "adam", "adamw", "muon"])
    assert len({style.colour for style in styles.values()}) == 5


def test_points_without_lines_are_told_apart_too():
    looks = [(style.colour, style.marker) for style in line_styles(range(40)).values()]
    assert len(set(looks)) == 40


@pytest.mark.parametrize(
    ("values", "ordered", "logarithmic", "spacing"),
    [
        ((10, 0.1, 1), (0.1, 1, 10), True, 1),
        ((1, 10, 1000), (1, 10, 1000), True, 1),
        ((5,), (5,), True, 1),
        ((1.0, 0.0, 2.0), (1.0, 0.0, 2.0), False, 1),
        ((0.1, 1, inf), (0.1, 1, inf), False, 1),
        (("b", "a"), ("b", "a"), False, 1),
        ((True, False), (True, False), False, 1),
        ((None, 64), (None, 64), False, 1),
    ],
)
def test_where_values_stand_on_the_axis(values, ordered, logarithmic, spacing):
    places = positions_of(values)
    assert (places.values, places.logarithmic) == (ordered, logarithmic)
    assert places.spacing == pytest.approx(spacing)
    assert places.numbers == (ordered if logarithmic else tuple(range(len(values))))


@pytest.mark.parametrize("values", [(1, 10, 1000), ("a", "b"), (5,)])
def test_the_axis_has_room_for_shifted_places_at_both_ends(values):
    places = positions_of(values)
    low, high = places.limits
    assert low < min(places.shifted(-0.49))
    assert high > max(places.shifted(0.49))
    assert places.shares[0] == pytest.approx(1 - places.shares[-1])


def test_shifted_places_move_by_the_same_share_everywhere():
    assert positions_of((1, 100)).shifted(0.5) == pytest.approx([10, 1000])
    assert positions_of(("a", "b")).shifted(0.5) == [0.5, 1.5]
