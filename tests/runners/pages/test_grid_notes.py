"""What a person may not expect of a grid is said by plan and by run."""

import json
import shutil
from pathlib import Path

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.pages.grid_notes import grid_notes
from runners.planning import make_plan

FILES = Path(__file__).parents[2] / "adaloss" / "grid" / "wandb_sweeps"
SEEDS_20 = "5 seeds are the default: 4 cells become 20 trials"


@pytest.fixture
def notes(tmp_path):
    """The notes on a grid's text, with a storage of its own."""

    def notes_on(text, name="sweep.yaml", limit=None):
        (tmp_path / name).write_text(text)
        sweep = load_sweep(tmp_path / name)
        store = Store(tmp_path / "results" / sweep.name)
        plan = make_plan(sweep.name, sweep.trials, store)
        return list(grid_notes(sweep, plan, store, limit))

    return notes_on


def without(text, *starts):
    """The text without the lines that start so."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(starts))


def test_a_grid_that_says_all_needs_no_note(notes, grid):
    assert notes(grid.read_text()) == []


def test_the_name_that_was_taken_and_where_the_results_are(notes, grid, tmp_path):
    assert notes(without(grid.read_text(), "name"), "my sweep.yaml") == [
        "the grid has no name: the name of its file, my-sweep, is used; the results are in "
        f"{tmp_path}/results/my-sweep"
    ]


def test_default_seeds_are_counted_as_plan_counts_trials(notes, grid):
    text = without(grid.read_text(), "seeds")
    assert notes(text) == [SEEDS_20]
    # alpha is none of sgd_constant's fields: of its cells there is one.
    assert notes(text.replace("  lr: 1\n", "  lr: 1\n  alpha: [1, 2]\n")) == [
        "5 seeds are the default: 6 cells become 30 trials"
    ]
    values = ", ".join(map(str, range(1, 181)))
    assert notes(text.replace("[0.01, 1]", f"[{values}]")) == [
        "5 seeds are the default: 360 cells become 1,800 trials"
    ]
    assert notes(text.replace("  lr: 1\n", "  lr: 1\n  seed: [1, 2]\n")) == []


def test_run_cap_is_said_with_what_w_and_b_would_do(notes, grid):
    text = grid.read_text() + "run_cap: 3\n"
    assert notes(text) == [
        "run_cap 3: a run starts at most this many of the 8 missing trials, and the next run "
        "continues; W&B would skip the others"
    ]
    assert notes(text, limit=5) == ["run_cap 3: the limit of 5 overrides it"]
    assert notes(grid.read_text() + "run_cap: 8\n") == [
        "run_cap 8: it has no effect, because only 8 trials are missing"
    ]


def test_another_grid_of_the_same_file_name_is_noticed(notes, grid, tmp_path):
    text = without(grid.read_text(), "name")
    folder = tmp_path / "results" / "sweep"
    folder.mkdir(parents=True)

    def left_there(other):
        (folder / "grid.yaml").write_text(f"name: sweep\n{other}")
        return [note for note in notes(text) if "another grid" in note]

    assert left_there(text) == []
    assert left_there(text.replace("[0.01, 1]", "[0.01, 1, 2]")) == []
    assert left_there(text.replace("lr: 1", "lr: 2")) == [
        f"{folder} has the results of another grid: they are kept, but its tables, "
        "figures and report are replaced by those of this grid; give the grids different names to "
        "separate them"
    ]
    assert left_there("not a grid") == []


@pytest.mark.slow
def test_plan_and_run_say_the_notes_and_a_run_stops_at_run_cap(command, tmp_path):
    shutil.copy(FILES / "capped.yaml", tmp_path / "capped.yaml")
    name = (
        "note: the grid has no name: the name of its file, capped, is used; the results are in "
        "results/capped"
    )
    cap = (
        "note: run_cap 3: a run starts at most this many of the {} missing trials, and the next run"
    )
    printed = command("plan", "capped.yaml").stdout
    assert printed.splitlines()[0] == name
    assert cap.format(8) in printed
    notes = json.loads(command("plan", "capped.yaml", "--json").stdout)["notes"]
    assert [f"note: {note}" for note in notes] == printed.splitlines()[:2]
    first = command("run", "capped.yaml", "--wandb", "disabled", "--no-figures")
    assert first.returncode == 3
    assert name in first.stderr
    assert cap.format(8) in first.stderr
    assert "3 ran now" in first.stderr
    assert "5 missing; continue with: " in first.stderr
    # What is kept beside the results is the same sweep by another file's name.
    kept = load_sweep(tmp_path / "results" / "capped" / "grid.yaml")
    assert (kept.name, kept.trials) == ("capped", load_sweep(tmp_path / "capped.yaml").trials)


@pytest.mark.slow
def test_default_seeds_are_said_by_run(command, grid):
    grid.write_text(without(grid.read_text(), "seeds"))
    one = ("--limit", "1", "--no-figures")
    finished = command("run", grid, "--wandb", "disabled", *one)
    assert f"note: {SEEDS_20}" in finished.stderr
    assert f"note: {SEEDS_20}" not in command("run", grid, "--quiet", *one).stderr
