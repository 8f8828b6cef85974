"""Whether the data sets are on this disk or can be downloaded; nothing is downloaded here."""

from collections.abc import Iterator
from pathlib import Path

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.tasks.data.sets import DataSets
from adaloss.trial import Trial
from runners.preflight.finding import Finding, Level, fine, refused, warning
from runners.preflight.machine.folders import exists
from runners.preflight.planned import Planned
from runners.preflight.servers import Question


def data_sets(planned: Planned) -> Iterator[Finding]:
    """Whether the sweep's data sets are on this disk, and have the examples to train on."""
    if (known := planned.task.data) is not None:
        for name in planned.datasets:
            yield data_set(name, known, planned.sweep.places)
        yield from too_few_examples(planned, known)


def data_set(name: str, known: DataSets, places: Places) -> Finding:
    """Whether the data set is on this disk."""
    root = places.data_root
    if name.startswith(known.own):
        try:
            return fine("data", known.find_own(name, places))
        except DataError as error:
            return refused("data", str(error), known.layout)
    if name not in known.published:
        return fine("data", f"{name} is installed with scikit-learn")
    if is_on_disk(name, known, root):
        return fine("data", f"{name} is in {root}")
    return fine("data", f"{name} is not in {root} and is downloaded before the first trial")


def too_few_examples(planned: Planned, known: DataSets) -> Iterator[Finding]:
    """A warning for each number of training examples that a data set does not have."""
    declared = planned.declared
    wanted = {(t.values["dataset"], t.values["train_examples"]): t for t in declared}
    all_of: dict[str, int | None] = {}
    for (name, count), trial in wanted.items():
        if count is None:
            continue
        if name not in all_of:
            all_of[name] = training_examples(trial, known, planned.sweep.places)
        there = all_of[name]
        if there is not None and there < count:
            yield warning(
                "data",
                f"train_examples is {count}, and {name} has only {there} to train on",
                "all of them are used; write this number, or null",
            )


def training_examples(trial: Trial, known: DataSets, places: Places) -> int | None:
    """How many examples the data set of a trial has to train on; None if that cannot be read."""
    try:
        return known.sizes(trial.model_copy(update={"train_examples": None}), places).train
    # Reported where it is looked for.
    except (DataError, OSError):
        return None


def is_on_disk(name: str, known: DataSets, root: Path) -> bool:
    """Whether the data set needs no network: its files, or archives of them, are below the root."""
    if name not in known.published:
        return True
    about = known.published[name]
    archives = [root / archive for archive in about.archives]
    return all(map(exists, about.paths(root))) or (bool(archives) and all(map(exists, archives)))


def is_prepared(name: str, prepared: Path) -> bool:
    """Whether the folder of prepared data sets has this one."""
    return any(prepared.glob(f"{name}-*.safetensors"))


def loading(planned: Planned) -> Iterator[Finding]:
    """Problems with the files of data sets that are complete: all of them are read.

    A run reports the same problems when it prepares the data sets.
    """
    places, known = planned.sweep.places, planned.task.data
    if known is None:
        return
    complete = {
        name
        for name in planned.datasets
        if (name in known.published or name.startswith(known.own))
        and is_on_disk(name, known, places.data_root)
        and data_set(name, known, places).level is not Level.REFUSED
    }
    read = [trial for trial in planned.trials if trial.values["dataset"] in complete]
    # What reads them imports torch, which takes seconds.
    found = planned.task.load().problems(read, places) if read else ()
    for problem in dict.fromkeys(found):
        yield refused("data", problem, "")


def servers_of(planned: Planned) -> Iterator[Question]:
    """The servers that have the missing data sets."""
    if (known := planned.task.data) is not None:
        for name in planned.datasets:
            if not is_on_disk(name, known, planned.sweep.places.data_root):
                yield Question(what=name, url=known.published[name].server)
