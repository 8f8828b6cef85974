"""The licence of a trial's weights, without importing torch or timm."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from adaloss.tasks.images.models.timm_source import COMPUTED, licences_in

OUR_LICENCES = {"cifar_resnet20": "BSD-2-Clause"}


def licence(model: str, pretrained: bool | str) -> str | None:
    """The licence of the weights that a model starts from; None for random weights."""
    if pretrained is False:
        return None
    if isinstance(pretrained, str):
        return "your own file"
    return OUR_LICENCES.get(model) or timm_licence(model) or "not stated by timm"


@cache
def timm_licence(model: str) -> str | None:
    """The licence that timm states for the weights of a model, None where it states none.

    It is read from timm's source, which takes a tenth of the time of importing timm; a test
    compares the two. timm is imported only if its source computes the licence, or if the licence
    depends on the tag that timm prefers.
    """
    stated = licence_in_source(model)
    if stated != COMPUTED:
        return stated
    from timm.models import get_pretrained_cfg

    configuration = get_pretrained_cfg(model)
    return configuration.license if configuration else None


def licence_in_source(model: str) -> str | None:
    """The licence in timm's source for the weights of a model; COMPUTED if it is not literal."""
    architecture, _, tag = model.partition(".")
    for source in timm_sources():
        # Parsing every file takes half a second.
        tags = licences_in(source).get(architecture) if architecture in source else None
        if tags is None:
            continue
        if tag:
            return tags.get(tag, COMPUTED)
        # A name without a tag means the one that timm prefers: known only if all tags agree.
        (first, *others) = set(tags.values())
        return COMPUTED if others else first
    return COMPUTED


@cache
def timm_sources() -> tuple[str, ...]:
    """The texts of timm's model files; none without timm."""
    package = find_spec("timm")
    if package is None or package.origin is None:
        return ()
    paths = sorted((Path(package.origin).parent / "models").glob("*.py"))
    return tuple(path.read_text(encoding="utf-8") for path in paths)
