"""The rule for each hyperparameter, checked for constructors, param groups and loaded states."""

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor


class Rule(NamedTuple):
    """A condition on a hyperparameter, and its description for error messages."""

    holds: Callable[[float], bool]
    text: str


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "lr": Rule(lambda lr: 0 <= lr < math.inf, "finite and at least 0"),
        "b0": Rule(
            lambda b0: b0 > 0 and 0 < b0 * b0 < math.inf,
            "above 0 and finite, with a square that is above 0 and finite in float64",
        ),
        "alpha": Rule(lambda alpha: 0 <= alpha < math.inf, "finite and at least 0"),
        "c": Rule(math.isfinite, "finite"),
        "momentum": Rule(lambda momentum: 0 <= momentum < 1, "in [0, 1)"),
        "weight_decay": Rule(lambda decay: 0 <= decay < math.inf, "finite and at least 0"),
    }
)


def real_number(name: str, value: object) -> float:
    """`value` as a float. Raises `TypeError` unless it is a real number; a tensor is not."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, not {value!r} ({type(value).__name__})")
    return float(value)


def valid_hyperparameter(name: str, value: object) -> float:
    """`value` as a float, checked against the rule of `name`.

    Raises:
        TypeError: `value` is not a real number.
        ValueError: `value` breaks the rule. The message states the rule and the value.
    """
    number = real_number(name, value)
    rule = RULES[name]
    if not rule.holds(number):
        raise ValueError(f"{name} must be {rule.text}, not {value!r}")
    return number


def check_parameters(parameters: Iterable[Tensor]) -> None:
    """Raise `TypeError` if a parameter is not a real floating-point tensor."""
    for parameter in parameters:
        if not parameter.is_floating_point():
            raise TypeError(
                f"parameters must be real floating-point tensors, not {parameter.dtype} "
                f"(shape {tuple(parameter.shape)}); view complex ones with torch.view_as_real"
            )
