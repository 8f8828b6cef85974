"""Whether models' weights are on this disk or can be downloaded; nothing is downloaded here."""

from collections.abc import Iterator
from pathlib import Path

from adaloss.errors import WeightsError
from adaloss.own_code.modules import find_own_module
from adaloss.records.places import Places
from adaloss.tasks.images.model_names import BUILT_IN_MODELS, has_published_weights, is_user_model
from adaloss.tasks.images.models.published import RESNET20_URL, local_path, published_weights
from adaloss.tasks.images.models.weights import check_local_file, found_whole
from runners.preflight.finding import Finding, fine, refused, warning
from runners.preflight.inputs.hub_cache import HUB, cached_weights, hub_cache, is_offline
from runners.preflight.servers import Question

ABOUT = "weights"


def model_findings(model: str, pretrained: bool | str, places: Places) -> Iterator[Finding]:
    """The findings on a model and its weights."""
    if is_user_model(model):
        yield user_model(model, places)
    if pretrained is not False:
        try:
            yield weights_finding(model, pretrained, places)
        except WeightsError as error:
            yield refused(ABOUT, str(error), "")


def weights_finding(model: str, pretrained: bool | str, places: Places) -> Finding:
    """Whether the weights are on this disk.

    Raises:
        WeightsError: they are not, and cannot be downloaded.
    """
    if isinstance(pretrained, str):
        path = local_path(pretrained, places)
        check_local_file(model, path)
        return fine(ABOUT, f"{model} starts from {path}")
    # For a model of timm this would import timm, which takes seconds.
    if model in BUILT_IN_MODELS or not has_published_weights(model):
        found = found_whole(published_weights(model, places.weights))
        return published_weights_finding(model, found, places.weights)
    return published_weights_finding(model, cached_weights(model), hub_cache())


def published_weights_finding(model: str, found: Path | None, folder: Path) -> Finding:
    """Whether published weights were found."""
    if found is not None:
        return fine(ABOUT, f"the weights of {model} are {found}")
    missing = f"the weights of {model} are not in {folder}"
    if is_offline() and model not in BUILT_IN_MODELS:
        advice = "unset HF_HUB_OFFLINE, or copy them there from a machine that has them"
        return warning(ABOUT, f"{missing}, and HF_HUB_OFFLINE forbids the download", advice)
    return fine(ABOUT, f"{missing} and are downloaded before the first trial")


def user_model(name: str, places: Places) -> Finding:
    """Whether the module of the user's function can be found."""
    module, folders = name.partition(":")[0], places.own_folders
    if find_own_module(module, folders) is not None:
        return fine("model", f"{name}: the module {module} exists")
    looked = ", ".join(map(str, folders))
    found = f"{name}: there is no module {module} in {looked} or among the installed packages"
    return refused("model", found, "put it into the grid's folder, or install it")


def servers_of(starts: tuple[tuple[str, bool | str], ...], weights: Path) -> Iterator[Question]:
    """The servers that have the missing weights."""
    for model, pretrained in starts:
        if pretrained is not True or not has_published_weights(model):
            continue
        own = model in BUILT_IN_MODELS
        if own and published_weights(model, weights).find() is None:
            yield Question(what=f"weights of {model}", url=RESNET20_URL)
        elif not own and cached_weights(model) is None:
            yield Question(what=f"weights of {model}", url=HUB)
