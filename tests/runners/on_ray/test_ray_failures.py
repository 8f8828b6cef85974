"""What the driver makes of Ray's words about a worker that is gone."""

from types import SimpleNamespace

import pytest

from adaloss.records.result import FailureKind

LACK_OF_MEMORY = """\
Failure # 1 (occurred at 2026-03-01_12-00-00)
1 worker(s) were killed due to the node running low on memory. Memory on the node was 23 GB
OOM kill reason: Memory usage exceeded threshold
Object store memory usage: [- objects spillable: 0
Refer to the documentation on how to address the out of memory issue
"""
DEATH = """\
Failure # 1 (occurred at 2026-03-01_12-00-00)
The actor died unexpectedly before finishing this task.
"""
LOSS_OF_A_GPU = """\
Failure # 1 (occurred at 2026-03-01_12-00-00)
ray::TrialWorker.train() (pid=7, ip=127.0.0.1)
  File "worker.py", line 86, in step
adaloss.errors.GpuLostError: an error on the GPU has ended its worker: RuntimeError: CUDA error
CUDA kernel errors might be reported at some other call
"""


@pytest.fixture
def failure_of(tmp_path):
    """The failure by what Tune has written, None for nothing."""
    from runners.on_ray.trials import failure_of

    def of(printed):
        path = tmp_path / "error.txt"
        if printed is not None:
            path.write_text(printed)
        return failure_of(SimpleNamespace(error_file=str(path)))

    return of


def test_a_worker_that_ray_ended_for_lack_of_memory_was_out_of_memory(failure_of):
    failure = failure_of(LACK_OF_MEMORY)
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.traceback.splitlines() == LACK_OF_MEMORY.splitlines()[1:3]


def test_any_other_death_loses_the_worker_and_rays_words_are_kept(failure_of):
    failure = failure_of(DEATH)
    assert failure.kind is FailureKind.WORKER_LOST
    assert failure.traceback == "The actor died unexpectedly before finishing this task.\n"


def test_a_worker_that_ended_because_it_lost_its_gpu_says_so(failure_of):
    failure = failure_of(LOSS_OF_A_GPU)
    assert failure.kind is FailureKind.WORKER_LOST
    lost = "an error on the GPU has ended its worker: RuntimeError: CUDA error"
    assert failure.message == lost
    assert "line 86" in failure.traceback


def test_a_death_that_tune_has_not_written_of_loses_the_worker(failure_of):
    assert failure_of(None).kind is FailureKind.WORKER_LOST
