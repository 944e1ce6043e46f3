"""Student's t for whole degrees of freedom: the finite series, several times faster than the incomplete beta."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr

LONGEST = 40
SMALLEST = 1e-4


def two_sided_t(stat, df):
    """Two-sided p values of `stat` (1-d) at one whole number of degrees of freedom `df`.

    With tan a = |t| / sqrt(df), 1 - p is sin a (1 + c/2 + 1*3/(2*4) c^2 + ...) for even df and
    2/pi (a + sin a cos a (1 + 2/3 c + 2*4/(3*5) c^2 + ...)) for odd df, c = cos^2 a, up to the power df/2 - 1.
    Small p, which this loses to cancellation, and long series go to the incomplete beta function.
    References: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
    """
    if df > LONGEST:
        return 2 * stdtr(df, -np.abs(stat))
    squared = stat * stat
    cosine2 = df / (df + squared)
    sine = np.sqrt(squared / (df + squared))
    odd = df % 2
    series = np.ones_like(cosine2)
    for step in range((df - 2 - odd) // 2, 0, -1):
        series = 1 + series * cosine2 * ((2 * step - 1 + odd) / (2 * step + odd))
    if odd:
        angle = np.arctan2(sine, np.sqrt(cosine2))
        p_value = 1 - 2 / np.pi * (angle + (sine * np.sqrt(cosine2) * series if df > 1 else 0.0))
    else:
        p_value = 1 - sine * series
    small = np.flatnonzero(p_value < SMALLEST)
    p_value[small] = 2 * stdtr(df, -np.abs(stat[small]))
    return p_value
