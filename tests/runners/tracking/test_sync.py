"""The command that ``run`` prints for the upload is one: executed as printed, it uploads."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE
from small_records import finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.api.running import command_to_upload
from runners.tracking.mode import mirror_mode, sync_mode
from runners.tracking.sync import MirrorError, Mirroring, mirrored, synchronise


@pytest.fixture
def execute(tmp_path):
    """A command line as a user pastes it into a shell."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "adaloss-sweep").symlink_to(Path(sys.executable).with_name("adaloss-sweep"))

    def run(line):
        path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        return subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=tmp_path,
            env=os.environ | path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    return run


def printed_command(text):
    """What stands behind the colon of the line that names the command."""
    (line,) = [line for line in text.splitlines() if ": adaloss-sweep sync" in line]
    return line[line.index("adaloss-sweep sync") :]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("declared", "environment", "option", "path", "storage"),
    [
        ("auto", None, "offline", "grid.yaml", "results"),
        ("auto", "offline", None, "grid.yaml", "results"),
        ("disabled", None, "offline", "grid.yaml", "results"),
        ("offline", None, None, 'it\'s my "grid" $HOME.yaml', "other place/of; it"),
    ],
)
def test_what_is_printed_uploads(
    execute, grid, tmp_path, monkeypatch, server, declared, environment, option, path, storage
):
    monkeypatch.chdir(tmp_path)
    Path(path).write_text(grid.read_text() + f"wandb: {{mode: {declared}}}\n")
    if environment:
        monkeypatch.setenv("WANDB_MODE", environment)
    sweep = load_sweep(Path(path))
    store = Store(Path(storage) / sweep.name)
    trial = sweep.trials[0]
    finish(store, trial, TrialState.COMPLETE)
    mode = mirror_mode(sweep.grid.wandb.mode, option)
    printed = []
    with mirrored(sweep, store, Mirroring(mode, command_to_upload(sweep, store)), printed.append):
        pass
    assert mode == "offline"
    assert server.runs == {}
    uploaded = execute(printed_command("\n".join(printed)))
    assert uploaded.returncode == 0, uploaded.stderr
    assert "1 W&B runs missing, 1 uploaded now" in uploaded.stdout
    assert server.runs[trial.trial_id].steps == [1, 2]


@pytest.mark.slow
def test_a_run_prints_it_at_its_end(command_in, execute, grid, tmp_path, server):
    path = tmp_path / "my grid.yaml"
    text = grid.read_text().replace("epochs: 2", "epochs: 1").replace("seeds: 2", "seeds: 1")
    text = text.replace("[adaloss, sgd_constant]", "adaloss").replace("[0.01, 1]", "1")
    path.write_text(text + "wandb: {mode: offline}\n")
    run = command_in(tmp_path)("run", "my grid.yaml", "--storage", "else where", "--no-figures")
    assert run.returncode == 0, run.stderr
    assert server.runs == {}
    line = printed_command(run.stderr)
    assert shlex.split(line)[2:] == ["my grid.yaml", "--storage", "else where"]
    assert execute(line).returncode == 0
    trials = {trial.trial_id for trial in load_sweep(path).trials}
    assert trials <= set(server.runs)
    assert {server.runs[key].state for key in trials} == {"finished"}


def test_offline_is_the_mode_of_sync_only_where_it_is_asked_for_there(monkeypatch):
    assert sync_mode("offline", None) == "auto"
    assert sync_mode("offline", "offline") == "offline"
    assert sync_mode("online", None) == "online"
    assert sync_mode("disabled", None) == "disabled"
    assert sync_mode("disabled", "online") == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert sync_mode("online", None) == "auto"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert sync_mode("offline", None) == "disabled"


def test_a_disabled_sweep_is_uploaded_only_by_an_option(cli, grid, finished):
    grid.write_text(grid.read_text() + "wandb: {mode: disabled}\n")
    code, _, errors = cli("sync", grid)
    assert code == 2
    assert "W&B is disabled for small: add --wandb online or offline" in errors


@pytest.mark.slow
def test_a_setting_of_wandbs_own_is_no_reason_not_to_upload(
    execute, grid, finished, tmp_path, server, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nmode = offline\n")
    assert mirror_mode("auto", None) == "offline"
    uploaded = execute("adaloss-sweep sync grid.yaml")
    assert "8 uploaded now" in uploaded.stdout, uploaded.stderr


def test_a_dry_run_of_a_mirror_that_fails_is_no_success(grid, finished, monkeypatch):
    failing = [sys.executable, "-c", "raise SystemExit('no memory')"]
    monkeypatch.setattr("runners.tracking.follower_process.FOLLOWER", failing)
    with pytest.raises(MirrorError, match=r"W&B: see .*mirror\.log"):
        synchronise(load_sweep(grid), finished, "auto", print, dry_run=True)


@pytest.mark.slow
@pytest.mark.parametrize("words", [("sync", "--dry-run"), ("dashboard",)], ids=" ".join)
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nonsense", "Input should be a valid URL"),
        ("https://wandb.ai", "did you mean https://api."),
    ],
)
def test_an_address_that_wandb_refuses_is_said(
    command, grid, finished, monkeypatch, words, address, reason
):
    monkeypatch.setenv("WANDB_BASE_URL", address)
    name, *options = words
    refused = command(name, grid, *options)
    assert refused.returncode == 2
    assert "W&B: WANDB_BASE_URL, or base_url in W&B's settings: " in refused.stderr
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr
