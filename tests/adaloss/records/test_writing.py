"""A record that must survive a power cut is on the disk before its name is, and then its name."""

import os

import pytest

from adaloss.records.writing import replacing


@pytest.fixture
def synchronised(monkeypatch):
    """The files and folders that were brought to the disk, by their numbers there."""
    numbers = []
    monkeypatch.setattr("os.fsync", lambda file: numbers.append(os.fstat(file).st_ino))
    return numbers


def test_the_content_goes_to_the_disk_before_the_name(tmp_path, synchronised):
    path = tmp_path / "result.json"
    with replacing(path, durable=True) as temporary:
        temporary.write_text("{}")
        content = temporary.stat().st_ino
    assert path.stat().st_ino == content
    assert synchronised == [content, tmp_path.stat().st_ino]


def test_what_can_be_made_again_is_not_waited_for(tmp_path, synchronised):
    with replacing(tmp_path / "tables.md", durable=False) as temporary:
        temporary.write_text("")
    assert synchronised == []


def test_nothing_is_left_of_what_could_not_be_written(tmp_path, synchronised):
    def write():
        with replacing(tmp_path / "result.json", durable=True) as temporary:
            temporary.write_text("{")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write()
    assert (list(tmp_path.iterdir()), synchronised) == ([], [])
