"""The constructors of a grid's optimizers, read from their source or, without it, from records."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from adaloss.grid.mistakes.problems import closest, suggestion
from adaloss.grid.points.timm_optimizers import timm_optimizers
from adaloss.optimizer_names import (
    PACKAGES,
    TORCH_OPTIMIZERS,
    canonical_optimizer,
    is_named,
    is_own_optimizer,
    module_and_class,
    timm_name,
)
from adaloss.own_code.modules import find_own_module
from adaloss.own_code.signatures import Constructor, constructor_of, keys_of, names_in
from adaloss.records.content import parsed_trial
from adaloss.records.file import CorruptRecordError, read_record
from adaloss.records.places import own_folders_of
from adaloss.records.store import GRID_FILE, MOST_RESULT_BYTES, TRIAL_FILE, Store
from adaloss.tasks.trained_trial import TrainedTrial

Folders = Sequence[Path]
# A class without one of these was checked when its trials began.
ALWAYS = ("params", "lr", "weight_decay")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the code of a grid's optimizers is looked up.

    ``records`` has the folder of trials beside a grid that is the copy in a folder of results, and
    others of the same trials: its optimizers were found when they ran, and it can be read where
    they are not. ``absent`` has the optimizers of such a grid that are not found, and why.
    """

    folders: tuple[Path, ...]
    records: tuple[Path, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def recorded(self) -> Mapping[str, frozenset[str]]:
        """The names of the hyperparameters that trials on record have, by their optimizer."""
        found: dict[str, set[str]] = {}
        for path in chain.from_iterable(map(trial_files, self.records)):
            # Readers of the records name those that cannot be read.
            with suppress(CorruptRecordError, FileNotFoundError):
                trial = parsed_trial(read_record(path, MOST_RESULT_BYTES), path)
                if isinstance(trial, TrainedTrial):
                    names = found.setdefault(trial.optimizer, set())
                    names.update(name for name, _ in trial.hyperparameters)
        return {optimizer: frozenset(names) for optimizer, names in found.items()}


def trial_files(folder: Path) -> Iterator[Path]:
    """The files in a folder of trials that say what each of them is."""
    return folder.glob(f"*/{TRIAL_FILE}")


def sources_of(grid: Path, data: Any, more_records: Sequence[Path] = ()) -> Sources:
    """Where the optimizers in a grid's data are looked up; ``more_records``, too."""
    folders = own_folders_of(grid)
    records = tuple(dict.fromkeys((Store(grid.parent).trials_folder, *more_records)))
    if grid.name != GRID_FILE or not any(map(any, map(trial_files, records))):
        return Sources(folders=folders)
    named = {name: mistake_in(name, folders) for name in optimizers_in(data)}
    absent = {name: why for name, why in named.items() if why is not None}
    return Sources(folders=folders, records=records, absent=absent)


def optimizers_in(data: Any) -> Iterator[str]:
    """The named optimizers in the data of a grid, in whatever form."""
    if isinstance(data, tuple):
        for item in data:
            yield from optimizers_in(item)
    if not isinstance(data, Mapping):
        return
    for key, content in data.items():
        if key in ("optimizer", "optimizer.name"):
            for text in texts_in(content):
                with suppress(KeyError):
                    if is_named(name := canonical_optimizer(text)):
                        yield name
        elif key != "labels":
            yield from optimizers_in(content)


def texts_in(data: Any) -> Iterator[str]:
    """Every text in some data."""
    if isinstance(data, str):
        yield data
    parts = data.values() if isinstance(data, Mapping) else data
    for part in parts if isinstance(data, Mapping | tuple) else ():
        yield from texts_in(part)


def mistake_in(name: str, folders: Folders) -> str | None:
    """Why there is no such optimizer, or None."""
    module, class_name = module_and_class(name)
    package = module.partition(".")[0]
    own = timm_name(name)
    if own is not None and (names := timm_optimizers()):
        hint = suggestion(own, sorted(names)) if own not in names else None
        return f"optimizer {name}: timm has no optimizer {own}{hint}" if hint is not None else None
    if find_own_module(module, folders) is None:
        if package in PACKAGES:
            return f"optimizer {name} needs a package: pip install {PACKAGES[package]}"
        searched = ", ".join(map(str, folders))
        meant = closest(package, PACKAGES)
        hint = f"; did you mean {meant}?" if meant else ""
        return f"optimizer {name}: there is no module {module} in {searched} or installed{hint}"
    there = names_in(module, folders)
    if there is None or class_name in there or constructor_of(*source_of(name), folders):
        return None
    if module == "torch" and class_name in TORCH_OPTIMIZERS.values():
        return f"optimizer {name}: torch has no class {class_name}: write torch.optim:{class_name}"
    # A module may define names in ways that its source does not show.
    known = [each for each in there if each[:1].isupper() and not each.isupper()]
    hint = suggestion(class_name, known)
    return f"optimizer {name}: {module} has no class {class_name}{hint}" if known else None


def source_of(name: str) -> tuple[str, str]:
    """The module and the class of a named optimizer, also of one that timm has a name for."""
    own = timm_name(name)
    known = {} if own is None else timm_optimizers()
    return known.get(own or "", module_and_class(name))


def constructor(name: str, sources: Sources) -> Constructor | None:
    """The arguments that a named optimizer takes; None where that is unknown.

    Most constructors of pytorch_optimizer take any name, and put what they do not know into their
    param groups: a name that no line of theirs looks up would change nothing but a trial's id.
    """
    if name in sources.absent:
        # The ids of its trials depend on which of the grid's hyperparameters it takes.
        names = sources.recorded.get(name)
        return None if names is None else Constructor(arguments=(*ALWAYS, *names), any_name=False)
    source = source_of(name)
    found = constructor_of(*source, sources.folders)
    if found is None or not found.any_name or found.uses_others or is_own_optimizer(name):
        return found
    return replace(found, any_name=False, looked_up=keys_of(*source, sources.folders))


def takes(found: Constructor | None, argument: str) -> bool:
    """Whether a constructor takes the argument, which it does if it is unknown."""
    if found is None or found.any_name:
        return True
    return argument in found.arguments or argument in found.looked_up
