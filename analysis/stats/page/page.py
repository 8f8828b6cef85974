"""The page of a sweep's statistics, as plain text in sections."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from adaloss.grid.tables.spec import NaIf, TableSpec
from analysis.stats.answer.sentences import answer
from analysis.stats.answer.subject import Subject
from analysis.stats.frames.frames import (
    AGGREGATE,
    IMPROVEMENT,
    PAIRS,
    ROBUSTNESS,
    PartStatistics,
    joined_frames,
    part_statistics,
)
from analysis.stats.frames.pairs import ALL_ROWS, NOT_TUNED
from analysis.stats.page.aggregate import aggregate_section, improvement_section
from analysis.stats.page.brief import brief_sections
from analysis.stats.page.pairs import pair_sections
from analysis.stats.page.profile import profile_section
from analysis.stats.page.robustness import robustness_section
from analysis.tables.caption import NA_MEANING
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.page import Page, Section
from analysis.tables.tuning import Choices, Sensitivity, tuning_measure

# Fields that change neither a seed's draws nor the data.
FREE_OF_THE_SEED = frozenset(
    {"optimizer", "b0", "lr", "alpha", "c", "momentum", "weight_decay", "epochs", "max_loss"}
)
METHODS = (
    "Paired t-test: Student's t on the differences per seed. Holm: Holm 1979, Scandinavian Journal "
    "of Statistics 6.",
    "Bootstrap intervals of mean differences: the bootstrap-t (Efron 1981; Hesterberg 2015, The "
    "American Statistician 69), from 4 pairs on. Measured coverage at n = 4, 5, 10, 20: 94 to 95 % "
    "on normal data and on a gamma distribution of skewness 1; a plain percentile interval of 5 "
    "seeds covers 82 to 85 %.",
    "Bootstrap intervals of worst case, range, area and interquartile mean: Student's t times the "
    "bootstrap's standard error times √(n/(n−1)) (Hesterberg 2015), from 4 seeds on. Interval of "
    "the probability of improvement: Student's t times the jackknife's standard error on the "
    "arcsine scale, from 4 seeds on. Measured coverage of all of these, over five rows: 92 to "
    "97 %. Of a probability beyond 0.9, or of a single row, it is 90 to nearly 100 %, and near 0 "
    "and 1 there is often no interval.",
    "All cells of a seed are resampled together, because they are correlated: separate resampling "
    "of each cell covers 73 to 83 % if a seed's cells correlate by one half.",
    "Up to 7 seeds are resampled in every possible way; more are resampled 2000 times at random.",
    "Interquartile mean and probability of improvement: Agarwal et al. 2021 (NeurIPS, rliable).",
)


def stats_page(
    frame: pd.DataFrame,
    *,
    measure: Measure,
    title: str,
    generator: np.random.Generator,
    rows: str = "b0",
    columns: str = "optimizer",
    per: Sequence[str] = ("model",),
    na_if: NaIf = "any",
    tolerance: float | None = None,
    names: Names = NO_LABELS,
    tune: tuple[str, ...] = (),
    choices: Choices = NOT_TUNED,
    along: Sequence[Sensitivity] = (),
    whole: pd.DataFrame | None = None,
) -> Page:
    """The page of :func:`stats_frames` of these arguments; each part's sections, then the methods.

    Of a tuned table, ``frame`` has the trials at the chosen values, ``choices`` those of each cell,
    ``along`` the trials at all values of a tuned field, whose robustness follows, and ``whole`` all
    trials. The same frame and a generator in the same state give the same page.

    Raises:
        TableError: see :func:`stats_frames`.
    """
    spec = TableSpec(rows=rows, columns=columns, per=tuple(per), na_if=na_if, tune=tune)
    measure = measure.of(frame)
    common: dict[str, Any] = {"measure": measure, "generator": generator, "columns": columns}
    common |= {"na_if": na_if, "tolerance": tolerance, "names": names}
    statistics = part_statistics(frame, rows=rows, per=per, choices=choices, **common)
    others = [
        (one.spec.rows, part_statistics(one.frame, rows=one.spec.rows, per=one.spec.per, **common))
        for one in along
    ]
    frames = joined_frames(statistics)
    parts = dict.fromkeys(frames[AGGREGATE]["part"])
    if not parts:
        nothing = Section(title="Nothing to compare", before=("The sweep has no trials.",))
        return Page(title=title, sections=(nothing,))
    subject = Subject(
        parts=statistics,
        along=others,
        frame=frame,
        whole=frame if whole is None else whole,
        spec=spec,
        measure=measure,
        choices=choices,
        names=names,
    )
    if spec.ranks_points:
        only = (ranking_section(), measure_section(measure, na_if))
        return Page(title=title, sections=only, answer=answer(subject))
    brief = brief_sections(subject)
    sections = [
        section
        for part in parts
        for section in part_sections(
            {name: of_part(whole, part) for name, whole in frames.items()},
            part,
            measure,
            rows,
            columns,
            tolerance,
            names,
        )
    ]
    for field, of_field in others:
        sections += sensitivity_sections(of_field, field, measure, columns, tolerance, names)
    if measure.is_cost:
        sections.append(profile_section(frame, spec, measure, names))
    if choices:
        label = tuning_measure(frame, measure).label
        how = (
            f"{' and '.join(names.fields(tune))} by the best mean {label}; the captions of the "
            "tables list them."
        )
        sections.append(Section(title="How values were chosen", before=(how, SAME_SEEDS)))
    sections.append(methods_section(measure, na_if))
    return Page(title=title, sections=tuple(sections), answer=answer(subject), brief=brief)


def sensitivity_sections(
    parts: Sequence[PartStatistics],
    field: str,
    measure: Measure,
    columns: str,
    tolerance: float | None,
    names: Names,
) -> Iterator[Section]:
    """The robustness along a tuned field, for each part."""
    for part in parts:
        prefix = f"{part.samples.part}: " if part.samples.part else ""
        called = called_by(part.frames[ROBUSTNESS], field, columns, names)
        yield robustness_section(called, prefix, measure, names.field(field), tolerance)


SAME_SEEDS = (
    "The same seeds chose the values and are compared: with unequal numbers of values, the column "
    "with more is favoured, and no p here corrects for it."
)


def of_part(frame: pd.DataFrame, part: str) -> pd.DataFrame:
    """The rows of one part."""
    return frame[frame["part"] == part]


def part_sections(
    frames: dict[str, pd.DataFrame],
    part: str,
    measure: Measure,
    rows: str,
    columns: str,
    tolerance: float | None,
    names: Names,
) -> Iterator[Section]:
    """The sections of one part."""
    prefix = f"{part}: " if part else ""
    called = {name: called_by(frame, rows, columns, names) for name, frame in frames.items()}
    over = names.field(rows)
    for section in pair_sections(called[PAIRS], prefix, measure, over):
        yield replace(section, before=(pairing(columns, measure, names), *section.before))
    yield robustness_section(called[ROBUSTNESS], prefix, measure, over, tolerance)
    yield aggregate_section(called[AGGREGATE], prefix, measure, over)
    yield improvement_section(called[IMPROVEMENT], prefix, measure, over)


def called_by(frame: pd.DataFrame, rows: str, columns: str, names: Names) -> pd.DataFrame:
    """The frame with the texts of rows and columns in place of their values."""
    called = frame.copy()
    fields = dict.fromkeys(("column", "first", "second", "better"), columns) | {"row": rows}
    for name, field in fields.items():
        if name in frame:
            texts = [
                names.text(field, value) if is_there else None
                for value, is_there in zip(frame[name], has_value(frame, name), strict=True)
            ]
            called[name] = pd.Series(texts, index=frame.index, dtype="object")
    return called


def has_value(frame: pd.DataFrame, name: str) -> list[bool]:
    """Which comparisons have a value there, of which None may be one."""
    if name == "better":
        return [side is not None for side in frame["better_side"]]
    if name == "row":
        return [scope != ALL_ROWS for scope in frame["scope"]]
    return [True] * len(frame)


def pairing(columns: str, measure: Measure, names: Names) -> str:
    """A sentence on what the compared trials of a seed share."""
    if measure.task is not None and measure.task.is_program:
        return (
            "Paired by seed: what the compared trials of a seed share is up to the program. If it "
            "is nothing, pairing gains little, and the tests stay valid."
        )
    if columns in FREE_OF_THE_SEED:
        return (
            "Paired: the compared trials of a seed have the same initial weights and the same "
            "random draws."
        )
    return (
        f"Paired by seed, but {names.field(columns)} may change the initial weights, the data or "
        "the batches: pairing may gain little, and the tests stay valid."
    )


def ranking_section() -> Section:
    """Why the points of a search have no statistics beyond their means."""
    return Section(title="Points of a search", before=(ONLY_RANKED,))


ONLY_RANKED = (
    "The table ranks the points by their means. There are no paired tests, because the best of "
    "many points is partly the best by chance, and no robustness, because points are in no order: "
    "run the best ones again with new seeds to compare them."
)


def methods_section(measure: Measure, na_if: NaIf) -> Section:
    """The measure of the numbers, and how they are computed."""
    section = measure_section(measure, na_if)
    return replace(section, before=(*section.before, *METHODS))


def measure_section(measure: Measure, na_if: NaIf) -> Section:
    """The measure of the numbers."""
    better = {"maximize": "Higher is better.", "minimize": "Lower is better."}
    direction = better.get(measure.goal or "", "Neither direction is better.")
    what = f"All numbers are of the {measure.label} {measure.when}. {direction}"
    diverged = f"A cell counts as diverged if {NA_MEANING[na_if]}."
    return Section(title="How these numbers are computed", before=(what, diverged))
