"""Names and paths that the file system would refuse are found before a run."""

import os
import socket

import pytest
from findings_of_checks import FINE, REFUSED

from adaloss.records.writing import replacing
from runners.preflight.checks import sweep_findings
from runners.preflight.finding import with_level
from runners.preflight.machine import folders, path_lengths, ray_folder

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


def test_a_path_that_is_too_long_is_refused_with_its_length(tmp_path):
    deep = tmp_path.joinpath(*["d" * 200] * 20)
    finding = path_lengths.path_lengths(deep / "trial")
    assert finding.level is REFUSED
    assert "a path may have 4,096" in finding.found


def test_the_temporary_name_counts(tmp_path):
    room = path_lengths.longest_record(tmp_path)
    length = len(os.fsencode(room)) + 1
    assert path_lengths.compared(room, 255, length).level is FINE
    assert path_lengths.compared(room, 255, length - 1).level is REFUSED


def test_a_temporary_name_is_no_longer_than_is_reckoned(tmp_path):
    reckoned = path_lengths.longest_record(tmp_path).name
    with replacing(tmp_path / "checkpoint.pt", durable=False) as temporary:
        temporary.touch()
        process = len(str(os.getpid()))
        assert len(temporary.name) - process == len(reckoned) - len("4194304")


def test_a_name_is_measured_in_bytes(tmp_path):
    finding = path_lengths.path_lengths(tmp_path / ("ä" * 130))
    assert finding.level is REFUSED
    assert "has 260 bytes, and a name may have 255" in finding.found


def test_the_name_with_the_most_bytes_counts_not_that_with_the_most_letters(tmp_path):
    finding = path_lengths.path_lengths(tmp_path / ("a" * 140) / ("ä" * 130))
    assert "has 260 bytes" in finding.found


def test_the_very_names_are_tried_on_the_file_system(tmp_path):
    finding = folders.writing("results", tmp_path, ("trials", "x" * 300))
    assert finding.level is REFUSED
    assert "a name is too long for the file system" in finding.found
    assert folders.writing("results", tmp_path / ("x" * 300)).level is REFUSED


def test_a_storage_with_a_long_name_is_refused_once(planned, tmp_path):
    refusals = with_level(sweep_findings(planned(storage=tmp_path / ("x" * 300))), REFUSED)
    assert [finding.about for finding in refusals] == ["names"]


def test_rays_sockets_need_a_short_folder(monkeypatch, tmp_path):
    assert ray_folder.sockets().level is FINE
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 60)))
    finding = ray_folder.sockets()
    assert finding.level is REFUSED
    assert "the limit for sockets is 107" in finding.found
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(OSError, match="too long"):
        probe.bind(str(ray_folder.ray_folder() / ray_folder.SOCKET))
