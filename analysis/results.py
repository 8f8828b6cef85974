"""From a sweep and its records to tables and a figure, and to the files beside the records."""

from collections.abc import Sequence
from pathlib import Path

from adaloss.store import Store
from adaloss.sweep import Sweep
from adaloss.trial import Trial
from analysis.frame import build_frame
from analysis.published import published_beside
from analysis.render import FORMATS, render
from analysis.tables import Table, compile_tables


def compile_results(sweep: Sweep, trials: Sequence[Trial], store: Store) -> tuple[Table, ...]:
    """The sweep's tables from the records."""
    metric = sweep.grid.metric
    return compile_tables(
        build_frame(trials, store),
        sweep.grid.tables,
        metric=metric.name,
        at=metric.at,
        goal=metric.goal,
        sweep_name=sweep.name,
    )


def save_tables(tables: Sequence[Table], store: Store) -> None:
    """Write the tables in every format beside the records."""
    for form, suffix in FORMATS.items():
        store.write_text(store.tables_folder / f"tables{suffix}", render(tables, form))


def save_comparison(trials: Sequence[Trial], store: Store) -> None:
    """Write the published numbers beside the sweep's, where it has any of the paper's cells."""
    path = store.tables_folder / "published_numbers.md"
    text = published_beside(trials, store)
    if text is not None:
        store.write_text(path, text)
    else:
        path.unlink(missing_ok=True)


def draw_figure(
    sweep: Sweep, trials: Sequence[Trial], store: Store, output: Path | None = None
) -> Path:
    """Draw the first table as a figure, by default beside the records; returns where it is."""
    # matplotlib takes half a second to import, and tables do without it.
    from analysis.figures import accuracy_against, save_figure

    spec, metric = sweep.grid.tables[0], sweep.grid.metric
    path = output or store.figures_folder / f"{sweep.name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = accuracy_against(
        build_frame(trials, store),
        x=spec.rows,
        line=spec.columns,
        per=spec.per,
        metric=spec.metric or metric.name,
        at=spec.at or metric.at,
        na_if=spec.na_if,
        title=sweep.name,
    )
    save_figure(figure, path)
    return path
