"""A signal stops a sweep once nothing is being imported, and is never swallowed."""

import os
import signal
import subprocess
import sys
import time

import pytest
from patience import PATIENCE, until

from runners import interrupt
from runners.interrupt import ctrl_c_after_imports, interrupts_delayed, sigterm_as_interrupt

# Sends the signal in a callback of Python's own, where an exception is printed and forgotten.
SENDS = """
import os, time, weakref

class Forgotten: pass

it = Forgotten()
kept = weakref.ref(it, lambda _: os.kill(os.getpid(), {number}))
del it
time.sleep({seconds})
done = True
"""
NOT_YET = """
import sys
from importlib.util import spec_from_file_location

class Finder:
    def find_spec(name, path, target=None):
        if name == "runners.cli.app":
            return spec_from_file_location(name, "cli.py")

sys.meta_path.insert(0, Finder)
from runners.__main__ import main
main()
"""
WAITS = """
def main():
    time.sleep(60)

print("imported", flush=True)
"""


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Import a module that sends this process a signal and takes so long; whether it did so."""
    monkeypatch.syspath_prepend(tmp_path)

    def run(number, seconds, waits=True):
        (tmp_path / "sends.py").write_text(SENDS.format(number=int(number), seconds=seconds))
        monkeypatch.delitem(sys.modules, "sends", raising=False)
        ended = False
        try:
            import sends

            ended = sends.done
            time.sleep(60 if waits else 0)
            assert not waits, "the signal was swallowed"
        except KeyboardInterrupt:
            pass
        return ended

    return run


def test_an_import_comes_to_its_end_first(interrupted):
    with sigterm_as_interrupt(), ctrl_c_after_imports():
        assert interrupted(signal.SIGTERM, 0.2)
        assert interrupted(signal.SIGINT, 0.2)


@pytest.mark.slow
def test_an_import_that_takes_for_ever_does_not(interrupted, monkeypatch):
    monkeypatch.setattr(interrupt, "LONGEST_IMPORT", 2.0)
    with sigterm_as_interrupt():
        assert not interrupted(signal.SIGTERM, PATIENCE)


def test_elsewhere_it_is_at_once_and_afterwards_as_before():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    for number in (signal.SIGTERM, signal.SIGINT):
        with sigterm_as_interrupt(), ctrl_c_after_imports(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_an_ignored_ctrl_c_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ctrl_c_after_imports():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_ctrl_c_as_the_commands_are_imported_is_no_traceback(tmp_path):
    sends = SENDS.format(number=int(signal.SIGINT), seconds=0.1)
    (tmp_path / "cli.py").write_text(sends + WAITS)
    ended = subprocess.run(
        [sys.executable, "-c", NOT_YET],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "imported\n", "")


def test_one_that_came_in_the_last_import_stops_at_the_end(interrupted, monkeypatch):
    monkeypatch.setattr(interrupt, "SECONDS_BETWEEN_LOOKS", 60)
    with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
        assert interrupted(signal.SIGTERM, 0, waits=False)


def test_who_answers_meanwhile_hears_of_it_once(interrupted, monkeypatch):
    monkeypatch.setattr(interrupt, "SECONDS_BETWEEN_LOOKS", 0.2)
    heard = []

    def while_ray_starts():
        interrupted(signal.SIGTERM, 0, waits=False)
        with interrupts_delayed(at_most=100) as came:
            heard.append(came)
            until(lambda: came)
            # Two further looks.
            time.sleep(0.4)

    with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
        while_ray_starts()
    assert heard == [[signal.SIGTERM]]
