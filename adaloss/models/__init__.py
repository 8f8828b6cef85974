"""Models by name, with fresh weights, published ones or a file's.

Names are imported when they are first asked for: a licence needs neither torch nor timm.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaloss.models.build import MODELS, BuiltModel, build_model
    from adaloss.models.licences import licence
    from adaloss.models.weights import fetch_weights
    from adaloss.models.weights_error import WeightsError

__all__ = ["MODELS", "BuiltModel", "WeightsError", "build_model", "fetch_weights", "licence"]

HOMES = {
    "MODELS": "build",
    "BuiltModel": "build",
    "WeightsError": "weights_error",
    "build_model": "build",
    "fetch_weights": "weights",
    "licence": "licences",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for from its module."""
    if name not in HOMES:
        raise AttributeError(f"module 'adaloss.models' has no attribute {name!r}")
    return vars(import_module(f"adaloss.models.{HOMES[name]}"))[name]
