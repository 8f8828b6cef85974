"""AdaLoss and the trial that tests it: optimizers, training, records.

``from adaloss import AdaLoss`` imports torch; ``import adaloss`` does not, so that the command
line can describe a sweep at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaloss.optim import (
        AdaGradNorm,
        AdaGradNormRowwise,
        AdaLoss,
        SGDConstant,
        SGDDecaySqrt,
        add_rate,
    )

__all__ = [
    "AdaGradNorm",
    "AdaGradNormRowwise",
    "AdaLoss",
    "SGDConstant",
    "SGDDecaySqrt",
    "add_rate",
]


def __getattr__(name: str) -> Any:
    """Import the optimizers when one is first asked for."""
    if name == "__version__":
        # It takes a moment to look up, and the command line starts without it.
        from importlib.metadata import version

        return version("adaloss-sweep")
    if name not in __all__:
        raise AttributeError(f"module 'adaloss' has no attribute {name!r}")
    from adaloss import optim

    return vars(optim)[name]


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]
