"""Sampling variance of a printed survival probability: from its interval or from Greenwood's standard error."""

from __future__ import annotations

from math import inf, nan

import numpy as np
from scipy.special import ndtri

ROUNDING = 1e-12
LARGEST = 700.0  # exp of it is the last that a float holds; the survival beyond it is 0


def _log_log(s):
    return np.log(-np.log(s))


TRANSFORMS = {
    "loglog": (_log_log, lambda s: 1 / (s * np.log(s))),
    "logit": (lambda s: np.log(s / (1 - s)), lambda s: 1 / (s * (1 - s))),
    "log": (np.log, lambda s: 1 / s),
    "plain": (lambda s: s, lambda s: 1.0),
}


def to_scale(survival, scale):
    """log(-log S) or logit S."""
    return TRANSFORMS[scale][0](survival)


def from_scale(y, scale):
    """Survival probability of a value on the log(-log) or logit scale."""
    if scale == "loglog":
        return np.exp(-np.exp(np.minimum(y, LARGEST)))
    return 1 / (1 + np.exp(np.minimum(-np.asarray(y, float), LARGEST)))


def variance_on_scale(survival, standard_error, scale):
    """Variance of the transformed survival by the delta method."""
    return float((standard_error * TRANSFORMS[scale][1](survival)) ** 2)


def standard_error_from_interval(survival, low, high, level):
    """Standard error of S, the scale its interval was made on, and how far the interval is from symmetry there.

    Of log(-log), logit, log and plain the scale on which S lies nearest to the middle is taken. An interval cut off at
    0 or 1 is read from its other side (plain and log scale, the two that are cut).

    >>> se, scale, _ = standard_error_from_interval(0.7, 0.5545, 0.8058, 0.95)
    >>> round(se, 4), scale
    (0.064, 'loglog')
    """
    z = float(ndtri((1 + level) / 2))
    if high >= 1 - ROUNDING:
        return float(survival * (np.log(survival) - np.log(low)) / z) if low > 0 else nan, "log", nan
    if low <= ROUNDING:
        return float((high - survival) / z), "plain", nan
    best = (inf, nan, "")
    for name, (g, slope) in TRANSFORMS.items():
        ends = sorted((float(g(low)), float(g(high))))
        half = (ends[1] - ends[0]) / 2
        asymmetry = (float(g(survival)) - sum(ends) / 2) / half
        if abs(asymmetry) < best[0] - ROUNDING:
            best, kept = (abs(asymmetry), half / z / abs(float(slope(survival))), name), asymmetry
    return best[1], best[2], kept
