"""What is printed is text: no name, message or path sends the terminal a command."""

import pytest
from epochs import epoch_with

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import (
    Divergence,
    Failure,
    FailureKind,
    Provenance,
    TrialResult,
    TrialState,
)
from adaloss.records.store import Store
from runners.cli.app import main

# Clears the screen; sets the window's title; writes backwards; rich's markup, unpaired.
EVIL = "\x1b[2J\x1b]0;owned\x07\u202eabc\u2066\x9b31m\r\b[/red]"
IN_YAML = r"\e[2J\e]0;owned\a\u202eabc\u2066\x9b31m\r\b[/red]"
SHOWN = r"\x1b[2J\x1b]0;owned\x07\u202eabc\u2066\x9b31m"
GRID = f"""\
name: small
parameters:
  dataset: ["imagefolder:a{IN_YAML}", "imagefolder:b{IN_YAML}"]
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: 1
  lr: 1
  epochs: 1
  batch_size: 128
  image_size: 8
seeds: 2
tables:
  - {{rows: optimizer, columns: dataset, title: "T{IN_YAML}"}}
  - {{rows: dataset, columns: seed, per: optimizer}}
"""


def result_of(trial, state):
    epoch = epoch_with(50.0 + trial.seed)
    complete, failed = state is TrialState.COMPLETE, state is TrialState.FAILED
    failure = Failure(kind=FailureKind.CODE, message=EVIL + "\nx", traceback=EVIL + "\nlast line")
    return TrialResult(
        trial_id=trial.trial_id,
        state=state,
        epochs=1,
        last=epoch if complete else None,
        best_val=epoch if complete else None,
        failure=failure if failed else None,
        divergence=None if complete else Divergence(epoch=1, step=1, loss=1.0, reason=EVIL),
        seconds=1.0,
        finished_at=EVIL,
        optimizer=EVIL,
        provenance=Provenance(
            code_version=EVIL,
            python=EVIL,
            packages={EVIL: EVIL},
            platform=EVIL,
            device=EVIL,
            threads=1,
        ),
    )


@pytest.fixture
def trials(tmp_path):
    """A sweep whose every text is an attack: a trial has failed, one has diverged."""
    (tmp_path / "grid.yaml").write_text(GRID)
    sweep = load_sweep(tmp_path / "grid.yaml")
    store = Store(tmp_path / "results" / sweep.name)
    ends = {0: TrialState.FAILED, 1: TrialState.DIVERGED}
    for number, trial in enumerate(sweep.trials):
        store.write_result(trial, result_of(trial, ends.get(number, TrialState.COMPLETE)))
        store.log_path(trial).write_text(f"{EVIL}\tof trial {number}\n")
    return sweep.trials


@pytest.fixture
def printed(trials, tmp_path, monkeypatch, capsys):
    """All that a command prints, in lines."""
    monkeypatch.chdir(tmp_path)

    def run(name, *options):
        monkeypatch.setattr("sys.argv", ["adaloss-sweep", name, "grid.yaml", *options])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0
        printed = capsys.readouterr()
        return (printed.out + printed.err).split("\n")

    return run


# Markdown and LaTeX have escapes of their own.
COMMANDS = {
    "status": SHOWN,
    "plan": r"\x1b",
    "table": "u202eabc",
    "table --format latex": "u202eabc",
    "table --format csv": SHOWN,
    "stats": "u202eabc",
}


@pytest.mark.parametrize(("command", "shown"), COMMANDS.items(), ids=COMMANDS)
def test_a_command_prints_no_control_character(printed, command, shown):
    lines = printed(*command.split())
    assert [line for line in lines if not line.isprintable()] == []
    assert any(shown in line for line in lines)


@pytest.mark.parametrize("command", ["status", "table", "stats"])
def test_a_terminal_gets_no_control_character(printed, command, monkeypatch):
    # A terminal without colours: rich has no control characters of its own for it.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "400")
    lines = printed(command)
    assert [line for line in lines if not line.isprintable()] == []
    assert any("x1b" in line for line in lines)
    assert "optimizer |" not in "".join(lines)


@pytest.mark.parametrize("number", [0, 1, 2], ids=["failed", "diverged", "complete"])
def test_a_trial_is_shown_without_control_characters(printed, trials, number):
    lines = printed("show", trials[number].trial_id)
    assert [line for line in lines if not line.isprintable()] == []
    assert any(SHOWN in line for line in lines)


def test_a_failure_is_one_line_of_the_status(printed, trials):
    (line,) = [line for line in printed("status") if line.startswith("failed: ")]
    assert line.endswith(f"code: {SHOWN} \\x08[/red] x")


def test_the_log_of_a_failed_trial_is_told_without_control_characters(printed, trials):
    lines = [line for line in printed("status") if line.startswith("  | ")]
    assert lines[-1].endswith("of trial 0")
    assert any(SHOWN in line for line in lines)


def test_a_traceback_keeps_its_lines(printed, trials):
    assert "last line" in [line.rstrip() for line in printed("show", trials[0].trial_id)]
