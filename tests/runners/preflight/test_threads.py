"""A warning before trials on processors get other threads than those on record had."""

from dataclasses import replace

import pytest
from small_records import finish

from adaloss.records.result import DeviceMemory, Failure, FailureKind, TrialState
from adaloss.records.store import RESULT_FILE, Store
from runners.preflight.checks import sweep_findings
from runners.preflight.inputs import mixed_results
from runners.preflight.inputs.mixed_results import other_threads
from runners.preflight.machine import gpus

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


@pytest.fixture(autouse=True)
def processors_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(gpus, "visible_gpus", lambda: 0)
    monkeypatch.setattr(gpus, "AMD_DEVICE", tmp_path / "none")
    monkeypatch.setattr("runners.trials.machine.cpus_of_this_machine", lambda: 4)
    monkeypatch.setattr("runners.trials.machine.processors_granted", lambda: None)
    monkeypatch.setattr(mixed_results, "cpus_of_this_machine", lambda: 4)


@pytest.fixture
def going_on(planned):
    """The small grid with these resources, of whose trials the first has run with one thread."""

    def plan(resources, more=""):
        whole = planned(extra=f"resources: {{{resources}}}\n{more}")
        done, *missing = whole.sweep.trials
        finish(whole.store, done, TrialState.COMPLETE)
        return replace(whole, trials=tuple(missing))

    return plan


def change(planned, position=0, **values):
    """Change the result of the trial at this position."""
    trial = planned.sweep.trials[position]
    result = planned.store.read_result(trial)
    planned.store.write_result(trial, result.model_copy(update=values))
    return result


def recorded_threads(planned, threads):
    provenance = planned.store.read_result(planned.sweep.trials[0]).provenance
    change(planned, provenance=provenance.model_copy(update={"threads": threads}))


def sentences(planned):
    return [finding.sentence for finding in other_threads(planned)]


def test_other_threads_than_before_are_told(going_on):
    planned = going_on("cpu: 2")
    (finding,) = other_threads(planned)
    assert finding.sentence == (
        "threads: each of the trials to run would have 2 threads, and results on record had 1; the "
        "last digits of numbers may depend on that: write resources: {cpu: 1} to go on as before"
    )
    assert finding in tuple(sweep_findings(planned))
    recorded_threads(planned, 2)
    assert sentences(planned) == []


def test_auto_counts_with_the_trials_that_may_run_at_a_time(going_on):
    (sentence,) = sentences(going_on("cpu: auto", "execution: {max_concurrent: 1}\n"))
    assert "would have 4 threads, and results on record had 1" in sentence


def test_more_threads_than_there_are_processors_cannot_be_had_again(going_on):
    planned = going_on("cpu: 1")
    recorded_threads(planned, 64)
    (sentence,) = sentences(planned)
    assert "would have 1 thread, and results on record had 64" in sentence
    assert "go on on a machine with as many processors" in sentence


def test_a_trial_that_left_no_numbers_is_passed_over(going_on):
    planned = going_on("cpu: 2")
    finish(planned.store, planned.sweep.trials[1], TrialState.COMPLETE)
    left = replace(planned, trials=planned.trials[1:])
    # As of a worker that was lost.
    lost = Failure(kind=FailureKind.WORKER_LOST, message="it was killed")
    change(left, state=TrialState.FAILED, failure=lost, provenance=None, last=None, best_val=None)
    assert len(sentences(left)) == 1
    others = left.store.read_result(left.sweep.trials[1]).provenance.model_copy(
        update={"threads": 64}
    )
    change(left, provenance=others)
    assert "had 1;" in sentences(left)[0]
    # A GPU's numbers do not depend on the processor's threads.
    change(left, position=1, memory=DeviceMemory(peak=10**9, total=10**11))
    assert sentences(left) == []


@pytest.mark.parametrize("where", ["a GPU", "a cluster"])
def test_trials_that_may_run_on_gpus_are_not_compared(going_on, monkeypatch, where):
    if where == "a GPU":
        monkeypatch.setattr(gpus, "visible_gpus", lambda: 1)
    else:
        monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert sentences(going_on("cpu: 2")) == []


def test_on_a_cluster_without_gpus_a_trial_has_its_threads(going_on, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    planned = going_on("cpu: 64, gpu: 0")
    recorded_threads(planned, 128)
    (sentence,) = sentences(planned)
    assert "write resources: {cpu: 128} to go on as before" in sentence


def test_a_result_that_is_to_be_set_aside_is_not_compared(going_on):
    planned = going_on("cpu: 2")
    assert len(sentences(planned)) == 1
    # As of a retry: some of its trials may wait for the next run.
    assert sentences(replace(planned, missing=planned.sweep.trials)) == []


def test_without_records_or_trials_nothing_is_said(going_on):
    planned = going_on("cpu: 2")
    assert sentences(replace(planned, trials=())) == []
    result_file = planned.store.trial_folder(planned.sweep.trials[0]) / RESULT_FILE
    result_file.write_text("{")
    assert sentences(planned) == []
    result_file.unlink()
    assert sentences(planned) == []


def test_trials_that_were_never_started_are_not_looked_up(planned, monkeypatch):
    whole = planned(extra="resources: {cpu: 2}\n")
    first, *_, last = whole.sweep.trials
    finish(whole.store, last, TrialState.COMPLETE)
    read = []
    reading = Store.read_result
    monkeypatch.setattr(
        Store, "read_result", lambda store, trial: read.append(trial) or reading(store, trial)
    )
    # As with --limit: one trial is to run, and most others have not begun.
    assert len(sentences(replace(whole, trials=(first,)))) == 1
    assert read == [last]
