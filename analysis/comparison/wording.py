"""The numbers, names and verdicts of a comparison in words."""

from collections.abc import Mapping, Sequence

from analysis.comparison.compare import Comparison
from analysis.comparison.conditions import UNKNOWN, Condition, field_text, meanings_of
from analysis.comparison.outcomes import ComparedCell, Outcome
from analysis.comparison.side import SideCell
from analysis.comparison.welch import LEVEL
from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.wording import Decimals, number_text, one_line

MOST_CONDITIONS = 8
STATUS_TEXTS: Mapping[CellStatus, str] = {
    CellStatus.NA: "N/A",
    CellStatus.FAILED: "failed",
    CellStatus.UNREACHED: "not reached",
    CellStatus.EMPTY: "–",
    CellStatus.UNDECLARED: "",
}


def decimals_of(measure: Measure, decimals: int) -> Decimals:
    """So many decimals; a metric that may be small has as many digits instead."""
    return Decimals(decimals, small=decimals if measure.about.may_be_small else None)


def name_texts(comparison: Comparison, cell: ComparedCell) -> tuple[str, ...]:
    """The texts that name a cell, one per field of ``named_by``."""
    return tuple(field_here_and_there(name, cell, comparison.names) for name in comparison.named_by)


def field_here_and_there(name: str, cell: ComparedCell, names: Names) -> str:
    """Our value of a field, with theirs if it differs; theirs if there is no cell here."""
    known = [
        None
        if side is None or name not in side.fields
        else field_text(name, side.fields[name], names, meanings_of([side]))
        for side in (cell.ours, cell.theirs)
    ]
    here, there = known
    if here is None or there is None:
        return here or there or UNKNOWN
    return here if here == there else f"{here} (theirs: {there})"


def number_of(cell: SideCell | None, decimals: Decimals) -> str:
    """A side's mean±standard deviation, or the text of its status."""
    if cell is None:
        return ""
    if cell.mean is None:
        text = STATUS_TEXTS[cell.status]
    else:
        spread = "" if cell.std is None else f"±{number_text(cell.std, decimals)}"
        text = number_text(cell.mean, decimals) + spread
    return " ".join(filter(None, (text, one_line(cell.mark))))


def count_of(cell: SideCell | None) -> str:
    """The number of runs with a value, ``k/n`` if more are declared."""
    if cell is None:
        return ""
    if cell.n is None:
        return UNKNOWN
    return f"{cell.n}/{cell.expected}" if cell.expected not in (None, cell.n) else str(cell.n)


def signed(value: float | None, decimals: Decimals) -> str:
    """A difference with its sign; empty without one."""
    if value is None:
        return ""
    text = number_text(value, decimals)
    return text if text.startswith("-") or value != value else f"+{text}"


def p_text(p: float | None) -> str:
    """A p-value to three decimals."""
    if p is None:
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def verdict(cell: ComparedCell, measure: Measure, decimals: Decimals) -> str:
    """The verdict on a pair of cells."""
    if cell.outcome is Outcome.UNRESOLVED and cell.test is not None:
        least = amount(cell.test.smallest, measure, decimals)
        if cell.test.p <= LEVEL:
            return (
                "no difference resolvable among the tests of this table (by itself it differs; "
                f"smallest resolvable by itself: {least})"
            )
        return f"no difference resolvable at these n (smallest resolvable: {least})"
    if cell.why:
        return f"{cell.outcome.value} ({cell.why})"
    return cell.outcome.value


def amount(value: float, measure: Measure, decimals: Decimals) -> str:
    """A difference without a sign, in the metric's unit, never rounded to 0."""
    text = number_text(value, Decimals(decimals.number))
    if value > 0 and float(text) == 0:
        text = f"{value:.1e}"
    return f"{text} {unit(measure)}".rstrip()


def unit(measure: Measure) -> str:
    """The unit of a difference of the metric."""
    if "(%)" in measure.label:
        return "points"
    return "nats" if "(nats)" in measure.label else ""


def counted(number: int, what: str) -> str:
    """``1 pair``, ``2 pairs``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def condition_notes(conditions: Sequence[Condition]) -> tuple[str, ...]:
    """The conditions that differ or are unknown: the first few, and the number of the rest."""
    known = [condition.name for condition in conditions if condition.is_known]
    unknown = [condition.name for condition in conditions if not condition.is_known]
    return (
        f"Other differences: {first_names(known) or 'none known'}.",
        *([f"Not known on both sides: {first_names(unknown)}."] if unknown else []),
    )


def first_names(names: Sequence[str]) -> str:
    """The first few names, and the number of the rest."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - MOST_CONDITIONS
    return ", ".join((*distinct[:MOST_CONDITIONS], *([f"{more} more"] if more > 0 else [])))
