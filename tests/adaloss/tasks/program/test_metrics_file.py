"""A file of metrics is of one script at a time, whichever sweep or command has started it."""

import threading

import pytest
from patience import PATIENCE, until

from adaloss.records.result import TrialState
from adaloss.tasks.program.metrics_file import lock_of


@pytest.fixture(autouse=True)
def a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def trial(programs):
    programs.write("train.py", "open('out.json', 'w').write('{\"loss\": 3}')\n")
    return programs.trial("train.py", metrics_file="out.json")


def test_a_script_waits_for_another_that_writes_the_same_file(programs, trial):
    file = programs.folder / "out.json"
    results = []
    waiting = threading.Thread(target=lambda: results.append(programs.run(trial)))
    with lock_of(file):
        file.write_text('{"loss": 1}')
        waiting.start()
        until(lambda: is_waiting(programs, trial) or not waiting.is_alive())
        assert file.read_text() == '{"loss": 1}'
    waiting.join(PATIENCE)
    (result,) = results
    assert result.last.values == {"loss": 3}


def is_waiting(programs, trial):
    log = programs.store.log_path(trial)
    return log.exists() and "waits for another script that writes" in log.read_text()


@pytest.mark.parametrize("end", ["", "raise SystemExit(1)\n", "open('out.json', 'w').write('?')"])
def test_a_script_that_has_ended_keeps_nobody_waiting(programs, trial, end):
    text = "open('out.json', 'w').write('{\"loss\": 3}')\n"
    programs.write("train.py", text + end)
    result = programs.run(trial)
    assert result.state is (TrialState.FAILED if end else TrialState.COMPLETE)
    lock = lock_of(programs.folder / "out.json")
    lock.acquire(blocking=False)
    lock.release()


def test_where_there_can_be_no_lock_the_trial_runs_and_its_log_says_so(
    programs, trial, tmp_path, monkeypatch
):
    # As in a container whose home is read-only.
    (tmp_path / "no folder").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no folder"))
    assert programs.run(trial).last.values == {"loss": 3}
    assert "out.json are not waited for: " in programs.log(trial)
