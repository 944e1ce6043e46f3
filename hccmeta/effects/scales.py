"""Scales: from the model scale (log, logit, arcsine) to the reported one."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from hccmeta.errors import DataError, MethodError, check_choice

SCALES = {
    "PRAW": "identity", "RD": "identity", "GEN": "identity", "MD": "identity", "SMD": "identity",
    "PLO": "logit",
    "PLN": "log", "OR": "log", "RR": "log", "HR": "log", "IRR": "log", "IRLN": "log", "MEDIAN": "log",
    "PAS": "arcsine", "PFT": "double arcsine",
}  # fmt: skip
PROPORTIONS = ("PRAW", "PLO", "PLN", "PAS", "PFT")
RATIOS = ("OR", "RR", "HR", "IRR")


def back_transform(y, measure, *, n=None):
    """Value on the reported scale of an effect on the model scale.

    Parameters
    ----------
    y : float or array
        Effect on the model scale: log ratio, log median, logit, (double) arcsine half-angle in radians.
    measure : str
        PRAW, PLO, PLN, PAS, PFT, OR, RR, RD, IRLN, IRR, HR, MEDIAN, MD, SMD or GEN.
    n : float or array, optional
        Patients behind `y`; needed for PFT only (harmonic mean of the studies' n for a pooled value).

    Returns
    -------
    float or ndarray
        Ratio, proportion in [0, 1], rate, months or difference.

    Raises
    ------
    MethodError
        Unknown measure, or PFT without n.

    Notes
    -----
    PFT by Miller's inversion, with t = 2 y:
    p = (1 - sgn(cos t) sqrt(1 - (sin t + (sin t - 1/sin t) / n)^2)) / 2. Arcsine scales end at 0 and 1.

    References
    ----------
    Miller 1978, 10.1080/00031305.1978.10479283

    Examples
    --------
    >>> round(back_transform(0.0, "PLO"), 3)
    0.5
    """
    check_choice("measure", measure, tuple(SCALES))
    try:
        value = np.asarray(y, float)
    except (TypeError, ValueError):
        raise DataError(f"back_transform needs numbers on the scale of {measure}; it was given {y!r:.60}.") from None
    scale = SCALES[measure]
    if scale == "identity":
        shown = value
    elif scale == "logit":
        shown = expit(value)
    elif scale == "log":
        with np.errstate(over="ignore"):  # beyond what a float holds: infinite
            shown = np.exp(value)
    elif scale == "arcsine":
        shown = np.sin(np.clip(value, 0, np.pi / 2)) ** 2
    else:
        shown = _inverse_double_arcsine(value, n)
    return float(shown) if np.ndim(shown) == 0 else shown


def double_arcsine(events, n):
    """Freeman-Tukey half-angle: mean of asin sqrt(x / (n + 1)) and asin sqrt((x + 1) / (n + 1))."""
    return (np.arcsin(np.sqrt(events / (n + 1))) + np.arcsin(np.sqrt((events + 1) / (n + 1)))) / 2


def _inverse_double_arcsine(y, n):
    if n is None:
        raise MethodError("PFT needs n: the patients behind the value, or the harmonic mean of n for a pooled value.")
    n = np.asarray(n, float)
    lowest, highest = double_arcsine(0.0, n), double_arcsine(n, n)
    inside = np.clip(y, lowest, highest)
    sine = np.sin(2 * inside)
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.clip(1 - (sine + (sine - 1 / sine) / n) ** 2, 0, None))
        p = (1 - np.sign(np.cos(2 * inside)) * root) / 2
    p = np.where(y <= lowest, 0.0, np.where(y >= highest, 1.0, p))
    return np.where(np.isnan(y), np.nan, p)
