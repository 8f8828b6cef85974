"""W&B online, against a test double of its server on the loopback, faults included."""

import os
import shutil
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from epochs import changed_epoch
from patience import until
from wandb_double import serving

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.tracking.follower_process import FollowerProcess
from runners.tracking.labels import labels_of_sweep
from runners.tracking.ledger import ledger_of
from runners.tracking.sync import Mirroring, mirrored, synchronise

ONLINE = Mirroring("auto", "adaloss-sweep sync grid.yaml")


@pytest.fixture
def sweep(grid, store):
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: 3"))
    sweep = load_sweep(grid)
    store.write_text(store.root / "grid.yaml", sweep.text)
    return sweep


@pytest.fixture
def trial(sweep):
    return next(t for t in sweep.trials if t.b0 == 1 and t.optimizer == "adaloss")


def finish(execution):
    while execution.advance() is not None:
        pass
    return execution.result


def uploaded(sweep, store, mode="auto"):
    printed = []
    return synchronise(sweep, store, mode, printed.append), printed


@pytest.mark.slow
def test_every_kind_of_end_arrives_once_and_whole(sweep, store, start, server, trial, key):
    diverging = next(t for t in sweep.trials if t.b0 == 0.01 and t.optimizer == "sgd_constant")
    failing = next(t for t in sweep.trials if t.seed == 1 and t.b0 == 1)
    result = finish(start(trial))
    finish(start(diverging))
    store.open_trial(failing)
    store.log_path(failing).write_text("what it printed\n")
    finish(start(failing, timeout=0.0))
    store.write_text(store.tables_folder / "tables.md", "a table")
    outcome, printed = uploaded(sweep, store)
    assert (outcome.finished, outcome.left, outcome.problems) == (3, 0, {})
    assert printed[0] == f"W&B: online at {server.url}"
    assert printed[1].startswith(f"W&B: the first run is {server.url}/team/adaloss/runs/")
    run = server.runs[trial.trial_id]
    assert (run.state, run.steps) == ("finished", [1, 2, 3])
    assert run.about["groupName"] == "optimizer=adaloss b0=1"
    assert run.about["jobType"] == "adaloss"
    assert run.config["b0"] == 1
    assert run.config["provenance"]["code_version"] == "test"
    assert run.history[-1]["test/top1"] == pytest.approx(result.last["test/top1"])
    assert run.summary["state"] == "complete"
    assert server.runs[diverging.trial_id].state == "finished"
    assert "diverged" in server.runs[diverging.trial_id].about["tags"]
    failed = server.runs[failing.trial_id]
    assert failed.state == "failed"
    assert "timeout" in failed.summary["failure"]
    assert failed.files["log.txt"].startswith(b"what it printed\n")
    artifacts = {given["artifactTypeName"] for given in server.artifacts}
    assert artifacts == {"grid", "tables"}
    assert sorted(view["type"] for view in server.views.values()) == ["project-view", "runs"]
    assert [line.split(": ")[0] for line in outcome.pages] == ["W&B workspace", "W&B report"]
    assert server.blobs["artifacts/tables.md"] == b"a table"
    server.requests.clear()
    again, _ = uploaded(sweep, store)
    assert (again.finished, again.left) == (0, 0)
    assert not [request for request in server.requests if "file_stream" in request]
    assert trial.trial_id not in [path.name for path in (store.root / "wandb").iterdir()]
    assert any(server.authorized)
    assert not [
        path
        for path in store.root.rglob("*")
        if path.is_file() and key.encode() in path.read_bytes()
    ]


@pytest.mark.slow
def test_a_mirror_killed_in_the_middle_is_gone_on_with(sweep, store, start, server, trial, key):
    execution = start(trial)
    execution.advance()
    live = FollowerProcess(sweep, store, "auto", print, live=True)
    until(lambda: trial.trial_id in server.runs and server.runs[trial.trial_id].steps == [1])
    run = server.runs[trial.trial_id]
    assert run.state == "running"
    with Path(f"/proc/{live.process.pid}/cmdline").open("rb") as arguments:
        assert key.encode() not in arguments.read()
    # With the one that follows it: the driver is gone as well.
    live.over = True
    os.killpg(live.process.pid, signal.SIGKILL)
    live.ending.set()
    live.listener.join()
    finish(execution)
    outcome, _ = uploaded(sweep, store)
    assert outcome.left == 0
    assert (run.state, run.steps) == ("finished", [1, 2, 3])
    assert set(run.times_a_line_was_sent.values()) == {1}
    assert run.config["b0"] == 1


@pytest.mark.slow
def test_a_retry_goes_on_in_the_same_run_and_says_if_numbers_differ(
    sweep, store, start, server, trial
):
    start(trial).advance()
    other = finish(start(next(t for t in sweep.trials if t is not trial), timeout=0.0))
    store.write_result(trial, other.model_copy(update={"trial_id": trial.trial_id}))
    uploaded(sweep, store)
    run = server.runs[trial.trial_id]
    assert (run.state, run.steps) == ("failed", [1])
    assert "failed" in run.about["tags"]
    store.set_aside(trial)
    finish(start(trial))
    outcome, _ = uploaded(sweep, store)
    assert outcome.finished == 1
    assert (run.state, run.steps) == ("finished", [1, 2, 3])
    assert "epochs_of_an_earlier_attempt" not in run.summary
    assert set(run.times_a_line_was_sent.values()) == {1}
    assert "failed" not in run.about["tags"]
    assert not run.summary.get("failure")
    history = store.read_metrics(trial)
    other = [changed_epoch(line, val_loss=7.0) for line in history]
    other.append(other[-1].model_copy(update={"epoch": 4}))
    store.keep_metrics(trial, tuple(other))
    result = store.read_result(trial)
    store.write_result(trial, result.model_copy(update={"finished_at": "2031-01-01T00:00:00"}))
    outcome, _ = uploaded(sweep, store)
    assert outcome.left == 0
    assert run.steps == [1, 2, 3, 4]
    assert run.history[0]["val/loss"] == pytest.approx(history[0]["val/loss"])
    assert run.history[3]["val/loss"] == 7.0
    assert run.summary["epochs_of_an_earlier_attempt"] == 3


@pytest.mark.slow
def test_a_server_in_trouble_is_said_and_what_is_left_is_kept(
    sweep, store, start, server, trial, tmp_path, monkeypatch
):
    finish(start(trial))
    # Instead of the half minute that a server has in earnest.
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "2")
    monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "2")
    faults = {401: "error 401", 500: "HTTP 500", "stall": "deadline", None: "connection refused"}
    with ExitStack() as stack:
        conversations = []
        for fault in faults:
            trouble = stack.enter_context(serving())
            trouble.fault = fault
            nobody = "http://127.0.0.1:9"
            monkeypatch.setenv("WANDB_BASE_URL", nobody if fault is None else trouble.url)
            copy = Store(tmp_path / "copies" / str(fault))
            shutil.copytree(store.root, copy.root)
            conversations.append(FollowerProcess(sweep, copy, "auto", print, live=False))
        for conversation, printed in zip(conversations, faults.values(), strict=True):
            outcome = conversation.end(None)
            assert (outcome.finished, outcome.left) == (0, 1)
            assert printed in outcome.why()
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "20")
    outcome, _ = uploaded(sweep, Store(tmp_path / "copies" / "stall"))
    assert (outcome.finished, outcome.left) == (1, 0)
    assert server.runs[trial.trial_id].steps == [1, 2, 3]


@pytest.mark.slow
def test_an_upload_that_is_refused_after_a_good_beginning_is_not_done(
    sweep, store, start, server, trial
):
    finish(start(trial))
    # W&B's own finish says nothing of it.
    server.fault, server.fault_at = 403, "file_stream"
    outcome, _ = uploaded(sweep, store)
    assert (outcome.finished, outcome.left) == (0, 1)
    assert "the server did not accept everything" in outcome.why()
    server.fault = None
    outcome, _ = uploaded(sweep, store)
    assert (outcome.finished, outcome.left) == (1, 0)
    assert server.runs[trial.trial_id].steps == [1, 2, 3]


@pytest.mark.slow
def test_a_server_that_comes_back_gets_what_it_missed(
    sweep, store, start, server, trial, monkeypatch
):
    monkeypatch.setattr("runners.tracking.follower_process.SHORTEST_REST", 0.2)
    others = [other for other in sweep.trials if other is not trial][:3]
    server.fault = 401
    for other in others:
        finish(start(other))
    printed = []
    with mirrored(sweep, store, ONLINE, printed.append):
        until(lambda: any("Training continues" in line for line in printed))
        server.fault = None
        finish(start(trial))
    assert server.runs[trial.trial_id].state == "finished"
    assert len([line for line in printed if "Training continues" in line]) == 1
    assert printed[-1] == "W&B: 4 runs uploaded"


@pytest.mark.slow
def test_a_server_that_stalls_at_the_end_is_waited_for_no_longer_than_is_said(
    grid, store, start, server
):
    grid.write_text(grid.read_text() + "wandb: {finish_timeout: 1}\n")
    sweep = load_sweep(grid)
    store.write_text(store.root / "grid.yaml", sweep.text)
    server.fault = "stall"
    printed = []
    with mirrored(sweep, store, ONLINE, printed.append):
        finish(start(sweep.trials[0]))
    assert printed[-1] == (
        "W&B: not all runs were sent within 1 s; continue with: adaloss-sweep sync grid.yaml"
    )


@pytest.mark.slow
def test_alerts_are_sent_while_the_sweep_runs_from_its_own_run(sweep, store, server):
    printed = []
    with mirrored(sweep, store, ONLINE, printed.append) as alert:
        alert("small: first failure", "a trial failed")
        until(lambda: server.alerts)
        alert("small: end " + 90 * "x", "it ended")
    own = labels_of_sweep(sweep).run_id
    assert [(sent["runName"], sent["text"]) for sent in server.alerts] == [
        (own, "a trial failed"),
        (own, "it ended"),
    ]
    assert server.alerts[0]["title"] == "small: first failure"
    assert len(server.alerts[1]["title"]) < 64
    assert server.runs[own].state == "finished"


@pytest.mark.slow
def test_an_alert_that_a_broken_follower_did_not_send_is_sent_by_the_next(
    sweep, store, start, server, trial, monkeypatch
):
    monkeypatch.setattr("runners.tracking.follower_process.SHORTEST_REST", 0.2)
    printed = []
    with mirrored(sweep, store, ONLINE, printed.append) as alert:
        finish(start(trial))
        until(lambda: any("first run" in line for line in printed))
        os.killpg(alert.__self__.process.pid, signal.SIGKILL)
        alert("small: end", "it ended")
        until(lambda: server.alerts)
    assert [sent["text"] for sent in server.alerts] == ["it ended"]


@pytest.mark.slow
def test_an_alert_that_the_server_refuses_is_one_line(sweep, store, server, monkeypatch):
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "1")
    server.fault = 401
    printed = []
    with mirrored(sweep, store, ONLINE, printed.append) as alert:
        alert("small: end", "it ended")
    assert sum("the alert could not be sent" in line for line in printed) == 1
    assert server.alerts == []


@pytest.mark.slow
def test_offline_an_alert_is_nothing(sweep, store, server, monkeypatch):
    printed = []
    offline = Mirroring("offline", "adaloss-sweep sync grid.yaml")
    with mirrored(sweep, store, offline, printed.append) as alert:
        alert("small: end", "it ended")
    assert server.requests == []
    assert len(printed) == 1


@pytest.mark.slow
def test_without_a_key_the_runs_are_kept_offline_and_go_up_later(
    sweep, store, start, server, trial, monkeypatch, key
):
    monkeypatch.delenv("WANDB_API_KEY")
    finish(start(trial))
    outcome, printed = uploaded(sweep, store, mode="online")
    assert (outcome.mode, outcome.finished) == ("offline", 1)
    reason = f"no key for {server.url}; `wandb login` stores one"
    assert printed == [f"W&B: offline in {store.root / 'wandb'} ({reason})"]
    assert server.requests == []
    monkeypatch.setenv("WANDB_API_KEY", key)
    outcome, _ = uploaded(sweep, store)
    assert (outcome.mode, outcome.finished) == ("online", 1)
    assert server.runs[trial.trial_id].steps == [1, 2, 3]


@pytest.mark.slow
def test_a_sweep_is_uploaded_while_it_runs_and_shows_others_neither_key_nor_files(
    command, grid, kept_from_others, tmp_path, server, key
):
    run = command("run", grid)
    assert run.returncode == 0, run.stderr
    assert "W&B: 8 runs uploaded" in run.stderr
    trials = load_sweep(grid).trials
    assert {server.runs[t.trial_id].state for t in trials} == {"finished"}
    assert {given["artifactTypeName"] for given in server.artifacts} == {
        "grid",
        "tables",
        "figures",
    }
    assert "0 W&B runs missing" in command("sync", grid).stdout
    ledger = ledger_of(Store(tmp_path / "results" / "small"), "online")
    assert all(ledger.read(t.trial_id).state == "finished" for t in trials)
    everywhere = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in everywhere if key.encode() in path.read_bytes()]
    assert kept_from_others(tmp_path / "results")
