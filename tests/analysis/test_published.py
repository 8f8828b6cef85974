"""The published numbers stand beside a sweep's own with all that differs or is not known."""

import pytest
from epochs import epoch_with

from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep, resolve_grid
from adaloss.records.result import TrialResult, TrialState
from adaloss.tasks.images.fields import ImageTrial
from analysis.comparison.compare import compare
from analysis.comparison.from_records import records_side
from analysis.comparison.outcomes import Outcome
from analysis.comparison.page import comparison_page
from analysis.frame.frame import build_frame
from analysis.published import (
    LATEST,
    MEASURE,
    RECIPE,
    RESNET,
    VERSIONS,
    VIT,
    published_cells,
    published_page,
    published_side,
)
from analysis.render.page import page_markdown
from analysis.tables.measure import Measure

FIRST = "published:2021-12-13"


@pytest.fixture
def paper():
    return load_sweep(resolve_grid("paper"))


@pytest.fixture
def compared(store):
    """The comparison of trials, as far as the store has them, with a version."""

    def compare_trials(trials, version="published"):
        ours = records_side(build_frame(trials, store), name="paper", measure=MEASURE)
        return compare(ours, published_side(version))

    return compare_trials


def changed(trial, **changes):
    return ImageTrial(**(trial.model_dump() | changes))


def finish(store, trial, top1):
    last = epoch_with(1.0, epoch=10, step=3520, test_top1=top1)
    store.write_result(
        trial,
        TrialResult(
            trial_id=trial.trial_id,
            state=TrialState.COMPLETE,
            epochs=10,
            last=last,
            best_val=last,
            seconds=1.0,
            finished_at="2026-01-01T00:00:00",
        ),
    )


def above_the_table(comparison):
    """What the page says before the table of cells."""
    first = comparison_page(comparison).sections[0]
    rows = ["  ".join(row) for row in first.table.rows] if first.table else []
    return "\n".join((*first.before, *rows, *first.after))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_has_each_cell_once_with_its_runs(version):
    cells = list(published_cells(version))
    assert len({(cell.model, cell.b0, cell.optimizer) for cell in cells}) == len(cells) == 40
    assert {cell.runs for cell in cells} == {5 if version == FIRST else 3}
    assert {cell.optimizer for cell in cells} == {
        "adaloss",
        "adagrad_norm_rowwise",
        "sgd_constant",
        "sgd_decay_sqrt",
    }


def test_the_latest_version_is_meant_where_none_is_named():
    assert published_side().name == published_side(LATEST).name == LATEST
    (vit,) = [
        c for c in published_cells() if (c.model, c.b0, c.optimizer) == (VIT, 0.01, "adaloss")
    ]
    assert (vit.mean, vit.std) == (90.65, 0.09)
    diverging = [c.mean for c in published_cells() if (c.b0, c.optimizer) == (0.01, "sgd_constant")]
    assert diverging == [None, 2.33]


def test_an_unknown_version_is_refused_with_those_there_are():
    with pytest.raises(UserError, match=r"there is no published:2022; there are published:"):
        published_side("published:2022")


def test_the_grid_that_ships_is_the_published_recipe(paper):
    # Only the precision is another, on purpose.
    for trial in paper.trials:
        apart = {name for name, value in RECIPE.items() if trial.value(name) != value}
        assert apart == {"precision"}


def test_the_papers_grid_is_compared_cell_by_cell(paper, store, compared):
    cell = [t for t in paper.trials if (t.b0, t.optimizer) == (1, "adaloss") and t.model == VIT]
    for trial, top1 in zip(cell[:2], (90.0, 91.0), strict=True):
        finish(store, trial, top1)
    made = compared(paper.trials)
    assert (len(made.cells), made.unmatched) == (40, ())
    (row,) = [
        row
        for row in comparison_page(made).sections[1].table.rows
        if row[:3] == (VIT, "adaloss", "1")
    ]
    assert row[3:8] == ("90.50±0.71", "2/5", "90.58±0.12", "3", "-0.08")
    assert "precision  auto  fp32  40 of 40" in above_the_table(made)


def test_their_adagrad_norm_is_named_as_the_other_optimizer_it_is(paper, compared):
    made = compared(paper.trials)
    rows = [row[1] for row in comparison_page(made).sections[1].table.rows if "adagrad" in row[1]]
    assert rows == ["adagrad_norm (theirs: adagrad_norm_rowwise)"] * 10
    message = above_the_table(made)
    assert "optimizer  adagrad_norm  adagrad_norm_rowwise  10 of 40" in message
    assert "these are different optimizers (10 of 40 pairs)." in message


def test_the_same_variant_is_compared_without_that_caveat(paper, compared):
    rowwise = [
        changed(trial, optimizer="adagrad_norm_rowwise")
        for trial in paper.trials
        if trial.optimizer == "adagrad_norm"
    ]
    made = compared(rowwise)
    assert len(made.cells) == 10
    assert "different optimizers" not in above_the_table(made)
    assert "optimizer" not in {condition.name for condition in made.conditions}


def test_withdrawn_numbers_are_called_so_above_the_table_and_beside_each(paper, compared):
    made = compared(paper.trials, FIRST)
    message = above_the_table(made)
    assert "The ResNet50-swsl numbers of 2021-12-13 were withdrawn" in message
    assert "(20 of 40 pairs)" in message
    for row in comparison_page(made).sections[1].table.rows:
        assert row[5].endswith(" withdrawn") is (row[0] == RESNET)


def test_nothing_is_called_withdrawn_where_nothing_is(paper, compared):
    of_vit = [trial for trial in paper.trials if trial.model == VIT]
    for made in (compared(paper.trials), compared(of_vit, FIRST)):
        assert "withdrawn" not in repr(comparison_page(made).sections[:2])


def test_what_they_do_not_say_is_unknown(paper, compared):
    (message,) = [
        line
        for line in above_the_table(compared(paper.trials)).splitlines()
        if line.startswith("Unknown there")
    ]
    assert message.startswith("Unknown there: alpha (1 here in 20 pairs); c (0 here in 10 pairs)")
    for name in ("epoch reported", "N/A where", "standard deviation", "max_loss"):
        assert f"; {name} (" in message


def test_rounding_and_the_two_batch_sizes_are_told(paper, compared):
    message = above_the_table(compared(paper.trials))
    assert "rounding  none  2 decimals  40 of 40" in message
    assert "batch_size there: 128 in the authors' code, 64 in the last README" in message


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"epochs": 3}, "epochs  3  10  40 of 40"),
        ({"lr": 0.01}, "lr  0.01  0.1  40 of 40"),
        ({"batch_size": 64}, "batch_size  64  128  40 of 40"),
        ({"pretrained": False}, "pretrained  false  true  40 of 40"),
        ({"flip": False}, "flip  false  true  40 of 40"),
        ({"resize": None}, "resize  the image size  256  40 of 40"),
        ({"image_size": 32}, "image_size  32  224  40 of 40"),
        ({"train_examples": 1000}, "train_examples  1000  all  40 of 40"),
        ({"normalize": "model"}, "normalize  model  dataset  40 of 40"),
        ({"momentum": 0.9}, "momentum  0.9  0  40 of 40"),
        ({"weight_decay": 0.0}, "weight_decay  0  0.0001  40 of 40"),
        ({"split_seed": 0}, "split_seed  0  trial  40 of 40"),
    ],
)
def test_whatever_differs_from_the_recipe_is_told_above_the_table(paper, compared, changes, row):
    trials = [changed(trial, **changes) for trial in paper.trials]
    assert row in above_the_table(compared(trials)).splitlines()


def test_where_one_side_diverged_there_is_no_difference(paper, store, compared):
    for trial in paper.trials:
        if (trial.b0, trial.optimizer) == (0.1, "sgd_constant"):
            finish(store, trial, 50.0 + trial.seed)
    cells = {
        (cell.ours.fields["model"], cell.ours.fields["b0"]): cell
        for cell in compared(paper.trials).cells
        if cell.ours.fields["optimizer"] == "sgd_constant"
    }
    # Diverged for ViT, 26.02±6.45 for ResNet.
    assert cells[VIT, 0.1].outcome is Outcome.DIVERGED_THERE
    assert cells[RESNET, 0.1].outcome is Outcome.DIFFERS


def test_another_experiment_is_refused_with_what_could_be_compared(store):
    quickstart = load_sweep(resolve_grid("quickstart"))
    ours = records_side(build_frame(quickstart.trials, store), name="q", measure=MEASURE)
    with pytest.raises(UserError) as caught:
        compare(ours, published_side())
    message = str(caught.value)
    assert "  dataset: digits here; cifar100 there" in message
    assert "  model: mlp, small_cnn here; vit_small" in message
    assert "b0 0.01, 0.1, 1, 10, 100" in message.splitlines()[-1]


def test_another_metric_is_refused(paper, store):
    loss = Measure(metric="test/loss", at="last", goal="minimize")
    ours = records_side(build_frame(paper.trials, store), name="p", measure=loss)
    with pytest.raises(UserError, match="compare test/top1"):
        compare(ours, published_side())


def test_beside_a_sweep_of_their_experiment_and_of_no_other(paper, store):
    finish(store, paper.trials[0], 90.0)
    text = page_markdown(published_page(build_frame(paper.trials, store)))
    assert text.startswith("# this sweep compared with published:2021-12-16\n")
    assert "| precision" in text
    quickstart = load_sweep(resolve_grid("quickstart"))
    assert published_page(build_frame(quickstart.trials, store)) is None
    untrained = [changed(trial, pretrained=False) for trial in paper.trials]
    assert published_page(build_frame(untrained, store)) is None
    elsewhere = [changed(trial, b0=7.0) for trial in paper.trials]
    assert published_page(build_frame(elsewhere, store)) is None
