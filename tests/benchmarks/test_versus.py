"""Tests of benchmarks/versus: its trials, its statistics, and a real run of two ways."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from adaloss.grid.sweep import load_sweep, resolve_grid

VERSUS = Path(__file__).parents[2] / "benchmarks" / "versus"


@pytest.fixture
def versus(monkeypatch):
    """The modules of the benchmark, imported from their folder and removed afterwards."""
    monkeypatch.syspath_prepend(str(VERSUS))
    before = set(sys.modules)
    names = (
        "space", "cost", "outcomes", "runs", "kept", "summary", "page", "ways", "compare"
    )  # fmt: skip
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    for name in {path.stem for path in VERSUS.glob("*.py")} - before:
        sys.modules.pop(name, None)


@pytest.fixture
def make_run(versus):
    def outcome(seed, numbers, seconds):
        return versus.outcomes.Outcome(
            optimizer="adaloss", b0=1.0, seed=seed, accuracy=numbers[0], loss=numbers[1],
            seconds=seconds,
        )  # fmt: skip

    def make(way, wall, *, workers=2, repetition=0, numbers=(90.0, 0.5), again=0, problem=""):
        return versus.runs.Run(
            way=way,
            trials=2,
            epochs=8,
            workers=workers,
            repetition=repetition,
            cost=versus.cost.Cost(wall=wall, cpu=wall, memory=10**9, status=0),
            outcomes=(
                outcome(0, (90.0, 0.5), 1.0),
                outcome(1, numbers, 3.0),
                *[outcome(1, numbers, 0.0)] * again,
            ),
            problem=problem,
        )

    return make


@pytest.mark.parametrize("count", [2, 8, 40, 200])
def test_the_grid_file_has_the_same_trials_as_the_other_ways(versus, tmp_path, count):
    space = versus.space.space_of(count, epochs=3, workers=2)
    (tmp_path / "grid.yaml").write_text(space.grid)
    trials = load_sweep(tmp_path / "grid.yaml").trials
    in_grid = {(trial.optimizer, trial.b0, trial.seed, trial.epochs) for trial in trials}
    points = [(*point.values(), 3) for point in space.points]
    assert len(points) == len(trials) == count
    assert in_grid == set(points)
    fixed = versus.space.FIXED
    assert all(trial.value(name) == value for trial in trials for name, value in fixed.items())


def test_the_fixed_values_are_the_quickstarts(versus):
    quickstart = load_sweep(resolve_grid("quickstart")).trials[0]
    fixed = {**versus.space.FIXED, "epochs": versus.space.QUICKSTART_EPOCHS}
    assert {name: quickstart.value(name) for name in fixed} == {**fixed, "model": "mlp"}


def test_a_saved_space_is_loaded_unchanged(versus, tmp_path):
    space = versus.space.space_of(40, epochs=8, workers=2)
    space.save(tmp_path)
    assert versus.space.Space.load(tmp_path) == space


def test_ratios_compare_one_repetition_and_overhead_excludes_training(versus, make_run):
    runs = [
        make_run("ours", 10.0),
        make_run("ray", 50.0),
        make_run("ours", 20.0, repetition=1),
        make_run("ray", 140.0, repetition=1),
        make_run("ray", 1.0, repetition=2, problem="it failed"),
    ]
    ours, ray = versus.summary.rows_of(runs)
    assert (ours.way, ours.wall, ours.overhead) == ("ours", 15.0, (15 * 2 - 4) / 2)
    assert (ray.ratio.middle, ray.ratio.least, ray.ratio.most) == (6.0, 5.0, 7.0)
    (verdict,) = versus.summary.verdicts_of(runs)
    assert verdict.met
    page = versus.page.page([ours, ray], [verdict], ["a note"], workers=2)
    assert (
        "| 2 | Ray Tune, function trainable | ≥ 5 × adaloss-sweep | 6.00 (5.00 to 7.00) | met |"
        in (page.splitlines())
    )


def test_different_numbers_and_trials_trained_twice_are_counted(versus, make_run):
    runs = [
        make_run("ours", 10.0),
        make_run("joblib", 8.0),
        make_run("optuna-threads", 9.0, numbers=(90.0, 0.5000001), again=1),
    ]
    rows = {row.way: row for row in versus.summary.rows_of(runs)}
    assert (rows["ours"].same, rows["joblib"].same) == (2, 2)
    assert (rows["optuna-threads"].same, rows["optuna-threads"].trained) == (1, 3)


def test_a_measurement_goes_on_with_the_runs_it_has_kept(versus, make_run, monkeypatch, tmp_path):
    measured = []

    def run_way(name, space, folder, *, repetition, limit):
        measured.append((name, repetition))
        wall = 10.0 * len(measured) / 3
        return make_run(name, wall, workers=1, repetition=repetition, numbers=(None, None))

    def measure():
        measured.clear()
        arguments = ["--ways=ours,xargs", "--trials=2", "--workers=1", "--repetitions=2"]
        monkeypatch.setattr(sys, "argv", ["compare.py", *arguments, f"--runs={tmp_path / 'runs'}"])
        with pytest.raises(SystemExit) as ended:
            versus.compare.main()
        return ended.value.code

    monkeypatch.setattr(versus.compare, "run_way", run_way)
    monkeypatch.setattr(versus.compare, "commit_of_checkout", lambda: "abc")
    assert measure() == 0
    assert len(measured) == 4
    lines = (tmp_path / "runs").read_bytes().splitlines(keepends=True)
    all_measured, first = list(measured), versus.kept.kept_runs(tmp_path / "runs", "abc")
    # Interrupted in the last run: it alone is measured again, and the others are equal to the bit.
    (tmp_path / "runs").write_bytes(b"".join(lines[:3]))
    assert measure() == 0
    assert measured == all_measured[3:]
    again = versus.kept.kept_runs(tmp_path / "runs", "abc")
    assert list(again.values())[:3] == list(first.values())[:3]
    # A failed run is repeated.
    failed = make_run("ours", 1.0, problem="it failed")
    versus.kept.keep(tmp_path / "failed", failed, "abc")
    assert versus.kept.kept_runs(tmp_path / "failed", "abc") == {}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{}", r"runs, line 2: not a run of this benchmark"),
        (None, r"runs, line 2: a run of commit old, but this is abc; name another file"),
    ],
)
def test_runs_of_another_commit_are_not_mixed_in(versus, make_run, tmp_path, line, told):
    path = tmp_path / "runs"
    versus.kept.keep(path, make_run("ours", 1.0), "abc")
    versus.kept.keep(path, make_run("ray", 1.0), "old")
    if line:
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0] + line)
    with pytest.raises(ValueError, match=told):
        versus.kept.kept_runs(path, "abc")


def test_the_overhead_of_a_further_trial(versus, make_run):
    few, many = (versus.summary.rows_of([make_run("ours", wall)])[0] for wall in (10.0, 110.0))
    many = versus.summary.Row(**(vars(many) | {"trials": 102, "training": 104.0}))
    ((way, less, more, seconds),) = versus.summary.further_overheads([few, many], workers=2)
    assert (way, less, more, seconds) == ("ours", 2, 102, 1.0)


def test_a_tool_that_is_not_installed_is_reported_and_skipped(versus, monkeypatch, capsys):
    monkeypatch.setattr(versus.ways, "version_of", lambda name: None)
    assert list(versus.compare.installed(["xargs", "hydra"])) == ["xargs"]
    output = capsys.readouterr().err
    assert "hydra needs hydra-core, hydra-joblib-launcher: uv pip install" in output


@pytest.mark.slow
def test_two_ways_have_the_same_numbers():
    command = [
        sys.executable, str(VERSUS / "compare.py"), "--ways", "xargs,joblib", "--trials", "2",
        "--epochs", "1", "--repetitions", "1", "--workers", "1", "--json",
    ]  # fmt: skip
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    measured = json.loads(finished.stdout.splitlines()[-1])
    rows = {row["way"]: row for row in measured["rows"]}
    assert set(rows) == {"xargs", "joblib"}
    for row in rows.values():
        assert row["same"] == row["trained"] == 2
        assert row["overhead"] > 0
        # Each process imports torch.
        assert row["cpu"] > 1
        assert row["memory"] > 10**8
