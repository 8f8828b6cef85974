"""A script of the user's as a trial: how it is started and read, and how it fails."""

import json
import platform
import sys

import pytest
import torch

from adaloss.records.result import FailureKind, TrialState

CODE, NO_METRIC, NO_MEMORY = (
    FailureKind.CODE,
    FailureKind.NO_METRIC,
    FailureKind.OUT_OF_MEMORY,
)
NO_SEED = "import argparse; argparse.ArgumentParser().parse_args()"
NO_OTHER = (
    "import argparse; p = argparse.ArgumentParser(); p.add_argument('--seed'); p.parse_args()"
)
NO_JSON = "import os; open(os.environ['ADALOSS_REPORT'], 'w').write('loss 3\\n')"
WITH_WANDB = """
    import argparse, random
    import wandb

    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    run = wandb.init(project="mine", config=vars(arguments))
    for epoch in range(3):
        wandb.log({"epoch": epoch, "train": {"loss": run.config.lr * epoch}, "name": "text"})
    wandb.log({"loss": arguments.seed})
    run.summary["best"] = 42
"""
LINES = """
    import json, os, sys
    values = dict(word.lstrip("-").split("=") for word in sys.argv[1:])
    with open(os.environ["ADALOSS_REPORT"], "a") as file:
        for epoch in range(3):
            row = {"epoch": epoch, "loss": float(values["lr"]) * epoch}
            print(json.dumps(row), file=file, flush=True)
"""


def test_a_script_on_a_gpu_needs_no_torch_that_can_use_it(programs, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    programs.write("train.py", LINES)
    programs.write("function.py", "def train(trial): ...")
    trial = programs.trial("train.py", parameters={"lr": 1.0})
    assert programs.run(trial, device="cuda").state is TrialState.COMPLETE, programs.log(trial)
    # A function uses the torch of this process.
    failed = programs.run(programs.trial("function.py:train"), device="cuda")
    assert "a GPU that torch cannot use" in failed.failure.message


@pytest.mark.slow
def test_a_script_of_wandb_logs_its_rows(programs):
    programs.write("train.py", WITH_WANDB)
    trial = programs.trial("train.py", parameters={"lr": 0.5}, seed=7)
    result = programs.run(trial)
    assert result.state is TrialState.COMPLETE, programs.log(trial)
    rows = [each.values for each in programs.history(trial)]
    assert rows == [
        {"logged_epoch": 0, "train.loss": 0.0},
        {"logged_epoch": 1, "train.loss": 0.5},
        {"logged_epoch": 2, "train.loss": 1.0},
        {"loss": 7.0},
    ]
    # The last value of each, and what the script says of the whole.
    assert result.last.values == {"logged_epoch": 2, "train.loss": 1.0, "loss": 7.0, "best": 42}
    assert (result.unread, result.notes) == (None, None)


@pytest.mark.slow
def test_a_summary_alone_is_one_report(programs):
    programs.write("train.py", "import wandb; wandb.init().summary['loss'] = 3")
    trial = programs.trial("train.py", seed_parameter=None)
    result = programs.run(trial)
    assert result.state is TrialState.COMPLETE, programs.log(trial)
    assert [each.values for each in programs.history(trial)] == [{"loss": 3}]
    assert (result.epochs, result.last.values) == (1, {"loss": 3})
    assert result.fingerprint.program.keys() == {"train.py"}


@pytest.mark.slow
def test_a_checkpoint_that_the_grid_keeps_stays_also_after_a_summary_alone(programs):
    programs.write(
        "train.py",
        """
        import os, wandb
        open(os.environ["ADALOSS_CHECKPOINT"], "w").write("the weights")
        wandb.init().summary["loss"] = 3
        """,
    )
    trial = programs.trial("train.py", seed_parameter=None)
    result = programs.run(trial, keep_checkpoints=True)
    assert result.state is TrialState.COMPLETE, programs.log(trial)
    kept = programs.store.trial_folder(trial) / "files" / "checkpoint"
    assert kept.read_text() == "the weights"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("summary", "reason"),
    [
        ("'loss': float('nan')", "the loss is nan at step 0 (epoch 1)"),
        ("'loss': 1, 'kl': 11", "kl 11 is beyond max_loss 10 at step 0 (epoch 1)"),
    ],
)
def test_a_summary_that_is_not_finite_or_beyond_the_bound_is_a_divergence(
    programs, summary, reason
):
    programs.write(
        "train.py",
        f"""
        import wandb
        run = wandb.init()
        run.log({{"acc": 1}})
        run.summary.update({{{summary}}})
        """,
    )
    trial = programs.trial("train.py", seed_parameter=None, divergence_metric="kl", max_loss=10.0)
    result = programs.run(trial)
    assert result.state is TrialState.DIVERGED, programs.log(trial)
    assert result.divergence.reason == reason


SEVERAL_RUNS = """
import wandb
first = wandb.init()
second = wandb.init(reinit="create_new")
for step in range(2):
    second.log({"loss": 10.0 + step})
    first.log({"loss": step})
first.finish()
second.finish()
with wandb.init(job_type="evaluation") as third:
    third.log({"loss": 20.0})
"""


@pytest.mark.slow
def test_several_runs_of_wandb_are_one_trial_and_are_mentioned(programs):
    programs.write("train.py", SEVERAL_RUNS)
    trial = programs.trial("train.py", seed_parameter=None)
    result = programs.run(trial)
    assert result.state is TrialState.COMPLETE, programs.log(trial)
    losses = [each["loss"] for each in programs.history(trial)]
    assert sorted(losses) == [0.0, 1.0, 10.0, 11.0, 20.0]
    (note,) = result.notes
    assert note.startswith("train.py logged 3 runs of W&B in one trial")


def test_a_script_reports_lines_of_json(programs):
    programs.write("train.py", LINES)
    trial = programs.trial("train.py", parameters={"lr": 0.5}, seed_parameter=None)
    assert programs.run(trial).state is TrialState.COMPLETE
    assert [each["loss"] for each in programs.history(trial)] == [0.0, 0.5, 1.0]


def test_a_program_in_another_language(programs):
    programs.write("train.sh", """echo '{"loss": 4}' >> "$ADALOSS_REPORT"; echo "with $1"\n""")
    trial = programs.trial(
        "train.sh",
        command=["sh", "${program}", "${args}"],
        parameters={"lr": 0.5},
        seed_parameter=None,
    )
    assert programs.run(trial).last["loss"] == 4
    assert programs.log(trial) == "with --lr=0.5\n"


def test_metrics_of_the_printed_output_and_of_a_file(programs):
    programs.write(
        "train.py",
        "print('start')\nfor n in range(3): print(f'epoch {n}: loss={n / 2} acc={n}%')\n",
    )
    pattern = r"loss=(?P<loss>\S+) acc=(?P<val__acc>[0-9.]+)"
    printed = programs.trial("train.py", metrics_pattern=pattern)
    assert programs.run(printed).last.values == {"loss": 1.0, "val/acc": 2.0}
    assert len(programs.history(printed)) == 3
    programs.write("train.py", "open('out.json', 'w').write('{\"loss\": 3}')\n")
    written = programs.trial("train.py", metrics_file="out.json")
    assert programs.run(written).last.values == {"loss": 3.0}
    # What an earlier trial left does not count.
    programs.write("train.py", "print(1)\n")
    result = programs.run(programs.trial("train.py", metrics_file="out.json", seed=1))
    assert result.state is TrialState.FAILED
    assert "out.json is missing: the program must write an object of JSON" in result.failure.message


def test_reports_in_two_ways_at_a_time_are_mentioned(programs):
    programs.write("train.py", f"{LINES}    print('acc=1')\n")
    values = {"parameters": {"lr": 0.5}, "seed_parameter": None}
    assert programs.run(programs.trial("train.py", **values)).notes is None
    both = programs.trial("train.py", metrics_pattern=r"acc=(?P<acc>\d)", **values)
    (note,) = programs.run(both).notes
    assert note.startswith("train.py reports in several ways at the same time")


def test_a_seed_that_a_script_of_a_shell_reads_is_not_missed(programs):
    programs.write(
        "inner.py",
        """
        import argparse, json, os
        parser = argparse.ArgumentParser()
        parser.add_argument("--random-seed", type=int)
        seed = parser.parse_args().random_seed
        open(os.environ["ADALOSS_REPORT"], "a").write(json.dumps({"loss": seed}))
        """,
    )
    programs.write("train.sh", f'{sys.executable} inner.py --random-seed "${{2#--seed=}}"\n')
    shell = {"command": ["sh", "${program}", "${args}"], "parameters": {"lr": 0.5}, "seed": 3}
    result = programs.run(programs.trial("train.sh", **shell))
    assert result.state is TrialState.COMPLETE, result.failure
    assert (result.last["loss"], result.unread) == (3, None)


@pytest.mark.slow
def test_reports_that_replace_others_are_refused(programs):
    programs.write(
        "train.py",
        """
        import os, time
        for loss in (1, 2):
            open(os.environ["ADALOSS_REPORT"], "w").write('{"loss": %d}\\n' % loss)
            # The first is read four times a second; on a busy machine less often.
            time.sleep(3 if loss == 1 else 0)
        """,
    )
    result = programs.run(programs.trial("train.py"))
    assert "was written again while the program ran" in result.failure.message


def test_a_script_runs_in_the_grids_folder_with_its_own_variables(programs):
    programs.write(
        "train.py",
        """
        import json, os, sys
        names = ("ADALOSS_FOLDER", "ADALOSS_CHECKPOINT", "OMP_NUM_THREADS", "WANDB_MODE")
        seen = {name: os.environ[name] for name in names}
        seen |= {"cwd": os.getcwd(), "argv": sys.argv, "session": os.getsid(0) == os.getpid()}
        open(os.environ["ADALOSS_FOLDER"] + "/seen.json", "w").write(json.dumps(seen))
        open(os.environ["ADALOSS_REPORT"], "w").write('{"loss": 1}')
        """,
    )
    values = {"lr": 1e-5, "on": True, "sizes": [1, 2], "name": "a b"}
    trial = programs.trial("train.py", parameters=values, seed=3)
    assert programs.run(trial).state is TrialState.COMPLETE, programs.log(trial)
    folder = programs.store.trial_folder(trial) / "files"
    seen = json.loads((folder / "seen.json").read_text())
    assert seen["cwd"] == str(programs.folder)
    assert seen["argv"] == [
        "train.py", "--lr=1e-05", "--name=a b", "--on=True", "--sizes=[1, 2]", "--seed=3",
    ]  # fmt: skip
    assert seen["session"]
    assert seen["ADALOSS_FOLDER"] == str(folder)
    assert seen["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ("raise ValueError('bad')", CODE, "exit code 1: ValueError: bad"),
        ("import sys; sys.exit(3)", CODE, "exit code 3: it printed nothing"),
        ("import os; os.abort()", CODE, "killed by SIGABRT: "),
        ("raise MemoryError", NO_MEMORY, "exit code 1: MemoryError"),
        ("print('CUDA out of memory. Tried to allocate'); exit(1)", NO_MEMORY, "exit code 1"),
        ("print(1)", NO_METRIC, "train.py ended well and logged no metric at all, not loss"),
        (NO_SEED, CODE, "the script has no parameter seed: write seed_parameter: NAME"),
        (NO_OTHER, CODE, "(the script has no parameter typo: correct the grid's name)"),
        (NO_JSON, CODE, "line 1: expected an object of JSON such as"),
    ],
)
def test_a_failure_has_the_exit_code_and_the_last_lines(programs, script, kind, message):
    programs.write("train.py", script)
    values = {"typo": 1} if script == NO_OTHER else {}
    result = programs.run(programs.trial("train.py", parameters=values))
    assert result.state is TrialState.FAILED
    assert result.failure.kind is kind
    assert message in result.failure.message
    if "ValueError" in script:
        assert "Traceback (most recent call last)" in result.failure.traceback


def test_a_very_long_last_line_is_shortened(programs):
    programs.write("train.py", "print('y' * 1_000_000)\nexit(3)")
    failure = programs.run(programs.trial("train.py")).failure
    assert failure.message.startswith("exit code 3: yyyy")
    assert len(failure.message) < 400
    assert len(failure.traceback) < 3_000


def test_the_error_of_a_traceback_is_named_whatever_else_was_printed(programs):
    programs.write(
        "train.py",
        """
        import sys
        print("KeyError: ignored")
        raise RuntimeError("too large\\nuse less memory\\nor a larger machine")
        """,
    )
    several = programs.run(programs.trial("train.py"))
    assert several.failure.message == "exit code 1: RuntimeError: too large"
    programs.write("train.py", "import sys\nprint('KeyError: ignored')\nsys.exit('bad data')\n")
    other = programs.run(programs.trial("train.py", seed=1))
    assert other.failure.message == "exit code 1: bad data"


def test_a_program_that_cannot_be_started_is_named(programs):
    gone = programs.run(programs.trial("gone.py"))
    assert "there is no program gone.py" in gone.failure.message
    programs.write("train.py", "")
    other = programs.run(
        programs.trial("train.py", python="no-such-python", command=["${interpreter}", "x"])
    )
    assert "no-such-python cannot be started" in other.failure.message


def test_a_result_names_the_interpreter_of_the_grid(programs):
    programs.write("train.py", LINES)
    values = {"lr": 1}
    own = programs.trial("train.py", parameters=values, python=sys.executable)
    made = programs.run(own).provenance
    assert made.python == platform.python_version()
    assert made.packages == {}
    assert (
        programs.run(programs.trial("train.py", parameters=values, seed=1)).provenance.python == "3"
    )


@pytest.mark.slow
def test_a_parameter_that_the_script_does_not_read_is_recorded(programs):
    programs.write("train.py", WITH_WANDB.replace("parse_args()", "parse_known_args()[0]"))
    trial = programs.trial("train.py", parameters={"lr": 0.5, "lrr": 3})
    assert programs.run(trial).unread == ("lrr",)


@pytest.mark.slow
@pytest.mark.parametrize(
    "report", ["wandb.log({'loss': run.config.lr})", "run.summary['loss'] = run.config.lr"]
)
def test_a_seed_that_the_script_does_not_read_is_refused(programs, report):
    programs.write("train.py", f"import wandb\nrun = wandb.init()\n{report}\n")
    trial = programs.trial("train.py", parameters={"lr": 0.5})
    result = programs.run(trial)
    assert result.state is TrialState.FAILED
    assert result.failure.message == (
        "train.py does not read its seed, seed: write seed_parameter: NAME if the seed has another "
        "name there, or leave out seeds to run every cell once without a seed"
    )
    without = programs.trial("train.py", parameters={"lr": 0.5}, seed_parameter=None)
    assert programs.run(without).state is TrialState.COMPLETE
