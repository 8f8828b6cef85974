"""The caption below a table: what a reader needs to interpret its numbers."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from adaloss.grid.tables.at import LAST
from adaloss.grid.tables.spec import NaIf, Spread, TableSpec
from adaloss.records.result import TrialState
from adaloss.tasks.metric import EPOCH, Goal
from analysis.frame.column_types import values_of
from analysis.frame.frame import MISSING, Values, applicable_values, positions_by, task_in
from analysis.tables.cells import Cell, CellStatus
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.own_changes import own_notes, with_numbers
from analysis.tables.sizes import differing_sizes, on_examples
from analysis.tables.tuning import Choices, tuning_measure, tuning_notes

NA_MEANING: Mapping[NaIf, str] = {
    "any": "at least one seed diverged",
    "majority": "more than half of the finished seeds diverged",
    "all": "every finished seed diverged",
}

SPREAD_WORDS: Mapping[Spread, str] = {
    "std": "mean±standard deviation (ddof = 1)",
    "sem": "mean±standard error (standard deviation / √n)",
    "ci95": "mean±half of its 95 % confidence interval (Student's t, n - 1 degrees of freedom)",
}


def caption_of(
    part: pd.DataFrame,
    whole: pd.DataFrame,
    choices: Choices,
    spec: TableSpec,
    measure: Measure,
    cells: Mapping[tuple[object, object], Cell],
    varying: Sequence[str],
    names: Names = NO_LABELS,
) -> str:
    """The caption of the table of ``part``; ``whole`` has the trials of all tuned values too.

    ``varying`` are the fields that the sweep varies; the caption names those that are no axis of
    the table. It depends on the records alone, so the same records always give the same text.
    """
    trials, tried = (rows.drop_duplicates("trial_id") for rows in (part, whole))
    return " ".join(
        (
            *incompleteness(tried),
            f"{what_is_shown(trials, measure)}, {over_seeds(cells.values(), spec.spread)}"
            f"{on_examples(trials, measure)}.",
            *marks(cells.values(), spec, measure),
            *tuning_notes(choices, spec, tuning_measure(part, measure), names),
            *seeds_without_effect(cells.values(), measure),
            *shortfalls(tried),
            *reached(trials, measure),
            *own_notes(trials, some_mixed=any(c.mixed for c in cells.values()), names=names),
            *(() if spec.ranks_points else tied_fields(part, spec, varying, names)),
            *differing_sizes(part, measure, partial(by_axis, spec=spec, names=names)),
            *origins(trials, shown=spec.provenance),
        )
    )


ROUNDING = 1e-12


def seeds_without_effect(cells: Iterable[Cell], measure: Measure) -> Iterator[str]:
    """A remark if a program gave the same number for all seeds of every cell."""
    spread = [cell for cell in cells if cell.std is not None and cell.mean is not None]
    # The standard deviation of equal numbers may be a rounding error.
    equal = all((c.std or 0.0) <= ROUNDING * abs(c.mean or 0.0) for c in spread)
    is_program = measure.task is not None and measure.task.is_program
    if is_program and len(spread) > 1 and equal:
        yield "All seeds of a cell gave equal numbers: does the program use its seed?"


def incompleteness(trials: pd.DataFrame) -> Iterator[str]:
    """A warning if trials are missing."""
    missing = int((trials["state"] == MISSING).sum())
    if missing:
        yield f"INCOMPLETE: {len(trials) - missing} of {len(trials)} trials have ended."


def what_is_shown(trials: pd.DataFrame, measure: Measure) -> str:
    """The metric and its epoch."""
    named = measure.about.any_scale
    label = measure.label if named else measure.label[0].upper() + measure.label[1:]
    epochs = numbers_of_epochs(trials)
    number = f" ({epochs.pop()})" if measure.at == LAST and len(epochs) == 1 else ""
    return f"{label} {measure.when}{number}"


def numbers_of_epochs(trials: pd.DataFrame) -> set[int]:
    """How many epochs the trials have: as declared, or as a program's complete trials reported."""
    if not task_in(trials).is_program:
        return set(trials["epochs"])
    complete = trials[(trials["state"] == TrialState.COMPLETE.value).to_numpy(dtype=bool)]
    return set(complete["finished_epochs"].dropna())


def over_seeds(cells: Collection[Cell], spread: Spread = "std") -> str:
    """The number of trials behind a cell's numbers."""
    declared = {cell.expected for cell in cells if cell.status is not CellStatus.UNDECLARED}
    fewest, most = min(declared), max(declared)
    if most == 1:
        return "one trial each"
    number = str(most) if fewest == most else f"{fewest} to {most}"
    return f"{SPREAD_WORDS[spread]} over {number} seeds"


def marks(cells: Collection[Cell], spec: TableSpec, measure: Measure) -> Iterator[str]:
    """The meaning of every mark that occurs in the table."""
    statuses = {cell.status for cell in cells}
    if spec.ranks_points and measure.goal is not None:
        yield f"The {'highest' if measure.goal == 'maximize' else 'lowest'} comes first."
    yield from best_marks(cells, measure.goal, spec)
    if CellStatus.NA in statuses:
        yield f"N/A: {NA_MEANING[spec.na_if]}."
    if spec.show_n == "always":
        yield "(k/n): k of n seeds have a value."
    elif any(cell.status is CellStatus.VALUE and cell.n < cell.expected for cell in cells):
        yield "(k/n): only k of n seeds have a value."
    if CellStatus.UNREACHED in statuses:
        yield "not reached (k/n): only k of n seeds reach the target, so there is no mean."
    if CellStatus.FAILED in statuses:
        yield "failed: no seed finished, at least one ended in an error."
    if CellStatus.EMPTY in statuses:
        yield "–: no value."
    if CellStatus.UNDECLARED in statuses:
        yield "Blank: not part of the sweep."


def best_marks(cells: Collection[Cell], goal: Goal | None, spec: TableSpec) -> Iterator[str]:
    """The meaning of bold and underlined means."""
    if any(cell.best for cell in cells):
        which = "highest" if goal == "maximize" else "lowest"
        yield f"Bold: the {which} of the {'column' if spec.transpose else 'row'}."
        if any(cell.second for cell in cells):
            yield "Underlined: the second."


def shortfalls(trials: pd.DataFrame) -> Iterator[str]:
    """How many of the table's trials have no value, by reason."""
    counts = Counter(trials["state"])
    reasons = []
    if diverged := counts[TrialState.DIVERGED.value]:
        reasons.append(f"{diverged} diverged")
    if failed := counts[TrialState.FAILED.value]:
        kinds = Counter(trials["failure_kind"].dropna())
        by_kind = ", ".join(f"{kind}: {number}" for kind, number in sorted(kinds.items()))
        reasons.append(f"{failed} failed" + (f" ({by_kind})" if by_kind else ""))
    if missing := counts[MISSING]:
        reasons.append(f"{missing} not finished")
    if reasons:
        yield f"Of {len(trials)} trials, {', '.join(reasons)}."


def reached(trials: pd.DataFrame, measure: Measure) -> Iterator[str]:
    """How many of the complete trials reach the target."""
    if measure.reach is not None:
        complete = trials[trials["state"] == TrialState.COMPLETE.value]
        first = complete[f"{measure.at}:{EPOCH.name}"]
        said = f"{int(np.isfinite(first).sum())} reach {measure.reach.words}"
        if unknown := int(first.isna().sum()):
            said += f"; of {unknown} it is not known, because the history is damaged or missing"
        yield f"Of {len(complete)} complete trials shown, {said}."


def tied_fields(
    part: pd.DataFrame, spec: TableSpec, varying: Sequence[str], names: Names
) -> Iterator[str]:
    """The values of fields that vary in the sweep and are no axis of the table."""
    for field in varying:
        if field in (*spec.axes, *spec.tune, "seed"):
            continue
        values = applicable_values(part, field)
        distinct = values.among(range(len(part)))
        if len(distinct) == 1:
            yield f"{names.field(field)}: {names.text(field, distinct[0])}."
        elif distinct:
            yield f"{names.field(field)}: {by_axis(part, values, spec, names, field)}."


def by_axis(
    part: pd.DataFrame, values: Values, spec: TableSpec, names: Names, field: str = ""
) -> str:
    """``0.1; 0.05 for adagrad_norm``: the usual value, then the exceptions by column or row."""
    for axis in (spec.columns, spec.rows):
        found = {key: values.among(rows) for (key,), rows in positions_by(part, (axis,)).items()}
        if all(len(distinct) <= 1 for distinct in found.values()):
            value_of = {key: distinct[0] for key, distinct in found.items() if distinct}
            usual = Counter(value_of.values()).most_common(1)[0][0]
            exceptions = [
                f"{names.text(field, value)} for {names.alone(axis, key)}"
                for key, value in value_of.items()
                if value != usual
            ]
            return "; ".join((names.text(field, usual), *exceptions))
    texts = [names.text(field, value) for value in values.among(range(len(part)))]
    return f"{', '.join(texts)}, depending on the {'cell' if field else 'trial'}"


def origins(trials: pd.DataFrame, *, shown: bool) -> Iterator[str]:
    """The code version and the date; without ``shown``, only that versions are mixed."""
    finished = with_numbers(trials)
    if finished.empty:
        return
    versions = sorted({version or "unknown" for version in values_of(finished, "code_version")})
    if shown and len(versions) == 1:
        yield f"Code version: {versions[0]}."
    for what, mixed in {"code versions": versions, **package_versions(finished)}.items():
        if len(mixed) > 1:
            yield f"Mixes {len(mixed)} {what}" + (f": {', '.join(mixed)}." if shown else ".")
    if shown:
        # The date is the first part of an ISO 8601 time.
        days = sorted({str(moment)[:10] for moment in finished["finished_at"]})
        yield f"Run on {days[0]}." if len(days) == 1 else f"Run from {days[0]} to {days[-1]}."


PACKAGES = ("torch", "numpy", "timm")
"""The recorded packages that numbers depend on. An optimizer of another has its own fingerprint."""


def package_versions(finished: pd.DataFrame) -> dict[str, list[str]]:
    """The known versions of each package, called ``versions of torch``."""
    texts = {text for text in values_of(finished, "environment") if text}
    recorded = [json.loads(text)["packages"] for text in texts]
    return {
        f"versions of {name}": sorted({found[name] for found in recorded if name in found})
        for name in PACKAGES
    }
