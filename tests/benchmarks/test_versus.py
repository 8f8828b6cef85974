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


def test_it_says_that_it_needs_linux(versus, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["compare.py"])
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SystemExit):
        versus.compare.parse_options()
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "compare.py: error: needs Linux: time and memory are read from /proc"


@pytest.fixture
def measure(versus, make_run, monkeypatch, tmp_path):
    """A function that measures two ways, two times each, without running them."""
    # The handler would stay in this process.
    monkeypatch.setattr(versus.compare.signal, "signal", lambda number, handler: None)

    def run_way(name, space, folder, *, repetition, limit):
        run = make_run(
            name, 10 / (3 + len(made)), workers=1, repetition=repetition, numbers=(None, None)
        )
        made.append(run)
        return run

    made = []
    monkeypatch.setattr(versus.compare, "run_way", run_way)

    def start(path, *more):
        made.clear()
        arguments = ["--ways=ours,xargs", "--trials=2", "--workers=1", "--repetitions=2", *more]
        monkeypatch.setattr(sys, "argv", ["compare.py", *arguments, f"--runs={path}"])
        with pytest.raises(SystemExit) as ended:
            versus.compare.main()
        return ended.value.code, list(made)

    return start


@pytest.fixture
def clean(versus, monkeypatch):
    """A checkout without changes, at commit abc."""
    answers = {"status": "", "rev-parse": "abc\n"}
    monkeypatch.setattr(versus.kept, "git", lambda command, *rest: answers[command])
    return answers


def test_a_measurement_goes_on_where_it_was_interrupted(versus, measure, clean, capsys, tmp_path):
    path = tmp_path / "new" / "runs"
    code, made = measure(path)
    assert (code, len(made)) == (0, 4)
    whole_page, lines = capsys.readouterr().out, path.read_bytes().splitlines(keepends=True)
    here = versus.kept.circumstances(versus.compare.versions())
    assert list(versus.kept.kept_runs(path, here).values()) == made
    # Interrupted while the last run was written: it alone is measured again.
    path.write_bytes(b"".join(lines[:3]) + lines[3][:-9])
    code, again = measure(path)
    assert (code, [run.way for run in again]) == (0, [made[3].way])
    assert list(versus.kept.kept_runs(path, here).values()) == [*made[:3], *again]
    path.write_bytes(b"".join(lines))
    capsys.readouterr()
    assert measure(path) == (0, [])
    assert capsys.readouterr().out == whole_page


def test_a_failed_run_is_repeated(versus, make_run, clean, tmp_path):
    here = versus.kept.circumstances({})
    versus.kept.keep(tmp_path / "runs", make_run("ours", 1.0, problem="it failed"), here)
    assert versus.kept.kept_runs(tmp_path / "runs", here) == {}


def test_runs_of_another_commit_or_version_are_not_mixed_in(measure, clean, tmp_path):
    path = tmp_path / "runs"
    measure(path)
    clean["rev-parse"] = "def\n"
    code, made = measure(path)
    assert made == []
    assert code == (
        f"{path}, line 1: measured with another commit (abc; now def): name another file"
    )
    path.write_text("{}\n")
    assert measure(path) == (f"{path}, line 1: not a run of this benchmark: name another file", [])


def test_changed_code_is_not_measured_as_a_commit(measure, clean, tmp_path):
    clean["status"] = " M adaloss/trial.py\n"
    code, made = measure(tmp_path / "runs")
    assert made == []
    assert code.endswith("commit or stash them, the first is M adaloss/trial.py")


def test_a_commit_that_is_checked_out_meanwhile_ends_the_measurement(
    versus, measure, clean, monkeypatch, tmp_path
):
    commits = iter(("abc", "abc", "def"))
    monkeypatch.setattr(
        versus.kept, "git", lambda command, *rest: next(commits) if "HEAD" in rest else ""
    )
    code, made = measure(tmp_path / "runs")
    assert code.startswith(f"{tmp_path / 'runs'}: the last run is not kept")
    assert code.endswith("check out the first again and start again")
    assert len(made) == 2
    assert len((tmp_path / "runs").read_text().splitlines()) == 1


def test_without_git_nothing_can_be_kept(measure, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, made = measure(tmp_path / "runs")
    assert made == []
    assert code.startswith("--runs needs git and a checkout of adaloss-sweep: ")


def test_a_file_that_cannot_be_written_is_named(measure, clean, tmp_path):
    code, made = measure(tmp_path)
    assert (code, made) == (f"{tmp_path} cannot be written: Is a directory", [])


def test_each_row_of_the_page_has_all_columns(versus, make_run):
    (row,) = versus.summary.rows_of([make_run("optuna-processes", 9.0, again=1)])
    line, head = versus.page.line(row), versus.page.HEAD.splitlines()[0]
    assert line.count("|") == head.count("|")
    assert "2 of 2, 3 trainings" in line
    assert all(text in line for text in ("in a journal", "had not ended", "a data frame"))


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
