"""The published numbers stand beside a sweep's own only where they are of the same experiment."""

import pytest

from adaloss.result import EpochMetrics, TrialResult, TrialState
from adaloss.sweep import load_sweep, resolve_grid
from analysis.published import published_beside, published_cells


@pytest.fixture
def paper():
    return load_sweep(resolve_grid("paper"))


def finish(store, trial, top1):
    numbers = dict.fromkeys(EpochMetrics.model_fields, 1.0) | {"epoch": 10, "step": 3520}
    last = EpochMetrics(**(numbers | {"test_top1": top1}))
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


def test_both_versions_ship_with_their_runs():
    first = list(published_cells("readme-2021-12-13"))
    second = list(published_cells("readme-2021-12-16"))
    assert len(first) == len(second) == 2 * 5 * 4
    assert {cell.runs for cell in first} == {5}
    (vit,) = [c for c in second if "vit" in c.model and c.b0 == 0.01 and c.optimizer == "adaloss"]
    assert vit.mean == pytest.approx(90.65)
    diverging = [c.mean for c in second if (c.b0, c.optimizer) == (0.01, "sgd_constant")]
    assert diverging == [None, 2.33]


def test_the_papers_grid_is_compared_cell_by_cell(paper, store):
    cell = [t for t in paper.trials if (t.b0, t.optimizer) == (1, "adaloss") and "vit" in t.model]
    for trial, top1 in zip(cell[:2], (90.0, 91.0), strict=True):
        finish(store, trial, top1)
    text = published_beside(paper.trials, store)
    (row,) = [line for line in text.splitlines() if "vit" in line and "| 1 | adaloss" in line]
    assert row.split(" | ")[3:] == ["90.50±0.71", "2", "90.58±0.12", "3", "-0.08 |"]
    assert "precision: auto here, fp32 there" in text
    # The paper's grid has the scalar AdaGrad-Norm, the repository published the rowwise one.
    assert "adagrad" not in text


def test_what_differs_from_the_recipe_is_told(paper, store):
    shorter = [trial.model_copy(update={"epochs": 3, "lr": 0.01}) for trial in paper.trials]
    text = published_beside(shorter, store)
    assert "- epochs: 3 here, 10 there" in text
    assert "- lr: 0.01 here, 0.1 there" in text


def test_another_experiment_is_not_compared(paper, store):
    quickstart = load_sweep(resolve_grid("quickstart"))
    assert published_beside(quickstart.trials, store) is None
    untrained = [trial.model_copy(update={"pretrained": False}) for trial in paper.trials]
    assert published_beside(untrained, store) is None
