"""``adaloss-sweep watch``: the sweep in the browser, live, on this machine alone."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager

import pytest
from patience import PATIENCE, until
from small_records import finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES
from runners.tracking.labels import Labels
from runners.tracking.trackio_runs import unique_names


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def shown(store):
    """The runs and epochs in the dashboard's database, which is made before its table."""
    rows = []
    for database in (store.root / "trackio").glob("*.db"):
        with closing(sqlite3.connect(database)) as connection:
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'metrics'")
            if tables.fetchone():
                rows += connection.execute(
                    "SELECT run_name, step FROM metrics WHERE step > 0"
                ).fetchall()
    return sorted(rows)


def asked(url, name, **arguments):
    """What the dashboard's server answers its page."""
    address = f"{url.partition('?')[0]}api/{name}"
    request = urllib.request.Request(
        address, json.dumps(arguments).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["data"]


def assert_coloured_by_optimizer_and_grouped_by_cell(url, sweep):
    """As the page does it: the newest run first, and of each place its colour."""
    runs = asked(url, "get_runs_for_project", project=sweep.name)[::-1]
    colours = asked(url, "get_settings")["color_palette"]
    assert len(runs) == len(colours) == len(sweep.trials)
    for run, colour in zip(runs, colours, strict=True):
        optimizer = next(name for name in OPTIMIZER_STYLES if f"-{name}-" in run["name"])
        assert colour == OPTIMIZER_STYLES[optimizer].colour
    cells = [run["name"].rpartition("-seed")[0] for run in runs]
    assert cells == sorted(cells, key=list(dict.fromkeys(cells)).index)
    groups = asked(url, "get_run_configs", project=sweep.name)
    assert len({config["_Group"] for config in groups.values()}) == len(set(cells))


def test_runs_of_the_same_name_stay_apart():
    common = {"project": "p", "entity": None, "group": "g", "job_type": "j", "tags": ()}
    labels = [
        Labels(run_id=key, name=name, notes=None, **common)
        for key, name in (("1", "same"), ("2", "same"), ("3", "other"))
    ]
    assert unique_names(labels) == {"1": "same (1)", "2": "same (2)", "3": "other"}


@pytest.fixture
def watched(grid, port, tmp_path):
    """A sweep that is shown: the process, the address, and the command's words."""
    grid.write_text(grid.read_text().replace("name: small", "name: sweep"))

    @contextmanager
    def watching():
        words = ["watch", str(grid), "--no-browser", "--port", str(port)]
        process = subprocess.Popen(
            [sys.executable, "-m", "runners", *words],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            line = process.stderr.readline()
            assert line.startswith(f"sweep: http://127.0.0.1:{port}/?project=sweep"), line
            yield process, line.split()[1], words
        finally:
            process.kill()
            process.communicate()

    return watching


@pytest.mark.slow
def test_curves_are_live_and_a_second_watch_names_the_first(command, grid, store, start, watched):
    trial = load_sweep(grid).trials[0]
    execution = start(trial)
    execution.advance()
    with watched() as (watching, url, words):
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            assert page.status == 200
        assert_coloured_by_optimizer_and_grouped_by_cell(url, load_sweep(grid))
        until(lambda: shown(store) == [(trial.readable_name, 1)])
        second = command(*words)
        assert second.returncode == 2
        assert f"another watch shows sweep: {url}" in second.stderr
        execution.advance()
        until(lambda: shown(store) == [(trial.readable_name, 1), (trial.readable_name, 2)])
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=PATIENCE) == 0


@pytest.mark.slow
def test_a_retried_trial_has_one_curve_and_the_colour_that_it_had(grid, store, watched):
    trial = load_sweep(grid).trials[0]
    name = trial.readable_name
    finish(store, trial, TrialState.DIVERGED)
    with watched() as (_, url, _):
        # The third is the mark of the end.
        until(lambda: shown(store) == [(name, 1), (name, 2), (name, 3)])
        store.set_aside(trial)
        finish(store, trial, TrialState.COMPLETE)
        later = {"finished_at": "2031-01-01T00:00:00"}
        store.write_result(trial, store.read_result(trial).model_copy(update=later))
        until(lambda: shown(store) == [(name, 1), (name, 2)])
        assert_coloured_by_optimizer_and_grouped_by_cell(url, load_sweep(grid))
