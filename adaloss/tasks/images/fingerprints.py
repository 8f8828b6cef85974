"""What of the user's own a trial's numbers depend on, and whether it is what it was.

A trial names the user's model, image folder and weights, and its id is made of these names. What
stands behind a name can change: every result therefore records digests of it.
"""

from collections.abc import Mapping

from adaloss.errors import UserError
from adaloss.own_code.digests import file_digest
from adaloss.own_code.modules import (
    OwnCodeError,
    code_digests,
    digests_of_files,
    find_own_module,
    loaded_digests,
)
from adaloss.records.places import Places
from adaloss.records.result import Digest, Fingerprint
from adaloss.tasks.images.data.sources.folder_layout import folder_path, images_digest
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.images.model_names import is_user_model
from adaloss.trial import Trial


def own_of(trial: Trial) -> dict[str, str]:
    """What the trial names of the user's own, by field."""
    return own_values(trial.model, trial.dataset, trial.pretrained)


def own_values(model: str, dataset: str, pretrained: bool | str) -> dict[str, str]:
    """Those of a trial's model, data set and weights that are the user's own, by field."""
    own = {}
    if is_user_model(model):
        own["model"] = model
    if dataset.startswith(IMAGE_FOLDER):
        own["dataset"] = dataset
    if isinstance(pretrained, str):
        own["pretrained"] = pretrained
    return own


def fingerprint_of(own: Mapping[str, str], places: Places) -> Fingerprint:
    """The digests of what these names stand for.

    Raises:
        UserError, OSError: one of them is not here, or cannot be read.
    """
    return Fingerprint(**{field: digest_of(field, name, places) for field, name in own.items()})


def fingerprint_with(trial: Trial, places: Places, images: str | None) -> Fingerprint | None:
    """The fingerprint of the trial's code and weights, and of the images as they were loaded."""
    own = own_of(trial)
    if not own:
        return None
    own.pop("dataset", None)
    return fingerprint_of(own, places).model_copy(update={"dataset": images})


def digest_now(field: str, name: str, places: Places) -> Digest | None:
    """The digest of what a field's value stands for; None where it is not here."""
    try:
        return digest_of(field, name, places)
    except (UserError, OSError):
        return None


def digest_of(field: str, name: str, places: Places) -> Digest:
    """The digest of what a field's value stands for.

    Raises:
        UserError, OSError: it is not here, or cannot be read.
    """
    if field == "model":
        return code_digest(name, places)
    if field == "dataset":
        folder = folder_path(name.removeprefix(IMAGE_FOLDER), places)
        return images_digest(folder)
    path = places.own_path(name)
    if path is None:
        raise FileNotFoundError(name)
    return file_digest(path)


def code_digest(model: str, places: Places) -> dict[str, str]:
    """The digests of the files that the model's function is made of, by their names.

    Raises:
        OwnCodeError: there is no such module.
    """
    name = model.partition(":")[0]
    found = find_own_module(name, places.own_folders)
    if found is None:
        raise OwnCodeError(f"there is no module {name}")
    return code_digests(found)


def with_loaded_code(fingerprint: Fingerprint, places: Places) -> Fingerprint:
    """The fingerprint with every file of the user's folders that this process has imported."""
    if fingerprint.model is None:
        return fingerprint
    loaded = loaded_digests(places.own_folders)
    return fingerprint.model_copy(update={"model": fingerprint.model | loaded})


def for_comparison(recorded: Digest, now: Digest | None, places: Places) -> Digest | None:
    """The digest of now with the files that a record names besides, such as those loaded later."""
    if isinstance(recorded, str) or now is None or isinstance(now, str):
        return now
    others = [name for name in recorded if name not in now]
    return now | digests_of_files(others, places.own_folders)


def difference(recorded: Digest, now: Digest) -> tuple[str, ...]:
    """What of a record changed: files of code by name; of images and weights just that they did."""
    if isinstance(recorded, str) or isinstance(now, str):
        return () if recorded == now else ("its files",)
    return tuple(name for name in recorded if recorded[name] != now.get(name))


def changed(recorded: Fingerprint, now: Fingerprint, places: Places) -> bool:
    """Whether anything of a record is not what it was; what it does not have is unknown."""
    for field in Fingerprint.model_fields:
        before, after = recorded.of(field), now.of(field)
        if before is None and after is None:
            continue
        after = for_comparison(before, after, places) if before is not None else after
        if before is None or after is None or difference(before, after):
            return True
    return False
