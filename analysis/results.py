"""From a sweep and its records to its tables and statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from adaloss.grid.sweep import Sweep
from adaloss.grid.tables.at import epoch_of, reach_of
from adaloss.grid.tables.spec import TableSpec
from adaloss.records.store import Store
from adaloss.tasks.metrics import COUNTED
from adaloss.tasks.program.task import aimed
from adaloss.tasks.table import common_task
from adaloss.tasks.task import Task
from adaloss.trial import Trial
from analysis.frame.frame import MISSING, build_frame
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.own_changes import any_mixed, with_what_is_now
from analysis.tables.page import Page
from analysis.tables.points import with_named_points, with_points
from analysis.tables.tables import Table, compile_tables, measure_of, selected
from analysis.tables.tuning import Sensitivity, sensitivities, tuned

BOOTSTRAP_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Results:
    """The records of these trials of a sweep, and the requested tables.

    ``frame`` is that of :func:`analysis.frame.frame.build_frame` with every epoch that a table
    names. ``selection`` describes the part of the sweep that the trials are, which every title has;
    empty for all of it.
    """

    sweep: Sweep
    trials: tuple[Trial, ...]
    store: Store
    specs: tuple[TableSpec, ...]
    frame: pd.DataFrame
    selection: str = ""

    @cached_property
    def names(self) -> Names:
        """The labels of the fields and their values."""
        return with_named_points(Names(self.sweep.labels), self.frame)

    @property
    def task(self) -> Task:
        """The task of the sweep; of a program, with what the grid says about its metric."""
        return task_of_sweep(self.sweep)

    @property
    def name(self) -> str:
        """The sweep's name, with the selected part."""
        return with_selection(self.sweep.name, self.selection)

    @property
    def spec(self) -> TableSpec:
        """The first table, whose rows, columns and metric figures and statistics use."""
        return self.specs[0]

    @property
    def measure(self) -> Measure:
        """The metric and the epoch of the first table."""
        return self.measure_of(self.spec)

    def measure_of(self, spec: TableSpec) -> Measure:
        """The metric and the epoch of a table."""
        return measure_in(self.sweep, spec)

    @property
    def title(self) -> str:
        """The first table's title or the sweep's name, with remarks, as on missing trials."""
        return self.title_of(self.spec)

    def title_of(self, spec: TableSpec) -> str:
        """A table's title or the sweep's name, with remarks, as on missing trials."""
        name = spec.title or self.name
        # With a tuned table, of all trials that a value was chosen from.
        states = selected(self.frame, spec).drop_duplicates("trial_id")["state"]
        missing = int((states == MISSING).sum())
        done = f"{len(states) - missing} of {len(states)} trials"
        mixed = any_mixed(self.chosen_for(spec))
        remarks = [f"INCOMPLETE: {done}"] if missing else []
        tuned_fields = " and ".join(self.names.fields(spec.tune))
        remarks += [f"{tuned_fields} tuned"] if tuned_fields else []
        remarks += ["MIXED: several versions of your own code or data"] if mixed else []
        return f"{name} ({'; '.join(remarks)})" if remarks else name

    def chosen(self) -> pd.DataFrame:
        """The rows of the frame that the first table shows: with ``tune`` at the chosen values."""
        return self.chosen_for(self.spec)

    def chosen_for(self, spec: TableSpec) -> pd.DataFrame:
        """The rows of the frame that a table shows."""
        return tuned(selected(self.frame, spec), spec, self.measure_of(spec))[0]

    def sensitivities(self) -> tuple[Sensitivity, ...]:
        """The first table along each of its tuned fields that has several numbers."""
        return tuple(sensitivities(selected(self.frame, self.spec), self.spec, self.measure))


def read_results(
    sweep: Sweep,
    trials: tuple[Trial, ...],
    store: Store,
    specs: Sequence[TableSpec] | None = None,
    selection: str = "",
) -> Results:
    """Read the recorded results; ``specs`` replace the grid's tables."""
    asked = tuple(
        spec.model_copy(update={"title": with_selection(spec.title, selection)})
        if spec.title
        else spec
        for spec in (specs if specs is not None else sweep.tables)
    )
    named = tuple(dict.fromkeys(spec.at or sweep.grid.metric.at for spec in asked))
    task = task_of_sweep(sweep)
    targets = (target for at in named if (target := reach_of(at, task)) is not None)
    # A table may have a metric that no trial has recorded yet.
    metrics = [spec.metric for spec in asked if spec.metric and spec.metric not in COUNTED]
    frame = build_frame(
        trials,
        store,
        epochs=filter(None, map(epoch_of, named)),
        targets=targets,
        metrics=(sweep.grid.metric.name, *metrics),
        # Tables and the report name the fields of the whole sweep.
        sweep_trials=sweep.trials,
    )
    frame = with_what_is_now(with_points(frame, trials), sweep.places)
    return Results(
        sweep=sweep, trials=trials, store=store, specs=asked, frame=frame, selection=selection
    )


def with_selection(title: str, selection: str) -> str:
    """The title with the selected part of the sweep."""
    return f"{title} ({selection})" if selection else title


def task_of_sweep(sweep: Sweep) -> Task:
    """The task of a sweep's trials; of a program, with what the grid says about its metric."""
    metric = sweep.grid.metric
    return aimed(common_task(sweep.trials), metric.name, metric.goal)


def measure_in(sweep: Sweep, spec: TableSpec) -> Measure:
    """The metric and the epoch of a table of a sweep."""
    metric = sweep.grid.metric
    return measure_of(
        spec, metric=metric.name, at=metric.at, goal=metric.goal, task=task_of_sweep(sweep)
    )


def tables_of(results: Results) -> tuple[Table, ...]:
    """The tables.

    Raises:
        TableError: a requested table cannot be compiled.
    """
    return compiled(results, results.specs)


def compiled(results: Results, specs: Sequence[TableSpec]) -> tuple[Table, ...]:
    """These tables of the sweep."""
    metric = results.sweep.grid.metric
    return compile_tables(
        results.frame,
        specs,
        metric=metric.name,
        at=metric.at,
        goal=metric.goal,
        sweep_name=results.name,
        names=results.names,
        task=results.task,
    )


def statistics_of(results: Results) -> Page:
    """The statistics in words and tables; the same records give the same page.

    Raises:
        TableError: the fields do not exist, or cells would mix trials.
    """
    # scipy's distributions take a second to import, and tables do not need them.
    from analysis.stats.page.page import stats_page

    whole = selected(results.frame, results.spec)
    frame, choices = tuned(whole, results.spec, results.measure)
    return stats_page(
        frame,
        title=f"{results.title}: statistics",
        names=results.names,
        choices=choices,
        whole=whole,
        along=results.sensitivities(),
        tune=results.spec.tune,
        **statistics_arguments(results) | {"measure": measure_as_shown(results)},
    )


def measure_as_shown(results: Results) -> Measure:
    """The measure of the first table; of any scale, with the decimals of that table."""
    measure = results.measure
    if not measure.about.any_scale:
        return measure
    tables = compiled(results, [results.spec])
    return replace(measure, decimals=tables[0].style.decimals) if tables else measure


def statistics_frames(results: Results) -> Mapping[str, pd.DataFrame]:
    """The numbers of :func:`statistics_of`."""
    from analysis.stats.frames.frames import stats_frames

    frame, choices = tuned(selected(results.frame, results.spec), results.spec, results.measure)
    return stats_frames(frame, choices=choices, **statistics_arguments(results))


def statistics_arguments(results: Results) -> dict[str, Any]:
    """The arguments of the statistics, with the generator of their resamples."""
    spec = results.spec
    return {
        "rows": spec.rows,
        "columns": spec.columns,
        "per": spec.per,
        "measure": results.measure,
        "na_if": spec.na_if,
        "generator": np.random.default_rng(BOOTSTRAP_SEED),
    }
