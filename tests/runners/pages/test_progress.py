"""The view of a running sweep says what a waiting person wants to know."""

import io

import pytest
from rich.console import Console

from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.pages.progress import PlainProgress, SweepProgress, duration
from runners.planning import make_plan


@pytest.fixture
def trials(make_trial):
    return [make_trial(seed=seed) for seed in range(2)]


@pytest.fixture
def plan(trials, tmp_path):
    return make_plan("small", trials, Store(tmp_path))


def test_the_headline_goes_from_rays_start_to_the_time_taken(plan, trials):
    progress = SweepProgress(plan, trials, Console(quiet=True))
    assert progress.headline() == "small: 0/2 trials  starting Ray, which takes some seconds"
    progress.trial_started(trials[0])
    assert progress.headline() == "small: 0/2 trials"
    progress.trial_ended(trials[0], TrialState.COMPLETE, "")
    assert "trials/min" in progress.headline()
    assert "left" in progress.headline()
    progress.trial_ended(trials[1], TrialState.DIVERGED, "the training loss is nan")
    assert progress.headline() == "small: 2/2 trials in 1 s"


def test_where_there_is_no_terminal_every_end_is_a_line(plan, trials):
    printed = io.StringIO()
    progress = PlainProgress(plan, trials, Console(file=printed))
    progress.trial_ended(trials[0], TrialState.COMPLETE, "")
    progress.trial_ended(trials[1], TrialState.DIVERGED, "the training loss is nan")
    assert printed.getvalue().splitlines() == [
        "[1/2] mlp-adaloss-b0=1-seed0 complete",
        "[2/2] mlp-adaloss-b0=1-seed1 diverged: the training loss is nan",
    ]


@pytest.mark.parametrize(
    ("seconds", "printed"),
    [(0.2, "1 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (180_000, "2 d 2 h")],
)
def test_durations_have_the_units_that_matter(seconds, printed):
    assert duration(seconds) == printed
