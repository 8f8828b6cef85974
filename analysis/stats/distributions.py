"""The distributions for tests and intervals, and Holm's correction; only this module imports scipy.

Only ``scipy.special``, because ``scipy.stats`` takes a second to import.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped, unused-ignore]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEVEL = 0.95
"""The confidence level of every interval; tests are at 1 − LEVEL."""
ALPHA = 1 - LEVEL


def floats(values: Any) -> Floats:
    """The values as an array of float64."""
    return np.asarray(values, dtype=np.float64)


def t_quantile(probability: float, df: npt.ArrayLike) -> Floats:
    """The quantile of Student's t with these degrees of freedom; NaN if df < 1."""
    degrees = floats(df)
    return floats(special.stdtrit(np.where(degrees >= 1, degrees, np.nan), probability))


def two_sided_p(t: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """The probability of a t at least this far from 0 on either side."""
    return floats(2 * special.stdtr(floats(df), -np.abs(floats(t))))


def noncentral_t_above(t: float, df: float, noncentrality: float) -> float:
    """The probability that the noncentral t, (Z + noncentrality) / √(V/df), is above ``t`` > 0.

    Integrated over Z: V < df·((z + noncentrality)/t)² has a closed form. Not scipy's ``nctdtr``,
    which is NaN for some arguments as far out as Holm's first step is (scipy 1.17: df = 2,
    noncentrality = 7.5, t = −24.46).
    """
    z = np.linspace(-9, 9, 401)
    reach = np.maximum(z + noncentrality, 0) / t
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return float(np.trapezoid(density * special.gammainc(df / 2, df * reach**2 / 2), z))


def normal_cdf(z: float) -> float:
    """The probability that a standard normal is at most ``z``."""
    return float(special.ndtr(z))


def holm(p_values: npt.ArrayLike) -> Floats:
    """Holm's adjusted p of every test of one family, in order; NaN (no test) stays NaN.

    Sorted upwards, the i-th of m becomes the largest (m − j + 1)·p_j of all j ≤ i, at most 1.
    Rejecting what is ≤ α keeps the chance of any false rejection in the family ≤ α, however the
    tests depend on each other (Holm 1979, "A simple sequentially rejective multiple test
    procedure", Scandinavian Journal of Statistics 6).
    """
    raw = floats(p_values)
    adjusted = np.full_like(raw, np.nan)
    tested = np.flatnonzero(~np.isnan(raw))
    order = tested[np.argsort(raw[tested], kind="stable")]
    steps = raw[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
