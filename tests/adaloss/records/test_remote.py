"""Results at a URL: the working copy takes over what changed there and loses nothing of its own."""

import errno
import os
import time
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pytest
from filelock import FileLock
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import example, given, settings
from hypothesis import strategies as st

import analysis
from adaloss.records.places import is_storage_url
from adaloss.records.remote import address, transfer
from adaloss.records.remote.address import (
    RemoteError,
    remote_of,
    working_copy,
    working_copy_of_results,
)
from adaloss.records.remote.transfer import is_running, local_files, pull, push
from adaloss.records.writing import replacing

URL = "memory://bucket/results"
RESULT = "trials/a/result.json"
METRICS = "trials/a/metrics.jsonl"
GRID = """\
name: sweep
parameters: {dataset: digits, model: mlp, optimizer: adaloss, b0: [1, 2], lr: 1, epochs: 1,
  batch_size: 100}
"""


@pytest.fixture
def bucket():
    """The file system in memory, empty."""
    system = MemoryFileSystem()
    for name in system.find(""):
        system.rm_file(name)
    return system


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """The working copy of a machine of this name."""

    def remote_on(name):
        with monkeypatch.context() as other:
            other.setattr(address, "user_cache_path", lambda _: tmp_path / name)
            root = working_copy(URL) / "sweep"
        root.mkdir(exist_ok=True)
        return remote_of(root)

    return remote_on


def write(remote, name, text):
    path = remote.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    # A clock that is coarse would hide a change of the same size.
    os.utime(path, ns=(time.time_ns(), time.time_ns()))


def contents(remote):
    return {name: (remote.root / name).read_text() for name in local_files(remote.root)}


def test_what_one_machine_uploads_another_has(bucket, machine):
    here, there = machine("here"), machine("there")
    for name in (RESULT, METRICS, "grid.yaml", "tables/tables.md"):
        write(here, name, name)
    for name in ("run.lock", "index/1", ".in-work", "trials/a/.stack.txt", ".capture/x"):
        write(here, name, "of this machine")
    assert push(here, ()) == {RESULT, METRICS, "grid.yaml", "tables/tables.md"}
    assert pull(there) == []
    assert contents(there) == contents(here)
    assert not (there.root / "run.lock").exists()


def test_a_program_may_give_its_files_any_names(bucket, machine):
    here, there = machine("here"), machine("there")
    own = [
        f"trials/a/{folder}/{name}"
        for folder in ("files", "attempts/1/files")
        for name in (".hydra/config.yaml", "index/1", "checkpoint/.zarray", "run.lock")
    ]
    for name in own:
        write(here, name, name)
    names = push(here, ())
    assert names == set(own)
    assert pull(there) == []
    assert contents(there) == contents(here)
    assert pull(here) == []
    for name in own:
        (here.root / name).unlink()
    push(here, names)
    assert bucket.find("/bucket") == []


def test_a_file_that_is_just_being_written_is_not_uploaded(bucket, machine):
    here = machine("here")
    write(here, "trials/a/files/log", "1")
    with replacing(here.root / "trials/a/files/model", durable=False) as half:
        half.write_text("half of it")
        assert push(here, ()) == {"trials/a/files/log"}


def test_only_what_changed_is_transferred(bucket, machine, monkeypatch):
    here, there = machine("here"), machine("there")
    for name in (RESULT, METRICS):
        write(here, name, "1")
    names = push(here, ())
    pull(there)
    transferred = []
    for verb in ("get", "pipe"):
        original = getattr(MemoryFileSystem, verb)

        def noting(self, what, *rest, original=original, verb=verb, **options):
            transferred.append((verb, sorted(name.rpartition("/")[2] for name in what)))
            return original(self, what, *rest, **options)

        monkeypatch.setattr(MemoryFileSystem, verb, noting)
    push(here, names)
    pull(there)
    pull(here)
    assert transferred == []
    write(here, METRICS, "12")
    push(here, names)
    pull(there)
    assert transferred == [("pipe", ["metrics.jsonl"]), ("get", ["metrics.jsonl"])]


def test_a_result_comes_after_all_else_of_its_trial(bucket, machine, monkeypatch):
    here = machine("here")
    for name in (RESULT, METRICS, "trials/b/result.json", "z.md"):
        write(here, name, "1")
    order = []
    monkeypatch.setattr(MemoryFileSystem, "pipe", lambda self, small: order.append(set(small)))
    push(here, ())
    base = "/bucket/results/sweep/"
    assert order == [
        {base + METRICS, base + "z.md"},
        {base + RESULT, base + "trials/b/result.json"},
    ]


def test_what_was_removed_here_is_removed_there(bucket, machine):
    here, there = machine("here"), machine("there")
    write(here, RESULT, "1")
    write(here, METRICS, "1")
    names = push(here, ())
    pull(there)
    # As a retry does.
    (here.root / "trials/a/attempts/1").mkdir(parents=True)
    (here.root / RESULT).rename(here.root / "trials/a/attempts/1/result.json")
    push(here, names)
    pull(there)
    assert set(contents(there)) == {METRICS, "trials/a/attempts/1/result.json"}


def test_a_file_that_is_missing_here_is_taken_over_again(bucket, machine):
    here = machine("here")
    write(here, RESULT, "1")
    push(here, ())
    (here.root / RESULT).unlink()
    pull(here)
    assert contents(here) == {RESULT: "1"}


def test_records_that_changed_on_both_sides_are_both_kept(bucket, machine):
    here, there = machine("here"), machine("there")
    for remote in (here, there):
        write(remote, "tables/tables.md", remote.root.parts[-4])
        write(remote, METRICS, remote.root.parts[-4])
    push(there, ())
    assert pull(here) == [METRICS]
    (kept,) = here.root.glob(f"conflicts/*/{METRICS}")
    assert kept.read_text() == "here"
    assert contents(here) == {
        METRICS: "there",
        "tables/tables.md": "there",
        kept.relative_to(here.root).as_posix(): "here",
    }


def test_the_same_content_on_both_sides_is_no_conflict(bucket, machine):
    here, there = machine("here"), machine("there")
    for remote in (here, there):
        write(remote, RESULT, "equal")
    push(there, ())
    assert pull(here) == []
    assert contents(here) == {RESULT: "equal"}


def test_what_a_killed_run_did_not_upload_is_kept_and_uploaded(bucket, machine):
    here, there = machine("here"), machine("there")
    write(here, METRICS, "1")
    push(here, ())
    write(here, METRICS, "1\n2")
    write(here, RESULT, "done")
    assert pull(here) == []
    assert contents(here) == {METRICS: "1\n2", RESULT: "done"}
    push(here, ())
    pull(there)
    assert contents(there) == contents(here)


def test_a_storage_that_was_emptied_does_not_empty_the_copy(bucket, machine):
    here = machine("here")
    write(here, RESULT, "1")
    push(here, ())
    bucket.rm("/bucket", recursive=True)
    with pytest.raises(RemoteError, match="is empty, and had 1 files: they were removed there"):
        pull(here)
    assert contents(here) == {RESULT: "1"}


def test_a_failure_names_the_url_and_loses_nothing(bucket, machine, monkeypatch):
    here, there = machine("here"), machine("there")
    write(here, RESULT, "1")
    push(here, ())

    def lost(self, *arguments, **options):
        raise TimeoutError("no answer\nfor 10 s")

    for verb in ("get", "find", "pipe"):
        with monkeypatch.context() as broken:
            broken.setattr(MemoryFileSystem, verb, lost)
            write(here, METRICS, verb)
            message = "memory://bucket/results/sweep cannot be used: no answer for 10 s"
            with pytest.raises(RemoteError, match=message):
                push(here, ()) if verb == "pipe" else pull(there)
        assert not list(there.root.glob(".received*"))
    push(here, ())
    pull(there)
    assert contents(there) == contents(here) == {RESULT: "1", METRICS: "pipe"}


@pytest.fixture
def cut_off(monkeypatch):
    """Have the network fail in an upload: before it, in its middle, or before its end is seen."""

    def lost(self, *_, **__):
        raise TimeoutError("no answer")

    @contextmanager
    def at(moment):
        broken = {"before": ("pipe", lost), "middle": ("pipe", first_of_all), "end": ("find", lost)}
        with monkeypatch.context() as network:
            network.setattr(MemoryFileSystem, *broken[moment])
            with pytest.raises(RemoteError):
                yield

    return at


OTHERS = "trials/b/metrics.jsonl"


@pytest.mark.parametrize("moment", ["middle", "end"])
@pytest.mark.parametrize("first", ["there", "new"])
def test_an_upload_that_was_cut_off_replaces_nothing_newer(bucket, machine, cut_off, moment, first):
    here, there = machine("here"), machine("there")

    def record(text):
        for name in (METRICS, OTHERS):
            write(here, name, text)

    if first == "there":
        record("1")
        push(here, ())
    record("1 2")
    with cut_off(moment):
        push(here, ())
    # The run goes on, and is killed; then it is started again.
    record("1 2 3")
    assert pull(here) == []
    assert contents(here) == {METRICS: "1 2 3", OTHERS: "1 2 3"}
    push(here, ())
    pull(there)
    assert contents(there) == contents(here)


def test_so_do_two_that_were_cut_off(bucket, machine, cut_off):
    here = machine("here")
    for text, moment in (("1", "end"), ("1 2", "before")):
        write(here, METRICS, text)
        with cut_off(moment):
            push(here, ())
    assert bucket.cat_file(here.at(METRICS)) == b"1"
    write(here, METRICS, "1 2 3")
    assert pull(here) == []
    assert contents(here) == {METRICS: "1 2 3"}


def test_what_another_machine_made_of_it_is_no_upload_of_ones_own(bucket, machine, cut_off):
    here, there = machine("here"), machine("there")
    write(here, METRICS, "1")
    with cut_off("end"):
        push(here, ())
    write(here, METRICS, "1 2 here")
    pull(there)
    write(there, METRICS, "1 2 there")
    push(there, ())
    assert pull(here) == [METRICS]
    assert contents(here)[METRICS] == "1 2 there"


def test_a_large_file_that_has_arrived_is_recognised_too(bucket, machine, cut_off, monkeypatch):
    monkeypatch.setattr("adaloss.records.remote.transfer.MOST_BYTES_AT_ONCE", 3)
    here = machine("here")
    write(here, "trials/a/checkpoint.pt", "large")
    write(here, METRICS, "1")
    with cut_off("middle"):
        push(here, ())
    write(here, "trials/a/checkpoint.pt", "and newer")
    assert pull(here) == []
    assert contents(here) == {"trials/a/checkpoint.pt": "and newer", METRICS: "1"}


@pytest.mark.parametrize("what", ["a folder", "a file"])
def test_what_cannot_be_looked_at_is_not_removed_there(bucket, machine, monkeypatch, what):
    here = machine("here")
    for name in (METRICS, OTHERS):
        write(here, name, "1")
    names = push(here, ())
    original = os.scandir if what == "a folder" else transfer.version
    denied = here.root / ("trials/b" if what == "a folder" else OTHERS)

    def denying(path):
        if Path(path) == denied:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path)

    if what == "a folder":
        monkeypatch.setattr(os, "scandir", denying)
    else:
        monkeypatch.setattr(transfer, "version", denying)
    for call in (lambda: push(here, names), lambda: pull(here)):
        with pytest.raises(RemoteError, match=rf"{denied} cannot be read \(Permission denied\)"):
            call()
    assert bucket.exists(here.at(OTHERS))


def test_a_disk_that_is_full_is_no_fault_of_the_network(bucket, machine, monkeypatch):
    here, there = machine("here"), machine("there")
    write(here, RESULT, "1")
    push(here, ())

    def full(self, *arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MemoryFileSystem, "get", full)
    with pytest.raises(RemoteError, match="cannot be written: No space left on device; free some"):
        pull(there)


def test_a_package_that_is_missing_is_named(monkeypatch, tmp_path):
    import fsspec.core

    def missing(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    remote = address.Remote("s3://bucket/x", tmp_path)
    with pytest.raises(RemoteError, match=r"needs another package: install adaloss-sweep\[s3\]"):
        _ = remote.where


def test_a_run_of_this_machine_is_seen(tmp_path):
    assert not is_running(tmp_path)
    with FileLock(tmp_path / "run.lock"):
        assert is_running(tmp_path)
    assert not is_running(tmp_path)


def test_notebooks_read_results_at_a_url(bucket, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(address, "user_cache_path", lambda _: tmp_path / "notebook")
    here = machine("here")
    write(here, "grid.yaml", GRID)
    push(here, ())
    frame = analysis.load(f"{URL}/sweep")
    assert set(frame["state"]) == {"missing"}
    assert set(frame["b0"]) == {1, 2}
    assert working_copy_of_results(f"{URL}/sweep/").parent == working_copy(URL)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("s3://b/x", True), ("GS://b", True), ("memory://b", True), ("results", False),
        ("file:///tmp", False), ("s3:/b/x", False), ("C:/x", False), ("/s3://b", False),
    ],
)  # fmt: skip
def test_what_a_url_of_a_storage_is(text, is_one):
    assert is_storage_url(text) is is_one


NAMES = st.sampled_from([RESULT, METRICS, "trials/b/metrics.jsonl", "grid.yaml"])
TURNS = st.lists(
    st.tuples(
        st.sampled_from(["one", "two"]),
        st.lists(st.tuples(NAMES, st.sampled_from(["x", "yy", "zzz", None])), max_size=4),
        st.sampled_from(["uploads", "is killed", "is cut off"]),
    ),
    max_size=6,
)


def first_of_all(self, files, **_):
    """Of a batch, only the first file arrives."""
    name, content = next(iter(files.items()))
    self.pipe_file(name, content)
    raise TimeoutError("no answer")


LEFT_BY_BOTH = [
    ("two", [(RESULT, "x")], "is killed"),
    ("one", [(RESULT, "x")], "uploads"),
    ("one", [(RESULT, "x")], "is killed"),
    ("two", [(RESULT, "x")], "uploads"),
    ("one", [], "uploads"),
]


@pytest.mark.slow
@settings(max_examples=60)
@example(turns=LEFT_BY_BOTH)
@given(turns=TURNS)
def test_machines_that_take_turns_agree_and_lose_nothing(tmp_path_factory, turns):
    """A run takes over, changes files, and uploads them unless it is killed before or meanwhile."""
    system, base = MemoryFileSystem(), tmp_path_factory.mktemp("machines")
    for name in system.find(""):
        system.rm_file(name)
    unique, not_uploaded = count(), {}
    for machine, changes, end in turns:
        root = base / machine / "copy" / "sweep"
        root.mkdir(parents=True, exist_ok=True)
        (root.parent / address.ADDRESS_FILE).write_text(f"{URL}\n")
        remote = remote_of(root)
        try:
            pull(remote)
        except RemoteError:
            # All files were removed by the other: the copy is left as it is.
            assert not system.find("/bucket")
            return
        left = not_uploaded.pop(machine, {})
        assert set(left.values()) <= set(contents(remote).values())
        before = set(local_files(root))
        for name, text in changes:
            if text is None:
                (root / name).unlink(missing_ok=True)
                left.pop(name, None)
            else:
                left[name] = f"{text}{next(unique)}"
                write(remote, name, left[name])
        if end == "is cut off":
            with patch.object(MemoryFileSystem, "pipe", first_of_all), suppress(RemoteError):
                push(remote, before)
        if end != "uploads":
            own = {name: text for name, text in left.items() if name.startswith("trials/")}
            not_uploaded[machine] = own
            continue
        push(remote, before)
        assert set(system.find("/bucket/results/sweep")) == {
            f"/bucket/results/sweep/{name}" for name in local_files(root)
        }
        for name, text in contents(remote).items():
            assert system.cat_file(remote.at(name)).decode() == text
