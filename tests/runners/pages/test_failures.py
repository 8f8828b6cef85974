"""Many trials that fail for one reason: the reason is printed once, with their number."""

import io
import json

import pytest
from rich.console import Console

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialState
from adaloss.records.store import Store
from runners.cli.run_end import continue_command
from runners.pages.failures import failure_lines
from runners.pages.progress import LiveProgress, PlainProgress
from runners.planning import make_plan

LOST = "worker lost: its worker died"


def reason(trial):
    return f"code: ValueError: {trial.optimizer} cannot use b0 = {trial.b0:g}"


@pytest.fixture
def sweep(grid):
    return load_sweep(grid)


@pytest.fixture
def all_fail(sweep, finished):
    """The small sweep: every trial has failed for a reason that names its own values."""
    for trial in sweep.trials:
        fail(finished, trial, reason(trial).removeprefix("code: "))
    return finished


def fail(store, trial, message):
    failure = Failure(kind=FailureKind.CODE, message=message)
    changes = {"state": TrialState.FAILED, "failure": failure}
    store.write_result(trial, store.read_result(trial).model_copy(update=changes))


def lines_of(sweep, store, **options):
    plan = make_plan(sweep.name, sweep.trials, store)
    return list(failure_lines(plan, store, lambda trial: f"show {trial.trial_id}", **options))


def test_each_distinct_failure_is_listed_once(sweep, all_fail):
    first, *_, last = sweep.trials
    fail(all_fail, last, "TypeError: something else")
    assert lines_of(sweep, all_fail) == [
        f"failed: 7 trials, such as {first.readable_name} ({first.trial_id}): {reason(first)}",
        f"  read more: show {first.trial_id}",
        f"failed: {last.readable_name} ({last.trial_id}): code: TypeError: something else",
        f"  read more: show {last.trial_id}",
    ]
    assert lines_of(sweep, all_fail, most=1)[2:] == ["… and 1 other failures"]


@pytest.mark.slow
def test_run_ends_with_each_failure_once(cli, grid, sweep, all_fail):
    code, _, errors = cli("run", grid, "--wandb", "disabled")
    assert code == 4
    assert errors.count("ValueError") == 1
    first = sweep.trials[0]
    assert f"failed: 8 trials, such as {first.readable_name} ({first.trial_id})" in errors
    assert f"read more: adaloss-sweep show {grid} {first.trial_id}" in errors


def test_a_retry_goes_on_as_a_run_of_the_same_grid(monkeypatch):
    for words, expected in (
        (("retry", "retry", "--failed", "--only", "b0=1"), "run retry --only b0=1"),
        (("run", "retry.yaml", "--storage", "retry"), "run retry.yaml --storage retry"),
    ):
        monkeypatch.setattr("sys.argv", ["adaloss-sweep", *words])
        assert continue_command() == f"adaloss-sweep {expected}"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("status",), ("run", "--wandb", "disabled")])
def test_json_has_every_trials_own_failure(cli, grid, sweep, all_fail, words):
    verb, *options = words
    _, printed, _ = cli(verb, grid, *options, "--json")
    assert json.loads(printed)["failures"] == {
        trial.trial_id: reason(trial) for trial in sweep.trials
    }


@pytest.fixture
def plan(sweep, tmp_path):
    return make_plan("small", sweep.trials, Store(tmp_path))


@pytest.fixture
def printed():
    return io.StringIO()


def test_a_reason_is_printed_in_full_once_and_then_counted(plan, printed):
    progress = PlainProgress(plan, plan.trials, Console(file=printed))
    for trial in plan.trials[:3]:
        progress.trial_ended(trial, TrialState.FAILED, reason(trial))
    progress.trial_ended(plan.trials[3], TrialState.FAILED, "code: TypeError: another")
    progress.trial_ended(plan.trials[4], TrialState.DIVERGED, "the training loss is nan")
    progress.trial_ended(plan.trials[5], TrialState.DIVERGED, "the training loss is nan")
    names = [trial.readable_name for trial in plan.trials]
    assert printed.getvalue().splitlines() == [
        f"[1/8] {names[0]} failed: {reason(plan.trials[0])}",
        f"[2/8] {names[1]} failed: as {names[0]} (2 trials in this way)",
        f"[3/8] {names[2]} failed: as {names[0]} (3 trials in this way)",
        f"[4/8] {names[3]} failed: code: TypeError: another",
        f"[5/8] {names[4]} diverged: the training loss is nan",
        f"[6/8] {names[5]} diverged: the training loss is nan",
    ]


def test_the_reason_of_a_retry_is_not_repeated_either(plan, printed):
    progress = PlainProgress(plan, plan.trials, Console(file=printed))
    for trial in (*plan.trials[:2], plan.trials[0]):
        progress.starts_again(trial, LOST, "continues in 2 s (retry 1 of 2)")
    first, second = (trial.readable_name for trial in plan.trials[:2])
    assert printed.getvalue().splitlines() == [
        f"{first}: {LOST}; continues in 2 s (retry 1 of 2)",
        f"{second}: as {first} (2 trials in this way); continues in 2 s (retry 1 of 2)",
        f"{first}: as before; continues in 2 s (retry 1 of 2)",
    ]


def test_a_terminal_shows_the_number_below_the_matrix(sweep, plan, printed):
    console = Console(file=printed, width=200)
    progress = LiveProgress(plan, plan.trials, console, sweep.tables[0])
    for trial in plan.trials:
        progress.trial_ended(trial, TrialState.FAILED, reason(trial))
    (line,) = printed.getvalue().splitlines()
    assert line == f"failed: {plan.trials[0].readable_name}: {reason(plan.trials[0])}"
    console.print(progress)
    assert f"! 8 trials: {reason(plan.trials[0])}" in printed.getvalue()
