"""What holds for every task: all optimizers and rates apply, metrics are those announced."""

import math

import pytest
import torch

from adaloss.optimizer_names import LOSS_OPTIMIZERS, PAPER_ADAMS, TORCH_OPTIMIZERS
from adaloss.records.places import NOWHERE
from adaloss.tasks.divergence import DivergedError, check_finite
from adaloss.tasks.metric import SECONDS
from adaloss.tasks.rehearsal import rehearse
from adaloss.tasks.table import TRAINED, task_of, trial_from

NEEDED = {
    "image_classification": {"dataset": "digits", "model": "mlp"},
    "pendulum": {"copies": 4, "rollout_steps": 16, "rollouts_per_epoch": 1, "passes": 2},
}
RATES = ("adaloss", "adagrad_norm", "decay_sqrt", "decay_sqrt_sum")
# RMSprop stands for all that have no rate of their own.
OPTIMIZERS = [
    *((name, "constant") for name in (*LOSS_OPTIMIZERS, *PAPER_ADAMS, *TORCH_OPTIMIZERS)),
    *(("rmsprop", rate) for rate in RATES),
]


def small_trial(task, **fields):
    named = {} if task == "image_classification" else {"task": task}
    usual = {"optimizer": "adaloss", "seed": 0, "lr": 1e-3, "epochs": 2, "batch_size": 8}
    return trial_from({**named, **NEEDED.get(task, {}), **usual, **fields}).made_small()


def run_of(trial):
    code = task_of(trial).load()
    return code.start(trial, code.read(trial, NOWHERE, "cpu"), NOWHERE, "cpu", capture=False)


def untimed(trial, metrics):
    timed = {metric.name for metric in task_of(trial).metrics if metric.timed}
    return {name: value for name, value in metrics.items() if name not in timed}


@pytest.mark.parametrize(("optimizer", "rate"), OPTIMIZERS)
@pytest.mark.parametrize("task", TRAINED)
def test_every_optimizer_and_rate_trains_and_resumes(task, optimizer, rate):
    # LBFGS leaves the finite numbers with longer steps on batches that change.
    lr = 1e-6 if optimizer == "lbfgs" else 1e-3
    trial = small_trial(task, optimizer=optimizer, rate=rate, lr=lr, max_loss=1e30)
    whole = run_of(trial)
    first = untimed(trial, whole.run_epoch())
    resumed = run_of(trial)
    resumed.load_state_dict(whole.state_dict())
    assert (resumed.epoch, resumed.step) == (whole.epoch, whole.step)
    second = untimed(trial, whole.run_epoch())
    assert untimed(trial, resumed.run_epoch()) == second != first


@pytest.mark.parametrize("task", TRAINED)
def test_an_optimizer_that_draws_has_the_trials_own_random_numbers(task):
    trial = small_trial(task, optimizer="pytorch_optimizer:AdaHessian", max_loss=1e30)
    epochs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        run = run_of(trial)
        before = torch.get_rng_state()
        epochs.append([untimed(trial, run.run_epoch()) for _ in range(2)])
        assert torch.equal(torch.get_rng_state(), before)
    assert epochs[0] == epochs[1]
    first, resumed = run_of(trial), run_of(trial)
    first.run_epoch()
    resumed.load_state_dict(first.state_dict())
    assert untimed(trial, resumed.run_epoch()) == epochs[0][1]


@pytest.mark.parametrize("task", TRAINED)
def test_an_epoch_records_the_metrics_that_the_task_announces(task):
    trial = small_trial(task)
    metrics = run_of(trial).run_epoch()
    assert {*metrics, SECONDS.name} == {*TRAINED[task].metric_names}
    optional = {metric.name for metric in TRAINED[task].metrics if metric.optional}
    assert {name for name, value in metrics.items() if value is None} <= optional


@pytest.mark.parametrize("task", TRAINED)
def test_a_loss_beyond_the_bound_is_a_divergence(task):
    with pytest.raises(DivergedError, match="beyond max_loss"):
        run_of(small_trial(task, max_loss=1e-9)).run_epoch()


@pytest.mark.parametrize("task", TRAINED)
def test_an_error_after_a_loss_beyond_the_bound_is_a_divergence(task):
    def fails(loss):
        raise AssertionError("the gradient is not finite")

    for max_loss, expected in ((1e-9, DivergedError), (1e30, AssertionError)):
        run = run_of(small_trial(task, max_loss=max_loss))
        run.steps.optimizer.update = fails
        with pytest.raises(expected, match=r"beyond max_loss 1e-09 at step 1 |is not finite"):
            run.run_epoch()


@pytest.mark.parametrize("task", TRAINED)
def test_a_trial_is_rehearsed(task):
    assert rehearse(small_trial(task), NOWHERE) is None


@pytest.mark.parametrize("task", TRAINED)
def test_the_seed_decides_everything(task):
    one, again, other = (run_of(small_trial(task, seed=seed)) for seed in (0, 0, 1))
    metrics = [untimed(small_trial(task), run.run_epoch()) for run in (one, again, other)]
    assert metrics[0] == metrics[1] != metrics[2]


@pytest.mark.parametrize("task", TRAINED)
def test_what_is_not_finite_after_the_last_step_is_a_divergence(task):
    run = run_of(small_trial(task))
    values = run.run_epoch()
    check_finite(TRAINED[task], run, values)
    for name in (TRAINED[task].objective, TRAINED[task].reported):
        with pytest.raises(DivergedError, match=f"{TRAINED[task].metric(name).words} is inf"):
            check_finite(TRAINED[task], run, values | {name: math.inf})


@pytest.mark.parametrize(
    ("task", "fields"),
    [("two_layer_net", {"accumulates": "norm"}), ("pendulum", {"rate_sees": "actor"})],
)
def test_an_optimizer_that_takes_the_loss_is_refused_before_the_sweep(task, fields):
    trial = small_trial(task, optimizer="momo:Momo", rate="adaloss", **fields)
    assert trial.to_be_tried
    assert "takes the loss itself" in rehearse(trial, NOWHERE).message


def test_fields_that_change_neither_time_nor_code_exist():
    for task in TRAINED.values():
        assert set(task.field_names) >= task.fields.SAME_TIME
        assert set(task.field_names) >= task.fields.SAME_CODE
