"""What the copy of a grid in a folder of results loads with, and cannot run."""

from collections.abc import Iterator

from adaloss.grid.points.constructors import mistake_in
from adaloss.optimizer_names import is_named
from adaloss.tasks.trained_trial import TrainedTrial
from runners.preflight.finding import Finding, refused
from runners.preflight.planned import Planned


def doubts(planned: Planned) -> Iterator[Finding]:
    """What a grid may have that is only read: another one with it would not load."""
    for doubt in planned.sweep.doubts:
        yield refused("grid", doubt, "results with it are read; to run more, correct it")


def optimizers(planned: Planned) -> Iterator[Finding]:
    """The optimizers of the trials that are not found here."""
    trained = (trial for trial in planned.trials if isinstance(trial, TrainedTrial))
    for name in dict.fromkeys(t.optimizer for t in trained if is_named(t.optimizer)):
        if why := mistake_in(name, planned.sweep.places.own_folders):
            found = why.removeprefix("optimizer ")
            advice = "its trials are read without it; to run them, run the grid that is beside it"
            yield refused("optimizer", found, advice)
