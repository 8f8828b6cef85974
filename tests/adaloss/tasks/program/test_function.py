"""A function of the user's as a trial: what it gets, what it reports, how it fails and resumes."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from adaloss.records.result import FailureKind, TrialState

CODE, NO_METRIC = FailureKind.CODE, FailureKind.NO_METRIC
COUNTING = """
    def train(trial):
        for epoch in range(trial["epochs"]):
            yield {"epoch": epoch, "loss": trial["lr"] * epoch + trial["seed"]}
"""


def test_a_generator_yields_the_metrics_of_an_epoch(programs):
    programs.write("mine.py", COUNTING)
    trial = programs.trial("mine:train", parameters={"lr": 0.5, "epochs": 3}, seed=7)
    result = programs.run(trial)
    assert result.state is TrialState.COMPLETE
    assert result.epochs == 3
    assert [each["loss"] for each in programs.history(trial)] == [7.0, 7.5, 8.0]
    assert result.last.values == {"logged_epoch": 2.0, "loss": 8.0}
    assert result.unread is None
    assert result.fingerprint.program.keys() == {"mine.py"}
    assert programs.log(trial) == ""


@pytest.mark.parametrize(
    ("body", "losses"),
    [
        ("trial.report(loss=1)\n    trial.report({'loss': 2}, acc=3)", [1.0, 2.0]),
        ("return {'loss': 4}", [4.0]),
        ("trial.report(loss=1); return {'loss': 5}", [1.0, 5.0]),
        ("return ({'loss': n} for n in (1, 2))", [1.0, 2.0]),
        ("import numpy, torch\n    return {'loss': numpy.float32(2)}", [2.0]),
        ("import torch\n    return {'loss': torch.tensor([3.0])}", [3.0]),
        ("return {'loss': True, 'a': {'b': 1}}", [1.0]),
        ("yield {'loss': 1}\n    trial.report(loss=2)\n    yield {'loss': 3}", [1.0, 2.0, 3.0]),
        ("yield {'loss': 1}\n    raise SystemExit", [1.0]),
    ],
)
def test_a_function_reports_in_any_of_these_ways(programs, body, losses):
    programs.write("mine.py", f"def train(trial):\n    {body}\n")
    trial = programs.trial("mine.py:train")
    assert programs.run(trial).state is TrialState.COMPLETE
    assert [each["loss"] for each in programs.history(trial)] == losses


@pytest.mark.parametrize(
    "body",
    [
        "yield {'loss': 1}\n    return 'the model'",
        "def own():\n        yield {'loss': 1}\n        return 'the model'\n    return own()",
    ],
)
def test_what_a_generator_returns_is_no_report_and_its_log_says_so(programs, body):
    programs.write("mine.py", f"def train(trial):\n    {body}\n")
    trial = programs.trial("mine.py:train")
    assert programs.run(trial).state is TrialState.COMPLETE
    assert [each["loss"] for each in programs.history(trial)] == [1.0]
    assert "not a report, because it is returned and not yielded: 'the model'" in programs.log(
        trial
    )


def test_a_function_gets_the_values_as_the_grid_has_them(programs):
    programs.write(
        "mine.py",
        """
        import json
        def train(trial):
            content = dict(trial)
            (trial.folder / "seen.json").write_text(json.dumps(content))
            assert len(trial) == 6 and "lr" in trial and "nothing" not in trial
            assert trial.get("nothing", 5) == 5
            try:
                trial["lr"] = 1
            except TypeError:
                return {"loss": 0}
        """,
    )
    values = {"lr": 1e-5, "on": True, "name": "adam", "sizes": [1, [2, 3]], "data.path": None}
    trial = programs.trial("mine:train", parameters=values, seed=3)
    assert programs.run(trial).state is TrialState.COMPLETE
    seen = json.loads((programs.store.trial_folder(trial) / "files" / "seen.json").read_text())
    assert seen == {**values, "seed": 3}


@pytest.mark.parametrize(("chosen", "mode"), [(None, "offline"), ("online", "online")])
def test_wandb_is_offline_in_a_function_unless_the_user_says_otherwise(
    programs, monkeypatch, chosen, mode
):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    if chosen:
        monkeypatch.setenv("WANDB_MODE", chosen)
    programs.write(
        "mine.py",
        """
        import os
        def train(trial):
            yield {"loss": float(os.environ["WANDB_MODE"] == "WANTED")}
        """.replace("WANTED", mode),
    )
    assert programs.run(programs.trial("mine:train")).last.values == {"loss": 1}
    assert os.environ.get("WANDB_MODE") == chosen


def test_a_parameter_that_nobody_reads_is_recorded(programs):
    programs.write("mine.py", COUNTING)
    values = {"lr": 0.5, "epochs": 1, "lrr": 3, "typo": 4}
    trial = programs.trial("mine:train", parameters=values)
    result = programs.run(trial)
    assert result.unread == ("lrr", "typo")
    assert programs.store.read_result(trial) == result


def test_of_a_trial_that_was_cut_short_nobody_knows_what_it_would_have_read(programs):
    programs.write(
        "mine.py",
        """
        def train(trial):
            yield {"loss": trial["lr"] * float("inf")}
            yield {"loss": trial["patience"]}
        """,
    )
    trial = programs.trial("mine:train", parameters={"lr": 10, "patience": 3})
    result = programs.run(trial)
    assert (result.state, result.unread) == (TrialState.DIVERGED, None)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("trial['rate']", CODE, "the grid has no parameter 'rate'; it has lr, seed"),
        ("raise ValueError('bad\\nvalue')", CODE, "value"),
        ("raise MemoryError", FailureKind.OUT_OF_MEMORY, "MemoryError"),
        ("raise SystemExit(3)", CODE, "sys.exit(3)"),
        ("return {'loss': 'low'}", CODE, "the metric loss must be a number, found 'low'"),
        ("return {'loss': [1, 2]}", CODE, "the metric loss must be a number, found [1, 2]"),
        ("return 3", CODE, "must be a mapping of metrics, such as {'loss': 0.1}, found 3"),
        ("yield {'loss': 1}\n    yield", CODE, "a report must be a mapping of metrics, such as"),
        ("return iter([{'loss': 1}, None])", CODE, "{'loss': 0.1}, found None"),
        ("return None", NO_METRIC, "mine:train ended well and logged no metric at all, not loss"),
        ("return {'los': 1, 'acc': 2}", NO_METRIC, "logged only los, acc, not loss"),
    ],
)  # fmt: skip
def test_a_failure_says_what_was_wrong(programs, body, kind, message):
    programs.write("mine.py", f"def train(trial):\n    {body}\n")
    trial = programs.trial("mine:train", parameters={"lr": 1})
    result = programs.run(trial)
    assert result.state is TrialState.FAILED
    assert result.failure.kind is kind
    assert message in result.failure.message
    if kind is CODE and "raise" in body:
        assert 'mine.py", line 2, in train' in result.failure.traceback


def test_an_attempt_that_is_set_aside_keeps_its_metric_and_the_next_has_the_grids(programs):
    programs.write("mine.py", "def train(trial):\n    return {'loss': 1, 'acc': 2}\n")
    first, second = (programs.trial("mine:train", metric) for metric in ("acc", "loss"))
    programs.run(first)
    assert programs.store.read_trial(second).metric == "acc"
    attempt = programs.store.set_aside(second)
    assert programs.store.read_trial(second).metric == "loss"
    assert json.loads((attempt / "trial.json").read_text())["metric"] == "acc"


def test_what_is_not_finite_is_a_divergence(programs):
    programs.write(
        "mine.py", "def train(trial):\n    yield {'loss': 1}\n    yield {'loss': 1e400}\n"
    )
    result = programs.run(programs.trial("mine:train"))
    assert result.state is TrialState.DIVERGED
    assert result.divergence.reason == "the loss is inf at step 2 (epoch 2)"
    # Another metric may be anything, unless the grid says that it decides.
    programs.write("mine.py", "def train(trial):\n    yield {'loss': 1, 'kl': float('nan')}\n")
    assert programs.run(programs.trial("mine:train", seed=1)).state is TrialState.COMPLETE
    decides = programs.trial("mine:train", divergence_metric="kl", seed=2)
    assert programs.run(decides).state is TrialState.DIVERGED


def test_what_a_function_changes_in_its_process_is_undone(programs):
    programs.write(
        "mine.py",
        """
        import os
        import numpy, torch
        def train(trial):
            fresh = torch.zeros(1).dtype is torch.float32 and "MINE" not in os.environ
            os.environ["MINE"] = "1"
            os.environ.pop("HOME", None)
            torch.set_default_dtype(torch.float64)
            torch.use_deterministic_algorithms(True)
            numpy.seterr(all="raise")
            return {"loss": float(fresh)}
        """,
    )
    for seed in range(2):
        assert programs.run(programs.trial("mine:train", seed=seed)).last["loss"] == 1.0


@pytest.mark.parametrize("error", ["OSError('no such disk')", "SystemExit('no such disk')"])
def test_a_clean_up_that_fails_is_in_the_log(programs, error):
    programs.write(
        "mine.py",
        f"""
        def train(trial):
            try:
                yield {{"loss": float("nan")}}
            finally:
                raise {error}
        """,
    )
    trial = programs.trial("mine:train")
    assert programs.run(trial).state is TrialState.DIVERGED
    assert f"{error.partition('(')[0]}: no such disk" in programs.log(trial)


def test_what_fails_after_the_result_does_not_change_it(programs, monkeypatch):
    programs.write(
        "mine.py",
        """
        def train(trial):
            trial.checkpoint.mkdir()
            return {"loss": 1}
        """,
    )

    def refuse(path):
        raise OSError("the folder is busy")

    monkeypatch.setattr("adaloss.tasks.program.calls.shutil.rmtree", refuse)
    trial = programs.trial("mine:train")
    result = programs.run(trial)
    assert result.state is TrialState.COMPLETE
    assert programs.store.read_result(trial) == result
    assert "OSError: the folder is busy" in programs.log(trial)


def test_a_null_at_the_end_is_no_earlier_value(programs):
    programs.write(
        "mine.py",
        """
        def train(trial):
            yield {"loss": 1}
            yield {"loss": None}
        """,
    )
    assert programs.run(programs.trial("mine:train")).state is TrialState.DIVERGED


def test_a_metric_beyond_the_declared_bound_is_a_divergence(programs):
    programs.write(
        "mine.py", "def train(trial):\n    for n in range(9):\n        yield {'loss': n}\n"
    )
    bounded = programs.trial("mine:train", divergence_metric="loss", max_loss=4.0)
    result = programs.run(bounded)
    assert result.state is TrialState.DIVERGED
    assert result.divergence.reason == "loss 5 is beyond max_loss 4 at step 6 (epoch 6)"
    misspelt = programs.run(programs.trial("mine:train", divergence_metric="los", max_loss=4.0))
    assert misspelt.failure.kind is FailureKind.NO_METRIC
    assert "only loss, not los, which the grid's divergence.metric" in misspelt.failure.message
    assert programs.run(programs.trial("mine:train")).state is TrialState.COMPLETE


RESUMING = """
    import json
    def train(trial):
        done, total = 0, 0.0
        if trial.checkpoint.exists():
            done, total = json.loads(trial.checkpoint.read_text())
        for epoch in range(done, 6):
            total += trial["lr"] * epoch
            trial.checkpoint.write_text(json.dumps([epoch + 1, total]))
            yield {"epoch": epoch, "total": total}
"""


@pytest.mark.parametrize("after", range(6))
def test_an_interrupted_trial_continues_from_its_own_checkpoint(programs, after):
    programs.write("mine.py", RESUMING)
    trial = programs.trial("mine:train", "total", parameters={"lr": 0.1})
    whole = programs.run(programs.trial("mine:train", "total", parameters={"lr": 0.1}, seed=1))
    execution = programs.start(trial)
    for _ in range(after):
        execution.advance()
    # Its worker is gone; another one takes the trial.
    result = programs.run(trial)
    assert result.last.values == whole.last.values
    epochs = [each["logged_epoch"] for each in programs.history(trial)]
    assert epochs == [0, 1, 2, 3, 4, 5]
    assert [each.epoch for each in programs.history(trial)] == [1, 2, 3, 4, 5, 6]
    assert not (programs.store.trial_folder(trial) / "files" / "checkpoint").exists()


def test_a_trial_whose_code_has_changed_starts_over(programs):
    programs.write("mine.py", RESUMING)
    trial = programs.trial("mine.py:train", "total", parameters={"lr": 0.1})
    execution = programs.start(trial)
    for _ in range(3):
        execution.advance()
    programs.write("mine.py", RESUMING.replace("0.0", "100.0"))
    assert programs.run(trial).last["total"] == pytest.approx(101.5)
    assert len(programs.history(trial)) == 6
    assert "starts over: the user's own code or data changed" in programs.log(trial)


def test_a_program_whose_reports_have_no_epoch_starts_over(programs):
    programs.write("mine.py", RESUMING.replace('"epoch": epoch, ', ""))
    trial = programs.trial("mine:train", "total", parameters={"lr": 0.1})
    execution = programs.start(trial)
    for _ in range(3):
        execution.advance()
    assert programs.run(trial).epochs == 6
    assert "starts over: its reports have no epoch" in programs.log(trial)


def test_the_global_generators_are_seeded(programs):
    programs.write(
        "mine.py",
        """
        import random, numpy, torch
        def train(trial):
            return {"loss": random.random() + numpy.random.rand() + float(torch.rand(()))}
        """,
    )
    losses = [
        programs.run(programs.trial("mine:train", seed=seed, parameters={"n": n})).last["loss"]
        for seed, n in ((0, 0), (0, 1), (1, 0))
    ]
    assert losses[0] == losses[1] != losses[2]


def test_a_plain_function_is_ended_when_its_trial_is(programs):
    programs.write(
        "mine.py",
        """
        def train(trial):
            try:
                for n in range(100):
                    trial.report(loss=float("nan") if n == 3 else n)
            finally:
                (trial.folder / "ended").touch()
        """,
    )
    trial = programs.trial("mine:train")
    assert programs.run(trial).state is TrialState.DIVERGED
    assert (programs.store.trial_folder(trial) / "files" / "ended").exists()


def test_what_a_function_prints_is_in_the_log_and_its_folder_is_the_grids(programs):
    programs.write(
        "mine.py",
        """
        from pathlib import Path
        def train(trial):
            print(Path("data.txt").read_text())
            return {"loss": 1}
        """,
    )
    programs.write("data.txt", "hello")
    trial = programs.trial("mine:train")
    assert programs.run(trial).state is TrialState.COMPLETE
    assert programs.log(trial) == "hello\n"


@pytest.mark.parametrize("report", ["yield {'loss': n}", "trial.report({'loss': n})"])
def test_a_function_stays_in_the_folder_to_which_it_goes(programs, report):
    programs.write(
        "mine.py",
        f"""
        import os
        from pathlib import Path
        def train(trial):
            os.chdir(trial.folder)
            for n in range(3):
                Path("last.txt").write_text(str(n))
                {report}
        """,
    )
    before, trial = Path.cwd(), programs.trial("mine:train")
    assert programs.run(trial).state is TrialState.COMPLETE
    assert (programs.store.trial_folder(trial) / "files" / "last.txt").read_text() == "2"
    assert not (programs.folder / "last.txt").exists()
    assert Path.cwd() == before


@pytest.mark.parametrize(
    ("last", "state"), [("nan", TrialState.DIVERGED), ("2", TrialState.FAILED)]
)
def test_what_a_generator_reported_before_it_failed_comes_first(programs, last, state):
    programs.write(
        "mine.py",
        f"""
        def train(trial):
            yield {{"loss": 0}}
            trial.report({{"loss": 1}})
            trial.report({{"loss": float("{last}")}})
            raise ValueError("no")
        """,
    )
    trial = programs.trial("mine:train")
    assert programs.run(trial).state is state
    losses = [each["loss"] for each in programs.history(trial)]
    assert losses == [0, 1, 2][: 2 if state is TrialState.DIVERGED else 3]


def test_a_divergence_after_a_restart_leaves_no_epoch_of_the_start_before(programs):
    programs.write(
        "mine.py",
        """
        def train(trial):
            if trial.checkpoint.exists():
                yield {"epoch": 2, "loss": float("nan")}
            trial.checkpoint.write_text("2")
            for epoch in range(9):
                yield {"epoch": epoch, "loss": 1}
        """,
    )
    trial = programs.trial("mine:train")
    execution = programs.start(trial)
    for _ in range(5):
        execution.advance()
    result = programs.run(trial)
    assert (result.state, result.epochs, result.divergence.epoch) == (TrialState.DIVERGED, 2, 3)
    assert [each["logged_epoch"] for each in programs.history(trial)] == [0, 1]


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_trial_whose_checkpoint_is_later_than_its_reports_starts_over(programs, after):
    programs.write("mine.py", RESUMING)
    trial = programs.trial("mine:train", "total", parameters={"lr": 0.1})
    execution = programs.start(trial)
    for _ in range(after):
        execution.advance()
    # It was killed after it had saved and before its report was recorded.
    checkpoint = programs.store.trial_folder(trial) / "files" / "checkpoint"
    checkpoint.write_text(f"[{after + 1}, 99.0]")
    assert programs.run(trial).last["total"] == pytest.approx(1.5)
    assert [each["logged_epoch"] for each in programs.history(trial)] == [0, 1, 2, 3, 4, 5]
    assert "starts over: where it continues among its reports is not known" in programs.log(trial)


def test_a_trial_that_was_killed_after_its_last_report_is_complete(programs):
    programs.write("mine.py", RESUMING)
    trial = programs.trial("mine:train", "total", parameters={"lr": 0.1})
    execution = programs.start(trial)
    for _ in range(6):
        execution.advance()
    result = programs.run(trial)
    assert result.state is TrialState.COMPLETE
    assert (result.epochs, result.last["total"]) == (6, pytest.approx(1.5))


@pytest.mark.parametrize("body", ["yield {'loss': 1}", "trial.report(loss=1)"])
@pytest.mark.parametrize("then", ["", "raise RuntimeError('a child of it was ended')"])
def test_a_function_whose_worker_is_asked_to_end_has_not_failed(programs, body, then):
    programs.write(
        "mine.py",
        f"""
        import os, signal, time
        def train(trial):
            {body}
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.5)
            except SystemExit:
                {then or "raise"}
        """,
    )

    def as_ray_does(number, frame):
        sys.exit(1)

    trial = programs.trial("mine:train")
    before = signal.signal(signal.SIGTERM, as_ray_does)
    try:
        with pytest.raises(SystemExit):
            programs.run(trial)
        assert signal.getsignal(signal.SIGTERM) is as_ray_does
    finally:
        signal.signal(signal.SIGTERM, before)
    assert programs.store.read_result(trial) is None
