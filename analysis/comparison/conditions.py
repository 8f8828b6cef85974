"""The conditions that differ between the two sides, or are unknown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from adaloss.optimizer_names import SOMETIMES_UNUSED, unused_fields
from adaloss.tasks.program.fields import PROGRAM_TASK
from adaloss.tasks.table import task_named
from analysis.comparison.matching import Pair
from analysis.comparison.side import (
    CIRCUMSTANCES,
    CODE,
    HARDWARE,
    MIXED,
    NOT_APPLICABLE,
    OWN,
    SOFTWARE,
    Side,
    SideCell,
)
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.wording import one_line, value_text

MOST_SHOWN = 6
# Fields of a trial whose names are also those of statistics.
FIELD_LABELS = {"mean": "mean of each channel", "std": "standard deviation of each channel"}
# The meaning of None in these fields.
NONE_TEXTS = {
    "mean": "as normalize says",
    "std": "as normalize says",
    "image_size": "the model's own",
    "resize": "the image size",
    "train_examples": "all",
    "eval_examples": "all",
}
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition in which the sides differ in ``pairs`` pairs; ``unknown`` is a missing value."""

    name: str
    ours: str
    theirs: str
    pairs: int

    @property
    def is_known(self) -> bool:
        """Whether both sides have a value."""
        return UNKNOWN not in (self.ours, self.theirs)


def conditions_of(
    ours: Side, theirs: Side, pairs: Sequence[Pair], names: Names = NO_LABELS
) -> tuple[Condition, ...]:
    """Every field of a trial and circumstance that differs or is unknown in some pair."""
    fields = (
        condition
        for name in fields_of(pairs)
        if name != "seed"
        for condition in field_conditions(name, pairs, names)
    )
    return (*fields, *circumstances(ours, theirs, len(pairs)))


def fields_of(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The fields of the task of the pairs."""
    cells = [cell for pair in pairs for cell in (pair.ours, pair.theirs)]
    task = task_named(next(filter(None, (cell.fields.get("task") for cell in cells)), None))
    if task.is_program:
        return tuple(dict.fromkeys(name for cell in cells for name in cell.fields))
    return task.field_names


def field_conditions(name: str, pairs: Sequence[Pair], names: Names) -> Iterator[Condition]:
    """The differences in a field, and the pairs in which a side has no value."""
    kinds: tuple[Callable[[Pair], bool], ...] = (
        lambda pair: name in pair.ours.fields and name in pair.theirs.fields,
        lambda pair: name in pair.ours.fields and name not in pair.theirs.fields,
        lambda pair: name not in pair.ours.fields and name in pair.theirs.fields,
        lambda pair: name not in pair.ours.fields and name not in pair.theirs.fields,
    )
    for kind in kinds:
        found = [pair for pair in pairs if kind(pair) and differs(name, pair)]
        if found:
            yield Condition(
                name=label_of(name, found, names),
                ours=value_texts(name, [pair.ours for pair in found], names),
                theirs=value_texts(name, [pair.theirs for pair in found], names),
                pairs=len(found),
            )


def differs(name: str, pair: Pair) -> bool:
    """Whether the field may explain a difference: it is unequal, or unknown and used."""
    if name in pair.ours.fields and name in pair.theirs.fields:
        return pair.ours.fields[name] != pair.theirs.fields[name]
    return any(applies(name, cell) for cell in (pair.ours, pair.theirs))


def applies(name: str, cell: SideCell) -> bool:
    """Whether the cell's optimizer uses the field, as far as it is known."""
    optimizer = None if is_of_a_program(cell) else cell.fields.get("optimizer")
    if name not in SOMETIMES_UNUSED or not isinstance(optimizer, str):
        return cell.fields.get(name) != NOT_APPLICABLE
    return name not in unused_fields(optimizer, str(cell.fields.get("rate", "constant")))


def value_texts(name: str, cells: Sequence[SideCell], names: Names) -> str:
    """The cells' values of the field, or ``unknown``."""
    values = dict.fromkeys(cell.fields[name] for cell in cells if name in cell.fields)
    if not values:
        return UNKNOWN
    meanings = meanings_of(cells)
    texts = [field_text(name, value, names, meanings) for value in list(values)[:MOST_SHOWN]]
    more = [f"{len(values) - MOST_SHOWN} more"] if len(values) > MOST_SHOWN else []
    return ", ".join((*texts, *more))


def is_of_a_program(cell: SideCell) -> bool:
    """Whether the fields are a program's parameters, whatever other tasks call so."""
    return cell.fields.get("task") == PROGRAM_TASK


def label_of(name: str, pairs: Sequence[Pair], names: Names) -> str:
    """The name of a field for readers."""
    usual = name if is_of_a_program(pairs[0].ours) else FIELD_LABELS.get(name, name)
    return names.labels.fields.get(name, usual)


def meanings_of(cells: Sequence[SideCell]) -> Mapping[str, str]:
    """The meaning of None by field."""
    return {} if is_of_a_program(cells[0]) else NONE_TEXTS


def field_text(name: str, value: object, names: Names, meanings: Mapping[str, str]) -> str:
    """A field's value as text, with the meaning of None."""
    if value is None:
        return names.label(name, value) or meanings.get(name, "none")
    if isinstance(value, tuple):
        return " ".join(map(value_text, value))
    return names.text(name, value)


def circumstances(ours: Side, theirs: Side, pairs: int) -> Iterator[Condition]:
    """The circumstances that differ, or that a side does not have."""
    for name in CIRCUMSTANCES:
        here, there = ours.circumstances.get(name), theirs.circumstances.get(name)
        # The same two versions on both sides may be different ones in each cell.
        mixed = name in (CODE, OWN, SOFTWARE, HARDWARE) and here is not None and MIXED in here
        if name == OWN and here is None and there is None:
            # Neither side has any.
            continue
        if here is None or here != there or mixed:
            yield Condition(
                name=name,
                ours=UNKNOWN if here is None else one_line(here),
                theirs=UNKNOWN if there is None else one_line(there),
                pairs=pairs,
            )


def shared_fields(pairs: Sequence[Pair], names: Names) -> tuple[tuple[str, str], ...]:
    """The fields with one known value that both sides share in every pair."""
    shared = []
    for name in fields_of(pairs):
        cells = [cell for pair in pairs for cell in (pair.ours, pair.theirs)]
        if all(name in cell.fields for cell in cells):
            values = {cell.fields[name] for cell in cells}
            if len(values) == 1 and NOT_APPLICABLE not in values:
                text = field_text(name, values.pop(), names, meanings_of(cells))
                shared.append((label_of(name, pairs, names), text))
    return tuple(shared)
