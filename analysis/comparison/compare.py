"""Compare two sides: pair their cells, test each pair, list what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adaloss.errors import UserError
from adaloss.tasks.table import task_named
from analysis.comparison.conditions import Condition, conditions_of, is_of_a_program
from analysis.comparison.matching import Matching, Pair, match
from analysis.comparison.outcomes import ComparedCell, Outcome, tested
from analysis.comparison.side import HARDWARE, MIXED, Side, SideCell
from analysis.comparison.welch import LEVEL, Welch
from analysis.stats.distributions import holm
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sides, cell by cell.

    ``cells`` are the pairs in our order, grouped by the fields in ``named_by``, which distinguish
    them; ``unmatched`` are the cells without a partner. ``conditions`` differ or are unknown, and
    ``caveats`` are remarks for readers, each with the number of pairs it concerns.
    """

    ours: Side
    theirs: Side
    measure: Measure
    named_by: tuple[str, ...]
    cells: tuple[ComparedCell, ...]
    unmatched: tuple[ComparedCell, ...]
    names: Names
    conditions: tuple[Condition, ...]
    caveats: tuple[tuple[str, int], ...]

    @property
    def line_field(self) -> str | None:
        """The field that a picture shows by colour; of a program's several, one with few values."""
        if not self.ours.is_of_a_program:
            return "optimizer"
        counts = {
            name: len({shown_fields(cell).get(name) for cell in self.cells})
            for name in self.named_by
        }
        several = [name for name, count in counts.items() if count > 1]
        return min(several, key=counts.__getitem__) if len(several) > 1 else None

    @property
    def named_by_labels(self) -> tuple[str, ...]:
        """What the fields that distinguish the cells are called."""
        return self.names.fields(self.named_by)

    @property
    def tests(self) -> tuple[Welch, ...]:
        """The tests that were made."""
        return tuple(cell.test for cell in self.cells if cell.test is not None)

    @property
    def all_cells(self) -> tuple[ComparedCell, ...]:
        """The pairs and then the cells without a partner."""
        return (*self.cells, *self.unmatched)


def compare(ours: Side, theirs: Side, names: Names = NO_LABELS) -> Comparison:
    """Compare the cells of our side with those of theirs; ``names`` has our labels.

    Raises:
        UserError: the sides have different metrics, or no cell in common; the message has the
            fields without a common value, and what could be compared.
    """
    if ours.measure is None:
        raise UserError(f"{ours.name} does not say what its numbers are")
    if theirs.measure is not None and theirs.measure.metric != ours.measure.metric:
        ours_too = task_named(next(iter(ours.values("task")), None))
        advice = f"compare {theirs.measure.metric}"
        if not ours_too.has_metric(theirs.measure.metric):
            advice = f"name results with the {ours.measure.metric} (--with)"
        raise UserError(
            f"{ours.name} has the {ours.measure.label} and {theirs.name} the "
            f"{theirs.measure.label}: {advice}"
        )
    check_kind(ours, theirs)
    matching = match(ours, theirs)
    pairs = in_groups(matching)
    return Comparison(
        ours=ours,
        theirs=theirs,
        measure=ours.measure,
        named_by=matching.named_by,
        cells=judged([tested(pair) for pair in pairs]),
        unmatched=without_partner(matching),
        names=names,
        conditions=conditions_of(ours, theirs, pairs, names),
        caveats=caveats_of(ours, theirs, pairs, names),
    )


def check_kind(ours: Side, theirs: Side) -> None:
    """Refuse trials of a program and others: the same names mean something else in each."""
    for one, other in ((ours, theirs), (theirs, ours)):
        recorded = any(cell.trials for cell in other.cells)
        if one.is_of_a_program and recorded and not other.is_of_a_program:
            raise UserError(
                f"{ours.name} cannot be compared with {theirs.name}: the trials of {one.name} "
                "run a program of your own, and those of the other do not"
            )


def in_groups(matching: Matching) -> list[Pair]:
    """The pairs sorted so that equal values are adjacent, in order of appearance."""
    places: dict[str, dict[object, int]] = {}
    for name in matching.named_by:
        values = dict.fromkeys(shown_fields(pair).get(name) for pair in matching.pairs)
        places[name] = {value: place for place, value in enumerate(values)}
    return sorted(
        matching.pairs,
        key=lambda pair: [places[name][shown_fields(pair).get(name)] for name in places],
    )


def shown_fields(pair: Pair | ComparedCell) -> Mapping[str, object]:
    """The known fields of a pair, ours where the sides differ."""
    sides = (side.fields for side in (pair.theirs, pair.ours) if side is not None)
    return {name: value for fields in sides for name, value in fields.items()}


def judged(cells: Sequence[ComparedCell]) -> tuple[ComparedCell, ...]:
    """The cells with p adjusted for the number of tests, and the resulting outcome."""
    adjusted = iter(holm([cell.test.p for cell in cells if cell.test is not None]))
    judged_cells = []
    for cell in cells:
        if cell.test is None:
            judged_cells.append(cell)
            continue
        p = float(next(adjusted))
        outcome = Outcome.DIFFERS if p <= LEVEL else Outcome.UNRESOLVED
        judged_cells.append(replace(cell, p_holm=p, outcome=outcome))
    return tuple(judged_cells)


def without_partner(matching: Matching) -> tuple[ComparedCell, ...]:
    """The cells of either side without a partner."""
    ours = (
        ComparedCell(ours=cell, theirs=None, outcome=Outcome.ONLY_OURS)
        for cell in matching.only_ours
    )
    theirs = (
        ComparedCell(ours=None, theirs=cell, outcome=Outcome.ONLY_THEIRS)
        for cell in matching.only_theirs
    )
    return (*ours, *theirs)


def caveats_of(
    ours: Side, theirs: Side, pairs: Sequence[Pair], names: Names
) -> tuple[tuple[str, int], ...]:
    """The caveats that concern some pair, with the number of pairs."""
    counted = (
        (caveat.text, sum(concerns(caveat.ours, p.ours, caveat.theirs, p.theirs) for p in pairs))
        for caveat in (*ours.caveats, *theirs.caveats)
    )
    found = (*counted, automatic(ours, theirs, pairs, names))
    return tuple((text, count) for text, count in found if count)


def automatic(ours: Side, theirs: Side, pairs: Sequence[Pair], names: Names) -> tuple[str, int]:
    """A caveat on ``precision: auto`` on both sides, and its number of pairs."""
    hardware = ours.circumstances.get(HARDWARE)
    same = hardware is not None and MIXED not in hardware
    same = same and hardware == theirs.circumstances.get(HARDWARE)
    count = sum(
        not is_of_a_program(cell)
        and cell.fields.get("precision") == "auto" == other.fields.get("precision")
        for cell, other in ((pair.ours, pair.theirs) for pair in pairs)
    )
    text = (
        f"{names.field('precision')} is auto on both sides: bf16 on a GPU that has it and fp32 "
        "elsewhere, and the hardware is not known to be the same"
    )
    return text, 0 if same else count


def concerns(
    ours_values: Mapping[str, object],
    ours: SideCell,
    theirs_values: Mapping[str, object],
    theirs: SideCell,
) -> bool:
    """Whether both cells have the values."""
    return all(
        name in cell.fields and cell.fields[name] == value
        for values, cell in ((ours_values, ours), (theirs_values, theirs))
        for name, value in values.items()
    )
