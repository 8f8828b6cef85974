"""What a sweep needs on this machine before it starts: data sets and pretrained weights."""

from collections.abc import Sequence

from adaloss.records.places import Places
from adaloss.trial import Trial


def prepare(trials: Sequence[Trial], places: Places) -> None:
    """Fetch data sets and weights that are not there yet: once, and never inside a trial.

    Raises:
        UserError: something cannot be had; the message says what to put where.
    """
    # torch takes seconds to import, and a sweep on digits from scratch needs nothing.
    if with_files := {
        trial.identity: trial
        for trial in trials
        if trial.dataset != "digits" or trial.pretrained is not False
    }:
        from adaloss.tasks.images.data.splits import fetch_and_prepare, spec_of
        from adaloss.tasks.images.models.weights import fetch_weights

        for spec in dict.fromkeys(spec_of(trial, places) for trial in with_files.values()):
            fetch_and_prepare(spec, places.data_root)
        fetch_weights(with_files.values(), places)
