"""Functions called in a new process: their values, and the errors of other endings."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from patience import PATIENCE

from adaloss.own_code import fresh_process
from adaloss.own_code.fresh_process import FunctionFailedError, ProcessEndedError, in_fresh_process


def test_the_value_comes_from_another_process():
    assert in_fresh_process(os.getpid) != os.getpid()
    assert in_fresh_process(sorted, [2, 1]) == [1, 2]


def test_an_exception_becomes_a_message():
    with pytest.raises(FunctionFailedError, match="ValueError: invalid literal for int"):
        in_fresh_process(int, "no number")


def test_a_process_that_ends_reports_its_exit_code():
    with pytest.raises(ProcessEndedError, match="ended with exit code 7"):
        in_fresh_process(os._exit, 7)


def test_a_call_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(fresh_process, "SECONDS_TO_START", 0.05)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        in_fresh_process(time.sleep, PATIENCE, limit=0.05)
    assert time.monotonic() - started < PATIENCE


def test_nothing_of_the_working_folder_is_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("random", "signal", "multiprocessing", "pickle"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit")
    assert in_fresh_process(os.getcwd) == str(tmp_path)
    assert "PYTHONSAFEPATH" not in os.environ
    assert str(tmp_path) not in sys.path


def test_threads_may_start_processes_at_once():
    with ThreadPoolExecutor(4) as threads:
        assert list(
            threads.map(lambda number: in_fresh_process(abs, number), [-1, -2, -3, -4])
        ) == [
            1,
            2,
            3,
            4,
        ]
    assert "PYTHONSAFEPATH" not in os.environ


def test_output_of_the_function_goes_to_stderr(capfd):
    in_fresh_process(print, "building a model", limit=60.0)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "building a model" in printed.err
