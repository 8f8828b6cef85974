"""Statistics in words: numbers with intervals, p values, and what n seeds can detect."""

from collections.abc import Iterable
from math import isnan

from adaloss.tasks.metrics import COSTS
from analysis.stats.distributions import ALPHA, floats
from analysis.stats.intervals import FEWEST_FOR_BOOTSTRAP, t_margin
from analysis.stats.power import detectable_probability, paired_effect
from analysis.tables.measure import Measure
from analysis.tables.wording import Decimals, number_text

NONE = "–"


TWO = Decimals(2)
"""Those of a statistic that is not in the metric's units."""


def decimals_of(measure: Measure) -> Decimals:
    """The decimals of the table, or else the metric's, and two for what a target takes."""
    if measure.decimals is not None:
        return measure.decimals
    places = 2 if measure.metric in COSTS else measure.about.places
    return Decimals(places, small=places if places > 2 else None)


def number(value: float, decimals: Decimals) -> str:
    """The number, or – for a missing one."""
    return NONE if isnan(value) else number_text(value, decimals)


def interval(low: float, high: float, decimals: Decimals) -> str:
    """``[1.20, 3.40]``, or – for a missing interval."""
    if isnan(low) or isnan(high):
        return NONE
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def with_interval(value: float, low: float, high: float, decimals: Decimals) -> str:
    """``2.30 [1.20, 3.40]``, without a missing interval."""
    if isnan(low) or isnan(high):
        return number(value, decimals)
    return f"{number(value, decimals)} {interval(low, high, decimals)}"


def p_text(p: float) -> str:
    """A p value with four decimals; never 0."""
    if isnan(p):
        return NONE
    return "<0.0001" if p < 0.0001 else number_text(p, Decimals(4))


def fewest_and_most(numbers: Iterable[int]) -> tuple[int, ...]:
    """The range of the numbers, or their common value."""
    found = set(numbers)
    return tuple(sorted({min(found), max(found)})) if found else ()


def paired_power(n: int, tests: int) -> str:
    """What the paired t-test of n seeds detects, alone and at the first step of Holm."""
    if n < 2:
        return f"With n = {n} there is no test and no interval: declare more seeds."
    words = (
        f"With n = {n} seeds a paired t-test at 5 % detects, with 80 % power, a difference of "
        f"{paired_effect(n):.2f} standard deviations of the differences"
    )
    if tests > 1:
        effect = paired_effect(n, ALPHA / tests)
        words += f"; after Holm over {tests} tests, at its first step, {effect:.2f}"
    return f"{words}. It misses a difference of {paired_effect(n, power=0.5):.2f} half of the time."


def interval_power(n: int) -> str:
    """The precision of a statistic of one column with n seeds."""
    if n < 2:
        return f"With n = {n} seed the spread is unknown, so there is no interval."
    if n < FEWEST_FOR_BOOTSTRAP:
        return f"With n = {n} seeds there is no interval: it needs {FEWEST_FOR_BOOTSTRAP}."
    margin = float(t_margin(floats(1.0), floats(n)))
    return (
        f"With n = {n} seeds the 95 % interval of a mean reaches {margin:.2f} standard deviations "
        "of a seed to each side; two columns whose intervals overlap may still differ, which the "
        "paired test judges."
    )


def improvement_power(n: int) -> str:
    """The detectable probability of improvement with n seeds per side."""
    if n < 2:
        return f"With n = {n} seed per side no probability can be distinguished from one half."
    return (
        f"With n = {n} seeds per side, one row can distinguish, with 80 % power, a probability of "
        f"{detectable_probability(n):.2f} from one half (at 5 %, by the two-sample t-test on "
        "normal data)."
    )


def no_goal(measure: Measure) -> str:
    """A sentence on a metric of which neither direction is better."""
    return f"{measure.metric} has no goal: neither direction is better."
