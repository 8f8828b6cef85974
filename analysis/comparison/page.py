"""The page of a comparison: differing conditions, pairs of cells, and cells without a partner."""

from collections import Counter

from analysis.comparison.compare import Comparison
from analysis.comparison.conditions import UNKNOWN, Condition, shared_fields
from analysis.comparison.footnotes import footnotes
from analysis.comparison.matching import Pair
from analysis.comparison.outcomes import ComparedCell
from analysis.comparison.wording import (
    count_of,
    counted,
    decimals_of,
    name_texts,
    number_of,
    p_text,
    signed,
    verdict,
)
from analysis.tables.page import Page, PlainTable, Section
from analysis.tables.wording import Decimals, one_line

HEADINGS = ("ours", "n", "theirs", "n", "difference", "95 % interval", "t", "df", "p", "p (Holm)")


def comparison_page(comparison: Comparison, *, decimals: int = 2) -> Page:
    """A comparison as a page: conditions, pairs of cells, and cells without a partner.

    Numbers have this many ``decimals``. *Ours* is the first side, also called *here*; *theirs* is
    the second, *there*.
    """
    chosen = decimals_of(comparison.measure, decimals)
    sections = [conditions_section(comparison), cells_section(comparison, chosen)]
    if comparison.unmatched:
        sections.append(unmatched_section(comparison, chosen))
    return Page(title=title_of(comparison), sections=tuple(sections))


def title_of(comparison: Comparison) -> str:
    """The names of both sides."""
    return f"{one_line(comparison.ours.name)} compared with {one_line(comparison.theirs.name)}"


def conditions_section(comparison: Comparison) -> Section:
    """The conditions that differ, are unknown, or are the same."""
    known = [condition for condition in comparison.conditions if condition.is_known]
    caveats = [
        f"{text} ({number} of {counted(len(comparison.cells), 'pair')})."
        for text, number in comparison.caveats
    ]
    total = len(comparison.cells)
    return Section(
        title="What is compared",
        before=(
            f"Here is {one_line(comparison.ours.name)}, there {one_line(comparison.theirs.name)}: "
            f"{comparison.measure.label}, {counted(total, 'pair')} of cells.",
            *caveats,
            "These conditions differ; a difference in the numbers may come from any of them."
            if known
            else "No condition that is known on both sides differs; the unknown ones, listed next, "
            "may differ.",
        ),
        table=condition_table(known, total) if known else None,
        after=(*unknown_texts(comparison), *same_text(comparison)),
    )


def condition_table(conditions: list[Condition], total: int) -> PlainTable:
    """The known conditions that differ, one per line."""
    return PlainTable(
        header=("condition", "here", "there", "pairs"),
        rows=tuple(
            (condition.name, condition.ours, condition.theirs, f"{condition.pairs} of {total}")
            for condition in conditions
        ),
        names=3,
    )


def unknown_texts(comparison: Comparison) -> tuple[str, ...]:
    """The conditions that are unknown on one or both sides, with the other side's value."""
    total = len(comparison.cells)
    unknown: dict[str, list[str]] = {"there": [], "here": [], "on both sides": []}
    for condition in comparison.conditions:
        if condition.is_known:
            continue
        part = "" if condition.pairs == total else f" in {counted(condition.pairs, 'pair')}"
        if condition.ours == condition.theirs:
            unknown["on both sides"].append(f"{condition.name}{part}")
        elif condition.theirs == UNKNOWN:
            unknown["there"].append(f"{condition.name} ({condition.ours} here{part})")
        else:
            unknown["here"].append(f"{condition.name} ({condition.theirs} there{part})")
    return tuple(
        f"Unknown {where}: {'; '.join(names)}." for where, names in unknown.items() if names
    )


def same_text(comparison: Comparison) -> tuple[str, ...]:
    """The conditions that both sides share in every pair."""
    shared = shared_fields(
        [
            Pair(ours=cell.ours, theirs=cell.theirs)
            for cell in comparison.cells
            if cell.ours is not None and cell.theirs is not None
        ],
        comparison.names,
    )
    texts = [f"{name} {value}" for name, value in shared]
    return (f"The same on both sides: {', '.join(texts)}.",) if texts else ()


def cells_section(comparison: Comparison, decimals: Decimals) -> Section:
    """The pairs with their tests."""
    outcomes = Counter(cell.outcome for cell in comparison.cells)
    summary = ", ".join(f"{outcome.value}: {number}" for outcome, number in outcomes.items())
    return Section(
        title="Cell by cell",
        before=(f"Pairs of cells by outcome: {summary}.",),
        table=PlainTable(
            header=(*comparison.named_by_labels, *HEADINGS, "outcome"),
            rows=tuple(cell_texts(comparison, cell, decimals) for cell in comparison.cells),
            names=len(comparison.named_by),
            notes=1,
        ),
        after=footnotes(comparison),
    )


def cell_texts(comparison: Comparison, cell: ComparedCell, decimals: Decimals) -> tuple[str, ...]:
    """One line of the table of pairs."""
    test = cell.test
    ends = [signed(end, decimals) for end in ((test.low, test.high) if test else ())]
    return (
        *name_texts(comparison, cell),
        number_of(cell.ours, decimals),
        count_of(cell.ours),
        number_of(cell.theirs, decimals),
        count_of(cell.theirs),
        signed(cell.difference, decimals),
        " to ".join(ends),
        "" if test is None else f"{test.t:.2f}",
        "" if test is None else f"{test.df:.1f}",
        "" if test is None else p_text(test.p),
        p_text(cell.p_holm),
        verdict(cell, comparison.measure, decimals),
    )


def unmatched_section(comparison: Comparison, decimals: Decimals) -> Section:
    """The cells that only one side has."""
    ours = sum(cell.ours is not None for cell in comparison.unmatched)
    theirs = len(comparison.unmatched) - ours
    return Section(
        title="Without a partner",
        before=(f"Cells that only one side has: {ours} here, {theirs} there.",),
        table=PlainTable(
            header=(*comparison.named_by_labels, "ours", "n", "theirs", "n", "outcome"),
            rows=tuple(
                (
                    *name_texts(comparison, cell),
                    number_of(cell.ours, decimals),
                    count_of(cell.ours),
                    number_of(cell.theirs, decimals),
                    count_of(cell.theirs),
                    cell.outcome.value,
                )
                for cell in comparison.unmatched
            ),
            names=len(comparison.named_by),
            notes=1,
        ),
    )
