"""One trial on a page: configuration, state, history, error."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from adaloss.records.printable import printable, printable_line, printable_lines
from adaloss.records.result import EpochMetrics, TrialResult
from adaloss.records.store import Store
from adaloss.trial import Trial

HISTORY_COLUMNS = {
    "epoch": "epoch",
    "step": "step",
    "train/loss": "train/loss",
    "val/loss": "val/loss",
    "val/top1": "val/top1 %",
    "test/loss": "test/loss",
    "test/top1": "test/top1 %",
    "test/top5": "test/top5 %",
    "b": "b",
    "effective_lr": "effective lr",
    "examples_per_second": "examples/s",
}


def trial_page(trial: Trial, store: Store) -> RenderableType:
    """Everything on record about the trial."""
    result = store.read_result(trial)
    history = store.read_metrics(trial)
    parts: list[RenderableType] = [
        Text(f"{trial.readable_name}  {trial.trial_id}", "bold"),
        configuration(trial),
        Text(f"\nstate: {result.state.value if result else 'not finished'}"),
    ]
    if history:
        parts += [history_table(history)]
    if result:
        parts += outcome(result)
    parts += [Text(f"records: {printable(str(store.trial_folder(trial)))}")]
    return Group(*parts)


def configuration(trial: Trial) -> Table:
    """The trial's fields and their values."""
    table = Table(box=None, show_header=False)
    for name, value in trial.values.items():
        written = f"{value:g}" if isinstance(value, float) else printable(str(value))
        table.add_row(name, Text(written))
    return table


def history_table(history: tuple[EpochMetrics, ...]) -> Table:
    """A row per recorded epoch."""
    table = Table(box=None)
    for title in HISTORY_COLUMNS.values():
        table.add_column(title, justify="right", overflow="fold")
    for metrics in history:
        record = metrics.model_dump()
        table.add_row(
            *("–" if record[name] is None else f"{record[name]:.5g}" for name in HISTORY_COLUMNS)
        )
    return table


def outcome(result: TrialResult) -> list[RenderableType]:
    """How the trial ended, and what made it."""
    lines: list[RenderableType] = []
    if result.best_val is not None:
        lines.append(
            Text(
                f"best validation epoch: {result.best_val.epoch} "
                f"(val/top1 {result.best_val.val_top1:.2f} %, "
                f"test/top1 {result.best_val.test_top1:.2f} %)"
            )
        )
    if result.divergence is not None:
        lines.append(Text(f"diverged: {printable_line(result.divergence.reason)}", "magenta"))
    if result.failure is not None:
        why = printable_lines(result.failure.message)
        lines.append(Text(f"failed ({result.failure.kind}): {why}", "red"))
        lines.append(Text(printable_lines(result.failure.traceback)))
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
