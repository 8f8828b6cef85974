"""Match the cells of one side with those of the other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adaloss.errors import UserError
from analysis.comparison.refusals import check_common, check_told_apart, nothing_common
from analysis.comparison.side import AXES, Side, SideCell, names_of, stand_ins

Key = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two cells that are compared."""

    ours: SideCell
    theirs: SideCell


@dataclass(frozen=True, kw_only=True)
class Matching:
    """The pairs, and the cells that have no partner.

    The two cells of a pair have equal or equivalent values of the fields ``found_by``; the fields
    ``named_by`` distinguish a pair from every other.
    """

    pairs: tuple[Pair, ...]
    only_ours: tuple[SideCell, ...]
    only_theirs: tuple[SideCell, ...]
    found_by: tuple[str, ...]
    named_by: tuple[str, ...]


def match(ours: Side, theirs: Side) -> Matching:
    """Pair the cells by the fields that vary on either side and are known on both.

    A field that others determine, such as a learning rate specific to an optimizer, is not used for
    matching: if it differs, it is a condition. The same holds for a field with one value here and
    another there. A cell may match several cells that differ in a field which is unknown on its own
    side.

    Raises:
        UserError: no cell has a partner, or several cells of each side match.
    """
    for side in (ours, theirs):
        if not side.cells:
            raise UserError(f"{side.name} has no cell to compare")
    found_by = identifying(ours, theirs)
    check_common(ours, theirs, found_by)
    mine = by_key(ours.cells, found_by, stand_ins(ours, theirs, found_by))
    other = by_key(theirs.cells, found_by, {})
    common = [key for key in mine if key in other]
    if not common:
        raise UserError(nothing_common(ours, theirs, found_by))
    for key in common:
        check_told_apart(mine[key], other[key], ours, theirs, found_by)
    pairs = [Pair(ours=a, theirs=b) for key in common for a in mine[key] for b in other[key]]
    return Matching(
        pairs=tuple(pairs),
        only_ours=tuple(cell for key, cells in mine.items() if key not in other for cell in cells),
        only_theirs=tuple(
            cell for key, cells in other.items() if key not in mine for cell in cells
        ),
        found_by=found_by,
        named_by=telling(ours, theirs, found_by, [(mine[key], other[key]) for key in common]),
    )


def identifying(ours: Side, theirs: Side) -> tuple[str, ...]:
    """The fields for finding a cell's partner."""
    fields = [name for name in names_of(ours, theirs) if ours.knows(name) and theirs.knows(name)]
    varying = [name for name in fields if max(len(s.values(name)) for s in (ours, theirs)) > 1]
    kept = sorted(varying, key=lambda name: AXES.index(name) if name in AXES else len(AXES))
    for name in reversed(kept.copy()):
        others = [other for other in kept if other != name]
        if name not in AXES and all(determined(side, name, others) for side in (ours, theirs)):
            kept.remove(name)
    return tuple(kept)


def determined(side: Side, field: str, others: Sequence[str]) -> bool:
    """Whether cells that are equal in the others are equal in the field."""
    groups = by_key(side.cells, others, {}).values()
    return all(len({cell.fields[field] for cell in cells}) == 1 for cells in groups)


def by_key(
    cells: Iterable[SideCell],
    fields: Sequence[str],
    equivalent: dict[tuple[str, object], object],
) -> dict[Key, list[SideCell]]:
    """The cells by their values of the fields."""
    groups: dict[Key, list[SideCell]] = {}
    for cell in cells:
        values = ((field, cell.fields[field]) for field in fields)
        groups.setdefault(tuple(equivalent.get(v, v[1]) for v in values), []).append(cell)
    return groups


def telling(
    ours: Side,
    theirs: Side,
    found_by: Sequence[str],
    groups: Iterable[tuple[list[SideCell], list[SideCell]]],
) -> tuple[str, ...]:
    """The fields for naming a pair: those used for matching, and those in which several differ."""
    fields = names_of(ours, theirs)
    several = {
        name
        for group in groups
        for cells in group
        for name in fields
        if len({cell.fields.get(name) for cell in cells}) > 1
    }
    rest = [name for name in fields if name in several and name not in found_by]
    named = (*found_by, *rest)
    if "optimizer" in named or not ours.knows("optimizer") or ours.is_of_a_program:
        return named
    return ("optimizer", *named)
