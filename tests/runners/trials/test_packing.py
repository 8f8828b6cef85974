"""How trials share GPUs: arithmetic, order, and what happens when memory runs out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaloss.records.result import DeviceMemory, FailureKind, TrialState
from runners.trials.packing import (
    CONTEXT_BYTES,
    MARGIN,
    fraction_for_tensors,
    gpu_share,
)
from runners.trials.queue import Capacity, End, TrialQueue

GIB = 2**30
SMALL = DeviceMemory(peak=10 * GIB, total=80 * GIB)
OUT_OF_MEMORY = End(state=TrialState.FAILED, failure=FailureKind.OUT_OF_MEMORY)


def complete(memory=None):
    return End(state=TrialState.COMPLETE, memory=memory)


@pytest.fixture
def queue_of(make_trial, clock):
    def make(count=4, measured=(), retries=2, max_failed=None, **capacity):
        trials = [make_trial(seed=seed) for seed in range(count)]
        usual = {"cpus": 16, "gpus": 2, "cpus_per_trial": 2, "gpus_per_trial": None}
        known = dict(zip([trials[0].memory_kind], measured, strict=False))
        return TrialQueue(
            trials,
            Capacity(**(usual | capacity)),
            known,
            retries=retries,
            max_failed=max_failed,
            now=clock,
        )

    return make


def all_that_start(queue):
    started = []
    while (start := queue.start_next()) is not None:
        started.append(start)
    return started


@given(
    peak=st.integers(1, 200 * GIB),
    total=st.integers(4 * GIB, 192 * GIB),
    most=st.integers(1, 64),
)
def test_what_shares_a_gpu_fits_into_it(peak, total, most):
    share = gpu_share(DeviceMemory(peak=peak, total=total), most)
    together = int(1 / share + 1e-6)
    assert 1 <= together <= most
    assert together * share <= 1
    assert together == 1 or together * (peak * MARGIN + CONTEXT_BYTES) <= total
    # One more would not fit, or have no processors.
    assert together == most or (together + 1) * (peak * MARGIN + CONTEXT_BYTES) > total


def test_an_example():
    # 10 GiB and a tenth, and CUDA's own: six of them in 80 GiB.
    assert gpu_share(SMALL, most=99) == 0.1666
    assert gpu_share(SMALL, most=4) == 0.25


def test_memory_depends_on_model_batch_precision_and_not_on_b0(make_trial):
    trial = make_trial()
    assert trial.memory_kind == make_trial(b0=10.0, seed=3, optimizer="sgd_constant").memory_kind
    others = {"model": "small_cnn"}, {"batch_size": 64}, {"precision": "bf16"}
    # Steps with a schedule are not replayed, which takes less memory.
    for other in (*others, {"schedule": "cosine"}, {"warmup": 0.1}):
        assert trial.memory_kind != make_trial(**other).memory_kind


def test_the_first_of_a_kind_is_measured_alone_and_the_others_wait(queue_of):
    queue = queue_of(count=10, gpus=1)
    (first,) = all_that_start(queue)
    assert first.gpus == 1.0
    queue.ended(first.trial, complete(SMALL))
    others = all_that_start(queue)
    assert len(others) == 9
    assert {start.gpus for start in others} == {0.1666}


def test_another_kind_does_not_wait(queue_of, make_trial):
    queue = queue_of(count=2, gpus=1)
    queue.waiting.append(make_trial(batch_size=64))
    assert [start.trial.batch_size for start in all_that_start(queue)] == [128, 64]


def test_what_was_measured_before_is_not_measured_again(queue_of):
    assert [start.gpus for start in all_that_start(queue_of(measured=[SMALL]))] == [0.125 * 2] * 4


def test_a_first_trial_that_diverges_measures_nothing(queue_of):
    queue = queue_of(gpus=1)
    (first,) = all_that_start(queue)
    queue.ended(first.trial, End(state=TrialState.DIVERGED, memory=SMALL))
    (second,) = all_that_start(queue)
    assert second.gpus == 1.0


def test_a_trial_out_of_memory_runs_again_alone_and_only_once(queue_of, clock):
    queue = queue_of(count=1, measured=[SMALL])
    start = queue.start_next()
    assert start.gpus < 1
    again = queue.ended(start.trial, OUT_OF_MEMORY)
    assert again.alone
    assert not queue.exhausted
    clock.seconds += again.delay
    alone = queue.start_next()
    assert (alone.trial, alone.gpus, alone.alone) == (start.trial, 1.0, True)
    assert queue.ended(alone.trial, OUT_OF_MEMORY) is None
    assert queue.exhausted
    assert queue.failed == 1


def test_a_trial_that_runs_alone_takes_less_memory_and_measures_nothing(queue_of, clock):
    queue = queue_of(count=2, gpus=1)
    (first,) = all_that_start(queue)
    clock.seconds += queue.ended(first.trial, OUT_OF_MEMORY).delay
    again, other = all_that_start(queue)
    assert (again.alone, other.alone) == (True, False)
    queue.ended(again.trial, complete(SMALL))
    assert not queue.measured
    queue.ended(other.trial, complete(SMALL))
    assert queue.measured


def test_a_trial_alone_that_takes_more_than_was_measured_makes_room_for_the_others(queue_of, clock):
    queue = queue_of(count=3, gpus=1, measured=[SMALL])
    first = queue.start_next()
    clock.seconds += queue.ended(first.trial, OUT_OF_MEMORY).delay
    queue.ended(queue.start_next().trial, complete(DeviceMemory(peak=60 * GIB, total=80 * GIB)))
    assert queue.start_next().gpus == 1.0


def test_a_trial_out_of_memory_runs_again_without_the_memory_of_a_graph(queue_of, clock, store):
    pytest.importorskip("ray")
    from runners.on_ray.trials import QueuedTrials

    queue = queue_of(count=1, measured=[SMALL])
    tunes = QueuedTrials(queue, {"execution": {"capture": "auto", "threads": 2}}, store)
    assert tunes.suggest("first")["execution"] == {"capture": "auto", "threads": 2}
    (start,) = queue.running.values()
    clock.seconds += queue.ended(start.trial, OUT_OF_MEMORY).delay
    assert tunes.suggest("again")["execution"] == {"capture": False, "threads": 2}


def test_without_a_gpu_alone_means_all_processors(queue_of, clock):
    queue = queue_of(count=1, gpus=0)
    start = queue.start_next()
    assert (start.cpus, start.gpus) == (2, 0)
    clock.seconds += queue.ended(start.trial, OUT_OF_MEMORY).delay
    assert queue.start_next().cpus == 16


def test_alone_on_a_cluster_means_all_processors_of_one_node(queue_of, clock):
    queue = queue_of(count=1, gpus=0, cpus=16, cpus_of_a_node=8)
    start = queue.start_next()
    clock.seconds += queue.ended(start.trial, OUT_OF_MEMORY).delay
    assert queue.start_next().cpus == 8


def test_a_trial_of_two_gpus_keeps_them_when_it_is_alone(queue_of, clock):
    queue = queue_of(count=1, gpus_per_trial=2)
    start = queue.start_next()
    clock.seconds += queue.ended(start.trial, OUT_OF_MEMORY).delay
    assert queue.start_next().gpus == 2


@given(
    peak=st.integers(GIB // 8, 80 * GIB),
    total=st.integers(2 * GIB, 80 * GIB),
    most=st.integers(1, 64),
)
def test_tensors_and_cudas_own_memory_of_all_that_share_a_gpu_fit_into_it(peak, total, most):
    share = gpu_share(DeviceMemory(peak=peak, total=total), most)
    fraction = fraction_for_tensors(share, total)
    if share < 1:
        assert fraction * total >= peak
        assert int(1 / share) * (fraction * total + CONTEXT_BYTES) <= total * 1.001
    else:
        assert fraction == 1


def test_a_trial_of_a_tiny_share_may_have_tensors_all_the_same():
    assert fraction_for_tensors(0.005, 80 * 2**30) == 0.005


@pytest.mark.parametrize(("most", "share"), [(1, 1.0), (2, 1.0), (3, 0.5), (9, 0.25)])
def test_the_few_trials_that_may_run_at_a_time_have_more_of_each_gpu(queue_of, most, share):
    queue = queue_of(count=9, measured=[SMALL], most_at_a_time=most)
    assert {start.gpus for start in all_that_start(queue)} == {share}
    assert queue.capacity.places == min(most, 8)


def test_a_share_that_the_grid_gives_is_what_each_trial_gets(queue_of):
    assert [start.gpus for start in all_that_start(queue_of(gpus_per_trial=0.5))] == [0.5] * 4


def test_too_many_failures_end_the_sweep(queue_of):
    queue = queue_of(gpus=0, max_failed=0)
    first = queue.start_next()
    queue.ended(first.trial, End(state=TrialState.FAILED, failure=FailureKind.CODE))
    assert queue.start_next() is None
    assert queue.exhausted


@given(st.integers(1, 100), st.integers(1, 200), st.integers(1, 200))
def test_of_unequal_gpus_the_smallest_decides(peak, total, smallest):
    memory = DeviceMemory(peak=peak * GIB // 10, total=total * GIB)
    share = gpu_share(memory, 16, smallest * GIB)
    assert share == gpu_share(memory.model_copy(update={"total": min(total, smallest) * GIB}), 16)
    assert share >= gpu_share(memory, 16)


def test_a_sweep_on_a_cluster_counts_the_smallest_gpu(queue_of):
    queue = queue_of(count=1, measured=[SMALL], smallest_gpu=24 * GIB)
    # An H100 has room for six such trials, an L4 for two.
    assert queue.start_next().gpus == 0.5
