"""A killed script goes on from its own checkpoint, or starts over if a report may be lost."""

import json

import pytest
from patience import PATIENCE

from adaloss.records.result import EpochMetrics, TrialState
from adaloss.tasks.program.errors import ProgramLostError


def test_a_script_that_is_killed_leaves_no_result_and_continues(programs):
    programs.write(
        "train.py",
        """
        import json, os, signal, time
        checkpoint = os.environ["ADALOSS_CHECKPOINT"]
        done = int(open(checkpoint).read()) if os.path.exists(checkpoint) else 0
        with open(os.environ["ADALOSS_REPORT"], "a") as file:
            for epoch in range(done, 5):
                print(json.dumps({"epoch": epoch, "loss": epoch}), file=file, flush=True)
                open(checkpoint, "w").write(str(epoch + 1))
                if epoch == 2 and done == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    trial = programs.trial("train.py", seed_parameter=None)
    execution = programs.start(trial)
    with pytest.raises(ProgramLostError, match=r"train.py was killed \(SIGKILL\)"):
        list(iter(execution.advance, None))
    assert programs.store.read_result(trial) is None
    assert programs.run(trial).state is TrialState.COMPLETE
    assert [each["loss"] for each in programs.history(trial)] == [0, 1, 2, 3, 4]


def test_a_start_of_the_same_code_writes_no_new_checkpoint(programs):
    """To a job that is started again, a new one would be progress."""
    killed = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    trial = programs.trial("train.py", seed_parameter=None)

    def file_after_a_start():
        with pytest.raises(ProgramLostError):
            list(iter(programs.start(trial).advance, None))
        file = programs.store.checkpoint_path(trial).stat()
        return file.st_ino, file.st_mtime_ns

    programs.write("train.py", killed)
    first = file_after_a_start()
    assert [file_after_a_start() for _ in range(2)] == [first, first]
    # It tells the code that the trial was started with.
    programs.write("train.py", f"{killed}other = 1\n")
    second = file_after_a_start()
    assert second != first
    assert file_after_a_start() == second
    assert programs.log(trial).count("starts over") == 1


SAVES = """
    import json, os, sys
    from pathlib import Path
    checkpoint = Path(os.environ["ADALOSS_CHECKPOINT"])
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    for epoch in range(done, 6):
        with open(os.environ["ADALOSS_REPORT"], "a") as file:
            file.write(json.dumps({"epoch": epoch, "loss": epoch}) + "\\n")
        checkpoint.write_text(str(epoch + 1))
"""


def lines_up_to(epochs):
    return "".join(f"{json.dumps({'epoch': n, 'loss': n})}\n" for n in range(epochs))


def leave_unread(programs, trial, lines, saved):
    """What a worker leaves that was killed when its script had logged and saved all this."""
    execution = programs.start(trial)
    reports = execution.prepare().reports
    reports.process = reports.started()
    reports.close()
    folder = programs.store.trial_folder(trial)
    (folder / ".capture" / "reports.jsonl").write_text(lines)
    (folder / "files" / "checkpoint").write_text(str(saved))


@pytest.mark.parametrize("saved", [2, 3])
@pytest.mark.parametrize("recorded", [0, 1, 2, 3])
def test_what_a_script_logged_before_its_worker_was_killed_is_recorded(programs, saved, recorded):
    programs.write("train.py", SAVES)
    trial = programs.trial("train.py", seed_parameter=None)
    leave_unread(programs, trial, lines_up_to(3) + '{"epoch": 3, "lo', saved)
    for epoch in range(recorded):
        values = {"logged_epoch": epoch, "loss": epoch}
        metrics = EpochMetrics(epoch=epoch + 1, step=epoch + 1, values=values, seconds=1.0)
        programs.store.append_metrics(trial, metrics)
    assert programs.run(trial).state is TrialState.COMPLETE, programs.log(trial)
    history = programs.history(trial)
    assert [each["loss"] for each in history] == [0, 1, 2, 3, 4, 5]
    assert [each.epoch for each in history] == [1, 2, 3, 4, 5, 6]
    assert "starts over" not in programs.log(trial)


def test_a_script_whose_reports_are_lost_starts_over(programs):
    programs.write("train.py", SAVES)
    trial = programs.trial("train.py", seed_parameter=None)
    leave_unread(programs, trial, lines_up_to(2), 4)
    assert programs.run(trial).state is TrialState.COMPLETE, programs.log(trial)
    assert [each["loss"] for each in programs.history(trial)] == [0, 1, 2, 3, 4, 5]
    assert "starts over" in programs.log(trial)


def test_a_script_that_was_killed_after_its_last_report_is_complete(programs):
    programs.write("train.py", SAVES)
    trial = programs.trial("train.py", seed_parameter=None)
    leave_unread(programs, trial, lines_up_to(6), 6)
    assert programs.run(trial).last["loss"] == 5
    assert len(programs.history(trial)) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("has_checkpoint", "starts"), [(False, 1), (True, 2)])
def test_a_script_with_a_summary_alone_ends_after_a_restart(programs, has_checkpoint, starts):
    programs.write(
        "train.py",
        """
        import wandb
        open("starts", "a").write("x")
        wandb.init().summary["loss"] = 3
        """,
    )
    trial = programs.trial("train.py", seed_parameter=None)
    # A worker was killed before the script had ended.
    programs.start(trial).prepare()
    if has_checkpoint:
        checkpoint = programs.store.trial_folder(trial) / "files" / "checkpoint"
        checkpoint.parent.mkdir()
        checkpoint.touch()
    result = programs.run(trial, timeout=PATIENCE)
    assert result.state is TrialState.COMPLETE, programs.log(trial)
    assert [each["loss"] for each in programs.history(trial)] == [3]
    # What goes on from a checkpoint and has nothing to report may have lost reports.
    assert len((programs.folder / "starts").read_text()) == starts
