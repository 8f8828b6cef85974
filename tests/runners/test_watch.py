"""``adaloss-sweep watch``: the sweep in the browser, live, on this machine alone."""

import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing

import pytest
from patience import PATIENCE, until

from adaloss.sweep import load_sweep


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def shown(store):
    """The runs and steps in the dashboard's database, which is made before its table."""
    rows = []
    for database in (store.root / "trackio").glob("*.db"):
        with closing(sqlite3.connect(database)) as connection:
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'metrics'")
            if tables.fetchone():
                rows += connection.execute("SELECT run_name, step FROM metrics").fetchall()
    return sorted(rows)


def test_curves_are_live_and_a_second_watch_names_the_first(
    command, grid, store, start, port, tmp_path
):
    grid.write_text(grid.read_text().replace("name: small", "name: sweep"))
    trial = load_sweep(grid).trials[0]
    execution = start(trial)
    execution.advance()
    words = ["watch", str(grid), "--no-browser", "--port", str(port)]
    watching = subprocess.Popen(
        [sys.executable, "-m", "runners", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        line = watching.stderr.readline()
        assert line.startswith(f"sweep: http://127.0.0.1:{port}/?project=sweep"), line
        url = line.split()[1]
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            assert page.status == 200
        until(lambda: shown(store) == [(trial.readable_name, 1)])
        second = command(*words)
        assert second.returncode == 2
        assert f"sweep is shown already: {url}" in second.stderr
        execution.advance()
        until(lambda: shown(store) == [(trial.readable_name, 1), (trial.readable_name, 2)])
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=PATIENCE) == 0
    finally:
        watching.kill()
        watching.communicate()
