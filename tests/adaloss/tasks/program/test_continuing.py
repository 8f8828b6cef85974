"""The first report of a program that was started again finds its place, or it starts over."""

from types import SimpleNamespace

import pytest

from adaloss.records.result import EpochMetrics, FailureKind, TrialState
from adaloss.tasks.program.continuing import Reported, reports_before
from adaloss.tasks.program.row import Row
from adaloss.tasks.program.run import ProgramRun

EPOCHS = [(0, 1), (1, 2), (2, 3)]
IN_EPOCHS = [(0, 100), (0, 200), (0, 300), (1, 400), (1, 500)]
OVER = None


def first(epoch, step=None, **fields):
    return Row(step, {"loss": 1.0} | ({} if epoch is None else {"epoch": epoch}), **fields)


@pytest.mark.parametrize(
    ("reported", "row", "before"),
    [
        (EPOCHS, first(0), 0),
        (EPOCHS, first(2), 2),
        (EPOCHS, first(3), 3),
        (EPOCHS, first(3, 0, of_wandb=True), 3),
        (EPOCHS, first(1, 0, of_wandb=True), 1),
        (EPOCHS, first(5), OVER),
        (EPOCHS, first(None), OVER),
        ([(0, 1), (None, 2)], first(1), OVER),
        # Several reports in an epoch: only steps of the program's own tell.
        (IN_EPOCHS, first(1), OVER),
        (IN_EPOCHS, first(1, 0, of_wandb=True), OVER),
        (IN_EPOCHS, first(0, 0, of_wandb=True), OVER),
        ([(5, 1), (5, 2)], first(4), 0),
        (IN_EPOCHS, first(0, 300), 2),
        (IN_EPOCHS, first(1, 400), 3),
        (IN_EPOCHS, first(1, 600), 5),
        (IN_EPOCHS, first(2, 600), 5),
        (IN_EPOCHS, first(1, 700), OVER),
        (IN_EPOCHS, first(2, 700), OVER),
        # The program counts its epochs anew, as in each of several phases.
        ([(0, 100), (1, 200), (2, 300)], first(0, 400), OVER),
        ([(0, 100), (1, 200), (2, 300), (0, 400), (1, 500)], first(1, 500), OVER),
        # Nothing is recorded: a report of the first epoch has none before it.
        ([], first(0), 0),
        ([], first(1), OVER),
        ([], first(None), 0),
    ],
)
def test_the_reports_before_a_new_start(reported, row, before):
    assert reports_before(row, [Reported(*each) for each in reported]) == before


@pytest.mark.parametrize(("counted", "steps"), [((0, 1), (3, 4)), ((3, 4), (3, 4))])
def test_the_steps_of_wandb_go_on_where_each_start_counts_from_0(programs, counted, steps):
    rows = iter(first(3 + n, step, of_wandb=True) for n, step in enumerate(counted))
    reports = SimpleNamespace(
        has_checkpoint=lambda: True,
        left_behind=tuple,
        next_row=lambda: next(rows),
        ignores_the_seed=lambda: False,
    )
    run = ProgramRun(programs.trial("train.py"), reports)
    run.continue_from(
        [
            EpochMetrics(epoch=n + 1, step=n, values={"logged_epoch": n, "loss": 1.0}, seconds=1.0)
            for n in range(3)
        ]
    )
    for epoch, step in zip((4, 5), steps, strict=True):
        run.run_epoch()
        assert (run.epoch, run.step) == (epoch, step)


IN_AN_EPOCH = """
    def train(trial):
        done = int(trial.checkpoint.read_text()) if trial.checkpoint.exists() else 0
        for step in range(done, 9):
            yield {"epoch": step // 3, "step": step, "loss": step}
            trial.checkpoint.write_text(str(step + 1))
"""


@pytest.mark.parametrize("after", [2, 5])
@pytest.mark.parametrize("has_step", [True, False])
def test_no_report_is_lost_in_the_middle_of_an_epoch(programs, after, has_step):
    programs.write("mine.py", IN_AN_EPOCH if has_step else IN_AN_EPOCH.replace('"step"', '"at"'))
    trial = programs.trial("mine:train")
    execution = programs.start(trial)
    for _ in range(after):
        execution.advance()
    # Its worker is gone; another one takes the trial.
    assert programs.run(trial).state is TrialState.COMPLETE
    assert [each["loss"] for each in programs.history(trial)] == list(range(9))
    assert ("starts over" in programs.log(trial)) is not has_step


COUNTING_FROM_ONE = """
    def train(trial):
        for epoch in (1, 2):
            yield {"epoch": epoch, "loss": epoch}
"""


def saved_before_any_report(programs, trial, checkpoint):
    """A worker was killed when its function had saved this and nothing was recorded."""
    programs.start(trial).prepare()
    path = programs.store.trial_folder(trial) / "files" / "checkpoint"
    path.parent.mkdir(exist_ok=True)
    path.write_text(checkpoint)


def test_a_trial_whose_first_report_is_lost_starts_over(programs):
    programs.write("mine.py", IN_AN_EPOCH.replace("step // 3", "step"))
    trial = programs.trial("mine:train")
    saved_before_any_report(programs, trial, "1")
    assert programs.run(trial).state is TrialState.COMPLETE
    assert [each["loss"] for each in programs.history(trial)] == list(range(9))
    assert "starts over: where it continues among its reports is not known" in programs.log(trial)


def test_a_trial_without_a_checkpoint_begins_once_whatever_its_first_epoch_is_called(programs):
    programs.write("mine.py", COUNTING_FROM_ONE)
    trial = programs.trial("mine:train")
    programs.start(trial).prepare()
    assert programs.run(trial).state is TrialState.COMPLETE
    assert [each["loss"] for each in programs.history(trial)] == [1.0, 2.0]
    assert "starts over" not in programs.log(trial)


def test_a_trial_that_reports_once_at_its_end_goes_on_from_its_checkpoint(programs):
    programs.write(
        "mine.py",
        """
        def train(trial):
            return {"loss": int(trial.checkpoint.read_text())}
        """,
    )
    trial = programs.trial("mine:train")
    saved_before_any_report(programs, trial, "7")
    assert programs.run(trial).last["loss"] == 7


def test_a_program_without_reports_or_a_checkpoint_is_started_again_once(programs):
    programs.write(
        "mine.py",
        """
        def train(trial):
            with open(trial.folder / "starts", "a") as file:
                file.write("x")
        """,
    )
    trial = programs.trial("mine:train")
    programs.start(trial).prepare()
    assert programs.run(trial).failure.kind is FailureKind.NO_METRIC
    files = programs.store.trial_folder(trial) / "files"
    assert (files / "starts").read_text() == "x"
