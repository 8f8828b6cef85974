"""What a sweep needs on this machine before it starts: data sets and pretrained weights."""

from collections.abc import Sequence
from pathlib import Path

from adaloss.model_names import is_user_model
from adaloss.places import weights_folder
from adaloss.trial import Trial


def prepare(trials: Sequence[Trial], root: Path) -> None:
    """Fetch data sets and weights that are not there yet: once, and never inside a trial.

    Raises:
        UserError: something cannot be had; the message says what to put where.
    """
    # torch takes seconds to import, and a sweep on digits from scratch needs nothing.
    if with_files := {
        trial.identity: trial for trial in trials if trial.dataset != "digits" or starts_from(trial)
    }:
        from adaloss.data import fetch_and_prepare, spec_of
        from adaloss.models import fetch_weights
        from adaloss.models.user_model import user_function

        for model in dict.fromkeys(trial.model for trial in with_files.values()):
            if is_user_model(model):
                user_function(model)
        for spec in dict.fromkeys(spec_of(trial) for trial in with_files.values()):
            fetch_and_prepare(spec, root)
        fetch_weights(with_files.values(), weights_folder(root))


def starts_from(trial: Trial) -> bool:
    """Whether the trial starts from something that must be there: weights, the user's own model."""
    return trial.pretrained is not False or is_user_model(trial.model)
