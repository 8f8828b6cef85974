"""A run uploads while it runs, survives a storage that fails, and stops if another took over."""

import signal
import threading

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from patience import PATIENCE, until

from adaloss.records.remote import address
from adaloss.records.remote.address import RemoteError, working_copy
from adaloss.records.store import Store
from runners.preflight.run_lock import only_run
from runners.storage import lease, uploading
from runners.storage.lease import Lease, LeaseError
from runners.storage.uploading import brought_up_to_date, kept_at_home

HOME = "/uploads/sweep"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A working copy of results in memory, with a patience that fits a test."""
    monkeypatch.setattr(address, "user_cache_path", lambda _: tmp_path)
    monkeypatch.setattr(lease, "SECONDS_TO_WATCH", 0.2)
    monkeypatch.setattr(lease, "SECONDS_TO_SETTLE", 0.05)
    monkeypatch.setattr(uploading, "SECONDS_BETWEEN_BEATS", 0.02)
    monkeypatch.setattr(uploading, "SECONDS_BETWEEN_TRIES", 0.02)
    system = MemoryFileSystem()
    for name in system.find(""):
        system.rm_file(name)
    return Store(working_copy("memory://uploads") / "sweep")


@pytest.fixture
def outage(monkeypatch):
    """While it is set, nothing can be uploaded."""
    lost, original = threading.Event(), MemoryFileSystem.pipe_file

    def pipe_file(self, *arguments, **options):
        if lost.is_set():
            raise ConnectionError("the network is down")
        return original(self, *arguments, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", pipe_file)
    return lost


def at_home(name):
    system = MemoryFileSystem()
    return system.cat_file(f"{HOME}/{name}").decode() if system.exists(f"{HOME}/{name}") else None


def test_changes_are_uploaded_while_the_run_goes_on_and_at_its_end(store):
    said = []
    with kept_at_home(store, said.append):
        store.write_text(store.root / "a", "1")
        until(lambda: at_home("a") == "1")
        store.write_text(store.root / "a", "2")
        until(lambda: at_home("a") == "2")
        store.write_text(store.root / "b", "3")
    assert at_home("b") == "3"
    assert at_home(".lease.json") is None
    assert said == []


def test_a_folder_that_is_no_working_copy_is_left_alone(tmp_path):
    with kept_at_home(Store(tmp_path / "sweep"), pytest.fail):
        pass
    brought_up_to_date(tmp_path / "sweep", pytest.fail)
    assert not (tmp_path / "sweep").exists()


def test_a_long_upload_is_no_sign_of_death(store, monkeypatch):
    uploading_now, may_end = threading.Event(), threading.Event()

    def slow(remote, names):
        uploading_now.set()
        assert may_end.wait(PATIENCE)
        return set(names)

    monkeypatch.setattr(uploading, "push", slow)
    with kept_at_home(store, pytest.fail):
        assert uploading_now.wait(PATIENCE)
        with pytest.raises(LeaseError, match="is in use by process"):
            Lease(address.remote_of(store.root)).take(lambda line: None)
        may_end.set()


def test_an_outage_is_mentioned_once_and_costs_nothing(store, outage):
    said = []
    with kept_at_home(store, said.append):
        outage.set()
        store.write_text(store.root / "a", "1")
        until(lambda: said)
        outage.clear()
        until(lambda: at_home("a") == "1")
        until(lambda: len(said) == 2)
    assert "the network is down (ConnectionError)" in said[0]
    assert said[0].endswith("; the run goes on, and uploads when it can")
    assert said[1] == "memory://uploads/sweep can be used again"


def test_an_outage_to_the_end_is_an_error_and_the_next_run_uploads(store, outage, monkeypatch):
    monkeypatch.setattr(uploading, "SECONDS_TO_TRY", 0.1)

    def run():
        with kept_at_home(store, lambda line: None):
            outage.set()
            store.write_text(store.root / "a", "1")

    with pytest.raises(RemoteError, match=r"all of it is in .*: run the same command again to up"):
        run()
    outage.clear()
    with kept_at_home(store, lambda line: None):
        pass
    assert at_home("a") == "1"


def test_a_run_whose_lease_was_taken_over_stops_in_order_and_uploads_nothing(store):
    said, received = [], threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: received.set())
    try:
        with kept_at_home(store, said.append):
            MemoryFileSystem().pipe_file(
                f"{HOME}/.lease.json", b'{"token": "another", "owner": "process 1 on b", "beat": 1}'
            )
            until(received.is_set)
            store.write_text(store.root / "a", "1")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "was taken over by process 1 on b: this run stops" in said[0]
    assert at_home("a") is None
    assert "another" in at_home(".lease.json")


def test_a_command_takes_over_what_another_machine_did(store, tmp_path):
    MemoryFileSystem().pipe_file(f"{HOME}/grid.yaml", b"theirs")
    brought_up_to_date(store.root, pytest.fail)
    assert (store.root / "grid.yaml").read_text() == "theirs"
    (store.root / "trials").mkdir()
    for folder, text in ((store.root, "ours"), (None, "theirs, again")):
        if folder is not None:
            (folder / "trials/a").write_text(text)
        else:
            MemoryFileSystem().pipe_file(f"{HOME}/trials/a", text.encode())
    said = []
    brought_up_to_date(store.root, said.append)
    assert said[0].startswith("note: trials/a changed here and at memory://uploads/sweep")
    (kept,) = store.root.glob("conflicts/*/trials/a")
    assert kept.read_text() == "ours"


def test_a_run_waits_for_a_command_that_takes_over(store, monkeypatch):
    """Else the command would replace what the run writes by what the URL had before."""
    MemoryFileSystem().pipe_file(f"{HOME}/trials/a", b"of another machine")
    arriving, may_arrive, running = threading.Event(), threading.Event(), threading.Event()
    original = MemoryFileSystem.get

    def slow_at_first(self, *arguments, **options):
        original(self, *arguments, **options)
        if not arriving.is_set():
            arriving.set()
            assert may_arrive.wait(PATIENCE)

    def run():
        with only_run(store), kept_at_home(store, pytest.fail):
            store.write_text(store.root / "trials" / "a", "of the run")
            running.set()

    monkeypatch.setattr(MemoryFileSystem, "get", slow_at_first)
    command = threading.Thread(target=brought_up_to_date, args=(store.root, pytest.fail))
    command.start()
    assert arriving.wait(PATIENCE)
    beside = threading.Thread(target=run)
    beside.start()
    # It has the time to go wrong.
    running.wait(0.3)
    may_arrive.set()
    command.join()
    beside.join()
    assert (store.root / "trials" / "a").read_text() == "of the run"
    assert at_home("trials/a") == "of the run"


def test_a_command_beside_a_run_leaves_its_files(store):
    store.write_text(store.root / "a", "of the run")
    MemoryFileSystem().pipe_file(f"{HOME}/a", b"of another machine")
    with only_run(store):
        brought_up_to_date(store.root, pytest.fail)
        assert (store.root / "a").read_text() == "of the run"
    brought_up_to_date(store.root, pytest.fail)
    assert (store.root / "a").read_text() == "of another machine"
