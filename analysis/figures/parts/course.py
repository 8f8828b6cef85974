"""The recorded epochs of trials by cell, and the mean of a cell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adaloss.grid.tables.at import about_metric
from adaloss.records.result import TrialState
from adaloss.tasks.metric import Metric
from adaloss.tasks.task import Task
from analysis.figures.parts.line_styles import LineStyle
from analysis.frame.column_types import values_of
from analysis.frame.frame import metric_column, task_in
from analysis.tables.names import Names

Numbers = NDArray[np.float64]
Recorded = Mapping[str, tuple[Numbers, Mapping[str, Numbers]]]
"""The epochs of every trial id, and each quantity's values at them."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """One trial's recorded epochs, ascending, and the values of each quantity at them.

    Lines are ``joined`` over the reports in which a program does not log a metric.
    """

    state: str
    epochs: Numbers
    values: Mapping[str, Numbers]
    is_joined: bool = False

    def shown(self, quantity: str) -> "Course":
        """The course at the epochs that a line of the quantity has."""
        if not self.is_joined or not len(self.epochs):
            return self
        epochs, values = known_points(self.epochs, self.values[quantity])
        return replace(self, epochs=epochs, values={quantity: values})

    @property
    def is_complete(self) -> bool:
        """Whether the trial is complete."""
        return self.state == TrialState.COMPLETE.value

    @property
    def has_diverged(self) -> bool:
        """Whether the trial ended in divergence."""
        return self.state == TrialState.DIVERGED.value

    @property
    def is_unfinished(self) -> bool:
        """Whether the trial failed or has no result yet."""
        return not self.is_complete and not self.has_diverged

    def end(self, quantity: str) -> tuple[float, float]:
        """The last recorded epoch and the quantity's value there."""
        return float(self.epochs[-1]), float(self.values[quantity][-1])


def courses_by_cell(
    part: pd.DataFrame,
    fields: tuple[str, str],
    recorded: Recorded,
    *,
    joined: bool = False,
) -> dict[tuple[object, object], tuple[Course, ...]]:
    """The courses of the trials of each cell, by the values of the two fields.

    ``recorded`` has the epochs and values of every trial id, see :func:`recorded_epochs`; a trial
    without any has an empty course. A trial that is declared twice in a cell counts once.
    """
    cells: dict[tuple[object, object], dict[str, Course]] = {}
    columns = (values_of(part, name) for name in (*fields, "trial_id", "state"))
    for row, column, trial_id, state in zip(*columns, strict=True):
        epochs, values = recorded.get(trial_id, (np.empty(0), {}))
        course = Course(state=state, epochs=epochs, values=values, is_joined=joined)
        cells.setdefault((row, column), {})[trial_id] = course
    return {key: tuple(courses.values()) for key, courses in cells.items()}


def recorded_epochs(history: pd.DataFrame, quantities: Sequence[str]) -> Recorded:
    """The epochs and the quantities' values of every trial id that has any.

    A quantity of a program that nothing recorded is NaN.
    """
    task = task_in(history)
    columns = {name: metric_column(name, task) for name in quantities}
    there = [column for column in columns.values() if column in history or not task.is_program]
    once = history[["trial_id", "epoch", *there]].drop_duplicates(["trial_id", "epoch"])
    epochs = once["epoch"].to_numpy(dtype=np.float64)
    values = {
        name: once[column].to_numpy(dtype=np.float64)
        if column in once
        else np.full(len(once), np.nan)
        for name, column in columns.items()
    }
    positions = once.groupby("trial_id", sort=False).indices
    return {
        str(trial_id): (epochs[rows], {name: column[rows] for name, column in values.items()})
        for trial_id, rows in positions.items()
    }


def steps_of_an_epoch(history: pd.DataFrame, trial_ids: pd.Series) -> float | None:
    """The steps of each epoch in these trials, None where they differ or are not known."""
    if "step" not in history:
        return None
    epochs = history[history["trial_id"].isin(trial_ids)]
    found = set((epochs["step"] / epochs["epoch"]).dropna())
    return float(found.pop()) if len(found) == 1 else None


def known_points(epochs: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    """The epochs that have a value, and the values."""
    known = ~np.isnan(values)
    return epochs[known], values[known]


def mean_course(courses: Iterable[Course], quantity: str) -> tuple[Numbers, Numbers]:
    """The epochs that every complete trial has, and the mean over those trials at each.

    NaN if one of them has no value; diverged and unfinished trials are excluded.
    """
    complete = [course for course in courses if course.is_complete and len(course.epochs)]
    if not complete:
        return np.empty(0), np.empty(0)
    shared = complete[0].epochs
    for course in complete[1:]:
        shared = np.intersect1d(shared, course.epochs)
    values = [c.values[quantity][np.isin(c.epochs, shared)] for c in complete]
    return shared, np.mean(values, axis=0)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The content of one figure: the cells of a part of the sweep, by the shown values."""

    field: str
    line_field: str
    names: Names
    shown: tuple[object, ...]
    quantities: tuple[str, ...]
    styles: Mapping[object, LineStyle]
    cells: Mapping[tuple[object, object], tuple[Course, ...]]
    task: Task
    steps: float | None = None
    """The steps of an epoch, None where trials differ."""

    @property
    def field_name(self) -> str:
        """What the field of the columns of panels is called."""
        return self.names.field(self.field)

    def about(self, quantity: str) -> Metric:
        """What the task says about a quantity."""
        return about_metric(quantity, self.task)

    def courses(self, value: object, column: object) -> tuple[Course, ...]:
        """The trials of a cell, none if the sweep does not contain it."""
        return self.cells.get((value, column), ())

    @cached_property
    def all_courses(self) -> list[Course]:
        """The trials of every shown cell."""
        return [
            c for value in self.shown for line in self.styles for c in self.courses(value, line)
        ]

    @property
    def recorded(self) -> list[Course]:
        """The trials with a recorded epoch."""
        return [course for course in self.all_courses if len(course.epochs)]

    @cached_property
    def without(self) -> tuple[tuple[object, str], ...]:
        """The lines whose recorded epochs lack an optional quantity, with that quantity."""
        recorded = {
            column: [
                c for value in self.shown for c in self.courses(value, column) if len(c.epochs)
            ]
            for column in self.styles
        }
        return tuple(
            (column, quantity)
            for column, courses in recorded.items()
            for quantity in self.quantities
            if courses
            and self.about(quantity).optional
            and not any(np.isfinite(course.values[quantity]).any() for course in courses)
        )

    @property
    def is_one_epoch(self) -> bool:
        """Whether no trial has a second epoch, so that points replace lines."""
        return all(len(course.epochs) < 2 for course in self.all_courses)
