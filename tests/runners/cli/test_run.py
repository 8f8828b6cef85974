"""``adaloss-sweep run`` with real Ray: run what is missing, once, to the same numbers."""

import io
import json
import re
import signal
import subprocess
import sys
import time

import pytest
from patience import PATIENCE, until

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from adaloss.tasks.metrics import numbers
from runners.cli.run import begin


@pytest.fixture(autouse=True)
def without_a_mirror(monkeypatch):
    """W&B is tested elsewhere."""
    monkeypatch.setenv("WANDB_MODE", "disabled")


def test_run_runs_what_is_missing_and_nothing_twice(command, grid, tmp_path):
    first = command("run", grid, "--no-figures", "--profile")
    assert first.returncode == 0, first.stderr
    assert "±" in first.stdout
    assert "N/A" in first.stdout

    assert re.search(r"% of the time of \d workers? was training", first.stderr)
    events = json.loads((tmp_path / "results" / "small" / "profile.json").read_text())
    tracks = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    spans = [(tracks[event["tid"]].split()[0], event["name"]) for event in events[2:]]
    assert {("worker", "start"), ("worker", "epochs"), ("driver", "trials")} <= set(spans)

    again = command("run", grid, "--no-figures")
    assert again.returncode == 0
    assert again.stdout == first.stdout
    assert "0 ran now" in again.stderr

    grid.write_text(grid.read_text().replace("seeds: 2", "seeds: 3"))
    plan = json.loads(command("plan", grid, "--json").stdout)
    assert {"sweep", "cells", "trials", "complete", "diverged", "failed", "missing"} < set(plan)
    assert (plan["cells"], plan["trials"], plan["missing"]) == (4, 12, 4)

    # The same trial here, without Ray, has the identical record.
    chosen = ("--only", "b0=1,optimizer=adaloss,seed=1")
    alone = command("trial", grid, *chosen, "--storage", "elsewhere")
    assert alone.returncode == 0, alone.stderr
    (trial,) = [
        trial
        for trial in load_sweep(grid).trials
        if (trial.b0, trial.optimizer, trial.seed) == (1, "adaloss", 1)
    ]
    here, through_ray = (
        [numbers(metrics) for metrics in Store(tmp_path / root / "small").read_metrics(trial)]
        for root in ("elsewhere", "results")
    )
    assert here == through_ray
    assert len(here) == 2
    # Not a digit is cut off where there is no terminal to fit into.
    assert f"{here[-1]['test/loss']:.5g}" in alone.stdout
    assert "…" not in alone.stdout


def test_a_limit_is_the_number_of_trials_that_start(cli_without_ray, grid, tmp_path):
    limited = cli_without_ray("run", grid, "--limit", "1", "--json")
    assert limited.returncode == 3, limited.stderr
    ran = json.loads(limited.stdout)
    assert (ran["started"], ran["missing"]) == (1, 7)
    assert len(list(tmp_path.glob("results/small/trials/*/result.json"))) == 1


@pytest.mark.slow
def test_an_interrupt_loses_nothing(grid, tmp_path):
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: 300"))
    process = subprocess.Popen(
        [sys.executable, "-m", "runners", "run", str(grid)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    store = Store(tmp_path / "results" / "small")
    until(lambda: process.poll() is not None or any(store.trials_folder.glob("*/result.json")))
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, printed
    assert "Continue with: adaloss-sweep run" in printed
    assert "Traceback" not in printed
    assert any(store.read_result(trial) for trial in load_sweep(grid).trials)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_tables_are_made_stops_in_order(grid, store, start, tmp_path, number):
    grid.write_text(grid.read_text().replace("name: small", "name: sweep"))
    for trial in load_sweep(grid).trials:
        execution = start(trial)
        while execution.advance() is not None:
            pass
    words = [sys.executable, "-m", "runners", "run", str(grid)]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (store.tables_folder / "tables.md").exists():
        time.sleep(0.01)
    process.send_signal(number)
    _, printed = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, printed
    assert "Traceback" not in printed
    assert "resource_tracker" not in printed


def test_a_smoke_run_takes_other_values_and_two_batches(cli_without_ray, grid, tmp_path):
    smoke = cli_without_ray("run", grid, "--smoke", "--set", "batch_size=16", "--json")
    assert smoke.returncode == 0, smoke.stderr
    assert json.loads(smoke.stdout)["trials"] == 4
    (folder,) = tmp_path.glob("results/smoke/small/trials/*adaloss-b0=1-*")
    (line,) = (folder / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 2
    assert json.loads((folder / "trial.json").read_text())["batch_size"] == 16
    assert not (tmp_path / "results" / "small").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("paper-regression", []),
        ("paper-two-layer", []),
        (
            "paper-pendulum",
            ["--set", "copies=2", "--set", "rollout_steps=16", "--set", "batch_size=16"],
        ),
        ("paper-lstm", ["--set", "dataset=digits"]),
    ],
)
def test_the_grids_of_the_papers_other_experiments_run(cli_without_ray, name, settings, tmp_path):
    smoke = cli_without_ray(
        *("run", name, "--smoke", "--only", "b0=1", "--wandb", "disabled", "--json", *settings)
    )
    assert smoke.returncode == 0, smoke.stderr
    counts = json.loads(smoke.stdout)
    assert counts["complete"] == counts["trials"] > 0
    assert (tmp_path / f"results/smoke/{name}/report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["--set", "lr=1"], "--set needs --smoke"),
        (["--smoke", "--set", "lr"], "write field=value"),
        (["--smoke", "--set", "speed=1"], "unknown field"),
        (["--smoke", "--set", "lr=fast"], "lr must be a number"),
    ],
)
def test_a_wrong_setting_is_the_users_mistake(cli, grid, arguments, printed):
    code, _, errors = cli("run", grid, *arguments)
    assert code == 2
    assert printed in errors
    assert "Traceback" not in errors


def test_missing_data_stops_the_sweep_before_it_starts(cli, grid, tmp_path):
    grid.write_text(
        grid.read_text().replace("dataset: digits", "dataset: imagefolder:pets\n  image_size: 8")
        + f"data: {{root: {tmp_path / 'data'}}}\n"
    )
    code, _, errors = cli("run", grid)
    assert code == 2
    assert f", {tmp_path / 'data' / 'pets'}: expected a folder per class" in errors
    assert not list(tmp_path.glob("results/small/trials/*"))


def test_a_calibrated_plan_has_a_time_and_a_size(command, grid):
    assert json.loads(command("plan", grid, "--json").stdout)["device_seconds"] is None
    plan = json.loads(command("plan", grid, "--calibrate", "--json").stdout)
    assert plan["device_seconds"] > 0
    assert plan["checkpoint_bytes"] > 10_000
    printed = command("plan", grid, "--calibrate").stdout
    assert "measured: mlp, batch 128" in printed
    assert "the missing trials will take about" in printed


@pytest.mark.parametrize(
    ("is_terminal", "quiet", "said"),
    [(True, False, "reading g.yaml\n"), (True, True, ""), (False, False, "")],
)
def test_on_a_terminal_it_speaks_at_once(monkeypatch, is_terminal, quiet, said):
    class Errors(io.StringIO):
        def isatty(self):
            return is_terminal

    errors = Errors()
    monkeypatch.setattr(sys, "stderr", errors)
    begin("g.yaml", quiet=quiet)
    assert errors.getvalue() == said
