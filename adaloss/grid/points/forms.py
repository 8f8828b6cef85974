"""W&B's forms of a parameter: a value, values, and distributions, which a grid cannot have."""

from collections.abc import Mapping
from typing import Any

from adaloss.grid.mistakes.problems import closest
from adaloss.grid.mistakes.wording import described

# The key that holds the values of each distribution.
FINITE: Mapping[str, str] = {"constant": "value", "categorical": "values"}
WEIGHTED = "categorical_w_probabilities"
SAMPLED = (
    *("uniform", "int_uniform", "q_uniform", "normal", "q_normal", "log_normal", "q_log_normal"),
    *("log_uniform", "q_log_uniform", "inv_log_uniform", "beta", "q_beta"),
    *("log_uniform_values", "q_log_uniform_values", "inv_log_uniform_values"),
)
SAMPLING_KEYS = ("min", "max", "mu", "sigma", "q", "a", "b")
# For these W&B reads min and max as exponents.
WITH_EXPONENTS = ("log_uniform", "q_log_uniform", "inv_log_uniform")
MOST_VALUES = 20

Mistake = tuple[str | None, str]
"""The key with the mistake, or None for the whole mapping, and the message."""


def mistake_in_form(name: str, form: Mapping[str, Any]) -> Mistake | None:
    """Why this mapping does not list the values of the parameter, or None if it does."""
    distribution = form.get("distribution")
    if "probabilities" in form or distribution == WEIGHTED:
        weights = [key for key in ("distribution", "probabilities") if key in form]
        return weights[0], (
            f"{name} has probabilities, but a grid tries each of the values equally often: "
            f"remove {' and '.join(weights)}"
        )
    if "distribution" in form and distribution not in (*FINITE, *SAMPLED):
        meant = closest(distribution, FINITE) if isinstance(distribution, str) else None
        hint = f"; did you mean {meant}?" if meant else ""
        return "distribution", (
            f"{name}.distribution must be constant or categorical, or be left out, "
            f"found {described(distribution)}{hint}"
        )
    sampling = [key for key in form if key in SAMPLING_KEYS]
    if distribution in SAMPLED or sampling:
        key = "distribution" if "distribution" in form else sampling[0]
        subject = f"{name}.{key}" + (f" {distribution}" if distribution else "")
        advice = f"write values: {values_instead(distribution, form)}"
        if form.keys() & {"value", "values"}:
            advice = f"remove {key}"
        return key, f"{subject} is not supported: a grid needs the values themselves; {advice}"
    keys = [key for key in form if key != "distribution"]
    if keys not in (["value"], ["values"]):
        return (
            None,
            f"{name} must have either value or values, found {', '.join(form) or 'neither'}",
        )
    if distribution and keys != [FINITE[distribution]]:
        message = f"{name}.distribution {distribution} needs {FINITE[distribution]}"
        return "distribution", f"{message}, found {keys[0]}; remove distribution"
    return None


def values_instead(distribution: str | None, form: Mapping[str, Any]) -> str:
    """The values to write for a distribution: all of them if there are few, else their range."""
    least, most = form.get("min"), form.get("max")
    if isinstance(least, int) and isinstance(most, int) and distribution in (None, "int_uniform"):
        if least <= most < least + MOST_VALUES:
            return str([*range(least, most + 1)])
    elif distribution in WITH_EXPONENTS or not (is_number(least) and is_number(most)):
        return "[…]"
    return f"[{least}, …, {most}]"


def is_number(value: object) -> bool:
    """Whether this is a number. True and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
