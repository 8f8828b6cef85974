"""Which events the user is told about: each once, with its facts."""

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.notify.notifier import notified
from runners.on_ray.ray_lost import RayLostError
from runners.planning import make_plan

FACTS = (
    "EVENT",
    "SENTENCE",
    "SWEEP",
    "FOLDER",
    "TRIALS",
    "COMPLETE",
    "DIVERGED",
    "FAILED",
    "MISSING",
)


@pytest.fixture
def telling(grid, tmp_path):
    """A function that starts to tell about the small sweep, the alerts, and what was told."""
    file, alerts, said = tmp_path / "told", [], []
    values = "|".join(f"$ADALOSS_{name}" for name in FACTS)
    command = f'echo "{values}" >> {file}'

    def start(section="", command=command):
        grid.write_text(f"{grid.read_text()}{section}\n")
        sweep = load_sweep(grid)
        store = Store(tmp_path / "results" / "small")
        plan = make_plan(sweep.name, sweep.trials, store)
        alert = lambda *words: alerts.append(words)  # noqa: E731
        return notified(sweep, plan, store, command=command, alert=alert, say=said.append)

    def told():
        assert said == []
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(zip(FACTS, line.split("|"), strict=True)) for line in lines]

    start.told, start.alerts, start.said = told, alerts, said
    return start


def test_the_end_is_told_with_the_counts(telling, tmp_path, grid):
    trials = load_sweep(grid).trials
    with telling() as notifier:
        notifier.trial_ended(trials[0], TrialState.COMPLETE, "")
        notifier.trial_ended(trials[1], TrialState.DIVERGED, "the loss")
        notifier.commands.wait()
        assert telling.told() == []
    assert telling.told() == [
        {
            "EVENT": "end",
            "SENTENCE": "small: 2 of 8 trials are done (1 complete, 1 diverged, 0 failed)",
            "SWEEP": "small",
            "FOLDER": str((tmp_path / "results" / "small").resolve()),
            "TRIALS": "8",
            "COMPLETE": "1",
            "DIVERGED": "1",
            "FAILED": "0",
            "MISSING": "6",
        }
    ]
    assert telling.alerts == []


def test_the_first_failure_is_told_when_it_happens_and_no_other(telling, grid):
    trials = load_sweep(grid).trials
    with telling() as notifier:
        for trial in trials[:3]:
            notifier.trial_ended(trial, TrialState.FAILED, "exception: no\x1b such\nfile")
            notifier.commands.wait()
        (first,) = telling.told()
    assert (first["EVENT"], first["FAILED"]) == ("first_failure", "1")
    name = trials[0].readable_name
    assert first["SENTENCE"] == f"small: {name} failed: exception: no\\x1b such file"
    assert [each["EVENT"] for each in telling.told()] == ["first_failure", "end"]


def test_many_divergences_are_told_once_the_share_is_exceeded(telling, grid):
    trials = load_sweep(grid).trials
    with telling("notify: {diverged_share: 0.25}") as notifier:
        for number, trial in enumerate(trials, start=1):
            notifier.trial_ended(trial, TrialState.DIVERGED, "the loss")
            notifier.commands.wait()
            assert len(telling.told()) == (number >= 3)
    (many, end) = telling.told()
    assert (many["EVENT"], many["DIVERGED"]) == ("diverged", "3")
    assert many["SENTENCE"] == "small: 3 of 8 trials have diverged, more than 0.25 of them"
    assert end["SENTENCE"] == "small: 8 of 8 trials are done (0 complete, 8 diverged, 0 failed)"


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (KeyboardInterrupt(), "stopped; "),
        (OSError("the disk is full"), "ended by an error: the disk is full; "),
    ],
)
def test_the_end_is_told_however_it_ends(telling, error, how):
    with pytest.raises(type(error)), telling():
        raise error
    (end,) = telling.told()
    assert end["SENTENCE"].startswith(f"small: {how}0 of 8 trials are done")


def test_an_error_after_which_the_results_are_compiled_is_told_at_the_end(telling):
    with telling() as notifier:
        notifier.ended_by(RayLostError("Ray's raylet has died"))
        assert telling.told() == []
    (end,) = telling.told()
    assert end["SENTENCE"].startswith("small: ended by an error: Ray's raylet has died; 0 of 8")


def test_the_beginning_and_the_end_of_a_long_message_are_told(telling, grid):
    trial = load_sweep(grid).trials[0]
    # A longer variable than the system takes.
    with telling() as notifier:
        notifier.trial_ended(trial, TrialState.FAILED, f"keys: {'a, ' * 100_000}and b")
        # The command of the end would run beside it, and might be told first.
        notifier.commands.wait()
    first = telling.told()[0]
    assert first["SENTENCE"].startswith(f"small: {trial.readable_name} failed: keys: a, a")
    assert first["SENTENCE"].endswith("a, and b")


def test_alerts_of_wandb_are_sent_only_if_the_grid_asks_for_them(telling):
    with telling("notify: {wandb: true}", command=None):
        pass
    sentence = "small: 0 of 8 trials are done (0 complete, 0 diverged, 0 failed)"
    assert telling.alerts == [("small: end", sentence)]


def test_the_grids_command_is_run_unless_another_is_named(telling, tmp_path):
    of_grid = tmp_path / "of_grid"
    with telling(f"notify: {{command: 'cat > {of_grid}'}}", command=None):
        pass
    assert of_grid.read_text().startswith("small: 0 of 8")
    of_grid.unlink()
    grid_command_again = telling("")
    with grid_command_again:
        pass
    assert not of_grid.exists()
    assert len(telling.told()) == 1


def test_a_command_that_fails_harms_nothing(telling, grid):
    trial = load_sweep(grid).trials[0]
    with telling(command="exit 3") as notifier:
        notifier.trial_ended(trial, TrialState.FAILED, "exception: no")
    assert telling.said == ["warning: notify: `exit 3` ended with exit code 3"] * 2
