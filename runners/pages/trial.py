"""One trial on a page: configuration, state, history, error."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from adaloss.records.printable import printable, printable_line, printable_lines
from adaloss.records.result import EpochMetrics, TrialResult
from adaloss.records.store import Store
from adaloss.tasks.metric import SECONDS, Metric
from adaloss.tasks.table import task_of
from adaloss.tasks.task import Task
from adaloss.trial import Trial

MOST_COLUMNS = 10
"""Metrics of a program: it may log hundreds."""


def trial_page(trial: Trial, store: Store) -> RenderableType:
    """Everything that is recorded about the trial."""
    result = store.read_result(trial)
    history = store.read_metrics(trial)
    task = task_of(trial)
    parts: list[RenderableType] = [
        Text(f"{trial.readable_name}  {trial.trial_id}", "bold"),
        configuration(trial),
        Text(f"\nstate: {result.state.value if result else 'not finished'}"),
    ]
    if history:
        parts += [history_table(history, task)]
    if result:
        parts += outcome(result, task)
    parts += [Text(f"records: {printable(str(store.trial_folder(trial)))}")]
    return Group(*parts)


def trial_record(trial: Trial, store: Store) -> dict[str, Any]:
    """The trial's records for programs."""
    result = store.read_result(trial)
    return {
        "id": trial.trial_id,
        "name": trial.readable_name,
        "fields": trial.model_dump(mode="json"),
        "state": "missing" if result is None else result.state.value,
        "records": str(store.trial_folder(trial)),
        "history": [epoch.model_dump(mode="json") for epoch in store.read_metrics(trial)],
        "result": None if result is None else result.model_dump(mode="json"),
    }


def configuration(trial: Trial) -> Table:
    """The trial's fields and their values."""
    table = Table(box=None, show_header=False)
    for name, value in trial.flat_values.items():
        written = f"{value:g}" if isinstance(value, float) else printable(str(value))
        table.add_row(name, Text(written))
    return table


def history_table(history: tuple[EpochMetrics, ...], task: Task) -> Table:
    """A row per recorded epoch."""
    shown = [metric for metric in task.metrics if metric is not SECONDS]
    if task.is_program:
        names = dict.fromkeys(name for metrics in history for name in metrics.values)
        shown = [task.metric(name) for name in list(names)[:MOST_COLUMNS]]
    table = Table(box=None)
    for title in ("epoch", "step", *map(heading, shown)):
        table.add_column(title, justify="right", overflow="fold")
    for metrics in history:
        values = (metrics.epoch, metrics.step, *(metrics.values.get(m.name) for m in shown))
        table.add_row(*("–" if value is None else f"{value:.5g}" for value in values))
    return table


def heading(metric: Metric) -> str:
    """The title of a metric's column."""
    title = metric.heading or metric.name
    return f"{title} %" if metric.is_percentage else title


def outcome(result: TrialResult, task: Task) -> list[RenderableType]:
    """How the trial ended, its optimizer's arguments and its provenance."""
    lines: list[RenderableType] = []
    if result.best_val is not None:
        best = result.best_val
        chosen = dict.fromkeys((task.chosen_by or task.reported, task.reported))
        values = ", ".join(measured(task, name, best[name]) for name in chosen)
        lines.append(Text(f"best validation epoch: {best.epoch} ({values})"))
    if result.divergence is not None:
        lines.append(Text(f"diverged: {printable_line(result.divergence.reason)}", "magenta"))
    if result.failure is not None:
        why = printable_lines(result.failure.message)
        lines.append(Text(f"failed ({result.failure.kind}): {why}", "red"))
        lines.append(Text(printable_lines(result.failure.traceback)))
    if result.unread:
        lines.append(Text(printable(f"not read by the program: {', '.join(result.unread)}")))
    lines += [Text(printable(f"note: {note}")) for note in result.notes or ()]
    if result.optimizer is not None:
        lines.append(Text(f"optimizer: {printable_line(result.optimizer)}"))
    ended = printable(result.finished_at)
    lines.append(Text(f"finished {ended}, {result.seconds:.3g} s in epochs"))
    if result.provenance is not None:
        made = result.provenance
        packages = ", ".join(f"{name} {version}" for name, version in made.packages.items())
        lines.append(
            Text(
                printable(
                    f"adaloss-sweep {made.code_version}, Python {made.python}, {packages}; "
                    f"{made.device}, {made.threads} threads"
                )
            )
        )
    return lines


def measured(task: Task, name: str, value: float | None) -> str:
    """A metric with its value."""
    unit = " %" if task.metric(name).is_percentage else ""
    return f"{name} {task.text(name, value)}{unit}"
