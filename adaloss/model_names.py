"""The models there are by name, without importing timm, which takes seconds."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

BUILT_IN_MODELS: tuple[str, ...] = ("mlp", "small_cnn")

REGISTERED = re.compile(r"@register_model\s+def (\w+)\(")
# Keys of timm's default_cfgs: 'vit_small_patch16_224.augreg_in21k_ft_in1k' or without a tag.
CONFIGURED = re.compile(r"""^\s*['"](\w+)\.([\w.\-]+)['"]\s*:""", re.MULTILINE)


@cache
def timm_names() -> frozenset[str]:
    """Every model of the installed timm, alone and with each tag of its weights; empty without.

    Read from timm's source: a test holds this against ``timm.list_models``.
    """
    package = find_spec("timm")
    if package is None or package.origin is None:
        return frozenset()
    sources = [path.read_text() for path in (Path(package.origin).parent / "models").glob("*.py")]
    models = {name for source in sources for name in REGISTERED.findall(source)}
    tagged = {
        f"{name}.{tag}"
        for source in sources
        for name, tag in CONFIGURED.findall(source)
        if name in models
    }
    return frozenset(models | tagged)


def is_model(name: str) -> bool:
    """Whether a trial can train a model of this name."""
    if name in BUILT_IN_MODELS or name in timm_names():
        return True
    model, dot, _ = name.partition(".")
    if not dot or model not in timm_names():
        return False
    # A few families compute their tags, so that only timm itself knows them.
    import timm

    return name in timm.list_models(pretrained=True)
