"""Draw the points of a random search, and find the mistakes in W&B's forms of its parameters."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adaloss.grid.mistakes.problems import quoted, suggestion
from adaloss.grid.mistakes.wording import described
from adaloss.grid.points.forms import WEIGHTED, Mistake, is_number
from adaloss.grid.points.quantiles import DISTRIBUTIONS, Form

MOST_DRAWS_PER_POINT = 100
FEWEST_POINTS = 10
BITS = 52
# The distribution of a form that names none, by its keys.
IMPLIED: Mapping[tuple[str, ...], str] = {
    ("value",): "constant",
    ("values", "probabilities"): WEIGHTED,
    ("values",): "categorical",
    ("min", "max"): "uniform",
}
OVER_ZERO = ("q", "a", "b")


def draw_points(parameters: Mapping[str, Any], seed: int, count: int) -> list[dict[str, Any]]:
    """``count`` distinct points, or fewer if there seem to be no more.

    That is after ``MOST_DRAWS_PER_POINT`` draws for each of ``count``, or after as many in a row
    for each of the points found, ``FEWEST_POINTS`` at least, of which none was new.

    Every value depends on nothing but the seed, the parameter's name and form, and the number of
    the draw. A larger count only adds points, and a further parameter changes no value of a draw.
    """
    forms = {name: form_of(content) for name, content in parameters.items()}
    existing = math.prod(map(values_in, forms.values()))
    points: dict[str, dict[str, Any]] = {}
    last_new = 0
    for draw in range(MOST_DRAWS_PER_POINT * count):
        repeats = MOST_DRAWS_PER_POINT * max(FEWEST_POINTS, len(points))
        if len(points) >= min(count, existing) or draw - last_new > repeats:
            break
        point = {name: drawn(form, seed, name, draw) for name, form in forms.items()}
        # The text tells true from 1, and unlike a point it can be looked up.
        if points.setdefault(repr(point), point) is point:
            last_new = draw
    return list(points.values())


def drawn(form: Form, seed: int, name: str, draw: int) -> Any:
    """The value of the parameter in this draw."""
    return as_tuple(DISTRIBUTIONS[distribution_of(form)].at(form, probability_of(seed, name, draw)))


def probability_of(seed: int, name: str, draw: int) -> float:
    """A number greater than 0 and less than 1, the same with every version of every library."""
    digest = hashlib.sha256(f"{seed}\0{draw}\0{name}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") >> (64 - BITS)
    return math.ldexp(number + 0.5, -BITS)


def values_in(form: Form) -> float:
    """How many distinct values can be drawn, at most."""
    match distribution_of(form):
        case "constant":
            return 1
        case "categorical":
            return len(set(map(repr, form["values"])))
        case "categorical_w_probabilities":
            return len([each for each in form["probabilities"] if each > 0])
        case "int_uniform":
            return int(form["max"] - form["min"] + 1)
    return math.inf


def as_tuple(value: Any) -> Any:
    """The value with tuples for lists."""
    return tuple(map(as_tuple, value)) if isinstance(value, list | tuple) else value


def form_of(content: Any) -> Form:
    """The parameter in one of W&B's forms. A list has the values, another value is constant."""
    if isinstance(content, Mapping):
        return content
    return {"values": content} if isinstance(content, list | tuple) else {"value": content}


def distribution_of(form: Form) -> str:
    """The distribution that a form without mistakes has or implies."""
    if "distribution" in form:
        return str(form["distribution"])
    implied = next(name for keys, name in IMPLIED.items() if set(keys) <= form.keys())
    whole = implied == "uniform" and is_whole(form["min"]) and is_whole(form["max"])
    return "int_uniform" if whole else implied


def mistake_in_distribution(name: str, content: Any) -> Mistake | None:
    """Why no value can be drawn for this parameter, or None. The key is that of the mistake."""
    form = {key: as_tuple(value) for key, value in form_of(content).items()}
    distribution = form.get("distribution")
    if "distribution" in form and distribution not in [*DISTRIBUTIONS]:
        if not isinstance(distribution, str):
            message = f"{name}.distribution must be a name, found {described(distribution)}"
            return "distribution", message
        message = f"{name} has the unknown distribution {quoted(distribution)}"
        return "distribution", message + suggestion(distribution, DISTRIBUTIONS)
    if distribution is None and not any(set(keys) <= form.keys() for keys in IMPLIED):
        return None, (
            f"{name} must have value, values, min and max, or a distribution; "
            f"found {', '.join(map(str, form)) or 'nothing'}"
        )
    mistake = next(mistakes_of(name, form, distribution_of(form)), None)
    return mistake if mistake is None or isinstance(content, Mapping) else (None, mistake[1])


def mistakes_of(name: str, form: Form, distribution: str) -> Iterator[Mistake]:
    """The mistakes in a form with this distribution. Each is one only without those before it."""
    keys = DISTRIBUTIONS[distribution].keys
    for key in form:
        if key not in ("distribution", *keys):
            weights = key == "probabilities"
            hint = f"; did you mean {WEIGHTED}?" if weights else suggestion(str(key), keys)
            yield str(key), f"{name}.{key} is not a key of the distribution {distribution}{hint}"
    if missing := [key for key in DISTRIBUTIONS[distribution].needed if key not in form]:
        yield None, f"{name} needs {' and '.join(missing)} for the distribution {distribution}"
    for key in ("values", "probabilities"):
        if key in form and not (isinstance(form[key], tuple) and form[key]):
            found = "an empty one" if form[key] == () else described(form[key])
            yield key, f"{name}.{key} must be a list of at least one value, found {found}"
    if "probabilities" in form:
        yield from mistakes_in_probabilities(name, form["probabilities"], len(form["values"]))
    if "value" not in form and "values" not in form:
        yield from mistakes_in_numbers(name, form, distribution)


def mistakes_in_probabilities(
    name: str, probabilities: Sequence[Any], values: int
) -> Iterator[Mistake]:
    """The mistakes in the probabilities of so many values."""
    for each in probabilities:
        if not is_finite(each) or each < 0:
            message = f"{name}.probabilities must be numbers of at least 0, found {described(each)}"
            yield "probabilities", message
    if len(probabilities) != values:
        message = f"{name} has {values} values and {len(probabilities)} probabilities"
        yield "probabilities", f"{message}: write one for each value"
    total = sum(probabilities)
    if not math.isclose(total, 1, rel_tol=1e-5):
        yield "probabilities", f"{name}.probabilities must add up to 1, not to {total:g}"


def mistakes_in_numbers(name: str, form: Form, distribution: str) -> Iterator[Mistake]:
    """The mistakes in the numbers of a distribution."""
    for key in DISTRIBUTIONS[distribution].keys:
        if key not in form:
            continue
        value = form[key]
        must = f"{name}.{key} must be"
        if distribution == "int_uniform" and not is_whole(value):
            yield key, f"{must} a whole number for int_uniform, found {described(value)}"
        if not is_finite(value):
            yield key, f"{must} a finite number, found {described(value)}"
        if key in OVER_ZERO and value <= 0:
            yield key, f"{must} greater than 0, found {described(value)}"
        if key == "sigma" and value < 0:
            yield key, f"{must} at least 0, found {described(value)}"
        if key == "min" and distribution.endswith("_values") and value <= 0:
            yield key, f"{must} greater than 0 for {distribution}, found {described(value)}"
    if "min" in form and form["min"] > form["max"]:
        least, most = described(form["min"]), described(form["max"])
        yield "min", f"{name}.min {least} is greater than max {most}"
    if not all(is_drawable(form, distribution, end) for end in (2.0**-BITS, 1 - 2.0**-BITS)):
        hint = ""
        if "min" in form and f"{distribution}_values" in DISTRIBUTIONS:
            hint = f": min and max are exponents of e; did you mean {distribution}_values?"
        yield None, f"{name} has numbers beyond the range of floats{hint}"


def is_whole(value: object) -> bool:
    """Whether this is a whole number, written without a point. True and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether this is a number within the range of floats."""
    try:
        return is_number(value) and math.isfinite(value)
    except OverflowError:
        return False


def is_drawable(form: Form, distribution: str, probability: float) -> bool:
    """Whether the distribution has a finite number at this probability."""
    try:
        return is_finite(DISTRIBUTIONS[distribution].at(form, probability))
    # The logarithm of 0 is a ValueError: exp(-1000) is 0.
    except (OverflowError, ValueError):
        return False
