"""The best row of a table with one column, in a sentence, and how the next ones compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adaloss.grid.points.forms import is_number
from adaloss.grid.tables.at import LAST
from analysis.stats.answer.subject import Subject, number, sentence
from analysis.stats.samples import Samples

MOST_NEXT = 2
MOST_EQUAL = 3


@dataclass(frozen=True, kw_only=True)
class RowMean:
    """A row of the only column with its mean over ``n`` seeds."""

    row: object
    mean: float
    n: int


def have_one_column(subject: Subject) -> bool:
    """Whether rows are what is compared: every part has one column, and some part several rows."""
    samples = [part.samples for part in subject.parts]
    return all(len(part.columns) == 1 for part in samples) and any(
        len(part.rows) > 1 for part in samples
    )


def best_row_sentence(subject: Subject) -> str | None:
    """Which row is best, whether it is at the edge of the tried numbers, and the next ones.

    It describes the means and claims no significance. A row that diverged has no mean and is never
    the best. None if no row has a mean.
    """
    measure = subject.measure
    ranked = [
        (part.samples, found) for part in subject.parts if (found := means(part.samples, subject))
    ]
    if not ranked:
        return None
    averaged = "mean " if any(len(samples.seeds) > 1 for samples, _ in ranked) else ""
    what = f"{averaged}{measure.label}"
    at = "" if measure.at == LAST else f" {measure.when}"
    # A part's clauses stay together between the semicolons of several parts.
    link = "; " if len(ranked) == 1 else ", "
    clauses = [
        (samples.part, f"{link.join(texts(samples, found, subject))} {seeds_text(found)}")
        for samples, found in ranked
    ]
    if subject.spec.ranks_points:
        clauses = [(part, f"{what}{at} {text}") for part, text in clauses]
        number_of_points = sum(len(part.samples.rows) for part in subject.parts)
        return sentence(f"Best of {number_of_points} points", clauses)
    return sentence(f"Best {what}{at}", clauses)


def means(samples: Samples, subject: Subject) -> list[RowMean]:
    """The rows that have a mean, the best first."""
    found = [
        RowMean(
            row=row,
            mean=float(np.nanmean(samples.values[0, index])),
            n=int((~np.isnan(samples.values[0, index])).sum()),
        )
        for index, row in enumerate(samples.rows)
        if samples.has_mean[0, index]
    ]
    return sorted(found, key=lambda one: one.mean, reverse=subject.measure.goal == "maximize")


def texts(samples: Samples, ranked: Sequence[RowMean], subject: Subject) -> Iterator[str]:
    """``0.0001 at lr = 0.5, the largest tried`` and ``next 0.01 at lr = 0.1 and 0.03 at …``.

    Rows whose means read the same as the best are the best together.
    """
    best = number(ranked[0].mean, subject)
    equal = [one for one in ranked if number(one.mean, subject) == best]
    rest = ranked[len(equal) :]
    places = [place(one.row, samples, subject) for one in equal[:MOST_EQUAL]]
    more = [f"{len(equal) - MOST_EQUAL} more"] if len(equal) > MOST_EQUAL else []
    edge = edge_words(equal[0].row, samples) if len(equal) == 1 else ""
    yield f"{best} at {' and at '.join([*places, *more])}{edge}"
    if rest:
        nearest = [
            f"{number(one.mean, subject)} at {place(one.row, samples, subject)}"
            for one in rest[:MOST_NEXT]
        ]
        yield f"next {' and '.join(nearest)}"
    elif len(equal) == 1 < len(samples.rows):
        yield f"no other {subject.row_name} has a mean"


def place(row: object, samples: Samples, subject: Subject) -> str:
    """``lr = 0.5``, with the values that were tuned for it."""
    spec, names = subject.spec, subject.names
    choice = subject.choices.get((row, samples.columns[0], *samples.part_values))
    tuned = zip(spec.tune, choice.values, strict=True) if choice and choice.values else ()
    named = [f"{names.field(field)} = {names.text(field, value)}" for field, value in tuned]
    # The name of a point has its parameters.
    own = "" if spec.ranks_points else f"{subject.row_name} = "
    text = f"{own}{names.text(spec.rows, row)}"
    return f"{text} with {' and '.join(named)}" if named else text


def edge_words(row: object, samples: Samples) -> str:
    """``, the largest tried`` if a better row may lie beyond: of the numbers that have an end."""
    ended = samples.has_mean[0] | samples.not_available[0]
    tried = [
        value
        for value, has_ended in zip(samples.rows, ended, strict=True)
        if has_ended and isinstance(value, int | float) and is_number(value)
    ]
    if len(tried) < 2 or not all(map(is_number, samples.rows)):
        return ""
    if row == max(tried):
        return ", the largest tried"
    # Nothing lies below zero for a parameter such as a momentum.
    return ", the smallest tried" if row == min(tried) and row != 0 else ""


def seeds_text(ranked: Sequence[RowMean]) -> str:
    """``(3 seeds each)``."""
    fewest, most = min(one.n for one in ranked), max(one.n for one in ranked)
    if most == 1:
        return "(one trial each)" if len(ranked) > 1 else "(one trial)"
    seeds = str(most) if fewest == most else f"{fewest} to {most}"
    each = " each" if fewest == most and len(ranked) > 1 else ""
    return f"({seeds} seeds{each})"
