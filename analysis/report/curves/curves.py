"""The learning curves of the cells: means, and as many seeds as fit the page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.figures.parts.course import Course, Numbers, mean_course, recorded_epochs
from analysis.frame.frame import task_in
from analysis.report.curves.budget import MOST_NUMBERS, CurveBudget, budget_of, left_out
from analysis.report.subject import Point, Subject

Recorded = Mapping[str, tuple[Numbers, Mapping[str, Numbers]]]
"""The epochs and the quantities' values of every trial id that has any."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line of cell number ``point``: of a seed, or the cell's mean if ``seed`` is None."""

    point: int
    seed: str | None
    has_diverged: bool
    epochs: Numbers
    values: Sequence[Numbers]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The shown curves, and sentences on what is omitted."""

    quantities: tuple[str, ...]
    curves: Sequence[Curve]
    left_out: tuple[str, ...]


def curves_of(
    frame: pd.DataFrame,
    history: pd.DataFrame,
    subject: Subject,
    *,
    most_numbers: int = MOST_NUMBERS,
) -> Curves:
    """The curves of the subject's cells, with about ``most_numbers`` numbers at most."""
    task = subject.measure.task or task_in(frame)
    quantities = tuple(dict.fromkeys((*task.curves, subject.measure.followed)))
    recorded = recorded_epochs(history, quantities)
    longest = max((len(epochs) for epochs, _ in recorded.values()), default=0)
    seeds = [len(point.trials) for point in subject.points]
    budget = budget_of(
        seeds, longest=longest, quantities=len(quantities), most_numbers=most_numbers
    )
    courses = courses_by_row(frame, recorded, quantities)
    curves = [
        curve
        for number, point in enumerate(subject.points[: budget.cells])
        for curve in curves_of_cell(number, of_cell(point, courses), quantities, budget)
    ]
    return Curves(
        quantities=quantities,
        curves=curves,
        left_out=tuple(left_out(budget, seeds, longest, subject.measure.epoch_word)),
    )


def courses_by_row(
    frame: pd.DataFrame, recorded: Recorded, quantities: Sequence[str]
) -> list[tuple[str, str, Course]]:
    """The id, seed and recorded epochs of each row's trial."""
    none = (np.empty(0), {name: np.empty(0) for name in quantities})
    rows = []
    for trial_id, seed, state in zip(frame["trial_id"], frame["seed"], frame["state"], strict=True):
        epochs, values = recorded.get(trial_id, none)
        rows.append((trial_id, str(seed), Course(state=state, epochs=epochs, values=values)))
    return rows


def of_cell(
    point: Point, courses: Sequence[tuple[str, str, Course]]
) -> Sequence[tuple[str, Course]]:
    """The seeds of a cell with their epochs; a trial that is declared twice counts once."""
    distinct = {
        trial_id: (seed, course)
        for trial_id, seed, course in (courses[row] for row in point.trials)
    }
    return list(distinct.values())


def curves_of_cell(
    point: int,
    courses: Sequence[tuple[str, Course]],
    quantities: Sequence[str],
    budget: CurveBudget,
) -> Iterator[Curve]:
    """The mean of a cell, its first seeds, and the ends of other seeds that diverged."""
    epochs, means = mean_values([course for _, course in courses], quantities)
    mean = Curve(point=point, seed=None, has_diverged=False, epochs=epochs, values=means)
    yield thinned(mean, budget.epochs)
    for number, (seed, course) in enumerate(courses):
        whole = number < budget.seeds
        if whole or course.has_diverged:
            first = 0 if whole else max(len(course.epochs) - 1, 0)
            curve = Curve(
                point=point,
                seed=seed,
                has_diverged=course.has_diverged,
                epochs=course.epochs[first:],
                values=[course.values[name][first:] for name in quantities],
            )
            yield thinned(curve, budget.epochs)


def mean_values(
    courses: Sequence[Course], quantities: Sequence[str]
) -> tuple[Numbers, Sequence[Numbers]]:
    """:func:`analysis.figures.parts.course.mean_course` for all quantities at once."""
    complete = [course for course in courses if course.is_complete and len(course.epochs)]
    same = all(np.array_equal(course.epochs, complete[0].epochs) for course in complete)
    if complete and same:
        # The usual case; finding the common epochs of thousands of cells takes seconds.
        stacked = np.array([[course.values[name] for name in quantities] for course in complete])
        return complete[0].epochs, list(stacked.mean(axis=0))
    means = [mean_course(courses, name) for name in quantities]
    return means[0][0], [values for _, values in means]


def thinned(curve: Curve, most_epochs: int) -> Curve:
    """The curve at ``most`` of its epochs, including the first and the last."""
    length = len(curve.epochs)
    if length <= most_epochs:
        return curve
    kept = np.unique(np.linspace(0, length - 1, most_epochs).astype(int))
    return replace(curve, epochs=curve.epochs[kept], values=[v[kept] for v in curve.values])
