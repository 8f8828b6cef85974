"""Digests of files: by content, remembered only while a file is the very same."""

import os

import pytest

from adaloss.own_code import digests
from adaloss.own_code.digests import file_digest, files_digest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def read(monkeypatch):
    """The files that were read."""
    paths = []
    real = digests.sha256_of
    monkeypatch.setattr(digests, "sha256_of", lambda path: (paths.append(path), real(path))[1])
    return paths


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode())
    return folder, paths


def test_a_file_is_read_once(files, read):
    folder, paths = files
    first = files_digest(folder, paths)
    assert read == paths
    assert files_digest(folder, paths) == first
    assert len(read) == 3


def test_another_content_of_the_same_size_and_time_is_noticed(files, read):
    folder, paths = files
    before = files_digest(folder, paths)
    status = paths[1].stat()
    paths[1].write_bytes(b"x.png")
    os.utime(paths[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert paths[1].stat().st_size == status.st_size
    assert files_digest(folder, paths) != before
    assert read == [*paths, paths[1]]


def test_names_and_places_count_and_the_folders_own_place_does_not(files, tmp_path):
    folder, paths = files
    before = files_digest(folder, paths)
    moved = folder.rename(tmp_path / "elsewhere")
    there = [moved / path.name for path in paths]
    assert files_digest(moved, there) == before
    there[0].rename(moved / "9.png")
    assert files_digest(moved, [moved / "9.png", *there[1:]]) != before


def test_a_cache_that_cannot_be_read_or_written_costs_only_time(files, tmp_path, monkeypatch):
    folder, paths = files
    before = files_digest(folder, paths)
    (memory,) = (tmp_path / "cache").rglob("*.json")
    for content in (b"", b"[]", b'{"a": 1}', b"\xff"):
        memory.write_bytes(content)
        assert files_digest(folder, paths) == before
    monkeypatch.setenv("XDG_CACHE_HOME", str(paths[0]))
    assert files_digest(folder, paths) == before


def test_one_file(files):
    _, paths = files
    assert file_digest(paths[0]) != file_digest(paths[1])
    with pytest.raises(FileNotFoundError):
        file_digest(paths[0].with_name("gone.pth"))
