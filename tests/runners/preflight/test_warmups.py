"""A warning about a warmup that is longer than its trial."""

from dataclasses import replace

import pytest

from runners.api.selection import smoke_trials
from runners.preflight.inputs.warmups import warmups

REGRESSION = """\
name: long
task: linear_regression
parameters:
  optimizer: adamw
  lr: 0.1
  epochs: 2
  steps_per_epoch: 5
  batch_size: 8
  warmup: [10, 11]
"""


def sentences(planned):
    return [finding.sentence for finding in warmups(planned)]


def test_more_steps_than_a_trial_has_are_told_once(planned):
    # 1,168 images are 10 batches of 128, in each of 2 epochs.
    assert sentences(planned(("epochs: 2", "epochs: 2\n  warmup: [20, 21, 500]"))) == [
        f"warmup: {steps} steps are more than the 20 of a whole trial, and are shortened to those: "
        "write fewer steps, or a share of them below 1"
        for steps in (21, 500)
    ]


def test_tasks_without_data_count_their_own_steps(planned, grid):
    grid.write_text(REGRESSION)
    (sentence,) = sentences(planned())
    assert sentence.startswith("warmup: 11 steps are more than the 10 of a whole trial")


def test_nothing_is_said_of_the_few_steps_of_a_smoke_run(planned):
    of_sweep = planned(("epochs: 2", "epochs: 2\n  warmup: 15"))
    smoke = replace(of_sweep, trials=smoke_trials(of_sweep.sweep.trials, ()))
    assert sentences(smoke) == []


@pytest.mark.parametrize("warmup", ["0.9", "[0, 1]", "20"])
def test_nothing_is_said_otherwise(planned, warmup):
    assert sentences(planned(("epochs: 2", f"epochs: 2\n  warmup: {warmup}"))) == []


def test_nothing_is_said_where_the_data_are_missing(planned):
    changes = (
        ("digits", "imagefolder:gone"),
        ("epochs: 2", "epochs: 2\n  resize: 8\n  warmup: 50"),
    )
    assert sentences(planned(*changes)) == []
