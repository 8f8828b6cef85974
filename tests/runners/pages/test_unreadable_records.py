"""One record that cannot be read never stops a sweep: it is said, and a run sets it aside."""

import json
import os

import pytest
from epochs import epoch_with

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialResult, TrialState
from adaloss.records.store import Store
from analysis.outputs import Outcome
from runners.cli.app import main

MISSING = "): counted as missing; `adaloss-sweep run` sets it aside and runs the trial again"


def epoch(number):
    return epoch_with(50.0 + number, epoch=number, step=10 * number)


@pytest.fixture
def sweep(grid):
    return load_sweep(grid)


@pytest.fixture
def store(sweep, tmp_path):
    """The small sweep, complete."""
    store = Store(tmp_path / "results" / sweep.name)
    for trial in sweep.trials:
        store.open_trial(trial)
        for number in (1, 2):
            store.append_metrics(trial, epoch(number))
        result = TrialResult(
            trial_id=trial.trial_id,
            state=TrialState.COMPLETE,
            epochs=2,
            last=epoch(2),
            best_val=epoch(2),
            seconds=1.0,
            finished_at="2026-03-01T12:00:00+00:00",
        )
        store.write_result(trial, result)
    return store


@pytest.fixture
def cli(grid, store, tmp_path, monkeypatch, capsys):
    """The exit code, output and error lines of a command in this process."""
    monkeypatch.chdir(tmp_path)

    def run(name, *options):
        monkeypatch.setattr("sys.argv", ["adaloss-sweep", name, str(grid), *options])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return stop.value.code, printed.out, printed.err.splitlines()

    return run


def damage(store, trial, name="result.json", content="{}"):
    path = store.trial_folder(trial) / name
    path.write_text(content)
    return path.relative_to(store.root.parent.parent)


READING = [
    ("status",),
    ("plan",),
    ("table", "--format", "md"),
    ("stats", "--format", "md"),
    ("plot", "--figure", "against", "--format", "svg"),
    ("report",),
    ("export", "--format", "csv"),
]


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_command_that_reads_says_it_in_one_line_and_goes_on(cli, store, sweep, command):
    path = damage(store, sweep.trials[0])
    code, _, errors = cli(*command)
    assert code == 0
    named = [line for line in errors if "result.json" in line]
    assert named == [
        f"{path} cannot be read (not a trial's result: trial_id: Field required{MISSING}"
    ]


def test_the_trial_counts_as_missing(cli, store, sweep):
    damage(store, sweep.trials[0])
    counts = json.loads(cli("status", "--json")[1])
    assert (counts["complete"], counts["missing"]) == (7, 1)
    assert "INCOMPLETE" in cli("table", "--format", "md")[1]


def test_a_trial_is_shown_without_what_cannot_be_read(cli, store, sweep):
    path = damage(store, sweep.trials[0])
    code, page, errors = cli("show", sweep.trials[0].trial_id)
    assert code == 0
    assert "state: not finished" in page
    assert [line for line in errors if str(path) in line]


@pytest.mark.parametrize("command", [("report",), ("export",), ("plot", "--figure", "curves")])
def test_a_damaged_history_is_said_once_and_the_result_stands(cli, store, sweep, command):
    path = damage(store, sweep.trials[0], "metrics.jsonl", epoch(1).model_dump_json() + "\n{}\n")
    code, _, errors = cli(*command)
    assert code == 0
    (line,) = [line for line in errors if "metrics.jsonl" in line]
    assert line.startswith(f"{path} cannot be read (line 2: epoch: Field required")
    assert line.endswith("): the epochs before this line are used")


def test_of_many_only_the_first_are_said(cli, store, sweep, monkeypatch):
    monkeypatch.setattr("runners.pages.unreadable.MOST_LINES", 2)
    for trial in sweep.trials[:4]:
        damage(store, trial)
    errors = cli("status")[2]
    assert sum("result.json" in line for line in errors) == 2
    assert sum("more records cannot be read" in line for line in errors) == 1


@pytest.fixture
def launched(monkeypatch):
    """What a run would have started."""
    started = []

    def nothing_compiled(*_, draw):
        return Outcome(answer=(), tables=())

    def launch(sweep, plan, limit, store, **_):
        started.extend(plan.missing)
        return len(started)

    monkeypatch.setattr("runners.api.running.launch", launch)
    monkeypatch.setattr("runners.api.running.save_everything", nothing_compiled)
    return started


def test_a_run_sets_it_aside_and_starts_the_trial_again(cli, store, sweep, launched):
    trial = sweep.trials[0]
    path = damage(store, trial)
    _, _, errors = cli("run", "--wandb", "disabled")
    assert launched == [trial]
    assert errors[0] == (
        f"set aside, {trial.readable_name} ({trial.trial_id}) runs again: result.json (not a "
        f"trial's result: trial_id: Field required), now in {path.parent}/quarantine/1"
    )
    assert not any("counted as missing" in line for line in errors)
    kept = store.trial_folder(trial) / "quarantine" / "1"
    assert {entry.name for entry in kept.iterdir()} == {"result.json", "metrics.jsonl"}


def test_a_run_leaves_what_is_finished_alone(cli, store, sweep, launched):
    damage(store, sweep.trials[0], "metrics.jsonl", "{}\n")
    damage(store, sweep.trials[0], "trial.json")
    cli("run", "--wandb", "disabled")
    assert launched == []
    assert not list(store.trials_folder.glob("*/quarantine"))


def test_a_retry_sets_it_aside_too(cli, store, sweep, launched):
    result = store.read_result(sweep.trials[1]).model_copy(update={"state": TrialState.FAILED})
    store.write_result(sweep.trials[1], result)
    damage(store, sweep.trials[0])
    cli("retry", "--wandb", "disabled")
    assert launched == [sweep.trials[0], sweep.trials[1]]
    assert (store.trial_folder(sweep.trials[0]) / "quarantine" / "1" / "result.json").exists()


def test_of_many_that_are_set_aside_the_first_are_said_and_the_rest_counted(
    cli, store, sweep, launched, monkeypatch
):
    monkeypatch.setattr("runners.pages.unreadable.MOST_LINES", 2)
    for trial in sweep.trials[:5]:
        damage(store, trial)
    errors = cli("run", "--wandb", "disabled")[2]
    assert sum(line.startswith("set aside, ") for line in errors) == 2
    assert "… and 3 more trials whose records were set aside" in errors


def test_a_single_trial_runs_again(cli, store, sweep):
    trial = sweep.trials[0]
    path = store.trial_folder(trial) / "result.json"
    path.unlink()
    os.mkfifo(path)
    only = f"optimizer={trial.optimizer},b0={trial.b0:g},seed={trial.seed}"
    code, page, errors = cli("trial", "--only", only)
    assert code == 0
    assert "state: complete" in page
    assert errors[0].startswith("set aside, ")
