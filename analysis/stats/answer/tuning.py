"""What was tuned and what was not, in a sentence, and whom that favours."""

from collections import Counter

import pandas as pd

from adaloss.grid.tables.spec import TableSpec
from analysis.frame.column_types import values_of
from analysis.frame.frame import applicable_values, positions_by, task_in
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.tuning import Choices, grouped_counts, tuning_measure

STEP_SIZE = "lr"
MOST_COLUMNS = 4


def tuning_sentence(
    frame: pd.DataFrame, spec: TableSpec, measure: Measure, choices: Choices, names: Names
) -> str | None:
    """How values were chosen; without tuning, what is known of the learning rate."""
    if choices:
        return chosen(spec, tuning_measure(frame, measure), choices, names)
    if STEP_SIZE in spec.axes or len(set(values_of(frame, spec.columns))) < 2:
        return None
    if task_in(frame).is_program:
        # Nobody knows which of its parameters need tuning.
        return None
    step_size, column_name = names.fields((STEP_SIZE, spec.columns))
    by_column = {
        column: applicable_values(frame, STEP_SIZE).among(rows)
        for (column,), rows in positions_by(frame, (spec.columns,)).items()
    }
    if len({value for values in by_column.values() for value in values}) == 1:
        value = names.text(STEP_SIZE, next(iter(by_column.values()))[0])
        return (
            f"Nothing was tuned: {step_size} = {value} for every {column_name}, which favours "
            "those that it happens to suit."
        )
    usual = Counter(by_column.values()).most_common(1)[0][0]
    texts = [", ".join(names.text(STEP_SIZE, value) for value in usual)]
    texts += [
        f"{', '.join(names.text(STEP_SIZE, value) for value in values)} for "
        f"{names.alone(spec.columns, column)}"
        for column, values in by_column.items()
        if values != usual
    ][:MOST_COLUMNS]
    return (
        f"Nothing was tuned here: {step_size} was given ({'; '.join(texts)}), which favours the "
        f"{column_name} for which it was tuned elsewhere."
    )


def chosen(spec: TableSpec, deciding: Measure, choices: Choices, names: Names) -> str:
    """How many values each column was allowed, and whose best is at the edge."""
    fields = " and ".join(names.fields(spec.tune))
    if not any(choice.values for choice in choices.values()):
        return f"No {fields} could be chosen: none has a mean {deciding.label}."
    were = "were" if len(spec.tune) > 1 else "was"
    counts = grouped_counts(choices, spec, names)
    text = f"{fields} {were} chosen by the {deciding.label} of the same seeds, of {counts}"
    if len({choice.tried for choice in choices.values()}) > 1:
        text += ", which favours those with more"
    at_edge = dict.fromkeys(
        names.alone(spec.columns, column)
        for (_, column, *_), choice in choices.items()
        if choice.is_at_edge
    )
    if at_edge:
        listed = [*at_edge][:MOST_COLUMNS]
        more = f" and {len(at_edge) - MOST_COLUMNS} more" if len(at_edge) > MOST_COLUMNS else ""
        text += (
            f"; that of {', '.join(listed)}{more} is at the edge of its range and may be better "
            "beyond"
        )
    return f"{text}."
