"""Where the Hugging Face Hub's library keeps weights, read without importing it.

Importing it takes half a second, and timm, which knows where weights come from, takes seconds: a
test holds this against both.
"""

import os
from pathlib import Path

HUB = "https://huggingface.co"
# As adaloss.tasks.images.models.published looks for them.
FILES = ("model.safetensors", "pytorch_model.bin")
YES = ("1", "ON", "YES", "TRUE")


def hub_cache() -> Path:
    """The cache's folder."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(variable):
            return Path(os.path.expandvars(named)).expanduser()
    home = os.environ.get("HF_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(home) if home else Path(cache) / "huggingface").expanduser() / "hub"


def cached_weights(model: str) -> Path | None:
    """The weights of a model of timm in the cache, None where there are none.

    A name without a tag means the weights that timm prefers: those of any tag are taken for them.
    """
    tags = "" if "." in model else "*"
    for repository in sorted(hub_cache().glob(f"models--timm--{model}{tags}")):
        exact = repository.name.removeprefix("models--timm--").partition(".")[0]
        if exact != model.partition(".")[0]:
            continue
        for file in FILES:
            if found := sorted(repository.glob(f"snapshots/*/{file}")):
                return found[0]
    return None


def is_offline() -> bool:
    """Whether the Hub's library is told not to use the network."""
    return any(
        os.environ.get(variable, "").upper() in YES
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )
