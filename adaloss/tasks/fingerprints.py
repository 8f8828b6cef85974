"""The digests of the user's own code, data and weights that a trial uses."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from adaloss.errors import DataError, UserError
from adaloss.optimizer_names import (
    PACKAGES,
    SHORT_NAMES,
    is_named,
    is_own_optimizer,
    module_and_class,
)
from adaloss.own_code.digests import file_digest
from adaloss.own_code.fingerprints import code_digest
from adaloss.records.places import Places
from adaloss.records.result import Digest, Fingerprint
from adaloss.tasks.images.data.sources.folder_layout import folder_path, images_digest
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.images.model_names import is_user_model
from adaloss.tasks.program.digests import is_recorded, program_digest
from adaloss.tasks.program.fields import PROGRAM_TASK, ProgramTrial
from adaloss.tasks.text.fields import TEXT_FILE
from adaloss.tasks.text.files import text_path
from adaloss.trial import Trial

OWN_FIELDS = ("model", "dataset", "pretrained", "optimizer")


def own_of(trial: Trial) -> dict[str, str]:
    """The values of the trial that name the user's own code or files, by field."""
    return own_values(trial.values)


def own_values(values: Mapping[str, Any]) -> dict[str, str]:
    """Those of a trial's values that are the user's own, or an optimizer of some package.

    Of a trial of a program it is the program: what its parameters name, only the program knows.
    """
    if values.get("task") == PROGRAM_TASK:
        return {"program": str(values["program"])}
    model, dataset, pretrained, optimizer = (values.get(name) for name in OWN_FIELDS)
    own: dict[str, str] = {}
    if isinstance(model, str) and is_user_model(model):
        own["model"] = model
    if isinstance(dataset, str) and dataset.startswith((IMAGE_FOLDER, TEXT_FILE)):
        own["dataset"] = dataset
    if isinstance(pretrained, str):
        own["pretrained"] = pretrained
    if isinstance(optimizer, str) and is_named(optimizer) and optimizer not in SHORT_NAMES:
        own["optimizer"] = optimizer
    return own


def code_fields(trial: Trial) -> tuple[str, ...]:
    """The fields of the trial that name code of the user's own which may import more of it.

    Not an optimizer: it would get what other trials of the process have imported.
    """
    return tuple(field for field in own_of(trial) if field in ("model", "program"))


def fingerprint_of(own: Mapping[str, str], places: Places) -> Fingerprint:
    """The digests of the code and files that these values name.

    Raises:
        UserError, OSError: one of them does not exist, or cannot be read.
    """
    return Fingerprint(**{field: digest_of(field, name, places) for field, name in own.items()})


def fingerprint_with(trial: Trial, places: Places, data: str | None) -> Fingerprint | None:
    """The fingerprint of the trial's code and weights, with the digest of the loaded data."""
    own = own_of(trial)
    if not own:
        return None
    own.pop("dataset", None)
    try:
        found = fingerprint_of(own, places)
    except DataError:
        if not isinstance(trial, ProgramTrial) or trial.names_its_program:
            raise
        # The command starts something else, which only the command knows.
        found = Fingerprint(program={})
    return found.model_copy(update={"dataset": data})


def package_version(optimizer: str) -> dict[str, str]:
    """The version of the package that has this optimizer, by the package's name."""
    package = PACKAGES[module_and_class(optimizer)[0].partition(".")[0]]
    try:
        return {package: version(package)}
    except PackageNotFoundError as error:
        raise UserError(f"{package} is not installed: pip install {package}") from error


def digest_now(field: str, name: str, places: Places) -> Digest | None:
    """The current digest of what a field's value names; None where it does not exist."""
    try:
        return digest_of(field, name, places)
    except (UserError, OSError):
        return None


def is_of_this(field: str, name: str, recorded: Digest, now: Digest | None) -> bool:
    """Whether a recorded digest is of what the name stands for, of which ``now`` is the current."""
    if field != "program" or not isinstance(recorded, dict) or not isinstance(now, dict):
        return True
    return is_recorded(name, recorded, now)


def digest_of(field: str, name: str, places: Places) -> Digest:
    """The digest of what a field's value names.

    Raises:
        UserError, OSError: it does not exist, or cannot be read.
    """
    if field == "model":
        return code_digest(name, places)
    if field == "program":
        return program_digest(name, places)
    if field == "optimizer":
        return code_digest(name, places) if is_own_optimizer(name) else package_version(name)
    if field == "dataset":
        if name.startswith(TEXT_FILE):
            return file_digest(text_path(name.removeprefix(TEXT_FILE), places))
        return images_digest(folder_path(name.removeprefix(IMAGE_FOLDER), places))
    path = places.own_path(name)
    if path is None:
        raise FileNotFoundError(name)
    return file_digest(path)
