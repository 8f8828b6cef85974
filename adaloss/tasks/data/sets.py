"""The data sets that trials of a task name in their field ``dataset``; nothing imports torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaloss.records.places import Places
from adaloss.records.result import SplitSizes

HOW_TO_PROVIDE = "set ADALOSS_DATA, or data.root in the grid, to the folder that has it"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A data set that is downloaded.

    ``files`` are read from ``folder`` below the data root; any of ``archives`` may be put into the
    data root instead. ``server`` is asked whether it answers. The files take ``file_bytes``, and
    ``prepared_bytes`` more in the cache of prepared data sets.
    """

    folder: str
    files: tuple[str, ...]
    archives: tuple[str, ...] = ()
    server: str
    file_bytes: int
    prepared_bytes: int = 0

    def paths(self, root: Path) -> list[Path]:
        """The files that are read."""
        return [root / self.folder / name for name in self.files]

    def missing(self, root: Path) -> list[Path]:
        """Those of the files that are not there; their content is not checked."""
        return [path for path in self.paths(root) if not path.exists()]


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSets:
    """The data sets of a task.

    ``examples`` is what they consist of, in the plural. ``published`` are downloaded; names that
    begin with ``own`` are the user's own files, and others come with an installed package.
    ``find_own`` says what is in the user's own and raises a DataError where it cannot be used;
    ``layout`` is how it must look. ``sizes`` are the numbers of a trial's examples.
    """

    examples: str
    published: Mapping[str, Published]
    own: str
    find_own: Callable[[str, Places], str]
    layout: str
    sizes: Callable[[Any, Places], SplitSizes]
