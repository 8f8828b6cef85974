"""A renamed sweep keeps its trials, and everything that contains the name follows."""

import json

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.tidy import rename as renaming
from runners.tracking.labels import labels_of_sweep
from runners.tracking.ledger import ledger_of
from runners.tracking.sync import synchronise


def test_trials_keep_their_ids_and_numbers(cli, small, files_of, grid):
    before = files_of(small.root)
    trials = load_sweep(small.grid_path).trials
    code, said, errors = cli("rename", "small", "large")
    assert (code, errors) == (0, "")
    assert "renamed results/small to results/large" in said
    assert "write name: large in your grid file, too" in said
    assert "W&B" not in said
    assert not small.root.exists()
    large = Store(small.root.with_name("large"))
    after = files_of(large.root)
    assert {n: c for n, c in after.items() if n != "grid.yaml"} == {
        n: c for n, c in before.items() if n != "grid.yaml"
    }
    assert after["grid.yaml"] == before["grid.yaml"].replace(b"name: small", b"name: large")
    assert load_sweep(large.grid_path).trials == trials
    assert not (large.root / "run.owner").exists()
    # The user's grid with the new name finds them.
    grid.write_text(grid.read_text().replace("name: small", "name: large"))
    assert "8 of 8 trials are done" in cli("status", grid)[1]
    assert "large" in cli("list")[1]


@pytest.mark.parametrize(
    "text",
    [
        "name: small  # of b0\n",
        "'name': \"small\"\n",
        "name:\n  small\n",
        "labels: {optimizer: {adaloss: name small}}\nname: small\n",
    ],
)
def test_however_the_name_is_written_only_it_is_changed(cli, small, text):
    rest = small.grid_path.read_text().replace("name: small\n", "")
    small.grid_path.write_text(text + rest + "# the end\n")
    before = load_sweep(small.grid_path)
    assert cli("rename", "small", "large")[0] == 0
    path = small.root.with_name("large") / "grid.yaml"
    after = load_sweep(path)
    assert after.name == "large"
    assert after.grid.model_dump(exclude={"name"}) == before.grid.model_dump(exclude={"name"})
    assert path.read_text().endswith("# the end\n")
    assert ("# of b0" in path.read_text()) == ("# of b0" in text)


def test_a_grid_of_one_line_is_renamed(cli, small):
    grid = load_sweep(small.grid_path).grid.model_dump(mode="json", exclude_unset=True)
    lines = {"name": "small", "parameters": grid["parameters"], "seeds": 2}
    small.grid_path.write_text(json.dumps(lines))
    trials = load_sweep(small.grid_path).trials
    assert cli("rename", "small", "large")[0] == 0
    after = load_sweep(small.root.with_name("large") / "grid.yaml")
    assert (after.name, after.trials) == ("large", trials)


@pytest.mark.parametrize("name", ["a/b", "..", ".a", "-a", "", "ü", "a" * 65])
def test_an_impossible_name_is_refused(cli, small, files_of, name):
    before = files_of(small.root)
    code, _, _ = cli("rename", "--", "small", name)
    assert code == 2
    assert files_of(small.root) == before


def test_other_results_are_not_overwritten(cli, small, files_of):
    (small.root.with_name("large")).mkdir()
    before = files_of(small.root)
    code, _, errors = cli("rename", "small", "large")
    assert (code, "results/large already exists" in errors) == (2, True)
    assert files_of(small.root) == before


def test_a_running_sweep_is_refused(cli, small, held):
    held(small.root / "run.lock")
    code, _, errors = cli("rename", "small", "large")
    assert (code, "process 7 on elsewhere" in errors) == (2, True)
    assert small.grid_path.exists()


def test_a_rename_that_is_killed_is_finished_by_the_same_command(cli, small, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("adaloss.records.store.Store.write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        renaming.rename(load_sweep(small.grid_path), small, "large")
    monkeypatch.undo()
    small.grid_path.write_text(small.grid_path.read_text().replace("name: small", "name: large"))
    # Between the grid and the folder.
    assert "8 of 8 trials are done" in cli("status", small.root)[1]
    assert cli("rename", small.root, "large")[0] == 0
    assert load_sweep(small.root.with_name("large") / "grid.yaml").name == "large"


@pytest.mark.slow
def test_tables_and_report_have_the_new_name(cli, small):
    small.write_text(small.tables_folder / "tables.md", "# small")
    assert cli("rename", "small", "large", "--json")[0] == 0
    large = small.root.with_name("large")
    assert "### large: mlp" in (large / "tables" / "tables.md").read_text()
    assert "<title>large" in (large / "report.html").read_text()


@pytest.mark.slow
def test_w_and_b_is_told_the_new_name_by_the_next_sync(cli, small, server):
    sweep = load_sweep(small.grid_path)
    small.write_text(small.tables_folder / "tables.md", "a table")
    assert synchronise(sweep, small, "auto", [].append).left == 0
    trial = sweep.trials[0]
    run = server.runs[trial.trial_id]
    lines = list(run.history)
    assert "sweep:small" in run.about["tags"]
    assert run.config["sweep"] == "small"
    printed = json.loads(cli("rename", "small", "large", "--json")[1])
    assert printed["wandb_runs"] == 8
    large = Store(small.root.with_name("large"))
    renamed = load_sweep(large.grid_path)
    # Not freed: the server does not have these runs with their name yet.
    offline = large.root / "wandb" / "offline" / trial.trial_id
    offline.mkdir(parents=True)
    assert cli("gc", "large", "--yes")[0] == 0
    assert offline.exists()
    outcome = synchronise(renamed, large, "auto", [].append)
    assert (outcome.finished, outcome.left, outcome.problems) == (8, 0, {})
    run = server.runs[trial.trial_id]
    assert "sweep:large" in run.about["tags"]
    assert "sweep:small" not in run.about["tags"]
    assert run.config["sweep"] == "large"
    assert run.history == lines
    assert {labels_of_sweep(each).run_id for each in (sweep, renamed)} <= set(server.runs)
    entry = ledger_of(large, "online").read(trial.trial_id)
    assert (entry.state, entry.earlier_epochs) == ("finished", 0)
