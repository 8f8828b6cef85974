"""What tests and intervals need beside ``scipy.special``: the noncentral t, and Holm's correction.

``scipy.stats`` and statsmodels have both; decisions/028 says why neither is imported.
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
FAR = 9.0
"""The standard deviations beyond which a normal has less than 1e-18 of its probability."""
PANELS = 60
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


def floats(values: Any) -> Floats:
    """The values as an array of float64."""
    return np.asarray(values, dtype=np.float64)


def two_sided_p(t: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """The probability of a t at least this far from 0 on either side."""
    return floats(2 * special.stdtr(floats(df), -np.abs(floats(t))))


def noncentral_t_above(t: float, df: float, noncentrality: float) -> float:
    """The probability that the noncentral t, (Z + noncentrality) / √(V/df), is above ``t`` > 0.

    Integrated over Z > −noncentrality, where V < df·((z + noncentrality)/t)² has a closed form: the
    numbers of ``scipy.stats.nct`` to 1e-10.
    """
    start = max(-noncentrality, -FAR)
    if start >= FAR:
        return 0.0
    half = (FAR - start) / 2 / PANELS
    z = start + half * (2 * np.arange(PANELS)[:, None] + 1 + NODES)
    reach = (z + noncentrality) / t
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    above = special.gammainc(df / 2, df * reach**2 / 2)
    return float(half * (density * above @ WEIGHTS).sum())


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
