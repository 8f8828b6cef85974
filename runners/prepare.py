"""Download what a sweep needs before it starts: data sets and pretrained weights."""

from collections.abc import Sequence

from adaloss.records.places import Places
from adaloss.tasks.table import common_task
from adaloss.trial import Trial


def prepare(trials: Sequence[Trial], places: Places) -> None:
    """Download missing data sets and weights, so that no trial has to.

    Raises:
        UserError: a file cannot be downloaded; the message says what to put where.
    """
    # torch takes seconds to import, and a sweep on digits with random weights needs no files.
    reading = {trial.identity: trial for trial in trials if trial.needs_files}
    if reading:
        common_task(reading.values()).load().fetch(reading.values(), places)
