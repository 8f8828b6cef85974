"""The distributions of W&B's random search: their keys, and their values at a probability.

Each has the bounds, defaults and rounding of W&B's package ``sweeps``. Two things differ. Floats
are rounded to ``DIGITS`` digits, so that every machine draws the same. A quantised distribution
without ``q`` has whole numbers, where W&B has floats such as 3.0.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any

DIGITS = 12
STANDARD_NORMAL = NormalDist()

Form = Mapping[str, Any]
Quantile = Callable[[Form, float], Any]
"""The value of a distribution at a probability, which is greater than 0 and less than 1."""


@dataclass(frozen=True)
class Distribution:
    """A distribution: its value at a probability, and the keys that it needs and may have."""

    at: Quantile
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys of the distribution except its name."""
        return (*self.needed, *self.optional)


def rounded(value: float) -> float:
    """The value with ``DIGITS`` significant digits. 0.1·3 becomes 0.3."""
    return float(f"{value:.{DIGITS}g}") + 0.0


def constant(form: Form, _: float) -> Any:
    """The one value."""
    return form["value"]


def categorical(form: Form, probability: float) -> Any:
    """One of the values, which are equally probable."""
    return form["values"][whole_part(probability, len(form["values"]))]


def weighted(form: Form, probability: float) -> Any:
    """One of the values with their probabilities."""
    sums = list(accumulate(form["probabilities"]))
    return form["values"][bisect_right(sums, probability * sums[-1])]


def int_uniform(form: Form, probability: float) -> int:
    """A whole number from min to max, both included."""
    least: int = form["min"]
    return least + whole_part(probability, form["max"] - least + 1)


def whole_part(probability: float, count: int) -> int:
    """The whole part of ``probability * count``, exact for every count."""
    return (int(probability * 2**53) * count) >> 53


def uniform(form: Form, probability: float) -> float:
    """A number from min to max."""
    return between(form["min"], form["max"], probability)


def between(least: float, most: float, probability: float) -> float:
    """The number at this part of the way from ``least`` to ``most``."""
    value = rounded(least * (1 - probability) + most * probability)
    return min(max(value, float(least)), float(most))


def log_uniform(form: Form, probability: float) -> float:
    """A number whose logarithm is uniform from min to max."""
    return log_between(math.exp(form["min"]), math.exp(form["max"]), probability)


def inv_log_uniform(form: Form, probability: float) -> float:
    """A number whose reciprocal has a logarithm that is uniform from min to max."""
    return log_between(math.exp(-form["max"]), math.exp(-form["min"]), probability)


def log_uniform_values(form: Form, probability: float) -> float:
    """A number from min to max whose logarithm, and that of its reciprocal, is uniform."""
    return log_between(form["min"], form["max"], probability)


def log_between(least: float, most: float, probability: float) -> float:
    """The number at this part of the way from ``least`` to ``most`` in logarithms."""
    exponent = math.log(least) * (1 - probability) + math.log(most) * probability
    return min(max(rounded(math.exp(exponent)), float(least)), float(most))


def normal(form: Form, probability: float) -> float:
    """A number with the mean mu and the standard deviation sigma."""
    mean, deviation = form.get("mu", 0), form.get("sigma", 1)
    return rounded(mean + deviation * STANDARD_NORMAL.inv_cdf(probability))


def log_normal(form: Form, probability: float) -> float:
    """A number whose logarithm has the mean mu and the standard deviation sigma."""
    mean, deviation = form.get("mu", 0), form.get("sigma", 1)
    return rounded(math.exp(mean + deviation * STANDARD_NORMAL.inv_cdf(probability)))


def beta(form: Form, probability: float) -> float:
    """A number from 0 to 1 of the beta distribution with a and b."""
    # Importing scipy takes a tenth of a second.
    from scipy.special import betaincinv

    return rounded(float(betaincinv(form.get("a", 1), form.get("b", 1), probability)))


def quantised(quantile: Quantile) -> Quantile:
    """The values rounded to multiples of q, which may lie q/2 beyond the bounds."""

    def at(form: Form, probability: float) -> int | float:
        unit: int | float = form.get("q", 1)
        multiple = round(quantile(form, probability) / unit) * unit
        return multiple if isinstance(multiple, int) else rounded(multiple)

    return at


RANGE = ("min", "max")
MOMENTS = ("mu", "sigma")
DISTRIBUTIONS: Mapping[str, Distribution] = {
    "constant": Distribution(constant, ("value",)),
    "categorical": Distribution(categorical, ("values",)),
    "categorical_w_probabilities": Distribution(weighted, ("values", "probabilities")),
    "int_uniform": Distribution(int_uniform, RANGE),
    "uniform": Distribution(uniform, RANGE),
    "q_uniform": Distribution(quantised(uniform), RANGE, ("q",)),
    "log_uniform": Distribution(log_uniform, RANGE),
    "log_uniform_values": Distribution(log_uniform_values, RANGE),
    "q_log_uniform": Distribution(quantised(log_uniform), RANGE, ("q",)),
    "q_log_uniform_values": Distribution(quantised(log_uniform_values), RANGE, ("q",)),
    "inv_log_uniform": Distribution(inv_log_uniform, RANGE),
    "inv_log_uniform_values": Distribution(log_uniform_values, RANGE),
    "normal": Distribution(normal, (), MOMENTS),
    "q_normal": Distribution(quantised(normal), (), (*MOMENTS, "q")),
    "log_normal": Distribution(log_normal, (), MOMENTS),
    "q_log_normal": Distribution(quantised(log_normal), (), (*MOMENTS, "q")),
    "beta": Distribution(beta, (), ("a", "b")),
    "q_beta": Distribution(quantised(beta), (), ("a", "b", "q")),
}
