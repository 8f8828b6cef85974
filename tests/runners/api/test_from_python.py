"""``from runners import run, retry, plan, results``: what the commands do, as functions."""

import pydoc
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from small_records import finish

import adaloss
import analysis
import runners
import runners.planning
from adaloss.errors import UserError
from adaloss.grid.reading.mapping import written
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from adaloss.tasks.metrics import numbers
from analysis.render.render import render
from runners.api.arguments import with_arguments
from runners.api.selection import smoke_trials
from runners.on_ray.processes import processes_of

GRID = {
    "name": "small",
    "parameters": {
        "dataset": "digits",
        "model": "mlp",
        "optimizer": ["adaloss", "sgd_constant"],
        "b0": [0.01, 1],
        "lr": 1,
        "epochs": 2,
        "batch_size": 128,
    },
    "seeds": 2,
}


@pytest.fixture
def one_failed(finished, grid):
    """The small sweep on record, of which a trial failed."""
    trial = load_sweep(grid).trials[0]
    finished.set_aside(trial)
    finish(finished, trial, TrialState.FAILED)
    return finished


def test_the_packages_show_their_public_names():
    assert dir(runners) == [*runners.__all__]
    assert {"run", "retry", "plan", "results"} < set(dir(runners))
    assert set(dir(analysis)) == set(analysis.__all__)
    assert {"AdaLoss", "__version__"} < set(dir(adaloss))
    assert callable(runners.plan)
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = runners.runn


def test_the_version_is_the_commands(cli):
    assert cli("--version")[1].strip() == adaloss.__version__


@pytest.mark.parametrize("function", [runners.run, runners.retry, runners.plan, runners.results])
def test_help_explains_every_argument(function):
    page = pydoc.render_doc(function)
    names = function.__code__.co_varnames[: function.__code__.co_kwonlyargcount + 1]
    assert [name for name in names if f"{name}:" not in page.partition("Args:")[2]] == []


def test_a_plan_is_the_commands(cli, grid):
    of_command = cli("plan", grid)[1]
    planned = runners.plan(grid)
    assert "; plan with --calibrate times a few steps\n" in of_command
    assert f"{planned}\n" == of_command.replace("--calibrate", "calibrate=True")
    assert str(runners.plan(GRID)) == str(planned)
    assert planned._repr_html_() == f"<pre>{planned}</pre>"
    assert (planned.counts["trials"], planned.counts["missing"]) == (8, 8)


def test_trials_without_a_gpu_are_timed_on_processors(grid, monkeypatch):
    monkeypatch.setattr("runners.calibrate.device_here", lambda: "cuda")
    grid.write_text(grid.read_text() + "resources: {gpu: 0}\n")
    planned = runners.plan(grid, calibrate=True)
    assert planned.record["device_seconds"] > 0
    assert "GPU-hours" not in str(planned)


def test_a_part_is_selected_by_a_dict(grid):
    only = {"b0": [0.01, 1], "optimizer": "adaloss"}
    assert runners.plan(grid, only=only).counts["trials"] == 4
    assert runners.plan(grid, only="b0=1").counts["trials"] == 4
    with pytest.raises(UserError, match=r"^only: .*b0"):
        runners.plan(grid, only={"b0": 7})


@pytest.mark.parametrize("where", ["results/small", "grid.yaml", GRID], ids=str)
def test_results_that_exist_are_those_of_the_commands(where, cli, finished):
    found = runners.results(where)
    assert found.folder == Path("results/small")
    assert f"{found.table()}" == cli("table", "grid.yaml")[1]
    pd.testing.assert_frame_equal(found.frame, analysis.load("results/small"))
    assert (found.counts["complete"], found.counts["diverged"]) == (6, 2)
    assert found.answer[0] in cli("stats", "grid.yaml")[1]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"only": {"b0": 1}}, ("--only", "b0=1")),
        ({"only": "b0=1", "rows": "seed"}, ("--only", "b0=1", "--rows", "seed")),
        (
            {"exclude": {"b0": 1, "optimizer": "adaloss"}},
            ("--exclude", "b0=1,optimizer=adaloss"),
        ),
        (
            {"exclude": ["b0=1", "optimizer=adaloss"]},
            ("--exclude", "b0=1", "--exclude", "optimizer=adaloss"),
        ),
    ],
)
def test_a_table_of_a_part_is_the_commands(options, arguments, cli, finished):
    table = runners.results("results/small").table(**options)
    assert f"{table}" == cli("table", "results/small", *arguments)[1]


def test_a_notebook_shows_the_answer_the_table_and_the_counts(one_failed):
    found = runners.results("results/small")
    page = found._repr_html_()
    assert f"<p>{found.answer[0]}</p>" in page
    assert '<th scope="row">0.01</th>' in page
    assert "8 of 8 trials are done (5 complete, 2 diverged, 1 failed)" in page
    assert "failed: mlp-adaloss-b0=0.01-seed0: " in page
    assert page.count("<table>") == page.count("</table>") == 1
    assert [line for line in str(found).splitlines() if line in found.answer] == [*found.answer]


def test_a_table_is_changed_by_the_commands_options(cli, finished):
    found = runners.results("results/small")
    changed = found.table(rows="optimizer", columns="b0", spread="sem", per=["model"])
    options = ("--rows", "optimizer", "--columns", "b0", "--spread", "sem", "--per", "model")
    assert str(changed) == cli("table", "grid.yaml", *options)[1]
    assert changed.render("latex") == render(changed.tables, "latex")
    assert changed[0].row_field == "optimizer"
    assert "<td>" in changed._repr_html_()
    with pytest.raises(UserError, match="row is not an option of a table; known: rows, columns"):
        found.table(row="b0")


def test_figures_and_the_report_are_written_if_they_are_missing(finished, monkeypatch):
    monkeypatch.setattr("analysis.outputs.FIGURES", ("against", "heatmap"))
    found = runners.results("results/small")
    figures = found.figures()
    assert set(figures) == {"against-b0", "heatmap"}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in figures.values())
    assert figures._repr_html_().count("<img alt=") == 2
    assert found.report().read_text().startswith("<!doctype html>")


def test_files_are_of_the_records_of_now_not_of_those_that_were_read(finished, monkeypatch):
    monkeypatch.setattr("analysis.outputs.FIGURES", ())
    trial = load_sweep(Path("grid.yaml")).trials[0]
    finished.set_aside(trial)
    found = runners.results("results/small")
    assert "Incomplete: 7 of 8 trials" in found.report().read_text()
    finish(finished, trial, TrialState.COMPLETE)
    assert "Incomplete" not in found.report().read_text()
    assert "INCOMPLETE" not in (finished.tables_folder / "tables.md").read_text()


def test_a_figure_that_cannot_be_drawn_is_said(finished, monkeypatch):
    monkeypatch.setattr("analysis.outputs.FIGURES", ("against",))
    monkeypatch.setattr("analysis.figures.writing.processes.MOST_PROCESSES", 1)

    def broken(*_, **__):
        raise ValueError("no such colour")

    monkeypatch.setattr("analysis.figures.accuracy_against", broken)
    found = runners.results("results/small")
    with pytest.raises(UserError, match=r"not written: figures/against-b0: .*no such colour"):
        found.figures()
    assert found.report().exists()


def test_results_that_are_not_there_are_a_sentence_without_a_traceback(grid):
    with pytest.raises(UserError) as refused:
        runners.results(grid)
    (line,) = refused.value._render_traceback_()
    assert line.startswith("UserError: there are no results of small here")


@pytest.mark.slow
def test_a_run_of_a_finished_sweep_starts_nothing(finished, capsys):
    result = runners.run(GRID, wandb="disabled")
    assert result.problems == ()
    assert result.counts["complete"] == 6
    assert (finished.root / "report.html").exists()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "0 ran now. Results: results/small" in printed.err
    assert runners.run(GRID, wandb="disabled", quiet=True).counts == result.counts
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_what_is_not_complete_is_said_and_raised_on_request(one_failed, capsys):
    problem = ("1 failed: the results show why; call retry to run them again",)
    assert runners.run("grid.yaml").problems == problem
    assert problem[0] in capsys.readouterr().err
    with pytest.raises(runners.SweepIncompleteError) as incomplete:
        runners.run("grid.yaml", check=True)
    assert str(incomplete.value) == problem[0]
    assert incomplete.value.results.counts["failed"] == 1


@pytest.mark.slow
def test_a_smoke_run_has_results_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr("runners.api.from_python.changed_trials", lambda *_: ())
    small = Store(tmp_path / "results" / "smoke" / "small")
    Path("small.yaml").write_text("".join(written(GRID)))
    for trial in smoke_trials(load_sweep(Path("small.yaml")).trials, ["lr=0.5"]):
        finish(small, trial, TrialState.COMPLETE)
    result = runners.run(GRID, smoke={"lr": 0.5}, quiet=True)
    assert result.folder == Path("results/smoke/small")
    assert (result.counts["trials"], result.counts["complete"]) == (4, 4)
    assert set(result.frame["lr"]) == {0.5}
    assert not Path("results/small").exists()


def test_mistakes_are_those_of_the_command(cli, grid):
    grid.write_text(grid.read_text().replace("lr: 1", "lr: -1"))
    with pytest.raises(UserError) as mistake:
        runners.run(grid)
    assert cli("run", grid)[2] == f"adaloss-sweep: {mistake.value}\n"
    with pytest.raises(UserError, match=r"^wandb sometimes: must be one of"):
        runners.run(GRID, wandb="sometimes")
    with pytest.raises(UserError, match="limit 0: must be at least 1"):
        runners.run(GRID, limit=0)
    assert not (Path("results") / "small" / "trials").exists()


@pytest.mark.slow
def test_failed_trials_run_again_at_the_call_of_retry(one_failed, monkeypatch):
    asked = []

    def launched(sweep, plan, limit, store, **options):
        asked.append((len(plan.missing), options["notify"], options["quiet"]))
        for trial in plan.missing:
            finish(store, trial, TrialState.COMPLETE)

    monkeypatch.setattr("runners.api.running.launch", launched)
    result = runners.retry("grid.yaml", notify="true", quiet=True, check=True)
    assert asked == [(1, "true", True)]
    assert (result.counts["complete"], result.counts["failed"], result.problems) == (6, 0, ())
    # The fixture has set the first one aside.
    assert len([*one_failed.trials_folder.glob("*/attempts/*")]) == 2
    with pytest.raises(UserError, match=r"^no trial of small is failed: nothing to run again$"):
        runners.retry(GRID)
    result = runners.retry(GRID, diverged=True, only={"b0": 0.01}, quiet=True)
    assert asked[1:] == [(2, None, True)]
    assert (result.counts["complete"], result.counts["diverged"]) == (8, 0)


def test_a_refusal_names_the_arguments_of_the_function(grid, finished):
    for call, expected in (
        (
            lambda: runners.results("results/small", results_root="elsewhere"),
            "and results_root elsewhere is another folder: omit results_root, or combine it",
        ),
        (
            lambda: runners.results(grid, results_root="nowhere"),
            "or name the folder that has its results with results_root",
        ),
        (lambda: runners.plan(grid, only={"b1": 7}), "only: "),
        (lambda: runners.run(grid, smoke={"lrr": 7}), "smoke lrr=7: unknown field"),
        (lambda: runners.results(grid).table(show_n="never"), "show_n must be"),
        (lambda: runners.results(grid).table(rows="lr", columns="lr"), "rows and columns are both"),
    ):
        with pytest.raises(UserError) as refused:
            call()
        assert expected in str(refused.value)
        assert "--" not in str(refused.value)


def test_command_lines_and_what_is_no_argument_stay_in_a_message():
    assert with_arguments("use --wandb disabled; `adaloss-sweep retry g.yaml --only b0=1`") == (
        "use wandb disabled; `adaloss-sweep retry g.yaml --only b0=1`"
    )
    assert with_arguments("a--only, --port 3 and --na-if any") == "a--only, --port 3 and na_if any"


def test_what_cannot_be_a_grid_is_said():
    with pytest.raises(UserError, match=r"or a dict; found \[1\], a list"):
        runners.plan([1])


def refusal(monkeypatch, *, is_initialized, with_our_settings):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: is_initialized))
    monkeypatch.setitem(sys.modules, "runners.on_ray", SimpleNamespace())
    if not with_our_settings:
        monkeypatch.delitem(sys.modules, "runners.on_ray")
    with pytest.raises(UserError) as refused:
        runners.run(GRID)
    return str(refused.value)


def test_it_is_refused_beside_the_users_own_ray(monkeypatch):
    beside = refusal(monkeypatch, is_initialized=True, with_our_settings=True)
    assert beside.startswith("Ray already runs in this Python process (ray.init)")
    after = refusal(monkeypatch, is_initialized=False, with_our_settings=False)
    assert after.startswith("this Python process has imported Ray")
    assert not Path("results").exists()


def test_it_is_refused_in_another_thread():
    refused = []

    def call():
        with pytest.raises(UserError) as error:
            runners.run(GRID)
        refused.append(str(error.value))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert refused[0].startswith("run works in the main thread only")


SCRIPT = f"""
print("the script is executed")
import ray_is_not_imported_yet
from runners import run, SweepInterruptedError, UserError

grid = {GRID}
first = run(grid, wandb="disabled", notify="cat >> told; echo $ADALOSS_EVENT >> told")
print(first.counts["complete"], first.counts["diverged"], first.problems)
again = run({{**grid, "seeds": 3}}, wandb="disabled", limit=3, quiet=True)
print(again.counts["trials"], again.problems)

import ray

ray.init(address="local", num_cpus=1, include_dashboard=False)
try:
    run(grid)
except UserError as error:
    print(error)
ray.shutdown()
"""


@pytest.mark.slow
def test_a_script_without_a_guard_runs_twice_to_the_commands_numbers(
    tmp_path, cli_without_ray, grid
):
    Path("script.py").write_text(SCRIPT)
    Path("ray_is_not_imported_yet.py").write_text("import sys\nassert 'ray' not in sys.modules\n")
    ended = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    executed, first, again, refused = ended.stdout.splitlines()
    assert executed == "the script is executed"
    assert first == "6 2 ()"
    assert again == "12 ('1 missing: call run again to continue',)"
    assert refused.startswith("Ray already runs in this Python process")
    assert "[8/8] " in ended.stderr
    assert "[1/3] " not in ended.stderr
    assert "Traceback" not in ended.stderr
    sentence = "small: 8 of 8 trials are done (6 complete, 2 diverged, 0 failed)"
    assert Path("told").read_text() == f"{sentence}\nend\n"
    assert processes_of(tmp_path / "results" / "small").alive() == []

    of_command = cli_without_ray("run", grid, "--storage", "elsewhere", "--quiet")
    assert of_command.returncode == 0, of_command.stderr
    here, there = (Store(tmp_path / root / "small") for root in ("results", "elsewhere"))
    for trial in load_sweep(grid).trials:
        ours, theirs = (map(numbers, store.read_metrics(trial)) for store in (here, there))
        assert list(ours) == list(theirs)
    # The copy of the dict is a grid file, with which the commands work.
    assert load_sweep(here.grid_path).trials[:1] == load_sweep(grid).trials[:1]
