"""Figures written by other processes: the same files and errors, and nobody is left behind."""

import os
import signal
import subprocess
import sys
from functools import partial
from importlib import import_module
from multiprocessing import active_children
from pathlib import Path

import pytest
from figure_jobs import write, write_elsewhere, write_for_ever, write_in
from patience import PATIENCE, until

from adaloss.errors import UserError
from analysis.figures.writing import processes as figure_processes
from analysis.figures.writing.pool import figure_writers

PARENT = """
import os, time
from pathlib import Path
from analysis.figures.writing.pool import figure_writers

def write_slowly():
    Path(os.environ["FOLDER"], str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    with figure_writers([].extend) as have_written:
        have_written(write_slowly)
"""


@pytest.fixture(autouse=True)
def two_processors(monkeypatch, all_processors):
    monkeypatch.setattr(figure_processes, "processors", lambda: 2)


@pytest.mark.slow
def test_they_are_the_files_that_this_process_would_write(tmp_path):
    names = {f"{number}.{form}": number for number in range(10) for form in ("png", "pdf")}
    written = []
    with figure_writers(written.extend) as have_written:
        for name, height in names.items():
            path = tmp_path / "beside" / name
            have_written(partial(write_elsewhere, path, height, os.getpid()))
    assert set(written) == {tmp_path / "beside" / name for name in names}
    for name, height in names.items():
        write(tmp_path / "here" / name, height)
        here, beside = (tmp_path / where / name for where in ("here", "beside"))
        assert here.read_bytes() == beside.read_bytes()


@pytest.mark.slow
def test_what_goes_wrong_with_a_figure_is_raised_at_the_end(tmp_path):
    with (
        pytest.raises(UserError, match=r"suffix must be one of \.png"),
        figure_writers([].extend) as have_written,
    ):
        have_written(partial(write, tmp_path / "figure.gif"))


@pytest.mark.slow
def test_who_wants_to_stop_does_not_wait_for_figures(tmp_path):
    def write_and_stop():
        with figure_writers([].extend) as have_written:
            have_written(partial(write_elsewhere, tmp_path / "other" / "a.png", 1, os.getpid()))
            have_written(partial(write_for_ever, tmp_path / "figure.png"))
            until(lambda: list(tmp_path.glob(".figure.png*")))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert not list(tmp_path.glob(".figure.png*"))
    assert not active_children()


@pytest.mark.slow
def test_figures_of_a_process_that_died_are_written_here(tmp_path):
    written = []
    with figure_writers(written.extend) as have_written:
        have_written(partial(write_in, os.getpid(), tmp_path / "deadly.png"))
        for number in range(3):
            have_written(partial(write, tmp_path / f"{number}.png"))
    names = {"deadly.png", "0.png", "1.png", "2.png"}
    assert {path.name for path in tmp_path.glob("*.png")} == names
    assert {path.name for path in written} == names


def test_one_processor_does_it_itself(monkeypatch, tmp_path):
    monkeypatch.setattr(figure_processes, "processors", lambda: 1)
    written = []
    with figure_writers(written.extend) as have_written:
        have_written(partial(write_in, os.getpid(), tmp_path / "figure.png"))
        assert written == [tmp_path / "figure.png"]


def test_a_machine_without_room_for_processes_does_it_itself(monkeypatch, tmp_path):
    def no_room(*_, **__):
        raise OSError("no semaphores")

    monkeypatch.setattr("analysis.figures.writing.pool.ProcessPoolExecutor", no_room)
    written = []
    with figure_writers(written.extend) as have_written:
        have_written(partial(write_in, os.getpid(), tmp_path / "figure.png"))
    assert written == [tmp_path / "figure.png"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc whether a process is there")
def test_a_killed_parent_leaves_no_process_behind(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    folder = tmp_path / "pids"
    folder.mkdir()
    environment = os.environ | {"FOLDER": str(folder)}
    parent = subprocess.Popen([sys.executable, script], env=environment, cwd=Path.cwd())
    try:
        until(lambda: list(folder.iterdir()))
        parent.send_signal(signal.SIGKILL)
        (child,) = (int(path.name) for path in folder.iterdir())
        until(lambda: not is_running(child))
    finally:
        parent.kill()
        parent.wait()


def is_running(pid):
    """Whether there is such a process that is not just waiting to be forgotten."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


CTRL_C = """
import os, signal, time
from multiprocessing.forkserver import _forkserver
from analysis.figures.writing.processes import start_early
signal.signal(signal.SIGINT, lambda *given: None)
start_early()
for _ in range(20):
    os.killpg(0, signal.SIGINT)
    time.sleep(0.05)
assert os.waitpid(_forkserver._forkserver_pid, os.WNOHANG) == (0, 0), "it has ended"
"""


@pytest.mark.slow
def test_a_ctrl_c_as_they_start_is_for_the_parent_alone():
    run = subprocess.run(
        [sys.executable, "-c", CTRL_C], capture_output=True, text=True, check=False,
        start_new_session=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("name", figure_processes.IMPORTED_FIRST)
def test_what_writers_import_first_is_there(name):
    # What cannot be imported there is passed over in silence.
    assert import_module(name)


ALL_DIE = """
import os, sys, time
from functools import partial
from pathlib import Path
from analysis.figures.writing import processes as figure_processes
from analysis.figures.writing.pool import figure_writers

def write_here_alone(path, here):
    if os.getpid() != here:
        os._exit(1)
    path.touch()
    return [path]

if __name__ == "__main__":
    figure_processes.processors = lambda: 4
    for number in range(8):
        written = []
        with figure_writers(written.extend) as have_written:
            for part in range(4):
                path = Path(sys.argv[1]) / f"{number}-{part}.png"
                have_written(partial(write_here_alone, path, os.getpid()))
                # So that some start as others die.
                time.sleep(0.004 * (number % 6))
        assert len(written) == 4
"""


@pytest.mark.slow
def test_processes_that_die_as_others_start_are_not_waited_for(tmp_path):
    script = tmp_path / "all_die.py"
    script.write_text(ALL_DIE)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    run = subprocess.run(
        [sys.executable, script, tmp_path],
        env=environment, timeout=PATIENCE, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert len(list(tmp_path.glob("*.png"))) == 32
