"""Results in a notebook: a folder's name is enough."""

import pytest

import analysis
from adaloss.errors import UserError
from adaloss.grid.sweep import GridError, load_sweep
from analysis.figures import accuracy_against
from analysis.frame.loading import UnreadableRecordWarning

GRID = """\
name: demo
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  lr: 0.1
  epochs: 2
  batch_size: 32
seeds: 2
"""


@pytest.fixture
def finished(records):
    """The results of a sweep whose folder has its grid, one trial of four missing."""
    records.cell([90.0, 91.0], optimizer="adaloss")
    records.cell([80.0], optimizer="sgd_constant")
    for trial in records.trials:
        records.store.open_trial(trial)
    return records.store.root


def test_a_folder_with_a_grid_has_every_declared_trial(finished):
    (finished / "grid.yaml").write_text(GRID)
    frame = analysis.load(finished)
    assert list(zip(frame["optimizer"], frame["seed"], frame["state"], strict=True)) == [
        ("adaloss", 0, "complete"),
        ("sgd_constant", 0, "complete"),
        ("adaloss", 1, "complete"),
        ("sgd_constant", 1, "missing"),
    ]
    assert frame["last:test/top1"].tolist()[:3] == [90.0, 80.0, 91.0]


OWN = GRID.replace("sgd_constant", "'nowhere:Mine', 'nowhere:Other'").replace(
    "batch_size: 32", "batch_size: 32\n  optimizer.eps: 1.0e-6"
)


def test_results_are_read_where_an_optimizer_of_ones_own_is_not_found(records):
    # What each takes is known from the trials on record.
    taken = {"adaloss": (), "nowhere:Mine": (("eps", 1e-6),), "nowhere:Other": ()}
    for optimizer, chosen in taken.items():
        records.cell([90.0, 91.0], optimizer=optimizer, hyperparameters=chosen)
    for trial in records.trials:
        records.store.open_trial(trial)
    grid = records.store.root / "grid.yaml"
    grid.write_text(OWN)
    frame = analysis.load(records.store.root)
    ends = list(zip(frame["optimizer"], frame["state"], frame["optimizer.eps"], strict=True))
    assert ends.count(("nowhere:Mine", "complete", 1e-6)) == 2
    assert [state for _, state, _ in ends] == ["complete"] * 6
    sweep = load_sweep(grid)
    assert any(
        note.startswith("optimizer nowhere:Mine: there is no module nowhere in ")
        and note.endswith("; its trials can be read here, and not run")
        for note in sweep.notes
    )
    # Anywhere else it is a mistake.
    elsewhere = records.store.root.parent / "elsewhere.yaml"
    elsewhere.write_text(grid.read_text())
    with pytest.raises(GridError, match="there is no module nowhere"):
        load_sweep(elsewhere)


def test_b0_is_a_number(finished):
    (finished / "grid.yaml").write_text(GRID)
    frame = analysis.load(finished)
    assert frame["b0"].dtype == "float64"
    assert frame[frame["b0"] > 0.5]["lr"].mean() == pytest.approx(0.1)


def test_a_folder_without_a_grid_has_the_trials_on_record(finished):
    frame = analysis.load(str(finished))
    assert sorted(frame["last:test/top1"]) == [80.0, 90.0, 91.0]


def test_the_history_and_the_metrics_after_an_epoch(finished, records, ordinary_epoch):
    records.complete(records.trials[0], 90.0, epochs=1)
    records.store.append_metrics(records.trials[0], ordinary_epoch(55.5, epoch=1))
    assert list(analysis.load_history(finished)["test/top1"]) == [55.5]
    frame = analysis.load(finished, epochs=(1,))
    assert frame["epoch 1:test/top1"].dropna().tolist() == [55.5]


def test_a_loaded_frame_goes_into_tables_and_figures(finished):
    frame = analysis.load(finished)
    figure = accuracy_against(frame, metric="test/top1", at="last", title="demo")
    assert len(figure.axes) == 1


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"name a folder with grid\.yaml and trials/"):
        analysis.load(tmp_path)


def test_a_trial_that_cannot_be_read_is_named_and_left_out(finished):
    path = next(finished.glob("trials/*/trial.json"))
    path.write_text("[1]")
    with pytest.warns(UnreadableRecordWarning) as caught:
        frame = analysis.load(finished)
    assert len(frame) == 2
    assert [str(warning.message) for warning in caught] == [
        f"{path} cannot be read (not a trial: not a mapping): the trial is left out"
    ]


def test_a_trial_under_anothers_name_is_left_out(finished, records):
    here, there = (records.store.trial_folder(trial) for trial in records.trials[:2])
    (here / "trial.json").write_bytes((there / "trial.json").read_bytes())
    with pytest.warns(UnreadableRecordWarning, match="describes the trial"):
        assert len(analysis.load(finished)) == 2


def test_a_result_that_cannot_be_read_is_named_and_missing(finished, records):
    path = records.store.trial_folder(records.trials[0]) / "result.json"
    path.write_text("{}")
    with pytest.warns(UnreadableRecordWarning, match=r"result\.json cannot be read"):
        frame = analysis.load(finished)
    assert sorted(frame["state"]) == ["complete", "complete", "missing"]
