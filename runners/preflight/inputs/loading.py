"""Whether data sets on this disk can be loaded: every file is read and nothing is stored.

A run reports the same problems when it prepares the data sets.
"""

from collections.abc import Iterator

from adaloss.errors import UserError
from runners.preflight.finding import Finding, Level, refused
from runners.preflight.inputs.data_sets import data_set, is_on_disk
from runners.preflight.planned import Planned


def loading(planned: Planned) -> Iterator[Finding]:
    """Problems with the files of data sets that are complete."""
    places = planned.sweep.places
    root = places.data_root
    complete = {
        name
        for name in planned.datasets
        if name != "digits"
        and is_on_disk(name, root)
        and data_set(name, places).level is not Level.REFUSED
    }
    if not complete:
        return
    # torch takes seconds to import.
    from adaloss.tasks.images.data.splits import check_readable, spec_of

    distinct = {
        (trial.dataset, trial.resize, trial.image_size, trial.interpolation): trial
        for trial in planned.image_trials
        if trial.dataset in complete
    }
    reported: set[str] = set()
    for trial in distinct.values():
        try:
            check_readable(spec_of(trial, places), root)
        except UserError as error:
            if str(error) not in reported:
                reported.add(str(error))
                yield refused("data", str(error), "")
