"""Of two processes that have the same trial, the one that started last writes its records."""

import pytest

from adaloss.execution import StorageError
from adaloss.records.claim import Claim, ClaimLostError
from adaloss.tasks.metrics import numbers


def finish(execution):
    while execution.advance() is not None:
        pass
    return execution.result


@pytest.fixture
def trial(make_trial):
    return make_trial(epochs=4)


def test_the_last_to_take_it_has_it(tmp_path):
    first, second = Claim(tmp_path), Claim(tmp_path)
    first.take()
    first.check()
    second.take()
    second.check()
    with pytest.raises(ClaimLostError, match="started again by another worker"):
        first.check()
    second.release()
    with pytest.raises(ClaimLostError):
        second.check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_worker_that_was_cut_off_writes_nothing_more(trial, start, store, has_ended):
    cut_off = start(trial, claims=True, checkpoint_interval=1e-9)
    cut_off.advance()
    successor = start(trial, claims=True)
    successor.advance()
    if has_ended:
        finish(successor)
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    with pytest.raises(StorageError, match="started again by another worker"):
        cut_off.advance()
    assert {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()} == before
    result = successor.result if has_ended else finish(successor)
    assert [epoch.epoch for epoch in store.read_metrics(trial)] == [1, 2, 3, 4]
    assert store.read_result(trial) == result


def test_a_worker_that_was_cut_off_before_its_first_epoch_removes_none(trial, start, store):
    cut_off = start(trial, claims=True)
    successor = start(trial, claims=True)
    for _ in range(2):
        successor.advance()
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    # It has read its data meanwhile.
    with pytest.raises(StorageError, match="started again by another worker"):
        cut_off.advance()
    assert {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()} == before
    finish(successor)
    assert [epoch.epoch for epoch in store.read_metrics(trial)] == [1, 2, 3, 4]


def test_one_that_was_cut_off_at_its_end_leaves_the_result_to_the_other(trial, start, store):
    cut_off = start(trial, claims=True)
    for _ in range(4):
        cut_off.advance()
    successor = start(trial, claims=True)
    with pytest.raises(StorageError):
        cut_off.advance()
    assert store.read_result(trial) is None
    finish(successor)
    store.trial_folder(trial).rename(store.root / "of the successor")
    alone = start(trial, claims=False)
    finish(alone)
    assert alone.claim is None
    assert numbers(successor.history[-1]) == numbers(alone.history[-1])


def test_nothing_of_it_is_left(trial, start, store):
    finish(start(trial, claims=True))
    assert not list(store.trial_folder(trial).glob(".*"))
