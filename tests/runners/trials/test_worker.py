"""What a worker reports of the trials that it is given, in this process."""

import errno
import itertools
import os
import time

import pytest

from adaloss.errors import GpuLostError
from adaloss.records.places import Places
from adaloss.records.result import Failure, FailureKind, TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.tasks.metrics import numbers
from adaloss.tasks.program.fields import ProgramTrial
from runners.trials.worker import Worker


@pytest.fixture
def configuration(store, make_trial, tmp_path):
    return {
        "trial": make_trial().model_dump_json(),
        "store": str(store.root),
        "share": {"cpu": 1, "gpu": 0.0},
        "execution": {
            "places": Places(data_root=tmp_path / "data"),
            "device": "cpu",
            "threads": 1,
            "timeout": 600.0,
            "checkpoint_interval": 60.0,
            "keep_checkpoints": False,
        },
    }


def last_report(worker, configuration):
    while not (report := worker.step(configuration)).get("done"):
        pass
    return report


def test_a_trial_runs_to_its_result_and_leaves_nothing_of_its_time_limit(
    store, configuration, make_trial
):
    worker = Worker()
    end = TrialResult.model_validate_json(last_report(worker, configuration)["end"])
    assert end.state is TrialState.COMPLETE
    assert worker.watchdog is None
    assert not list(store.trial_folder(make_trial()).glob(".*"))


def test_a_trial_that_is_taken_away_leaves_no_time_limit(store, configuration, make_trial):
    worker = Worker()
    worker.arm(worker.prepare(configuration))
    assert store.stack_path(make_trial()).exists()
    worker.forget_trial()
    assert not store.stack_path(make_trial()).exists()


def test_a_script_whose_trial_is_taken_away_ends(store, configuration, tmp_path):
    (tmp_path / "train.py").write_text(
        "import os, time\n"
        "with open(os.environ['ADALOSS_REPORT'], 'w') as file:\n"
        "    print('{\"loss\": %d}' % os.getpid(), file=file, flush=True)\n"
        "    time.sleep(1000)\n"
    )
    trial = ProgramTrial(
        task="program", program="train.py", metric="loss", seed=0, seed_parameter=None
    )
    places = Places(data_root=tmp_path, own=(tmp_path,))
    worker = Worker()
    worker.execution = worker.prepare(
        configuration
        | {
            "trial": trial.model_dump_json(),
            "execution": configuration["execution"] | {"places": places},
        }
    )
    script = int(worker.execution.advance()["loss"])
    os.kill(script, 0)
    worker.forget_trial()
    with pytest.raises(ProcessLookupError):
        os.kill(script, 0)


def test_a_process_without_its_gpu_takes_no_further_trial(
    store, configuration, make_trial, monkeypatch
):
    """Each would fail at once, and with it the sweep."""
    monkeypatch.setattr("adaloss.execution.gpu_is_lost", lambda: True)
    trial, worker = make_trial(dataset="cifar100"), Worker()
    with pytest.raises(GpuLostError, match=r"ended its worker: .*cifar100"):
        last_report(worker, configuration | {"trial": trial.model_dump_json()})
    worker.forget_trial()
    assert store.read_result(trial) is None


def test_a_process_whose_gpu_is_lost_between_trials_takes_none(
    store, configuration, make_trial, monkeypatch
):
    monkeypatch.setattr("adaloss.tasks.failures.gpu_is_lost", lambda: True)
    worker = Worker()

    def refused(configuration):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(worker, "prepare", refused)
    with pytest.raises(GpuLostError, match="an illegal memory access"):
        worker.step(configuration)
    assert store.read_result(make_trial()) is None


def test_what_has_ended_is_reported_and_not_run(store, configuration, make_trial):
    last_report(Worker(), configuration)
    log = store.log_path(make_trial()).read_text()
    again = last_report(Worker(), configuration)
    assert TrialResult.model_validate_json(again["end"]).state is TrialState.COMPLETE
    assert store.log_path(make_trial()).read_text() == log


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        # A storage may come back.
        (OSError(errno.ENOSPC, "No space left on device"), FailureKind.WORKER_LOST),
        (ZeroDivisionError("a mistake"), FailureKind.CODE),
        # Alone there may be enough.
        (MemoryError("no room"), FailureKind.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), FailureKind.OUT_OF_MEMORY),
    ],
)
def test_an_error_that_is_not_the_trials_is_reported_as_it_is(configuration, error, kind):
    class Broken(Worker):
        def prepare(self, configuration):
            raise error

    failure = Failure.model_validate_json(last_report(Broken(), configuration)["broken"])
    assert failure.kind is kind
    assert failure.message == f"its worker cannot continue: {type(error).__name__}: {error}"
    assert "in prepare" in failure.traceback


@pytest.mark.parametrize("write", ["keep_metrics", "append_metrics", "write_result"])
def test_a_storage_that_fails_is_no_failure_of_the_trial(
    store, configuration, make_trial, monkeypatch, write
):
    written, failed = getattr(Store, write), []

    def full_at_first(*arguments):
        # Once: what took it for the trial's failure would find room to put that on record.
        if not failed:
            failed.append(arguments)
            raise OSError(errno.ENOSPC, "No space left on device", "metrics.jsonl")
        return written(*arguments)

    monkeypatch.setattr(Store, write, full_at_first)
    report = last_report(Worker(), configuration)
    failure = Failure.model_validate_json(report["broken"])
    assert failure.kind is FailureKind.WORKER_LOST
    assert "No space left on device" in failure.message
    assert store.read_result(make_trial()) is None
    again = last_report(Worker(), configuration)
    assert TrialResult.model_validate_json(again["end"]).state is TrialState.COMPLETE


def test_a_checkpoint_that_cannot_be_written_is_no_failure_of_the_trial(
    store, configuration, make_trial, monkeypatch
):
    def full(*arguments):
        raise RuntimeError("[enforce fail at inline_container.cc] . PytorchStreamWriter failed")

    monkeypatch.setattr("torch.save", full)
    configuration["execution"]["checkpoint_interval"] = 0.0
    report = last_report(Worker(), configuration)
    assert Failure.model_validate_json(report["broken"]).kind is FailureKind.WORKER_LOST
    assert store.read_result(make_trial()) is None


def test_a_clock_that_jumps_changes_neither_numbers_nor_the_times_told(
    store, configuration, make_trial, tmp_path, monkeypatch
):
    hours = itertools.cycle([7200.0, -7200.0, 0.0])
    day = time.time
    monkeypatch.setattr(time, "time", lambda: day() + next(hours))
    worker, spans, done = Worker(), [], False
    while not done:
        report = worker.step(configuration)
        spans += report["spans"]
        done = report.get("done", False)
    assert all(0 <= seconds < 600 for _, _, seconds in spans)
    monkeypatch.undo()
    elsewhere = Store(tmp_path / "elsewhere")
    last_report(Worker(), configuration | {"store": str(elsewhere.root)})
    here, there = (
        [numbers(epoch) for epoch in kept.read_metrics(make_trial())] for kept in (store, elsewhere)
    )
    assert here == there
    assert all(epoch.seconds < 600 for epoch in store.read_metrics(make_trial()))


@pytest.mark.parametrize(("places", "reports"), [(1, 4), (200, 2)])
def test_a_worker_of_many_reports_less_often(
    configuration, make_trial, monkeypatch, places, reports
):
    ticks = itertools.count()
    monkeypatch.setattr("runners.trials.worker.steady_clock", lambda: lambda: next(ticks) * 0.6)
    trial = make_trial(epochs=6)
    configuration |= {"trial": trial.model_dump_json(), "places": places}
    worker, made = Worker(), []
    while not made or not made[-1].get("done"):
        made.append(worker.step(configuration))
    assert len(made) == reports
