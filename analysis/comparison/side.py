"""One side of a comparison: its cells, and what is known of how they came about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure

NOT_APPLICABLE = "does not apply"
"""The value of a hyperparameter in a cell whose optimizer has no use for it."""

# What else than a trial's fields two results may differ in, in the order of telling.
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
"""What a cell is found by wherever it varies; other fields only where they tell cells apart."""
MIXED = " and "
"""Between the values of a circumstance of which a side has several."""


@dataclass(frozen=True, kw_only=True)
class SideCell:
    """The runs of one point of a grid, which differ in their seed alone.

    ``fields`` has the fields of a trial that are known; one that is not in it is unknown.
    ``mean`` is None unless the status is VALUE. ``std`` and ``n`` are None where unknown; ``std``
    also where n = 1. ``expected`` is the declared number of runs, None where unknown. ``trials``
    has the trial id by seed, and nothing where the runs are not known one by one. ``mark`` is
    written behind the number.
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
    """What a reader must know of the cells with these values, ``ours`` and ``theirs``."""

    text: str
    ours: Mapping[str, object] = field(default_factory=dict)
    theirs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Side:
    """Cells that no two are of the same point, and what holds for all of them.

    ``measure`` is what the numbers are, None where unknown. ``circumstances`` has a text for each
    of CIRCUMSTANCES, None where it is unknown. ``must_share`` names the fields of which the other
    side must have a value too: without one it is another experiment. ``stands_in`` has, by field,
    which value of the other side may stand beside which of this side's, though they differ.
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

    def values(self, name: str) -> tuple[object, ...]:
        """The known values of a field, first come first."""
        return tuple(dict.fromkeys(c.fields[name] for c in self.cells if name in c.fields))


def stand_ins(ours: Side, theirs: Side, fields: Iterable[str]) -> dict[tuple[str, object], object]:
    """Their value that one of ours stands beside, where they have no equal one."""
    return {
        (field, value): beside
        for field in fields
        for value, beside in theirs.stands_in.get(field, {}).items()
        if value in ours.values(field) and value not in theirs.values(field)
    }
