"""A sweep's dashboard in W&B: a workspace to watch, and a report to share.

Both are built from the sweep's table (rows, columns, metric) with wandb-workspaces' objects.
"""

from collections.abc import Mapping

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from adaloss.grid.sweep import Sweep
from adaloss.grid.tables.spec import TableSpec
from adaloss.tasks.metric import EFFECTIVE_LR
from adaloss.tasks.table import common_task

EPOCH = "epoch"
GROUP = "Group"
MOST_RUNS = 1000
TABLES, FIGURES = "tables", "figures"


def workspace_of(sweep: Sweep, entity: str, project: str) -> ws.Workspace:
    """The workspace: results, learning curves, step sizes, divergence, and the run table."""
    panels = panels_by_section(sweep)
    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"{sweep.name} (adaloss-sweep)",
        sections=[
            ws.Section(name=name, panels=list(shown), is_open=True)
            for name, shown in panels.items()
        ],
        settings=ws.WorkspaceSettings(x_axis=EPOCH, max_runs=MOST_RUNS),
        runset_settings=ws.RunsetSettings(filters=runs_of(sweep), pinned_columns=columns(sweep)),
    )


def report_of(sweep: Sweep, entity: str, project: str, chapters: Mapping[str, str]) -> wr.Report:
    """The report: the chapters, each a title and Markdown, then the panels, then the grid."""
    blocks: list[wr.interface.BlockTypes] = [wr.TableOfContents()]
    for title, text in chapters.items():
        blocks += [wr.H1(title), wr.MarkdownBlock(text)]
    for name, shown in panels_by_section(sweep).items():
        runset = wr.Runset(entity=entity, project=project, name=sweep.name, filters=runs_of(sweep))
        blocks += [wr.H1(name), wr.PanelGrid(runsets=[runset], panels=list(shown))]
    blocks += [wr.H1("The grid"), wr.CodeBlock(code=sweep.text, language="yaml")]
    return wr.Report(
        entity=entity,
        project=project,
        title=f"{sweep.name}: results",
        description=sweep.grid.description or "",
        blocks=blocks,
        width="fluid",
    )


def panels_by_section(sweep: Sweep) -> dict[str, tuple[wr.interface.PanelTypes, ...]]:
    """The panels by section. The runs of a cell are one line or bar, with their spread."""
    spec = sweep.tables[0]
    metric = spec.metric or sweep.grid.metric.name
    task = common_task(sweep.trials)
    losses = (name for name in task.curves if task.metric(name).goal == "minimize")
    chosen_by = (task.chosen_by,) if task.chosen_by else ()
    rows = numeric_rows(sweep, spec)
    results: tuple[wr.interface.PanelTypes, ...] = (
        wr.MediaBrowser(title=f"{metric}: mean and spread", media_keys=[FIGURES, TABLES]),
        cells_panel(f"{metric} of each cell, mean±std over the seeds", metric, "stddev"),
    )
    if rows is not None:
        against = wr.ScatterPlot(
            title=f"{metric} against {rows}, a point for each trial",
            x=wr.Config(rows),
            y=wr.SummaryMetric(metric),
            log_x=True,
        )
        results = (against, *results)
    return {
        "Results": results,
        "Learning curves": tuple(
            curve_panel(name, log=task.metric(name).goal == "minimize")
            for name in dict.fromkeys((metric, *chosen_by, *losses))
        ),
        **(
            {"Step size": (curve_panel("effective_lr", log=True), curve_panel("b", log=True))}
            if EFFECTIVE_LR.name in task.metric_names
            else {}
        ),
        "Divergence": (
            cells_panel("Share of the trials that diverged, by cell", "diverged", "none"),
            wr.ParallelCoordinatesPlot(
                title="Where trials diverged",
                columns=[
                    *(
                        wr.ParallelCoordinatesPlotColumn(metric=wr.Config(field))
                        for field in axes(sweep)
                    ),
                    wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric("diverged")),
                ],
            ),
        ),
    }


def curve_panel(metric: str, *, log: bool) -> wr.LinePlot:
    """The metric over the epochs, a line for each cell with its spread over the seeds."""
    return wr.LinePlot(
        title=f"{metric} by cell",
        x=EPOCH,
        y=[metric],
        log_y=log,
        groupby=GROUP,
        groupby_aggfunc="mean",
        groupby_rangefunc="stddev",
        max_runs_to_show=MOST_RUNS,
    )


def cells_panel(title: str, metric: str, spread: wr.interface.GroupArea) -> wr.BarPlot:
    """The metric's mean, a bar for each cell."""
    return wr.BarPlot(
        title=title,
        metrics=[wr.SummaryMetric(metric)],
        groupby=GROUP,
        groupby_aggfunc="mean",
        groupby_rangefunc=spread,
        max_runs_to_show=MOST_RUNS,
        max_bars_to_show=MOST_RUNS,
    )


def runs_of(sweep: Sweep) -> str:
    """The filter that selects the sweep's runs."""
    return f"Config('sweep') = '{sweep.name}'"


def axes(sweep: Sweep) -> tuple[str, ...]:
    """The fields in which the sweep's cells differ."""
    return tuple(name for name in sweep.axes if name != "seed")


def numeric_rows(sweep: Sweep, spec: TableSpec) -> str | None:
    """The field of the table's rows, None if its values are not numbers."""
    values = sweep.axes.get(spec.rows, ())
    numeric = values and all(isinstance(value, int | float) for value in values)
    return spec.rows if numeric else None


def columns(sweep: Sweep) -> list[str]:
    """The run table's columns: a trial's fields, its end, and its numbers."""
    metric = sweep.tables[0].metric or sweep.grid.metric.name
    fields = [f"config:{name}" for name in (*axes(sweep), "seed")]
    ends = [f"summary:{name}" for name in ("state", metric, f"best_val/{metric}", "epochs")]
    return ["run:displayName", "run:state", *fields, *ends]
