"""W&B's runs are a mirror of the records: read back here with W&B's own reader."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from runners.tracking.labels import LabelError, check_labels, labels_of
from runners.tracking.ledger import Mirrored, ledger_of
from runners.tracking.mode import ModeError, mirror_mode
from runners.tracking.sync import Mirroring, mirrored
from runners.tracking.target import TargetError

OFFLINE = Mirroring("offline", "adaloss-sweep sync grid.yaml")


def wandb_reads(folder, *options):
    """What ``wandb leet inspect`` says of a run's folder."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", *options]
    finished = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    return finished.stdout


def summary(folder):
    return json.loads(wandb_reads(folder, "--summary"))


def records(folder, kind):
    found = map(json.loads, wandb_reads(folder).splitlines())
    return [record[kind] for record in found if record["type"] == kind]


@pytest.fixture
def sweep(grid):
    grid.write_text(
        grid.read_text()
        + "wandb: {project: b0-study, tags: ['{model}', 'lr={lr}'], notes: 'b0 {b0}'}\n"
    )
    return load_sweep(grid)


@pytest.fixture
def mirror(sweep, store):
    """Catch up with the records as they are, offline; returns how many runs were finished."""
    from runners.tracking.mirror import Mirror
    from runners.tracking.wandb_runs import WandbTarget

    mirror = Mirror(sweep, store, WandbTarget("offline", store.root / "wandb", server=""))

    def catch_up():
        before = mirror.finished
        mirror.catch_up(lambda: None)
        assert not mirror.problems
        return mirror.finished - before

    return catch_up


def finish(execution):
    while execution.advance() is not None:
        pass
    return execution.result


def run_folder(store, trial):
    ledger = ledger_of(store, "offline")
    return ledger.root / ledger.read(trial.trial_id).folder


def test_a_run_has_the_trials_labels_configuration_history_and_end(sweep, store, start, mirror):
    trial = next(t for t in sweep.trials if t.b0 == 1 and t.optimizer == "adaloss")
    result = finish(start(trial))
    assert mirror() == 1
    folder = run_folder(store, trial)
    seen = summary(folder)
    assert (seen["run_id"], seen["project"]) == (trial.trial_id, "b0-study")
    assert set(seen["tags"]) == {"mlp", "lr=1", "sweep:small"}
    assert seen["notes"] == "b0 1"
    assert seen["state"] == "finished"
    assert seen["config"]["b0"] == 1.0
    assert seen["config"]["provenance"]["code_version"] == "test"
    assert seen["summary"]["state"] == "complete"
    assert seen["summary"]["test/top1"] == pytest.approx(result.last["test/top1"])
    (run,) = records(folder, "run")
    assert (run["run_group"], run["job_type"]) == ("optimizer=adaloss b0=1", "adaloss")
    steps = [record["item"] for record in records(folder, "history")]
    assert [item["_step"] for item in steps] == [1, 2]
    assert [item["train/loss"] for item in steps] == pytest.approx(
        [metrics["train/loss"] for metrics in store.read_metrics(trial)]
    )
    named = {metric.get("glob_name"): metric for metric in records(folder, "metric")}
    assert named["*"]["step_metric"] == "epoch"


def test_catching_up_twice_changes_nothing(sweep, store, start, mirror):
    finish(start(sweep.trials[0]))
    assert mirror() == 1
    written = ledger_of(store, "offline").root
    files = [path for path in written.rglob("*") if path.suffix != ".log"]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert mirror() == 0
    assert {path: path.stat().st_mtime_ns for path in files} == before


@pytest.mark.slow
def test_a_trial_that_is_running_has_a_run_already(sweep, store, start, mirror):
    trial = sweep.trials[0]
    execution = start(trial)
    execution.advance()
    assert mirror() == 0
    begun = ledger_of(store, "offline").read(trial.trial_id)
    assert (begun.state, begun.epochs) == ("begun", 1)
    finish(execution)
    assert mirror() == 1
    steps = [record["item"]["_step"] for record in records(run_folder(store, trial), "history")]
    assert steps == [1, 2]


@pytest.mark.slow
def test_a_run_that_a_killed_mirror_began_is_written_anew(sweep, store, start, mirror):
    trial = sweep.trials[0]
    finish(start(trial))
    ledger = ledger_of(store, "offline")
    left = ledger.root / "offline" / trial.trial_id / "wandb" / "offline-run-cut-off"
    left.mkdir(parents=True)
    ledger.write(
        trial.trial_id, Mirrored(state="begun", where="b0-study", epochs=1, digest="of it")
    )
    assert mirror() == 1
    assert not left.exists()
    folders = list((ledger.root / "offline" / trial.trial_id / "wandb").glob("offline-run-*"))
    assert len(folders) == 1
    assert len(records(folders[0], "history")) == 2


@pytest.mark.slow
def test_a_diverged_trial_is_a_finished_run_with_a_tag(sweep, store, start, mirror, make_trial):
    trial = next(t for t in sweep.trials if t.b0 == 0.01 and t.optimizer == "sgd_constant")
    assert finish(start(trial)).state is TrialState.DIVERGED
    mirror()
    seen = summary(run_folder(store, trial))
    assert seen["exit_code"] == 0
    assert "diverged" in seen["tags"]
    assert "training loss" in seen["summary"]["divergence"]


@pytest.mark.slow
def test_a_failed_trial_is_a_failed_run_with_its_error(sweep, store, start, mirror):
    trial = sweep.trials[0]
    finish(start(trial, timeout=0.0))
    mirror()
    seen = summary(run_folder(store, trial))
    assert seen["exit_code"] == 1
    assert "timeout" in seen["summary"]["failure"]


@pytest.mark.slow
def test_a_trial_that_ran_again_has_one_run_of_the_last_attempt(sweep, store, start, mirror):
    trial = sweep.trials[0]
    finish(start(trial, timeout=0.0))
    mirror()
    store.set_aside(trial)
    result = finish(start(trial))
    store.write_result(trial, result.model_copy(update={"finished_at": "2031-01-01T00:00:00"}))
    assert mirror() == 1
    seen = summary(run_folder(store, trial))
    assert seen["summary"]["state"] == "complete"
    assert len(list(run_folder(store, trial).parent.glob("offline-run-*"))) == 1


@pytest.mark.parametrize(
    ("section", "printed"),
    [
        ("tags: ['" + "x" * 65 + "']", "must have 1 to 64 characters, it has 65"),
        ("group: '" + "g" * 129 + "'", "the group .* at most 128 characters, it has 129"),
        ("project: a/b", "the project 'a/b' must not contain /"),
        ("name: '" + "n" * 129 + "'", "the name .* at most 128"),
    ],
)
def test_what_the_server_would_refuse_is_refused_before_the_sweep(grid, section, printed):
    grid.write_text(grid.read_text() + f"wandb: {{{section}}}\n")
    sweep = load_sweep(grid)
    with pytest.raises(LabelError, match=printed):
        check_labels(sweep, sweep.trials)


def test_w_and_bs_own_keys_of_a_sweep_file_are_the_defaults(grid):
    grid.write_text(grid.read_text() + "project: theirs\nentity: team\n")
    sweep = load_sweep(grid)
    labels = labels_of(sweep, sweep.trials[0])
    assert (labels.project, labels.entity) == ("theirs", "team")


def test_another_project_has_runs_of_its_own(grid, store, start):
    from runners.tracking.mirror import unfinished
    from runners.tracking.wandb_runs import WandbTarget

    sweep = load_sweep(grid)
    target = WandbTarget("online", store.root, server="http://127.0.0.1")
    result = finish(start(sweep.trials[0]))
    given = Mirrored(
        state="finished",
        where="http://127.0.0.1//adaloss",
        epochs=2,
        digest="",
        result_written_at=result.finished_at,
    )
    ledger_of(store, "online").write(sweep.trials[0].trial_id, given)
    assert unfinished(sweep, store, target) == []
    grid.write_text(grid.read_text() + "wandb: {project: another}\n")
    assert len(unfinished(load_sweep(grid), store, target)) == 1


def test_what_the_grid_leaves_open_the_environment_may_say(grid, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_TAGS", "a, b")
    sweep = load_sweep(grid)
    labels = labels_of(sweep, sweep.trials[0])
    assert (labels.project, labels.tags) == ("mine", ("sweep:small", "a", "b"))


def test_the_mode_is_the_command_lines_then_the_environments_then_the_grids(monkeypatch):
    assert mirror_mode("auto", None) == "auto"
    assert mirror_mode("disabled", None) == "disabled"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert mirror_mode("offline", None) == "disabled"
    assert mirror_mode("disabled", "online") == "online"
    with pytest.raises(ModeError, match="--wandb of: must be one of auto"):
        mirror_mode("auto", "of")


def test_w_and_bs_own_switch_turns_it_off(monkeypatch):
    monkeypatch.setenv("WANDB_DISABLED", "true")
    assert mirror_mode("auto", None) == "disabled"


class Recording:
    """A target that takes what it is given, or refuses to open any more runs."""

    name, at_once, next_epoch, folder, url = "recording", 1, 0, None, None

    def __init__(self):
        self.opened, self.logged, self.refuses = [], [], False

    def where(self, labels):
        return ""

    def open(self, labels, config):
        self.opened.append(labels.run_id)
        if self.refuses:
            raise TargetError("no")
        return self

    def log(self, metrics):
        self.logged.append(metrics.epoch)

    def finish(self, state, summary, config, log):
        pass


@pytest.fixture
def target():
    return Recording()


@pytest.fixture
def recording(sweep, store, target):
    from runners.tracking.mirror import Mirror

    return Mirror(sweep, store, target)


def test_a_target_that_takes_nothing_is_left_alone_after_three(sweep, start, target, recording):
    for trial in sweep.trials[:5]:
        finish(start(trial))
    target.refuses = True
    recording.catch_up(lambda: None)
    assert recording.given_up
    assert len(target.opened) == 3
    assert set(recording.problems.values()) == {"no"}


def test_what_an_open_run_puts_down_does_not_say_that_the_target_is_well(
    sweep, start, target, recording
):
    execution = start(sweep.trials[0])
    execution.advance()
    recording.catch_up(lambda: None)
    target.refuses = True
    for trial in sweep.trials[1:3]:
        finish(start(trial))
        recording.catch_up(lambda: None)
    execution.advance()
    recording.catch_up(lambda: None)
    assert (target.logged, recording.given_up) == ([1, 2], False)
    finish(start(sweep.trials[3]))
    recording.catch_up(lambda: None)
    assert recording.given_up


def test_trials_that_change_all_the_time_keep_no_other_waiting(sweep, start, target, recording):
    trials = [trial for trial in sweep.trials if trial.optimizer == "adaloss"][:3]
    running = [start(trial) for trial in trials]
    for execution in running:
        execution.advance()
    recording.look()
    for execution in running:
        execution.advance()
        while recording.working:
            recording.look()
    recording.catch_up(lambda: None)
    assert set(target.opened) == {trial.trial_id for trial in trials}
    assert sorted(target.logged) == [1, 1, 1, 2, 2, 2]


@pytest.mark.slow
def test_trouble_with_the_mirror_is_told_once(sweep, store, start):
    ledger_of(store, "offline").root.mkdir(parents=True)
    store.write_text(store.root / "grid.yaml", sweep.text)
    # In the way of the ledger's folder.
    (ledger_of(store, "offline").root / "mirrored").write_text("")
    printed = []
    with mirrored(sweep, store, OFFLINE, printed.append):
        finish(start(sweep.trials[0]))
    mode, trouble, end = printed
    assert "W&B: offline in" in mode
    assert "Not a directory" in trouble
    assert trouble.endswith("Training continues; the upload is retried.")
    assert "not all runs could be sent (" in end
    assert end.endswith("continue with: adaloss-sweep sync grid.yaml")
    assert "NotADirectoryError" in (store.root / "wandb" / "mirror.log").read_text()


def test_a_mirror_that_hangs_is_not_waited_for(grid, store, monkeypatch):
    grid.write_text(grid.read_text() + "wandb: {finish_timeout: 0.1}\n")
    hanging = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr("runners.tracking.follower_process.FOLLOWER", hanging)
    printed = []
    with mirrored(load_sweep(grid), store, OFFLINE, printed.append):
        pass
    assert printed == [
        "W&B: not all runs were sent within 0.1 s; continue with: adaloss-sweep sync grid.yaml"
    ]


def test_a_mirror_that_fails_at_once_says_where_the_reason_is(sweep, store, monkeypatch):
    failing = [sys.executable, "-c", "raise SystemExit('no memory')"]
    monkeypatch.setattr("runners.tracking.follower_process.FOLLOWER", failing)
    printed = []
    with mirrored(sweep, store, OFFLINE, printed.append):
        pass
    trouble, end = printed
    assert "the mirror ended early; see " in trouble
    assert "not all runs could be sent (" in end
    assert "no memory" in (store.root / "wandb" / "mirror.log").read_text()


@pytest.mark.slow
def test_sync_writes_what_is_missing_and_a_dry_run_nothing(command, sweep, grid, store, start):
    grid.write_text(sweep.text.replace("name: small", "name: sweep"))
    finish(start(sweep.trials[0]))
    offline = ("--wandb", "offline")
    dry = command("sync", grid, "--dry-run", *offline).stdout
    assert "1 W&B runs missing, 0 written now" in dry
    assert sweep.trials[0].readable_name in dry
    assert "1 W&B runs missing, 1 written now" in command("sync", grid, *offline).stdout
    again = command("sync", grid, *offline)
    assert "0 W&B runs missing, 0 written now" in again.stdout
    assert "nothing is uploaded; after `wandb login`: adaloss-sweep sync" in again.stderr
    assert again.returncode == 0
    assert command("sync", grid, "--wandb", "online").returncode == 3
