"""Warnings before trials of a program are watched, or run, otherwise than those on record."""

from dataclasses import replace

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialResult, TrialState
from adaloss.records.store import Store
from runners.preflight.checks import sweep_findings
from runners.preflight.inputs.mixed_results import otherwise_made
from runners.preflight.planned import Planned

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")

GRID = """\
name: mine
program: train.py
metric: {name: acc}
parameters:
  lr: [0.1, 1]
seeds: 2
"""


@pytest.fixture
def planned(tmp_path):
    """The grid with these changes, about to start."""
    (tmp_path / "train.py").touch()

    def plan(*changes):
        text = GRID
        for before, after in changes:
            text = text.replace(before, after)
        (tmp_path / "grid.yaml").write_text(text)
        sweep = load_sweep(tmp_path / "grid.yaml")
        store = Store(tmp_path / "results" / sweep.name)
        return Planned(sweep=sweep, trials=sweep.trials, store=store, mode="disabled")

    return plan


def finish(planned, state=TrialState.COMPLETE):
    """Record that the first trial has ended."""
    trial = planned.sweep.trials[0]
    failure = Failure(kind=FailureKind.CODE, message="no") if state is TrialState.FAILED else None
    result = TrialResult(
        trial_id=trial.trial_id, state=state, epochs=0, failure=failure, seconds=1.0,
        finished_at="2026-03-01T12:00:00+00:00",
    )  # fmt: skip
    planned.store.write_result(trial, result)


def going_on(planned):
    """The sweep without the trial that has ended."""
    return replace(planned, trials=planned.sweep.trials[1:])


def sentences(planned):
    return [finding.sentence for finding in otherwise_made(planned)]


LOSS = ("name: acc", "name: loss")
OWN = ("program: train.py", "program: train.py\npython: /env/bin/python")
OTHER = ("program: train.py", "program: train.py\npython: /other/bin/python")


def test_results_that_another_metric_has_watched_are_told(planned):
    finish(planned())
    assert sentences(going_on(planned())) == []
    now = going_on(planned(LOSS))
    (finding,) = otherwise_made(now)
    assert finding.sentence == (
        "metric: results on record diverged where acc was not finite, and the trials to run would "
        "where loss is not, so a cell may have both: write metric: {name: acc} to go on as before, "
        "and metric: loss in tables: to show that one"
    )
    assert finding in tuple(sweep_findings(now))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((OWN,), (OTHER,), "(/env/bin/python) than the trials to run would be (/other/bin/python)"),
        ((OWN,), (), "write python: /env/bin/python to go on as before"),
        ((), (OWN,), "(that of adaloss-sweep) than the trials to run would be (/env/bin/python)"),
        ((), (OWN,), "leave out python: to go on as before"),
    ],
)
def test_results_of_another_interpreter_are_told(planned, before, after, told):
    finish(planned(*before))
    assert sentences(going_on(planned(*before))) == []
    (sentence,) = sentences(going_on(planned(*after)))
    assert sentence.startswith("interpreter: results on record were computed by another interprete")
    assert told in sentence


def test_nothing_is_told_of_what_is_in_no_table(planned):
    finish(planned(), TrialState.FAILED)
    assert sentences(going_on(planned(LOSS))) == []
    finish(planned())
    # The trial itself runs again, and its record is set aside.
    assert sentences(planned(LOSS)) == []
    planned().store.set_aside(planned(LOSS).sweep.trials[0])
    finish(planned(LOSS))
    assert sentences(going_on(planned(LOSS))) == []


def test_a_record_that_cannot_be_read_is_passed_over(planned):
    before = planned()
    finish(before)
    (before.store.trial_folder(before.sweep.trials[0]) / "trial.json").write_text("{")
    assert sentences(going_on(planned(LOSS))) == []
