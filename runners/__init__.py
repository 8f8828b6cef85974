"""Where and how a sweep runs: the commands, Ray Tune, the checks before, the mirror to W&B.

``from runners import run, retry, plan, results`` does what the commands do, from Python and in
notebooks. Each name is imported on first use, so that the command line need not wait for pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaloss.errors import UserError
    from runners.api.from_python import SweepIncompleteError, plan, results, retry, run
    from runners.api.plans import SweepPlan
    from runners.api.results import SweepResults
    from runners.api.running import SweepInterruptedError

__all__ = [
    "SweepIncompleteError",
    "SweepInterruptedError",
    "SweepPlan",
    "SweepResults",
    "UserError",
    "plan",
    "results",
    "retry",
    "run",
]

MODULES = {
    "SweepIncompleteError": "runners.api.from_python",
    "SweepInterruptedError": "runners.api.running",
    "SweepPlan": "runners.api.plans",
    "SweepResults": "runners.api.results",
    "UserError": "adaloss.errors",
    "plan": "runners.api.from_python",
    "results": "runners.api.from_python",
    "retry": "runners.api.from_python",
    "run": "runners.api.from_python",
}


def __getattr__(name: str) -> Any:
    """Import the module that defines the name."""
    if name not in MODULES:
        raise AttributeError(f"module 'runners' has no attribute {name!r}")
    return vars(import_module(MODULES[name]))[name]


def __dir__() -> list[str]:
    """The public names."""
    return __all__
