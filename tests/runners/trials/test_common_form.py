"""Failures of the same kind have one form in all trials; other failures have another."""

import time

import pytest

from adaloss.tasks.table import trial_from
from runners.trials.common_form import common_form


def program(seed=0, **parameters):
    fields = {"task": "program", "program": "train.py", "seed": seed, "metric": "loss"}
    return trial_from(fields | {"parameters": parameters})


ADAM = program(0, opt="adam", sizes=[1, 2], amp=True, norm="a", lr=1e-3, limit=None, more={"a": 1})
SGD = program(1, opt="sgd", sizes=[64], amp=False, norm="b", lr=0.1, limit=3, more={"b": [2, 3]})


@pytest.mark.parametrize(
    ("of_adam", "of_sgd"),
    [
        ("code: ValueError: no optimizer adam", "code: ValueError: no optimizer sgd"),
        ("code: ValueError: --opt=adam: bad", "code: ValueError: --opt=sgd: bad"),
        ("code: KeyError: 'adam'", "code: KeyError: 'sgd'"),
        ("code: ValueError: lr 1e-3 is small", "code: ValueError: lr 0.1 is small"),
        ("code: ValueError: lr -1e-3 is small", "code: ValueError: lr 0.1 is small"),
        ("code: ValueError: sizes [1, 2]", "code: ValueError: sizes [64]"),
        ("code: ValueError: sizes (1, 2)", "code: ValueError: sizes [64]"),
        ("code: ValueError: {'a': 1}", "code: ValueError: {'b': [2, 3]}"),
        (f"code: Error: {'/a/b is lost ' * 500}", f"code: Error: {'/long/path is lost ' * 500}"),
        ("code: ValueError: amp=True, no", "code: ValueError: amp=False, no"),
        ("code: ValueError: {'limit': None}", "code: ValueError: {'limit': 3}"),
        ("code: ValueError: norm a", "code: ValueError: norm b"),
        ("code: ValueError: loss is nan", "code: ValueError: loss is -inf"),
        (
            "data: FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'",
            "data: FileNotFoundError: [Errno 2] No such file or directory: '/b/c d.csv'",
        ),
        ("code: OSError: /tmp/adam/one.pt is no file", "code: OSError: ./two is no file"),
        ("code: OSError: runs/x/model.pt is lost", "code: OSError: runs/y.pt is lost"),
        ("code: Error: https://a.org/x?n=1 is lost", "code: Error: https://b.org is lost"),
        ("code: Error: object at 0x7f8f88", "code: Error: object at 0x55"),
        ("code: Error: run 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "code: Error: run x3k9qz1a"),
        ("code: Error: run abc123", "code: Error: run 0d9e8f"),
        (
            "out of memory: OutOfMemoryError: tried to allocate 2.00 GiB, 1,024 MiB are free",
            "out of memory: OutOfMemoryError: tried to allocate 512.00 MiB, 16 B are free",
        ),
        ("code: Error: fc1.weight:\n  shape (8, 9)", "code: Error: fc20.weight: shape (8, 11)"),
        (
            f"code: Error: {ADAM.readable_name} ({ADAM.trial_id})",
            f"code: Error: {SGD.readable_name} ({SGD.trial_id})",
        ),
        ("code: exit code 2: train.py: no adam", "code: exit code 2: train.py: no sgd"),
    ],
)
def test_what_differs_between_trials_is_left_out(of_adam, of_sgd):
    assert common_form(ADAM, of_adam) == common_form(SGD, of_sgd)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("code: ValueError: no", "code: TypeError: no"),
        ("code: ValueError: no", "data: ValueError: no"),
        ("code: ValueError: weights are missing", "code: ValueError: weights are frozen"),
        ("code: ValueError: expected True", "code: ValueError: expected None"),
        ("code: KeyError: 'optimizer.lr'", "code: KeyError: 'model.width'"),
        ("no metric: test/loss was not logged", "no metric: val/loss was not logged"),
        ("code: exit code 1: broken", "code: exit code 2: broken"),
        ("code: sys.exit(1)", "code: sys.exit(2)"),
        ("code: killed by SIGSEGV: broken", "code: killed by SIGABRT: broken"),
        ("code: ValueError: adam and sgd", "code: ValueError: sgd or adam"),
        ("worker lost: its worker died", "timeout: its worker died"),
        ("no recorded reason", "code: no recorded reason"),
    ],
)
def test_other_failures_stay_different(one, other):
    assert common_form(ADAM, one) != common_form(ADAM, other)


def test_a_value_is_left_out_only_where_it_is_a_word_of_its_own():
    assert common_form(ADAM, "code: E: adamant torch.adam adam.lr a True None") == (
        "code: E: adamant torch.adam adam.lr a True None"
    )


@pytest.mark.parametrize("piece", ["a", "a1", "1", "/", "a/", "'/", "a.b-", "1,", "[Errno 2] a"])
def test_a_long_message_takes_no_time(piece):
    before = time.process_time()
    common_form(ADAM, f"code: Error: {piece * 50_000}")
    assert time.process_time() - before < 2
