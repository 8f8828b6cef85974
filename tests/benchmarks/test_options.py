"""What a benchmark cannot measure is refused in one sentence, before anything runs."""

import pytest
import torch

ON_A_GPU = ("--device", "cuda")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("input_pipeline", ON_A_GPU),
        ("optimizer_step", ON_A_GPU),
        ("shared_gpu", ()),
        ("stacked_trials", ON_A_GPU),
        ("train_throughput", ON_A_GPU),
    ],
)
def test_a_gpu_that_is_not_there(refused, monkeypatch, name, options):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert refused(name, *options) == f"{name}.py: error: there is no GPU here"


@pytest.mark.parametrize("trials", ["20", "30", "45"])
def test_too_few_trials_for_a_beginning_and_an_end(refused, trials):
    assert refused("load", "--trials", trials) == (
        "load.py: error: --trials: a multiple of 10, and at least 40"
    )


def test_one_trial_for_each_worker(refused):
    assert refused("scale", "--trials-per-slot", "1") == (
        "scale.py: error: --trials-per-slot: at least 2, because what is lost is between two trials"
    )


def test_the_fewest_trials_have_figures_without_a_sample_near_the_end(load):
    of_load = load("load")
    course = of_load.Course(driver=1, started=0.0, ends=[float(end) for end in range(40)])
    course.samples += [
        of_load.Sample(seconds=1.0, finished=finished, resident_bytes=10**8, files=9)
        for finished in (0, 20, 40)
    ]
    assert of_load.cost_aim(course).measured == 1.0
    names = [aim.name for aim in of_load.memory_aims(course)]
    assert names == ["driver's memory while trials run", "driver's memory peak"]
