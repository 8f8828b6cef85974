"""The models there are by name, without importing timm, which takes seconds."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

BUILT_IN_MODELS: tuple[str, ...] = ("mlp", "small_cnn", "cifar_resnet20")

# What the paper's repository calls its two models.
ALIASES: Mapping[str, str] = {
    "vits16r224": "vit_small_patch16_224.augreg_in21k_ft_in1k",
    "swsl_resnet50": "resnet50.fb_swsl_ig1b_ft_in1k",
}
# A function of the user's own: package.module:function.
USER_MODEL = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")

REGISTERED = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)
# Keys of timm's default_cfgs: 'vit_small_patch16_224.augreg_in21k_ft_in1k', or without a tag.
CONFIGURED = re.compile(r"""^ +['"](\w+)(?:\.([\w.\-]+))?\*?['"]\s*:""", re.MULTILINE)


@cache
def timm_names() -> frozenset[str]:
    """Every model of the installed timm, alone and with each tag of its weights; empty without.

    Read from timm's source: a test holds this against timm itself.
    """
    package = find_spec("timm")
    if package is None or package.origin is None:
        return frozenset()
    sources = (Path(package.origin).parent / "models").glob("*.py")
    return frozenset().union(*(names_in(path.read_text(encoding="utf-8")) for path in sources))


def names_in(source: str) -> set[str]:
    """The models that one source file of timm registers, alone and with their tags.

    A few families compute their configurations: their models, which the file configures nowhere,
    may have any tag of the file.
    """
    models = set(REGISTERED.findall(source))
    configured = [(name, tag) for name, tag in CONFIGURED.findall(source) if name in models]
    computed = models.difference(name for name, _ in configured)
    tags = {tag for _, tag in configured if tag}
    tagged = {f"{name}.{tag}" for name, tag in configured if tag}
    return models | tagged | {f"{name}.{tag}" for name in computed for tag in tags}


def canonical_model(name: str) -> str:
    """The name that a model goes by in records: an alias and its model are one."""
    return ALIASES.get(name, name)


def is_user_model(name: str) -> bool:
    """Whether this names a function of the user's own, as ``module:function``."""
    return USER_MODEL.match(name) is not None


def has_published_weights(name: str) -> bool:
    """Whether ``pretrained: true`` has a meaning for the model; of timm's, each is taken to."""
    return name not in ("mlp", "small_cnn") and not is_user_model(name)


def is_model(name: str) -> bool:
    """Whether a trial can train a model of this name."""
    return name in BUILT_IN_MODELS or is_user_model(name) or name in timm_names()
