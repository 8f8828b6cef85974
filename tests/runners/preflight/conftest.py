"""A sweep that is about to start, a machine without the user's settings, and dead servers."""

import socket

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.preflight.planned import Planned


@pytest.fixture
def a_machine_of_its_own(monkeypatch, tmp_path):
    """No cluster, GPU mask, cache or proxy of whoever runs the tests."""
    for name in ("RAY_ADDRESS", "CUDA_VISIBLE_DEVICES", "ADALOSS_DATA", "HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")


@pytest.fixture
def planned(grid, tmp_path):
    """The small grid, changed as asked, about to start."""

    def plan(*changes, extra="", mode="disabled", storage=tmp_path / "results"):
        text = grid.read_text() + extra
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        grid.write_text(text)
        sweep = load_sweep(grid)
        store = Store(storage / sweep.name)
        return Planned(sweep=sweep, trials=sweep.trials, store=store, mode=mode)

    return plan


@pytest.fixture
def silent():
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"
