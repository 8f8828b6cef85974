"""What a sweep opens to others: sockets on loopback, behind a token, and files as umask says."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from patience import PATIENCE

from adaloss.grid.sweep import load_sweep

sys.path.insert(0, str(Path(__file__).parents[2] / "faults"))
from sweep_run import SweepRun

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="read from Linux's /proc"),
]

LISTENING = "0A"
INTERRUPTED = 130
CLAIMED = (
    {"RAY_AUTH_MODE": "disabled"},
    {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64},
)
STRANGER = """
import sys
import ray

ray.init(address=sys.argv[1], log_to_driver=False)
print("joined")
"""


def address_of(field):
    """The address of /proc/net/tcp{,6}: words of 32 bits, each with its last byte first."""
    raw = bytes.fromhex(field)
    ordered = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    if len(ordered) == 4:
        return IPv4Address(ordered)
    address = IPv6Address(ordered)
    return address.ipv4_mapped or address


def listening_sockets():
    """Every listening socket of this machine: its address and port, by its inode."""
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
            if state == LISTENING:
                address, _, port = local.partition(":")
                found[inode] = (address_of(address), int(port, 16))
    return found


def sockets_of(process):
    """The inodes of the sockets that a process has open; none once it has ended."""
    try:
        links = [str(file.readlink()) for file in Path(f"/proc/{process.pid}/fd").iterdir()]
    except OSError:
        return []
    return [match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))]


def listening(run):
    """What each process of the run listens on: (what it is called, address, port)."""
    sockets = listening_sockets()
    return {
        (process.command, *sockets[inode])
        for process in run.members()
        for inode in sockets_of(process)
        if inode in sockets
    }


@pytest.fixture
def sweep(grid, tmp_path):
    """Start a sweep longer than anybody waits, with W&B's own processes beside it."""
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: 100000"))
    return SweepRun(tmp_path, "run", "grid.yaml", "--wandb", "offline", "--no-figures")


def join(address, folder, environment):
    """A program of somebody else on this machine, who has the address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.run(
        [sys.executable, "-c", STRANGER, address],
        # Ray would take 127.0.0.1 for the machine's own address.
        env=kept | {"HOME": str(folder), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} | environment,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_other_machines_and_other_users_reach_neither_sockets_nor_files(
    kept_from_others, sweep, tmp_path
):
    open_to_all, heard, started = set(), set(), set()

    def look():
        started.update(sweep.members())
        found = listening(sweep)
        heard.update(found)
        open_to_all.update(entry for entry in found if not entry[1].is_loopback)
        return any("TrialWorker" in command for command, _, _ in found)

    with sweep as run:
        assert run.wait_until(look), run.end(PATIENCE).output
        (gcs,) = [port for command, _, port in heard if "gcs_server" in command]
        with ThreadPoolExecutor() as threads:
            strangers = list(threads.map(partial(join, f"127.0.0.1:{gcs}", tmp_path), CLAIMED))
        run.process.terminate()
        run.wait_until(lambda: look() and False)
        ended = run.end(PATIENCE)
    assert ended.code == INTERRUPTED, ended.output
    assert "continue with: adaloss-sweep run" in ended.output.lower()
    assert "Traceback" not in ended.output
    assert "SIGTERM received" not in ended.output
    for stranger in strangers:
        assert stranger.returncode != 0
        assert "joined" not in stranger.stdout
        assert "Unauthenticated" in stranger.stderr
    assert open_to_all == set()
    # What is W&B's lies among them.
    assert list(tmp_path.glob("results/small/wandb/*"))
    assert kept_from_others(tmp_path / "results")
    commands = {command for command, _, _ in heard}
    for server in ("/gcs_server ", "/raylet ", "ray::TrialWorker"):
        assert any(server in command for command in commands)
    # Ray's page is not served.
    assert not any(re.search(r"dashboard/dashboard\.py|^ray::Dashboard", name) for name in commands)
    # Ray's dashboard, autoscaler, log monitor and agents would be started for nothing.
    unneeded = r"^\S*python.* \S*/(dashboard|monitor|log_monitor|agent|agent/main)\.py"
    assert [p.command for p in started if re.search(unneeded, p.command)] == []


def test_the_page_of_a_sweep_is_for_this_machine_alone(grid, start, tmp_path):
    grid.write_text(grid.read_text().replace("name: small", "name: sweep"))
    start(load_sweep(grid).trials[0]).advance()
    with SweepRun(tmp_path, "watch", "grid.yaml", "--no-browser") as run:
        assert run.wait_until(lambda: "http://127.0.0.1" in run.output_file.read_text())
        heard = listening(run)
        run.process.send_signal(signal.SIGINT)
        ended = run.end(PATIENCE)
    assert ended.code == 0, ended.output
    assert heard
    assert [entry for entry in heard if not entry[1].is_loopback] == []
