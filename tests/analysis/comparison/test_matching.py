"""Which cells stand side by side, which are left over, and when nothing can be compared."""

import pytest

from adaloss.errors import UserError
from adaloss.records.result import FailureKind
from adaloss.records.store import Store
from analysis.comparison.compare import compare
from analysis.comparison.from_records import records_side
from analysis.comparison.outcomes import Outcome
from analysis.comparison.side import NOT_APPLICABLE, Side, SideCell
from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")


@pytest.fixture
def sweep(records, tmp_path):
    """Sides made of cells, each given as its fields and the accuracies of its seeds."""
    make = type(records)

    def side(name, *cells, **common):
        made = make(Store(tmp_path / name))
        for values, fields in cells:
            made.cell(values, **common | fields)
        return records_side(made.frame(), name=name, measure=ACCURACY)

    return side


def keys(comparison, *fields):
    return [tuple(cell.ours.fields[f] for f in fields) for cell in comparison.cells]


def noted(comparison):
    """What differs, by name: here, there and in how many pairs."""
    return {c.name: (c.ours, c.theirs, c.pairs) for c in comparison.conditions if c.is_known}


def crossed(values, **fields):
    """The cells of two optimizers and two values of b0."""
    return [
        (values, {"optimizer": optimizer, "b0": b0} | fields)
        for optimizer in ("adaloss", "sgd_decay_sqrt")
        for b0 in (1, 10)
    ]


def test_sweeps_that_differ_as_a_whole_are_compared_cell_by_cell(sweep):
    ours = sweep("short", *crossed([90, 91, 92]), epochs=8)
    theirs = sweep("long", *crossed([93, 94, 95]), epochs=16)
    made = compare(ours, theirs)
    assert made.named_by == ("optimizer", "b0")
    assert keys(made, "optimizer", "b0") == [
        ("adaloss", 1),
        ("adaloss", 10),
        ("sgd_decay_sqrt", 1),
        ("sgd_decay_sqrt", 10),
    ]
    assert noted(made) == {"epochs": ("8", "16", 4)}
    assert {cell.difference for cell in made.cells} == {-3}
    assert made.unmatched == ()


def test_a_field_with_values_in_common_finds_the_cell(sweep):
    ours = sweep("ours", ([90, 91], {"epochs": 8}), ([92, 93], {"epochs": 16}))
    theirs = sweep("theirs", ([94, 95], {"epochs": 16}), ([96, 97], {"epochs": 32}))
    made = compare(ours, theirs)
    assert keys(made, "epochs") == [(16,)]
    assert noted(made) == {}
    assert [
        (cell.outcome, (cell.ours or cell.theirs).fields["epochs"]) for cell in made.unmatched
    ] == [
        (Outcome.ONLY_OURS, 8),
        (Outcome.ONLY_THEIRS, 32),
    ]


def test_a_field_that_follows_from_another_finds_no_cell_but_is_told(sweep):
    # A learning rate of one optimizer's own, as an override sets it.
    own = [({"optimizer": "adaloss"}, 0.1), ({"optimizer": "sgd_constant"}, 0.05)]
    ours = sweep("ours", *(([90, 91], fields | {"lr": lr}) for fields, lr in own))
    theirs = sweep("theirs", *(([90, 91], fields | {"lr": 0.1}) for fields, _ in own))
    made = compare(ours, theirs)
    assert made.named_by == ("optimizer",)
    assert noted(made) == {"lr": ("0.05", "0.1", 1)}


def test_a_field_that_follows_on_one_side_alone_still_finds_the_cell(sweep):
    own = [("adaloss", 0.1), ("sgd_constant", 0.05)]
    ours = sweep("ours", *(([90, 91], {"optimizer": o, "lr": lr}) for o, lr in own))
    crossed_rates = [(o, lr) for o, _ in own for lr in (0.1, 0.05)]
    theirs = sweep("theirs", *(([90, 91], {"optimizer": o, "lr": lr}) for o, lr in crossed_rates))
    made = compare(ours, theirs)
    assert keys(made, "optimizer", "lr") == own
    assert noted(made) == {}
    assert len(made.unmatched) == 2


def test_only_seeds_are_averaged_over(sweep):
    ours = sweep("ours", ([90, 92], {"lr": 0.1}), ([10, 12], {"lr": 0.2}))
    assert [(cell.mean, cell.n) for cell in ours.cells] == [(91, 2), (11, 2)]


def test_a_hyperparameter_that_an_optimizer_ignores_makes_no_two_cells(sweep):
    cells = [([90, 91], {"optimizer": "sgd_constant", "alpha": alpha}) for alpha in (1, 2)]
    ours = sweep("ours", *cells)
    assert [(cell.n, cell.fields["alpha"]) for cell in ours.cells] == [(2, NOT_APPLICABLE)]
    assert noted(compare(ours, ours)) == {}


def plain(name, *cells, **more):
    """A side of cells whose fields are all that is known, each with its mean."""
    return Side(
        name=name,
        cells=tuple(
            SideCell(fields=fields, mean=mean, std=1.0, n=3, status=CellStatus.VALUE)
            for mean, fields in cells
        ),
        measure=ACCURACY,
        circumstances={},
        **more,
    )


def test_a_cell_stands_beside_all_that_its_side_cannot_tell_apart(sweep):
    ours = sweep("ours", ([90, 91], {"lr": 0.1}), ([92, 93], {"lr": 0.2}))
    made = compare(ours, plain("theirs", (90, {"optimizer": "adaloss"})))
    assert made.named_by == ("optimizer", "lr")
    assert keys(made, "lr") == [(0.1,), (0.2,)]
    unknown = {c.name: c.ours for c in made.conditions if c.theirs == "unknown"}
    assert unknown["lr"] == "0.1, 0.2"


def test_several_on_both_sides_that_nothing_tells_apart_are_refused(sweep):
    ours = sweep("ours", ([90, 91], {"lr": 0.1}), ([92, 93], {"lr": 0.2}))
    # c is known there and constant here: it parts their cells and none of ours.
    theirs = plain("theirs", (1, {"b0": 1.0}), (2, {"b0": 1.0}))
    with pytest.raises(UserError, match="2 cells of ours and 2 of theirs"):
        compare(ours, theirs)


def test_a_value_that_stands_in_is_compared_and_told(sweep):
    ours = sweep("ours", *(([90, 91], {"optimizer": o}) for o in ("adaloss", "adagrad_norm")))
    theirs = plain(
        "theirs",
        (90, {"optimizer": "adaloss"}),
        (80, {"optimizer": "adagrad_norm_rowwise"}),
        stands_in={"optimizer": {"adagrad_norm": "adagrad_norm_rowwise"}},
    )
    made = compare(ours, theirs)
    assert len(made.cells) == 2
    assert noted(made)["optimizer"] == ("adagrad_norm", "adagrad_norm_rowwise", 1)


def test_nothing_stands_in_for_a_value_that_is_there(sweep):
    ours = sweep("ours", *(([90, 91], {"optimizer": o}) for o in ("adaloss", "adagrad_norm")))
    theirs = plain(
        "theirs",
        (70, {"optimizer": "adagrad_norm"}),
        (80, {"optimizer": "adagrad_norm_rowwise"}),
        stands_in={"optimizer": {"adagrad_norm": "adagrad_norm_rowwise"}},
    )
    assert [cell.theirs.mean for cell in compare(ours, theirs).cells] == [70]


def test_without_a_value_in_common_it_says_which_and_what_there_is(sweep):
    ours = sweep("ours", ([90, 91], {"b0": 1}), ([90, 91], {"b0": 2}))
    theirs = plain("theirs", *((90, {"b0": b0, "dataset": "cifar100"}) for b0 in (0.5, 5.0)))
    with pytest.raises(UserError) as caught:
        compare(ours, theirs)
    assert str(caught.value) == (
        "ours cannot be compared with theirs; no value in common:\n"
        "  dataset: digits here; cifar100 there\n"
        "  b0: 1, 2 here; 0.5, 5 there\n"
        "theirs can be compared with cells of dataset cifar100; b0 0.5, 5."
    )


def test_values_in_common_but_no_cell(sweep):
    ours = sweep("ours", *(([1, 2], {"b0": b0, "lr": lr}) for b0, lr in [(1, 1), (1, 2), (2, 3)]))
    theirs = plain("theirs", *((1, {"b0": b0, "lr": lr}) for b0, lr in [(2, 1), (2, 2), (1, 3)]))
    with pytest.raises(UserError, match="no cell in common by b0, lr"):
        compare(ours, theirs)


def test_a_trial_that_was_lost_is_no_circumstance(records, tmp_path):
    sides = []
    for name in ("ours", "theirs"):
        made = type(records)(Store(tmp_path / name))
        made.cell([90, 91])
        # As the driver ends a trial, which knows neither the code nor the machine of its worker.
        made.fail(made.declare(seed=2), FailureKind.TIMEOUT, provenance=None)
        sides.append(records_side(made.frame(), name=name, measure=ACCURACY))
    assert compare(*sides).conditions == ()


def test_another_metric_is_refused(sweep):
    ours = sweep("ours", ([90, 91], {}))
    loss = Measure(metric="test/loss", at="last", goal="minimize")
    theirs = Side(name="theirs", cells=ours.cells, measure=loss, circumstances={})
    with pytest.raises(UserError, match="compare test/loss"):
        compare(ours, theirs)


def test_an_empty_side_is_refused_in_words(sweep):
    with pytest.raises(UserError, match="theirs has no cell"):
        compare(sweep("ours", ([90, 91], {})), plain("theirs"))
