"""The forms that W&B has for a parameter: a value, values, and distributions, which are no grid."""

from collections.abc import Mapping
from typing import Any

from adaloss.grid.mistakes.problems import closest
from adaloss.grid.mistakes.wording import found

# Each with the key that holds its values.
FINITE: Mapping[str, str] = {"constant": "value", "categorical": "values"}
WEIGHTED = "categorical_w_probabilities"
SAMPLED = (
    *("uniform", "int_uniform", "q_uniform", "normal", "q_normal", "log_normal", "q_log_normal"),
    *("log_uniform", "q_log_uniform", "inv_log_uniform", "beta", "q_beta"),
    *("log_uniform_values", "q_log_uniform_values", "inv_log_uniform_values"),
)
OF_SAMPLED = ("min", "max", "mu", "sigma", "q", "a", "b")
# Of these W&B takes min and max for exponents.
OF_EXPONENTS = ("log_uniform", "q_log_uniform", "inv_log_uniform")
MOST_VALUES = 20

Mistake = tuple[str | None, str]
"""The key that it is about, None for all of them, and a sentence."""


def mistake_of_form(name: str, given: Mapping[str, Any]) -> Mistake | None:
    """Why this says no value or values of the parameter, None where it does."""
    distribution = given.get("distribution")
    if "probabilities" in given or distribution == WEIGHTED:
        weights = [key for key in ("distribution", "probabilities") if key in given]
        return weights[0], (
            f"{name} has probabilities, and a grid tries each of the values equally often: "
            f"take {' and '.join(weights)} out"
        )
    if "distribution" in given and distribution not in (*FINITE, *SAMPLED):
        meant = closest(distribution, FINITE) if isinstance(distribution, str) else None
        hint = f"; did you mean {meant}?" if meant else ""
        return "distribution", (
            f"{name}.distribution must be constant or categorical, or be left out, "
            f"found {found(distribution)}{hint}"
        )
    sampled = [key for key in given if key in OF_SAMPLED]
    if distribution in SAMPLED or sampled:
        key = "distribution" if "distribution" in given else sampled[0]
        what = f"{name}.{key}" + (f" {distribution}" if distribution else "")
        advice = f"write values: {values_instead(distribution, given)}"
        if given.keys() & {"value", "values"}:
            advice = f"take {key} out"
        return key, f"{what} is not supported: a grid needs the values themselves; {advice}"
    named = [key for key in given if key != "distribution"]
    if named not in (["value"], ["values"]):
        there = ", ".join(given) or "neither"
        return None, f"{name} must have either value or values, found {there}"
    if distribution and named != [FINITE[distribution]]:
        message = f"{name}.distribution {distribution} goes with {FINITE[distribution]}"
        return "distribution", f"{message}, found {named[0]}; leave distribution out"
    return None


def values_instead(distribution: str | None, given: Mapping[str, Any]) -> str:
    """What to write for a distribution: all its values where they are few, else their range."""
    least, most = given.get("min"), given.get("max")
    if isinstance(least, int) and isinstance(most, int) and distribution in (None, "int_uniform"):
        if least <= most < least + MOST_VALUES:
            return str([*range(least, most + 1)])
    elif distribution in OF_EXPONENTS or not (is_number(least) and is_number(most)):
        return "[…]"
    return f"[{least}, …, {most}]"


def is_number(value: object) -> bool:
    """Whether this is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
