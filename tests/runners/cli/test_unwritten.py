"""``adaloss-sweep run`` where an output cannot be made: the table and all other outputs are."""

import errno
import json

import pytest
from small_records import finish

from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialState
from adaloss.records.store import Store
from analysis.attempts import Attempts
from analysis.render.render import RENDERERS
from runners.api.selection import smoke_trials


@pytest.fixture
def in_this_process(monkeypatch):
    """Other processes would not know what breaks here."""
    monkeypatch.setattr("analysis.figures.writing.processes.processors", lambda: 1)
    monkeypatch.setattr("analysis.outputs.FIGURES", ("against", "heatmap"))


def broken(*_, **__):
    raise RuntimeError("no such\nglyph")


@pytest.fixture
def run(cli, grid):
    """``run`` of the finished sweep: exit code, output, and the lines of errors."""

    def run_now(*options):
        code, printed, errors = cli("run", grid, "--wandb", "disabled", *options)
        return code, printed, errors.splitlines()

    return run_now


BREAKING = {
    "analysis.figures.heat_map": ("figures/heatmap", "plot {grid} --figure heatmap"),
    "analysis.outputs.statistics_of": ("tables/statistics.md", "stats {grid} -o"),
    "analysis.outputs.published_page": ("tables/published_numbers.md", "compare {grid}"),
    "analysis.outputs.save_report": ("report.html", "report {grid}"),
    "analysis.outputs.history_frame": ("report.html", "report {grid}"),
    "analysis.figures.accuracy_against": ("figures/against-b0", "plot {grid} --figure against"),
    "analysis.figures.writing.files.save_one": ("figures/heatmap", "plot {grid}"),
    "analysis.outputs.shares_of": ("figures/heatmap", "plot {grid} --figure heatmap"),
    "analysis.outputs.without_warnings": ("figures", "plot {grid}"),
}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("what", BREAKING)
def test_what_cannot_be_made_stops_nothing_else(run, grid, finished, monkeypatch, what):
    monkeypatch.setattr(what, broken)
    code, printed, errors = run()
    output, remedy = BREAKING[what]
    assert code == 3
    assert "±" in printed
    assert (finished.tables_folder / "tables.md").exists()
    (line,) = [line for line in errors if line.startswith(f"not written: {output}: ")]
    trace = finished.root.relative_to(grid.parent) / "compile_errors.txt"
    assert f": RuntimeError: no such glyph (traceback: {trace}); try again: " in line
    assert f"adaloss-sweep {remedy.format(grid=grid)}" in line
    assert "Traceback" not in "\n".join(errors)
    assert "in broken" in (finished.root / "compile_errors.txt").read_text()

    failed = {line.split(": ")[1] for line in errors if line.startswith("not written: ")}
    for file in ("report.html", "tables/statistics.md", "figures/against-b0.png"):
        is_made = not any(file.startswith(name) for name in failed)
        assert (finished.root / file).exists() is is_made


@pytest.mark.usefixtures("in_this_process")
def test_a_renderer_that_fails_leaves_the_other_formats(run, finished, monkeypatch):
    monkeypatch.setitem(RENDERERS, "csv", broken)
    code, printed, errors = run()
    assert (code, "±" in printed) == (3, True)
    (line,) = [line for line in errors if line.startswith("not written: ")]
    assert "--format csv -o results/small/tables/tables.csv" in line
    assert (finished.tables_folder / "tables.tex").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_the_next_run_tries_again_and_tidies_up(run, finished, monkeypatch):
    with monkeypatch.context() as change:
        change.setattr("analysis.figures.heat_map", broken)
        assert run()[0] == 3
        assert run()[0] == 3
    code, _, errors = run()
    assert code == 0
    assert not [line for line in errors if "not " in line]
    assert (finished.figures_folder / "heatmap.png").exists()
    assert not (finished.root / "compile_errors.txt").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_an_earlier_file_is_kept_and_named(run, grid, finished, monkeypatch):
    assert run()[0] == 0
    monkeypatch.setattr("analysis.figures.heat_map", broken)
    monkeypatch.setattr("runners.api.running.code_version", lambda: "another")
    errors = run()[2]
    files = "figures/heatmap.png"
    assert f"not replaced, from an earlier compilation: {files}" in errors
    assert (finished.figures_folder / "heatmap.png").exists()


@pytest.mark.usefixtures("in_this_process")
def test_json_names_it(run, finished, monkeypatch):
    monkeypatch.setattr("analysis.outputs.save_report", broken)
    code, printed, errors = run("--json")
    assert code == 3
    assert json.loads(printed)["not_written"] == {"report.html": "RuntimeError: no such\nglyph"}
    assert any(line.startswith("not written: report.html: ") for line in errors)


@pytest.mark.usefixtures("in_this_process")
def test_failed_trials_decide_the_exit_code(run, grid, finished, monkeypatch):
    trial = load_sweep(grid).trials[0]
    failure = Failure(kind=FailureKind.CODE, message="no")
    changes = {"state": TrialState.FAILED, "failure": failure}
    finished.write_result(trial, finished.read_result(trial).model_copy(update=changes))
    monkeypatch.setattr("analysis.outputs.save_report", broken)
    code, _, errors = run()
    assert code == 4
    assert any(line.startswith("not written: report.html: ") for line in errors)


@pytest.mark.usefixtures("in_this_process")
def test_a_users_mistake_has_no_traceback(run, finished, monkeypatch):
    def refuse(*_, **__):
        raise UserError("cells would mix trials")

    monkeypatch.setattr("analysis.figures.heat_map", refuse)
    (line,) = [line for line in run()[2] if line.startswith("not written: ")]
    assert line.startswith("not written: figures/heatmap: cells would mix trials; try again: ")
    assert not (finished.root / "compile_errors.txt").exists()


@pytest.mark.usefixtures("in_this_process")
def test_a_full_disk_stops_the_command_as_before(run, finished, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("analysis.figures.heat_map", full)
    code, _, errors = run()
    assert code == 2
    assert errors[-1].endswith("free some space, then run the same command again")


@pytest.mark.usefixtures("in_this_process")
def test_an_interrupt_while_figures_are_drawn_is_one(run, finished, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("analysis.figures.heat_map", interrupted)
    assert run()[0] == 130


@pytest.mark.slow
def test_an_error_in_another_process_is_told(run, finished, monkeypatch):
    monkeypatch.setattr("analysis.figures.writing.processes.processors", lambda: 2)
    # A figure cannot replace a folder.
    (finished.figures_folder / "heatmap.png").mkdir(parents=True)
    code, printed, errors = run()
    assert (code, "±" in printed) == (3, True)
    (line,) = [line for line in errors if line.startswith("not written: ")]
    assert line.startswith("not written: figures/heatmap: IsADirectoryError: ")
    assert "in save_figure" in (finished.root / "compile_errors.txt").read_text()
    assert (finished.figures_folder / "curves-mlp.png").exists()
    assert (finished.root / "report.html").exists()


@pytest.mark.usefixtures("in_this_process")
def test_a_smoke_run_tries_again_by_the_same_command(cli, grid, tmp_path, monkeypatch):
    small = Store(tmp_path / "results" / "smoke" / "small")
    for trial in smoke_trials(load_sweep(grid).trials, ()):
        finish(small, trial, TrialState.COMPLETE)
    monkeypatch.setattr("analysis.outputs.save_report", broken)
    # No trial's code has changed since.
    monkeypatch.setattr("runners.api.before_run.changed_trials", lambda *_: [])
    code, _, errors = cli("run", grid, "--smoke")
    assert code == 3
    assert f"; try again: adaloss-sweep run {grid} --smoke\n" in errors


def test_an_error_of_all_processes_counts_once():
    parts = [Attempts() for _ in range(3)]
    for part in parts:
        with part.attempt("figures/curves", "plot"):
            raise RuntimeError("no such glyph")
    attempts = Attempts()
    for part in parts:
        attempts.add(part)
    assert [failed.output for failed in attempts.unwritten] == ["figures/curves"]
