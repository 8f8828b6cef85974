"""One side of a comparison: its cells and their known conditions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from adaloss.tasks.program.fields import PROGRAM_TASK
from adaloss.tasks.table import FIELD_NAMES
from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure

NOT_APPLICABLE = "does not apply"
"""The value of a hyperparameter in a cell whose optimizer does not use it."""

# Circumstances besides a trial's fields in which results may differ, in the order of reporting.
METRIC = "metric"
EPOCH = "epoch reported"
NA_RULE = "N/A where"
SPREAD = "standard deviation"
ROUNDING = "rounding"
CODE = "code version"
OWN = "digest of your own code and data"
SOFTWARE = "software"
HARDWARE = "hardware"
CIRCUMSTANCES: tuple[str, ...] = (
    METRIC,
    EPOCH,
    NA_RULE,
    SPREAD,
    ROUNDING,
    CODE,
    OWN,
    SOFTWARE,
    HARDWARE,
)
AXES = ("model", "optimizer", "b0")
"""Fields that always match cells if they vary; others match only if they distinguish cells."""
MIXED = " and "
"""Separates several values of a circumstance."""


@dataclass(frozen=True, kw_only=True)
class SideCell:
    """The runs of one point of a grid, which differ in their seed alone.

    ``fields`` has the fields of a trial that are known; one that is not in it is unknown.
    ``mean`` is None unless the status is VALUE. ``std`` and ``n`` are None where unknown; ``std``
    also if n = 1. ``expected`` is the declared number of runs, None if unknown. ``trials`` has the
    trial id by seed, and is empty if the individual runs are unknown. ``mark`` is written after the
    number.
    """

    fields: Mapping[str, object]
    mean: float | None
    std: float | None
    n: int | None
    status: CellStatus
    expected: int | None = None
    trials: Mapping[int, str] = field(default_factory=dict)
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Caveat:
    """A remark on the cells with these values, ``ours`` and ``theirs``."""

    text: str
    ours: Mapping[str, object] = field(default_factory=dict)
    theirs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Side:
    """Cells of distinct points, and their common properties.

    ``measure`` describes the numbers, None if unknown. ``circumstances`` has a text for each of
    CIRCUMSTANCES, None if unknown. ``must_share`` names fields in which the sides must have a
    common value, because they would be different experiments otherwise. ``stands_in`` maps, by
    field, values of the other side to different values of this side that they may be compared with.
    """

    name: str
    cells: tuple[SideCell, ...]
    measure: Measure | None
    circumstances: Mapping[str, str | None]
    caveats: tuple[Caveat, ...] = ()
    must_share: tuple[str, ...] = ("dataset", "model")
    stands_in: Mapping[str, Mapping[object, object]] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Whether every cell has the field."""
        return all(name in cell.fields for cell in self.cells)

    @property
    def is_of_a_program(self) -> bool:
        """Whether the cells are of a program of the user's own."""
        return self.values("task") == (PROGRAM_TASK,)

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The fields that cells may have: of a program, those that they do have."""
        if not self.is_of_a_program:
            return FIELD_NAMES
        return tuple(dict.fromkeys(name for cell in self.cells for name in cell.fields))

    def values(self, name: str) -> tuple[object, ...]:
        """The known values of a field, in order of appearance."""
        return tuple(dict.fromkeys(c.fields[name] for c in self.cells if name in c.fields))


def names_of(ours: Side, theirs: Side) -> tuple[str, ...]:
    """The fields that cells of either side may have."""
    return tuple(dict.fromkeys((*ours.field_names, *theirs.field_names)))


def stand_ins(ours: Side, theirs: Side, fields: Iterable[str]) -> dict[tuple[str, object], object]:
    """Their value that each of ours is compared with, for values without an equal one."""
    return {
        (field, value): equivalent
        for field in fields
        for value, equivalent in theirs.stands_in.get(field, {}).items()
        if value in ours.values(field) and value not in theirs.values(field)
    }
