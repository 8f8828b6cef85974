"""What of the user's own a trial's numbers depend on, and whether it is what it was.

A trial names the user's model, image folder and weights, and its id is made of these names. What
stands behind a name can change: every result therefore records digests of it.
"""

from adaloss.dataset_names import IMAGE_FOLDER
from adaloss.digests import file_digest, files_digest
from adaloss.image_listing import folder_path, image_paths
from adaloss.model_names import is_user_model
from adaloss.own_code import OwnCodeError, code_digests, find_own_module
from adaloss.places import Places
from adaloss.result import Fingerprint
from adaloss.trial import Trial
from adaloss.user_error import UserError

Own = tuple[str | None, str | None, str | None]
"""The model, the data set and the weights of a trial, each where it is the user's own."""


def own_of(trial: Trial) -> Own:
    """What the trial names of the user's own."""
    return (
        trial.model if is_user_model(trial.model) else None,
        trial.dataset if trial.dataset.startswith(IMAGE_FOLDER) else None,
        trial.pretrained if isinstance(trial.pretrained, str) else None,
    )


def has_own(trial: Trial) -> bool:
    """Whether the trial's numbers depend on anything of the user's own."""
    return any(own_of(trial))


def fingerprint_now(own: Own, places: Places) -> Fingerprint | None:
    """The fingerprint of what these names stand for now; None where one of them is not here."""
    try:
        return fingerprint_of(own, places)
    except (UserError, OSError):
        return None


def fingerprint_of(own: Own, places: Places) -> Fingerprint:
    """The fingerprint of what these names stand for.

    Raises:
        UserError, OSError: one of them is not here, or cannot be read.
    """
    model, dataset, pretrained = own
    return Fingerprint(
        model=code_fingerprint(model, places) if model else None,
        dataset=images_fingerprint(dataset, places) if dataset else None,
        pretrained=weights_fingerprint(pretrained, places) if pretrained else None,
    )


def code_fingerprint(model: str, places: Places) -> dict[str, str]:
    """The digests of the files that the model's function is made of.

    Raises:
        OwnCodeError: there is no such module.
    """
    name = model.partition(":")[0]
    found = find_own_module(name, places.own_folders)
    if found is None:
        raise OwnCodeError(f"there is no module {name}")
    return code_digests(found)


def images_fingerprint(dataset: str, places: Places) -> str:
    """The digest of the files of an image folder.

    Raises:
        DataError: there is no such folder, or it is not laid out as it must be.
    """
    folder = folder_path(dataset.removeprefix(IMAGE_FOLDER), places)
    return files_digest(folder, image_paths(folder)[0])


def weights_fingerprint(pretrained: str, places: Places) -> str:
    """The digest of a file of weights.

    Raises:
        FileNotFoundError: there is no such file.
    """
    path = places.own_path(pretrained)
    if path is None:
        raise FileNotFoundError(pretrained)
    return file_digest(path)


def differences(recorded: Fingerprint, now: Fingerprint) -> tuple[str, ...]:
    """What of the user's own is not what it was: files of code, the images, the weights."""
    before, after = recorded.model or {}, now.model or {}
    names = dict.fromkeys((*before, *after))
    files = [name for name in names if before.get(name) != after.get(name)]
    images = ["the images"] if recorded.dataset != now.dataset else []
    weights = ["the weights"] if recorded.pretrained != now.pretrained else []
    return (*files, *images, *weights)
