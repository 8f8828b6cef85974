"""The lease of results at a URL: one run at a time, taken over from the dead, never shared."""

import json
import threading

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from adaloss.records.remote.address import Remote
from runners.storage import lease as module
from runners.storage.lease import LEASE_FILE, Lease, LeaseError


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Results in memory, where a dead run is noticed at once."""
    for name, seconds in (("WATCH", 0.3), ("SETTLE", 0.1)):
        monkeypatch.setattr(module, f"SECONDS_TO_{name}", seconds)
    system = MemoryFileSystem()
    for name in system.find(""):
        system.rm_file(name)
    return Remote("memory://leases/sweep", tmp_path)


def taken(remote):
    lease, said = Lease(remote), []
    lease.take(said.append)
    return lease, said


def test_a_lease_is_taken_beaten_and_given_back(remote):
    lease, said = taken(remote)
    assert said == []
    lease.beat()
    stored = json.loads(MemoryFileSystem().cat_file(f"/leases/sweep/{LEASE_FILE}"))
    assert stored["token"] == lease.token
    assert stored["beat"] == 1
    lease.release()
    assert not MemoryFileSystem().exists(f"/leases/sweep/{LEASE_FILE}")
    lease.release()


def test_a_run_that_lives_keeps_its_lease(remote):
    lease, _ = taken(remote)
    ended = threading.Event()

    def live():
        while not ended.wait(0.02):
            lease.beat()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(LeaseError, match=r"is in use by process \d+ on .*; nothing was start"):
            Lease(remote).take(lambda line: None)
    finally:
        ended.set()
        thread.join()
    lease.beat()


def test_a_run_that_died_loses_its_lease(remote):
    dead, _ = taken(remote)
    alive, said = taken(remote)
    assert "waiting 0 s for a sign of life" in said[0]
    alive.beat()
    with pytest.raises(LeaseError, match=r"taken over by process .*: this run stops and uploads n"):
        dead.beat()
    # It must not remove the lease of the other.
    dead.release()
    alive.beat()


def test_of_runs_that_take_over_at_the_same_time_one_has_it(remote):
    taken(remote)
    leases, refused = [Lease(remote) for _ in range(4)], []

    def take(lease):
        try:
            lease.take(lambda line: None)
        except LeaseError:
            refused.append(lease)

    threads = [threading.Thread(target=take, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    (winner,) = (lease for lease in leases if lease not in refused)
    winner.beat()


def test_a_damaged_lease_is_one_of_a_dead_run(remote):
    MemoryFileSystem().pipe_file(f"/leases/sweep/{LEASE_FILE}", b"{half")
    lease, said = taken(remote)
    assert "in use by another run" in said[0]
    lease.beat()
