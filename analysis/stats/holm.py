"""Holm's correction for many tests."""

import numpy as np
import numpy.typing as npt

from analysis.stats.distributions import Floats, floats


def holm(p_values: npt.ArrayLike) -> Floats:
    """The adjusted p of every test of one family, in the order given; NaN (no test) stays NaN.

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
