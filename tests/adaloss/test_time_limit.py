"""A process that is past its time ends, whatever it is doing, and says what that was."""

import subprocess
import sys

import pytest
from patience import PATIENCE

from adaloss.time_limit import Watchdog

SLEEPS = "import time\ntime.sleep(600)\n"
# Holds the interpreter's lock: no thread of Python's could end it.
HOLDS_THE_LOCK = "import ctypes\nctypes.PyDLL(None).sleep(600)\n"
BLOCKS_SIGNALS = (
    "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\nwhile True: pass\n"
)


def run(path, seconds, then):
    code = (
        "from pathlib import Path\nfrom adaloss.time_limit import Watchdog\n"
        f"dog = Watchdog(Path({str(path)!r}), {seconds})\ndef culprit():\n"
        + "".join(f"    {line}\n" for line in then.splitlines())
        + "culprit()\n"
    )
    return subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, check=False)


@pytest.mark.parametrize("hangs", [SLEEPS, HOLDS_THE_LOCK, BLOCKS_SIGNALS])
def test_a_process_that_hangs_is_ended_and_its_stack_is_left(tmp_path, hangs):
    assert run(tmp_path / "stack", 0.5, hangs).returncode != 0
    assert "in culprit" in (tmp_path / "stack").read_text()


@pytest.mark.slow
def test_a_process_that_is_in_time_leaves_nothing(tmp_path):
    assert (
        run(tmp_path / "stack", 2.0, "dog.release()\nimport time; time.sleep(2.5)").returncode == 0
    )
    assert not (tmp_path / "stack").exists()


def test_until_the_time_is_over_the_file_is_empty(tmp_path):
    dog = Watchdog(tmp_path / "stack", 1e30)
    assert (tmp_path / "stack").read_text() == ""
    dog.release()
