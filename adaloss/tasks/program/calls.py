"""What a function of the user's gets: the values of its trial, and a place to report to."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any


class TrialValues(Mapping[str, Any]):
    """The values of a trial by name, with ``seed``; read-only.

    ``folder`` is a folder for files of the trial, which are kept. ``checkpoint`` is a path in it:
    a file that is written there is still there when an interrupted trial is started again.
    ``report(loss=…, acc=…)`` records metrics.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        seed: int,
        folder: Path,
        report: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.__values = {name: thawed(value) for name, value in values.items()}
        self.__report = report
        self.__folder = folder
        self.seed = seed
        self.was_read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter.

        Raises:
            KeyError: the grid has no such parameter; the message lists those it has.
        """
        if name not in self.__values:
            raise KeyError(f"the grid has no parameter {name!r}; it has {', '.join(self.__values)}")
        self.was_read.add(name)
        return self.__values[name]

    def __contains__(self, name: object) -> bool:
        """Whether the grid has this parameter."""
        return name in self.__values

    def __iter__(self) -> Iterator[str]:
        """The names. Whoever goes through all of them counts as having read them."""
        self.was_read.update(self.__values)
        return iter(self.__values)

    def __len__(self) -> int:
        """The number of parameters, with the seed."""
        return len(self.__values)

    def __repr__(self) -> str:
        """The values."""
        return f"trial({self.__values})"

    def __getattr__(self, name: str) -> Any:
        """Refuse an attribute with a hint: parameters are items.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"trial has no attribute {name}; a parameter is trial[{name!r}]")

    @property
    def folder(self) -> Path:
        """The folder of the trial's own files."""
        self.__folder.mkdir(parents=True, exist_ok=True)
        return self.__folder

    @property
    def checkpoint(self) -> Path:
        """The path of a checkpoint."""
        return self.folder / CHECKPOINT

    def report(self, metrics: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Record metrics, such as those of an epoch."""
        self.__report({**(metrics or {}), **more})


CHECKPOINT = "checkpoint"
"""The name of the program's own checkpoint in the folder of its files."""


def forget(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def thawed(value: Any) -> Any:
    """The value with lists for tuples, as the grid has it."""
    return [thawed(item) for item in value] if isinstance(value, tuple) else value
