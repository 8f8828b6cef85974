"""Find weights in the cache of the Hugging Face Hub without importing the Hub's library.

The import takes half a second, and importing timm, which knows the repositories, takes seconds. A
test compares this module with both.
"""

import os
from pathlib import Path

HUB = "https://huggingface.co"
# In the order of adaloss.tasks.images.models.published.
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
    """The weights of a model of timm in the cache, None if there are none.

    A name without a tag means the weights that timm prefers; here weights of any tag count.
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
    """Whether environment variables forbid the Hub's library to use the network."""
    return any(
        os.environ.get(variable, "").upper() in YES
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )
