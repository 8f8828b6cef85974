"""What most tests start from: the digits, and a trial on them that takes a moment.

torch is imported where it is used: the process that only hands out the tests reads this as well.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from adaloss.execution import Execution
    from adaloss.records.store import Store
    from adaloss.tasks.images.data.splits import Splits
    from adaloss.tasks.images.fields import ImageTrial

# Not this folder, where the packages' tests have the packages' names.
sys.path[:0] = [str(Path(__file__).parent / name) for name in ("waiting", "elsewhere")]

# A shell has what it starts in the background ignore Ctrl-C, and so would the commands under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests run beside each other, so each has one processor for its sweeps, which then have one worker:
# two sweeps at once take 0.7 of the time.
ALL_PROCESSORS = sorted(os.sched_getaffinity(0))
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.sched_setaffinity(0, {ALL_PROCESSORS[int(worker[2:]) % len(ALL_PROCESSORS)]})


def pytest_configure(config: pytest.Config) -> None:
    """One thread, as in trials: threads that wait for each other take many times as long."""
    only_hands_out = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if not only_hands_out:
        import torch

        torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """What the modules imported stays, and Python looks through it no more: 8 % of the time."""
    gc.collect()
    gc.freeze()


# Ray's workers give way to all other processes (nice 15): beside other tests they would wait for
# minutes, and be beyond a time limit.
os.environ.setdefault("RAY_worker_niceness", "0")

# Nobody cuts the power of a test, and three waits for the disk a trial are a tenth of the time.
os.fsync = lambda descriptor: None

# A busy machine may be slow; what must not take for ever has limits of its own.
settings.register_profile(
    "untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


def small_trial(**fields: Any) -> ImageTrial:
    from adaloss.tasks.images.fields import ImageTrial

    small = {
        "dataset": "digits",
        "model": "mlp",
        "optimizer": "adaloss",
        "seed": 0,
        "lr": 1.0,
        "epochs": 2,
        "batch_size": 128,
    }
    return ImageTrial(**(small | fields))


@pytest.fixture
def all_processors() -> Iterator[None]:
    """The test is about several processes, or several workers."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ALL_PROCESSORS)
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., ImageTrial]:
    return small_trial


@pytest.fixture(scope="session")
def digits() -> Splits:
    from adaloss.tasks.images.data.splits import load_splits, spec_of

    return load_splits(spec_of(small_trial()), Path("unused"), "cpu")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    from adaloss.records.store import Store

    return Store(tmp_path / "results" / "sweep")


@pytest.fixture
def start(store: Store, tmp_path: Path) -> Callable[..., Execution]:
    """An execution of a trial in this process."""
    from adaloss.execution import Execution, ExecutionSettings
    from adaloss.records.places import Places
    from adaloss.records.result import Provenance
    from adaloss.tasks.images.code import ImageCode

    code = ImageCode()

    def start_execution(trial: ImageTrial, **settings: Any) -> Execution:
        usual = {
            "places": Places(data_root=tmp_path / "data"),
            "device": "cpu",
            "threads": 1,
            "timeout": None,
            "checkpoint_interval": 60.0,
            "keep_checkpoints": False,
        }
        provenance = Provenance(
            code_version="test", python="", packages={}, platform="", device="cpu", threads=1
        )
        return Execution(trial, store, ExecutionSettings(**(usual | settings)), code, provenance)

    return start_execution
