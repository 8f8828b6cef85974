"""W&B's runs are a mirror of the records: read back here with W&B's own reader."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adaloss.result import TrialState
from adaloss.store import Store
from adaloss.sweep import load_sweep
from runners.tracking.beside import mirrored
from runners.tracking.labels import LabelError, check_labels, labels_of
from runners.tracking.ledger import Mirrored, ledger_of
from runners.tracking.mode import ModeError, mirror_mode

KEY = "0123456789abcdef" * 2 + "01234567"


def wandb_reads(folder, *options):
    """What ``wandb leet inspect`` says of a run's folder."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", *options]
    finished = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    return finished.stdout


def summary(folder):
    return json.loads(wandb_reads(folder, "--summary"))


def records(folder, kind):
    found = map(json.loads, wandb_reads(folder).splitlines())
    return [record[kind] for record in found if record["type"] == kind]


@pytest.fixture(autouse=True)
def no_settings_of_the_users(monkeypatch, tmp_path):
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def sweep(grid):
    grid.write_text(
        grid.read_text()
        + "wandb: {project: b0-study, tags: ['{model}', 'lr={lr}'], notes: 'b0 {b0}'}\n"
    )
    return load_sweep(grid)


@pytest.fixture
def mirror(sweep, store):
    """Catch up with the records of these trials; returns how many runs were written."""
    from runners.tracking.mirror import catch_up

    return lambda: catch_up(sweep, store)


def finish(execution):
    while execution.advance() is not None:
        pass
    return execution.result


def run_folder(store, trial):
    ledger = ledger_of(store)
    return ledger.root / ledger.read(trial).folder


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
    assert seen["summary"]["test/top1"] == pytest.approx(result.last.test_top1)
    (run,) = records(folder, "run")
    assert (run["run_group"], run["job_type"]) == ("optimizer=adaloss b0=1", "adaloss")
    steps = [record["item"] for record in records(folder, "history")]
    assert [item["_step"] for item in steps] == [1, 2]
    assert [item["train/loss"] for item in steps] == pytest.approx(
        [metrics.train_loss for metrics in store.read_metrics(trial)]
    )
    named = {metric.get("glob_name"): metric for metric in records(folder, "metric")}
    assert named["*"]["step_metric"] == "epoch"


def test_catching_up_twice_changes_nothing(sweep, store, start, mirror):
    finish(start(sweep.trials[0]))
    assert mirror() == 1
    before = {path: path.stat().st_mtime_ns for path in ledger_of(store).root.rglob("*")}
    assert mirror() == 0
    assert {path: path.stat().st_mtime_ns for path in ledger_of(store).root.rglob("*")} == before


def test_a_trial_without_a_result_has_no_run_yet(sweep, start, mirror):
    start(sweep.trials[0]).advance()
    assert mirror() == 0


def test_a_run_that_a_killed_mirror_began_is_written_anew(sweep, store, start, mirror):
    trial = sweep.trials[0]
    result = finish(start(trial))
    ledger = ledger_of(store)
    left = ledger.root / trial.trial_id / "wandb" / "offline-run-cut-off"
    left.mkdir(parents=True)
    ledger.write(trial, Mirrored(state="begun", result_written_at=result.finished_at))
    assert mirror() == 1
    assert not left.exists()
    folders = list((ledger.root / trial.trial_id / "wandb").glob("offline-run-*"))
    assert len(folders) == 1
    assert len(records(folders[0], "history")) == 2


def test_a_diverged_trial_is_a_finished_run_with_a_tag(sweep, store, start, mirror, make_trial):
    trial = next(t for t in sweep.trials if t.b0 == 0.01 and t.optimizer == "sgd_constant")
    assert finish(start(trial)).state is TrialState.DIVERGED
    mirror()
    seen = summary(run_folder(store, trial))
    assert seen["exit_code"] == 0
    assert "diverged" in seen["tags"]
    assert "training loss" in seen["summary"]["divergence"]


def test_a_failed_trial_is_a_failed_run_with_its_error(sweep, store, start, mirror):
    trial = sweep.trials[0]
    finish(start(trial, timeout=0.0))
    mirror()
    seen = summary(run_folder(store, trial))
    assert seen["exit_code"] == 1
    assert "timeout" in seen["summary"]["failure"]


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
    ("section", "said"),
    [
        ("tags: ['" + "x" * 65 + "']", "must have 1 to 64 characters, it has 65"),
        ("group: '" + "g" * 129 + "'", "the group .* at most 128 characters, it has 129"),
        ("project: a/b", "the project 'a/b' must not contain /"),
        ("name: '" + "n" * 129 + "'", "the name .* at most 128"),
    ],
)
def test_what_the_server_would_refuse_is_refused_before_the_sweep(grid, section, said):
    grid.write_text(grid.read_text() + f"wandb: {{{section}}}\n")
    sweep = load_sweep(grid)
    with pytest.raises(LabelError, match=said):
        check_labels(sweep, sweep.trials)


def test_w_and_bs_own_keys_of_a_sweep_file_are_the_defaults(grid):
    grid.write_text(grid.read_text() + "project: theirs\nentity: team\n")
    sweep = load_sweep(grid)
    labels = labels_of(sweep, sweep.trials[0])
    assert (labels.project, labels.entity) == ("theirs", "team")


def test_the_mode_is_the_command_lines_then_the_environments_then_the_grids(monkeypatch):
    assert mirror_mode("auto", None) == "offline"
    assert mirror_mode("disabled", None) == "disabled"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert mirror_mode("offline", None) == "disabled"
    assert mirror_mode("disabled", "offline") == "offline"
    with pytest.raises(ModeError, match="--wandb of: must be one of auto"):
        mirror_mode("auto", "of")
    with pytest.raises(ModeError, match="does not upload by itself"):
        mirror_mode("auto", "online")


def test_a_sweep_writes_its_runs_and_the_key_nowhere(command, grid, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    run = command("run", grid)
    assert run.returncode == 0, run.stderr
    assert "W&B: 8 runs written; to upload: wandb sync" in run.stderr
    store = Store(tmp_path / "results" / "small")
    trials = load_sweep(grid).trials
    assert "0 W&B runs missing" in command("sync", grid).stdout
    assert all(ledger_of(store).read(trial).state == "finished" for trial in trials)
    with_key = [
        path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert not with_key


def test_trouble_with_the_mirror_is_one_sentence(sweep, store, start):
    ledger_of(store).root.mkdir(parents=True)
    store.write_text(store.root / "grid.yaml", sweep.text)
    # In the way of the ledger's folder.
    (ledger_of(store).root / "mirrored").write_text("")
    said = []
    with mirrored(sweep, store, "offline", said.append):
        finish(start(sweep.trials[0]))
    (sentence,) = said
    assert "could not be written; why is in" in sentence
    assert "Traceback" in (ledger_of(store).root / "mirror.log").read_text()


def test_a_mirror_that_hangs_is_not_waited_for(grid, store, monkeypatch):
    grid.write_text(grid.read_text() + "wandb: {finish_timeout: 1}\n")
    hanging = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr("runners.tracking.beside.FOLLOWER", hanging)
    said = []
    with mirrored(load_sweep(grid), store, "offline", said.append):
        pass
    assert said == ["W&B's runs are not all written after 1 s; go on with: adaloss-sweep sync"]


def test_sync_writes_what_is_missing_and_a_dry_run_nothing(command, sweep, grid, store, start):
    grid.write_text(sweep.text.replace("name: small", "name: sweep"))
    finish(start(sweep.trials[0]))
    dry = command("sync", grid, "--dry-run").stdout
    assert "1 W&B runs missing, 0 written now" in dry
    assert sweep.trials[0].readable_name in dry
    assert "1 W&B runs missing, 1 written now" in command("sync", grid).stdout
    assert "0 W&B runs missing, 0 written now" in command("sync", grid).stdout
