"""The names of the models, without importing timm, which takes seconds."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

BUILT_IN_MODELS: tuple[str, ...] = ("mlp", "small_cnn", "cifar_resnet20")

# The names of the paper's two models in its repository.
ALIASES: Mapping[str, str] = {
    "vits16r224": "vit_small_patch16_224.augreg_in21k_ft_in1k",
    "swsl_resnet50": "resnet50.fb_swsl_ig1b_ft_in1k",
}
# The user's own function: package.module:function.
USER_MODEL = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")

REGISTERED = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)
# Keys of timm's default_cfgs: 'vit_small_patch16_224.augreg_in21k_ft_in1k', or without a tag.
CONFIGURED = re.compile(r"""^ +['"](\w+)(?:\.([\w.\-]+))?\*?['"]\s*:""", re.MULTILINE)


@cache
def timm_names() -> frozenset[str]:
    """Every model of the installed timm, alone and with each tag; empty without timm.

    The names are read from timm's source; a test compares them with timm itself.
    """
    package = find_spec("timm")
    if package is None or package.origin is None:
        return frozenset()
    sources = (Path(package.origin).parent / "models").glob("*.py")
    return frozenset().union(*(names_in(path.read_text(encoding="utf-8")) for path in sources))


def names_in(source: str) -> set[str]:
    """The models that one source file of timm registers, alone and with their tags.

    A few families compute their configurations. Their models have no literal configuration in the
    file, so they are accepted with any of the file's tags.
    """
    models = set(REGISTERED.findall(source))
    configured = [(name, tag) for name, tag in CONFIGURED.findall(source) if name in models]
    computed = models.difference(name for name, _ in configured)
    tags = {tag for _, tag in configured if tag}
    tagged = {f"{name}.{tag}" for name, tag in configured if tag}
    return models | tagged | {f"{name}.{tag}" for name in computed for tag in tags}


def canonical_model(name: str) -> str:
    """The name of a model in records: an alias and its model are the same."""
    return ALIASES.get(name, name)


def is_user_model(name: str) -> bool:
    """Whether this names the user's own function, as ``module:function``."""
    return USER_MODEL.match(name) is not None


def has_published_weights(name: str) -> bool:
    """Whether ``pretrained: true`` is possible; assumed of every model of timm."""
    return name not in ("mlp", "small_cnn") and not is_user_model(name)


def is_model(name: str) -> bool:
    """Whether a trial can train a model of this name."""
    return name in BUILT_IN_MODELS or is_user_model(name) or name in timm_names()
