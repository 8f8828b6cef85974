"""Every process of a script ends with it, and what it printed last is kept or dropped in order."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import patience
import pytest
from patience import PATIENCE

from adaloss.records.result import TrialState
from adaloss.tasks.program.errors import ProgramLostError
from adaloss.tasks.program.reaper import end_processes


def test_every_process_of_a_script_ends_with_it(programs):
    programs.write(
        "train.py",
        """
        import os, subprocess
        child = subprocess.Popen(["sleep", "1000"])
        open(os.environ["ADALOSS_REPORT"], "w").write('{"loss": %d}' % child.pid)
        """,
    )
    child = int(programs.run(programs.trial("train.py")).last["loss"])
    wait_until(lambda: not is_running(child))


def test_the_processes_of_a_script_are_ended_once(programs, monkeypatch):
    """The number of its group may belong to others later."""
    ended = []

    def end(group, mark, to_appear=0.0):
        ended.extend([group] if group is not None else [])
        end_processes(group, mark, to_appear)

    monkeypatch.setattr("adaloss.tasks.program.script.end_processes", end)
    programs.write(
        "train.py",
        """
        import os
        with open(os.environ["ADALOSS_REPORT"], "a") as file:
            for epoch in range(3):
                print('{"epoch": %d, "loss": 1}' % epoch, file=file, flush=True)
        """,
    )
    execution = programs.start(programs.trial("train.py"))
    list(iter(execution.advance, None))
    execution.abandon()
    assert len(ended) == 1


def test_a_script_ends_with_a_trial_that_its_worker_gives_up(programs):
    programs.write(
        "train.py",
        """
        import os, time
        with open(os.environ["ADALOSS_REPORT"], "w") as file:
            file.write('{"loss": %d}\\n' % os.getpid())
        time.sleep(1000)
        """,
    )
    execution = programs.start(programs.trial("train.py"))
    script = int(execution.advance()["loss"])
    assert is_running(script)
    execution.abandon()
    wait_until(lambda: not is_running(script))


def test_a_script_fails_for_its_own_reason_not_for_the_last_words_of_its_children(programs):
    child = (
        "import signal, sys, time; "
        "signal.signal(signal.SIGTERM, lambda *_: (print('child ends', flush=True), sys.exit())); "
        "print('child is up', flush=True); time.sleep(1000)"
    )
    programs.write(
        "train.py",
        f"""
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
        assert b"up" in child.stdout.readline()
        child = subprocess.Popen([sys.executable, "-c", {child!r}])
        import time; time.sleep(0.5)
        sys.exit("bad configuration")
        """,
    )
    trial = programs.trial("train.py")
    result = programs.run(trial)
    assert result.failure.message == "exit code 1: bad configuration"
    assert "child ends" in programs.log(trial)


def test_what_a_given_up_script_prints_last_is_dropped(programs, capsys):
    """The log may already be that of another worker."""
    programs.write(
        "train.py",
        """
        import os, signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print("the end", flush=True), sys.exit()))
        with open(os.environ["ADALOSS_REPORT"], "w") as file:
            file.write('{"loss": 1}\\n')
        time.sleep(1000)
        """,
    )
    trial = programs.trial("train.py")
    execution = programs.start(trial)
    execution.advance()
    execution.abandon()
    assert "the end" not in programs.log(trial) + capsys.readouterr().out


def test_the_divergence_is_a_line_of_its_own_after_what_the_script_printed(programs):
    programs.write(
        "train.py",
        """
        import os, time
        print("half a line", end="", flush=True)
        with open(os.environ["ADALOSS_REPORT"], "w") as file:
            file.write('{"loss": NaN}\\n')
        time.sleep(1000)
        """,
    )
    trial = programs.trial("train.py")
    assert programs.run(trial).state is TrialState.DIVERGED
    assert programs.log(trial) == "half a line\ndiverged: the loss is nan at step 1 (epoch 1)\n"


def test_a_process_in_a_session_of_its_own_ends_with_the_script(programs):
    programs.write(
        "train.py",
        """
        import os, subprocess
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        open(os.environ["ADALOSS_REPORT"], "w").write('{"loss": %d}' % child.pid)
        """,
    )
    child = int(programs.run(programs.trial("train.py")).last["loss"])
    assert not is_running(child)


@pytest.mark.slow
def test_a_script_that_ignores_sigterm_is_killed(programs):
    programs.write(
        "train.py",
        """
        import os, signal, time
        signal.signal(signal.SIGTERM, lambda *_: open("asked", "w").close())
        open("pid", "w").write(str(os.getpid()))
        open(os.environ["ADALOSS_REPORT"], "w").write('{"loss": 1e99}\\n')
        while True:
            time.sleep(1)
        """,
    )
    trial = programs.trial("train.py", divergence_metric="loss", max_loss=10.0)
    began = time.monotonic()
    assert programs.run(trial).state is TrialState.DIVERGED
    assert not is_running(int((programs.folder / "pid").read_text()))
    assert (programs.folder / "asked").exists()
    assert time.monotonic() - began < PATIENCE


def test_what_a_killed_script_left_running_ends_before_its_next_start(programs):
    programs.write(
        "train.py",
        """
        import os, signal, subprocess
        from pathlib import Path
        if not Path("pid").exists():
            # It goes on to report, and is not of the script's group.
            child = subprocess.Popen(
                ["sh", "-c", 'while sleep 0.05; do echo "$LINE" >> "$ADALOSS_REPORT"; done'],
                env={**os.environ, "LINE": '{"loss": 1}'},
                start_new_session=True,
            )
            Path("pid").write_text(str(child.pid))
            os.kill(os.getpid(), signal.SIGKILL)
        open(os.environ["ADALOSS_REPORT"], "a").write('{"loss": 0}')
        """,
    )
    trial = programs.trial("train.py", seed_parameter=None)
    execution = programs.start(trial)
    with pytest.raises(ProgramLostError):
        list(iter(execution.advance, None))
    assert not is_running(int((programs.folder / "pid").read_text()))
    assert programs.run(trial).last["loss"] == 0
    assert programs.store.read_result(trial).epochs == 1


@pytest.mark.slow
@pytest.mark.parametrize("and_its_children", [False, True])
def test_every_process_of_a_script_ends_with_a_killed_worker(programs, tmp_path, and_its_children):
    programs.write(
        "train.py",
        """
        import os, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (open("asked", "w").close(), sys.exit()))
        child = subprocess.Popen(["sleep", "1000"])
        other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        open("pids", "w").write(f"{os.getpid()} {child.pid} {other.pid}")
        time.sleep(1000)
        """,
    )
    worker = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        sys.path[:0] = {[str(Path(__file__).parent), str(Path(patience.__file__).parent)]!r}
        from conftest import Programs
        from adaloss.records.store import Store
        from adaloss.tasks.program.code import ProgramCode
        store = Store(Path({str(tmp_path)!r}))
        programs = Programs(Path({str(programs.folder)!r}), store, ProgramCode())
        programs.run(programs.trial("train.py"))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", worker])
    pids = programs.folder / "pids"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 3, 60)
    script, *others = map(int, pids.read_text().split())
    assert is_running(script)
    # Ray kills the children of a worker that it ends.
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    for child in children if and_its_children else ():
        os.kill(int(child), signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(map(is_running, (script, *others))))
    assert (programs.folder / "asked").exists() is not and_its_children


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)
