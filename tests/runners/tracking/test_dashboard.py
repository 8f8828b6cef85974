"""The dashboard is made from the sweep, saved in place of itself, or written without a login."""

import json

import pytest

from adaloss.grid.sweep import load_sweep
from runners.tracking.dashboard import panels_by_section, workspace_of


@pytest.fixture
def sweep(grid, store):
    sweep = load_sweep(grid)
    store.write_text(store.tables_folder / "tables.md", "| b0 | adaloss |\n")
    return sweep


def test_the_workspace_shows_the_sweeps_own_axes_and_metric(grid):
    text = (
        grid.read_text().replace("b0: [0.01, 1]", "b0: 1").replace("  lr: 1\n", "  lr: [0.1, 1]\n")
    )
    grid.write_text(f"{text}metric: {{name: val/loss, goal: minimize}}\ntables: [{{rows: lr}}]\n")
    sweep = load_sweep(grid)
    workspace = workspace_of(sweep, "team", "study")
    assert [section.name for section in workspace.sections] == [
        "Results",
        "Learning curves",
        "Step size",
        "Divergence",
    ]
    against = workspace.sections[0].panels[0]
    assert (against.x.name, against.y.name) == ("lr", "val/loss")
    assert workspace.sections[1].panels[0].y == ["val/loss"]
    assert "config:lr" in workspace.runset_settings.pinned_columns
    assert "summary:val/loss" in workspace.runset_settings.pinned_columns
    assert "small" in workspace.runset_settings.filters


@pytest.mark.parametrize(
    ("metric", "logarithmic"), [("val/loss", True), ("test/top1", False), ("b", False)]
)
def test_curves_of_losses_are_on_a_logarithmic_axis(grid, metric, logarithmic):
    grid.write_text(f"{grid.read_text()}metric: {{name: {metric}, goal: minimize}}\n")
    _, curves, *_ = workspace_of(load_sweep(grid), "team", "study").sections
    (panel,) = [panel for panel in curves.panels if panel.y == [metric]]
    assert bool(panel.log_y) == logarithmic


def test_rows_that_are_no_numbers_have_no_chart_against_them(grid):
    grid.write_text(grid.read_text() + "tables: [{rows: optimizer, columns: b0}]\n")
    panels = panels_by_section(load_sweep(grid))
    assert not [panel for panel in panels["Results"] if type(panel).__name__ == "ScatterPlot"]


@pytest.mark.slow
def test_without_a_login_it_is_written_with_how_to_publish_it(command, sweep, grid, tmp_path):
    written = command("dashboard", grid)
    assert written.returncode == 0, written.stderr
    assert "after `wandb login`: adaloss-sweep dashboard" in written.stderr
    folder = tmp_path / "results" / "small" / "wandb" / "dashboard"
    spec = json.loads((folder / "workspace.json").read_text())
    titles = [section["name"] for section in spec["section"]["panelBankConfig"]["sections"]]
    assert titles[0] == "Results"
    assert "name: small" in (folder / "report.md").read_text()


@pytest.mark.slow
def test_with_a_login_it_is_saved_once_and_then_in_its_place(
    command, sweep, grid, server, tmp_path
):
    first = command("dashboard", grid)
    assert first.returncode == 0, first.stderr
    assert f"workspace: {server.url}/team/adaloss?nw=" in first.stdout
    assert f"report: {server.url}/team/adaloss/reports/" in first.stdout
    tables = tmp_path / "results" / "small" / "tables"
    tables.mkdir(parents=True)
    (tables / "tables.md").write_text("| b0 | adaloss |\n")
    assert command("dashboard", grid).stdout == first.stdout
    assert len(server.views) == 2
    report = next(view for view in server.views.values() if view["type"] == "runs")
    assert "| b0 | adaloss |" in json.loads(report["spec"])["blocks"].__str__()


@pytest.mark.slow
def test_a_report_that_could_not_be_saved_is_not_made_twice(command, sweep, grid, server):
    first = command("dashboard", grid)
    server.refused_views = {"runs"}
    refused = command("dashboard", grid)
    assert refused.returncode == 2
    assert "if it was deleted in W&B, delete" in refused.stderr
    server.refused_views = set()
    assert command("dashboard", grid).stdout == first.stdout
    assert len(server.views) == 2


@pytest.mark.slow
def test_a_server_that_does_not_take_it_is_said(command, sweep, grid, server):
    server.fault = 401
    refused = command("dashboard", grid)
    assert refused.returncode == 2
    assert "W&B: the dashboard: " in refused.stderr
    assert "Traceback" not in refused.stderr
