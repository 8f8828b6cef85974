"""What a sweep needs on this machine before it starts: data sets and pretrained weights."""

from collections.abc import Sequence

from adaloss.records.places import Places
from adaloss.tasks.table import common_task
from adaloss.trial import Trial


def prepare(trials: Sequence[Trial], places: Places) -> None:
    """Fetch data sets and weights that are not there yet: once, and never inside a trial.

    Raises:
        UserError: something cannot be had; the message says what to put where.
    """
    # torch takes seconds to import, and a sweep on digits from scratch needs nothing.
    reading = {trial.identity: trial for trial in trials if trial.needs_files}
    if reading:
        common_task(reading.values()).load().fetch(reading.values(), places)
