"""Trials share a GPU through NVIDIA's service: started and ended with Ray, or left alone."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import until

pytest.importorskip("ray")

from adaloss.records.places import NOWHERE
from runners.on_ray import session
from runners.on_ray.gpu_sharing import COMMAND, LOGS, PIPES, gpus_shared_at_once
from runners.preflight.machine.gpus import visible_gpus
from runners.trials.machine import WorkerSettings

SERVICE = """#!/bin/sh
if [ "$1" = -d ]; then order=start; else read -r order; fi
echo "$order $CUDA_MPS_PIPE_DIRECTORY ${{CUDA_VISIBLE_DEVICES-all}}" >> "{orders}"
[ "$order" != {fails} ]
"""


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    for name in ("RAY_ADDRESS", PIPES, LOGS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service(tmp_path, monkeypatch):
    """Install a stand-in for NVIDIA's command; returns its orders so far."""
    orders = tmp_path / "orders"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")

    def install(fails="nothing"):
        stand_in = tmp_path / COMMAND
        stand_in.write_text(SERVICE.format(orders=orders, fails=fails))
        stand_in.chmod(0o755)
        return lambda: [line.split() for line in orders.read_text().splitlines()]

    return install


def test_the_service_is_there_inside_and_gone_afterwards(service):
    orders = service()
    with gpus_shared_at_once():
        pipes = os.environ[PIPES]
        assert os.environ[LOGS] == pipes
        assert orders() == [["start", pipes, "all"], ["get_server_list", pipes, "all"]]
    assert orders()[2:] == [["quit", pipes, "all"]]
    assert not Path(pipes).exists()
    assert not {PIPES, LOGS} & os.environ.keys()


def test_the_service_ends_after_a_failure(service):
    orders = service()
    with pytest.raises(ConnectionError), gpus_shared_at_once():
        raise ConnectionError
    assert orders()[-1][0] == "quit"
    assert PIPES not in os.environ


@pytest.mark.parametrize("fails", ["start", "get_server_list"])
def test_trials_take_turns_where_it_does_not_start(service, fails):
    orders = service(fails)
    with gpus_shared_at_once():
        assert PIPES not in os.environ
    # What has started is not left behind.
    assert [order for order, *_ in orders()][1:] in ([], ["get_server_list", "quit"])
    assert (orders()[-1][0] == "quit") is (fails == "get_server_list")


def test_trials_take_turns_where_it_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with gpus_shared_at_once():
        assert PIPES not in os.environ


def test_a_service_of_the_users_is_used(service, monkeypatch):
    service("start")
    monkeypatch.setenv(PIPES, "/theirs")
    with gpus_shared_at_once():
        assert os.environ[PIPES] == "/theirs"
    assert os.environ[PIPES] == "/theirs"


@pytest.mark.parametrize(
    ("changes", "there", "shared"),
    [
        ({}, 1, True),
        ({}, 0, False),
        ({"gpus": 0.5}, 1, True),
        ({"gpus": 1.0}, 1, False),
        ({"gpus": 0.0}, 1, False),
        ({"workers": 1}, 1, False),
        ({"mps": False}, 1, False),
    ],
    ids=str,
)
def test_it_is_started_where_trials_share_a_gpu(monkeypatch, changes, there, shared):
    monkeypatch.setattr(session, "visible_gpus", lambda: there)
    usual = {
        "places": NOWHERE, "cpus": 1, "gpus": None, "workers": 2, "retries": 0, "max_failed": None,
        "timeout": None, "checkpoint_interval": 60, "keep_checkpoints": False, "mps": True,
    }  # fmt: skip
    assert session.shares_gpus(WorkerSettings(**(usual | changes))) is shared
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert not session.shares_gpus(WorkerSettings(**(usual | changes)))


CLIENT = """\
import torch
torch.ones(9, device="cuda").sum().item()
print("ready", flush=True)
input()
"""


def services():
    """The processes of NVIDIA's service on this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        # A process may end meanwhile.
        with contextlib.suppress(OSError):
            number, _, rest = path.read_text().partition(" (")
            name, _, states = rest.rpartition(") ")
            # Linux keeps 15 characters of a name, and what nobody has waited for as a zombie.
            if name == COMMAND[:15] and states[0] != "Z":
                found.add(number)
    return found


@pytest.mark.slow
@pytest.mark.skipif(visible_gpus() == 0, reason="there is no GPU here")
def test_processes_are_clients_of_one_server_on_a_gpu():
    before = services()
    with gpus_shared_at_once():
        if PIPES not in os.environ:
            pytest.skip(f"{COMMAND} is not installed, or does not start")
        clients = [
            subprocess.Popen(
                [sys.executable, "-c", CLIENT],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(2)
        ]  # fmt: skip
        assert [client.stdout.readline() for client in clients] == ["ready\n"] * 2
        asked = subprocess.run(
            [COMMAND], input="ps\n", capture_output=True, text=True, check=True
        ).stdout
        assert all(str(client.pid) in asked for client in clients), asked
        for client in clients:
            client.communicate("\n")
        own = services() - before
        assert own
    until(lambda: not own & services())
