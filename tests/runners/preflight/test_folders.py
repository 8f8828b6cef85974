"""Folders that a run writes to are tried before it starts."""

import errno
import os
from pathlib import Path

import pytest
from findings_of_checks import FINE, REFUSED, mounted

from runners.preflight.checks import sweep_findings
from runners.preflight.finding import with_level
from runners.preflight.machine import folders

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


def test_a_folder_that_is_missing_is_fine_and_stays_missing(tmp_path):
    finding = folders.writing("results", tmp_path / "a" / "b")
    assert finding.level is FINE
    assert "which is created when it is needed" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_as_it_was(tmp_path):
    (tmp_path / "result.json").write_text("mine")
    assert folders.writing("results", tmp_path, ("trials",)).level is FINE
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert (tmp_path / "result.json").read_text() == "mine"


def test_a_read_only_file_system_is_refused_with_its_path(tmp_path):
    with mounted(tmp_path / "disk", "ro") as disk:
        finding = folders.writing("results", disk / "sweep")
    assert finding.level is REFUSED
    assert f"{disk / 'sweep'} cannot be used" in finding.found
    assert "read-only" in finding.found


@pytest.fixture
def nobody():
    """Not root, whom no permission stops."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_folder_without_permission_is_refused(tmp_path, request):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    request.getfixturevalue("nobody")
    for folder in (locked, locked / "sweep" / "deeper"):
        finding = folders.writing("results", folder)
        assert finding.level is REFUSED
        assert "creating a folder failed (this user may not write there)" in finding.found


def test_a_full_file_system_is_refused(tmp_path):
    with mounted(tmp_path / "disk", "size=64k") as disk:
        (disk / "all of it").write_bytes(bytes(64 * 1024))
        finding = folders.writing("results", disk)
        left = [path.name for path in disk.iterdir()]
    assert finding.level is REFUSED
    assert "the disk is full" in finding.found
    assert left == ["all of it"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert (
        "a part of the path is a file" in folders.writing("results", tmp_path / "file" / "x").found
    )


def test_a_file_system_that_cannot_rename_is_refused(tmp_path, monkeypatch):
    def no_rename(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(Path, "replace", no_rename)
    finding = folders.writing("results", tmp_path)
    assert finding.level is REFUSED
    assert "renaming a file failed (the file system does not support it)" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_loses_what_is_renamed_is_refused(tmp_path, monkeypatch):
    keep = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, target: None if target.exists() else keep(self, target)
    )
    assert folders.writing("results", tmp_path).level is REFUSED


def test_records_of_another_user_are_refused_where_they_lie(planned, tmp_path):
    about_to_start = planned()
    about_to_start.store.root.mkdir(parents=True)
    with mounted(about_to_start.store.trials_folder, "ro"):
        refusals = with_level(sweep_findings(about_to_start), REFUSED)
    assert [finding.about for finding in refusals] == ["results"]
    assert str(about_to_start.store.trials_folder) in refusals[0].found
