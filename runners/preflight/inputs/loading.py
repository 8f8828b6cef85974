"""Whether data sets on this disk can be loaded: every file is read and nothing is stored.

A run reports the same problems when it prepares the data sets.
"""

from collections.abc import Iterator

from adaloss.errors import UserError
from runners.preflight.finding import Finding, Level, refused
from runners.preflight.inputs.data_sets import data_set, is_there
from runners.preflight.planned import Planned


def loading(planned: Planned) -> Iterator[Finding]:
    """Problems with the files of data sets that are complete."""
    places = planned.sweep.places
    root = places.data_root
    there = {
        name
        for name in planned.datasets
        if name != "digits"
        and is_there(name, root)
        and data_set(name, places).level is not Level.REFUSED
    }
    if not there:
        return
    # torch takes seconds to import.
    from adaloss.tasks.images.data.splits import check_readable, spec_of

    asked = {
        (trial.dataset, trial.resize, trial.image_size, trial.interpolation): trial
        for trial in planned.trials
        if trial.dataset in there
    }
    reported: set[str] = set()
    for trial in asked.values():
        try:
            check_readable(spec_of(trial, places), root)
        except UserError as error:
            if str(error) not in reported:
                reported.add(str(error))
                yield refused("data", str(error), "")
