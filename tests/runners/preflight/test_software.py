"""Packages, bytecode and the clock of this machine."""

import py_compile
from datetime import UTC, datetime

import pytest
from findings_of_checks import FINE, REFUSED, WARNING

from runners.preflight.machine import software

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


def test_a_clock_that_was_never_set_is_told():
    assert software.clock(datetime(1970, 1, 1, tzinfo=UTC)).level is WARNING
    assert "1970-01-01" in software.clock(datetime(1970, 1, 1, tzinfo=UTC)).found
    assert software.clock(datetime(2026, 1, 1, tzinfo=UTC)).level is FINE


def test_packages_that_are_missing_or_old_are_refused():
    message = list(
        software.packages(["numpy>=99.1", "no-such-thing>=1", "typer>=0.16", 'x>=1; extra == "y"'])
    )
    assert [finding.level for finding in message] == [FINE, REFUSED, REFUSED]
    assert "is older than 99.1" in message[1].found
    assert "no-such-thing is not installed" in message[2].found


def test_what_is_installed_here_is_new_enough():
    assert [finding.level for finding in software.packages()] == [FINE]


def test_versions_are_compared_as_numbers():
    assert software.numbers("2.15.0+cpu") > software.numbers("2.9")
    assert software.numbers("1.0rc1") == (1, 0)


def test_a_torch_that_each_worker_compiles_anew_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (finding,) = software.bytecode(tmp_path)
    assert finding.level is WARNING
    assert finding.advice == "unset PYTHONDONTWRITEBYTECODE"
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert list(software.bytecode(tmp_path)) == []
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (finding,) = software.bytecode(tmp_path)
    assert "-m compileall" in finding.advice
    py_compile.compile(tmp_path / "__init__.py")
    assert list(software.bytecode(tmp_path)) == []
