"""What came out: tables, figures, statistics and a report from the records on disk.

``analysis.load`` imports pandas; ``import analysis`` does not, so that the command line answers at
once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.loading import load, load_history

__all__ = ["load", "load_history"]


def __getattr__(name: str) -> Any:
    """Import the functions when one is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}")
    from analysis import loading

    return vars(loading)[name]
