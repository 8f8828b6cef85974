"""Keeps torch from importing its compiler where an optimizer is made, saved or loaded.

torch decorates methods of its Optimizer so that the compiler leaves them alone. At the first call
the decorator imports the whole compiler, which takes as long as importing torch, and 150 MB in each
process. Only code that is being compiled needs it.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import ParamSpec, TypeVar

from torch.optim.optimizer import Optimizer

P = ParamSpec("P")
R = TypeVar("R")

DECORATED = (Optimizer.add_param_group, Optimizer.state_dict, Optimizer.load_state_dict)
# What the decorator (torch/_compile.py) looks for before it imports the compiler. A torch that
# looks for another name imports it, as without this module.
NAME_OF_TORCH = "__dynamo_disable"


def without_compiler(method: Callable[P, R]) -> Callable[P, R]:
    """The method of torch's optimizer without the decorator."""
    undecorated: Callable[P, R] = unwrap(method)
    return undecorated


def keep_the_compiler_out() -> None:
    """Have the decorated methods of all optimizers in this process import nothing."""
    for method in DECORATED:
        undecorated = unwrap(method)
        if undecorated is not method and not hasattr(undecorated, NAME_OF_TORCH):
            setattr(undecorated, NAME_OF_TORCH, undecorated)
