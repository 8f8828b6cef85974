"""Mark cells of a table: the best of each row, and the second best."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from adaloss.tasks.metric import Goal
from analysis.tables.cells import Cell, CellStyle
from analysis.tables.wording import number_text

CellKey = tuple[object, object]


def mark_best(
    cells: Mapping[CellKey, Cell], goal: Goal | None, style: CellStyle, *, second: bool
) -> dict[CellKey, Cell]:
    """The cells with each row's best and second best marked, including ties as displayed.

    Nothing is marked in a table with one column, or for a metric without a goal. The second best
    is marked only if a single cell is best.
    """
    if goal is None or len({column for _, column in cells}) < 2:
        return dict(cells)
    sign = 1.0 if goal == "maximize" else -1.0
    score = {
        key: sign * float(number_text(cell.mean, style.decimals))
        for key, cell in cells.items()
        # A cell that mixes versions of the user's code is never the best.
        if cell.mean is not None and not cell.mixed
    }
    by_row: defaultdict[object, list[float]] = defaultdict(list)
    for (row, _), value in score.items():
        by_row[row].append(value)
    ranked = {row: sorted(values, reverse=True) for row, values in by_row.items()}
    return {
        key: replace(
            cell,
            best=key in score and score[key] == ranked[key[0]][0],
            second=second and key in score and is_second(score[key], ranked[key[0]]),
        )
        for key, cell in cells.items()
    }


def is_second(value: float, ranked: list[float]) -> bool:
    """Whether the value is second to a single best value."""
    return len(ranked) > 1 and ranked[0] > ranked[1] == value
