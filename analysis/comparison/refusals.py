"""Errors for sides that cannot be compared, with what could be compared."""

from collections.abc import Sequence

from adaloss.errors import UserError
from analysis.comparison.side import AXES, Side, SideCell, names_of, stand_ins
from analysis.tables.wording import value_text

MOST_SHOWN = 8


def check_common(ours: Side, theirs: Side, found_by: Sequence[str]) -> None:
    """Refuse sides without a common value of a field that needs one."""
    equivalent = stand_ins(ours, theirs, found_by)
    needed = {*found_by, *(f for f in theirs.must_share if theirs.knows(f))}
    apart = []
    for field in (name for name in names_of(ours, theirs) if name in needed and ours.knows(name)):
        mine = {equivalent.get((field, value), value) for value in ours.values(field)}
        if not mine & set(theirs.values(field)):
            apart.append(f"  {field}: {listed(ours, field)} here; {listed(theirs, field)} there")
    if apart:
        raise UserError(
            f"{ours.name} cannot be compared with {theirs.name}; no value in common:\n"
            + "\n".join(apart)
            + f"\n{offered(theirs, found_by)}"
        )


def nothing_common(ours: Side, theirs: Side, found_by: Sequence[str]) -> str:
    """The error if each field has common values but no cell has them together."""
    by = f" by {', '.join(found_by)}" if found_by else ""
    return f"{ours.name} and {theirs.name} have no cell in common{by}.\n{offered(theirs, found_by)}"


def offered(theirs: Side, found_by: Sequence[str]) -> str:
    """A sentence on the cells of the other side."""
    fields = dict.fromkeys((*theirs.must_share, *AXES, *found_by))
    texts = [f"{name} {listed(theirs, name)}" for name in fields if theirs.values(name)]
    return f"{theirs.name} can be compared with cells of {'; '.join(texts) or 'any kind'}."


def listed(side: Side, field: str) -> str:
    """The side's values of a field, the first few."""
    values = side.values(field)
    more = f" and {len(values) - MOST_SHOWN} more" if len(values) > MOST_SHOWN else ""
    return ", ".join(map(value_text, values[:MOST_SHOWN])) + more


def check_told_apart(
    mine: Sequence[SideCell],
    other: Sequence[SideCell],
    ours: Side,
    theirs: Side,
    found_by: Sequence[str],
) -> None:
    """Refuse several matching cells on both sides, whose assignment is unknown."""
    if len(mine) == 1 or len(other) == 1:
        return
    where = ", ".join(f"{name} = {value_text(other[0].fields[name])}" for name in found_by)
    differing = [
        name
        for name in names_of(ours, theirs)
        if any(len({cell.fields.get(name) for cell in cells}) > 1 for cells in (mine, other))
    ]
    raise UserError(
        f"{len(mine)} cells of {ours.name} and {len(other)} of {theirs.name} have {where}, and "
        f"differ in {', '.join(differing)}, which is not known on both sides: choose one value "
        f"of {differing[0]}"
    )
