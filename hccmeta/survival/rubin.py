"""One estimate and its uncertainty from several completed data sets: Rubin's rules, and mixtures."""

from __future__ import annotations

from math import inf, nan
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from hccmeta.errors import MethodError


class Rubin(NamedTuple):
    """Combined estimate(s) with the variance within and between the draws.

    `se_within` and `within_low`, `within_high` are those without the uncertainty of the draws; `df` are Barnard and
    Rubin's; `share` is the part of the variance that the draws add.
    """

    estimate: np.ndarray
    se: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    se_within: np.ndarray
    within_low: np.ndarray
    within_high: np.ndarray
    df: np.ndarray
    share: np.ndarray


def rubin(estimates, variances, *, df_complete=inf, level=0.95) -> Rubin:
    """Combine estimates and variances over draws (first axis).

    T = W + (1 + 1/m) B; df = 1 / (1/df_m + 1/df_obs) with df_m = (m - 1) / share^2 and
    df_obs = (v + 1) / (v + 3) v (1 - share), v the degrees of freedom of the complete data (Barnard and Rubin 1999,
    10.1093/biomet/86.4.948). One draw has no variance between draws and keeps v. For small v their df_obs lies well
    below v however small the share: part of the wider interval is the price of estimating the share.

    >>> r = rubin([0.10, 0.20, 0.15], [0.04, 0.05, 0.045], df_complete=20)
    >>> round(float(r.estimate), 3), round(float(r.se), 4), round(float(r.df), 1)
    (0.15, 0.2198, 16.3)
    """
    estimates, variances = np.asarray(estimates, float), np.asarray(variances, float)
    if estimates.shape != variances.shape or len(estimates) == 0:
        raise MethodError("rubin needs one variance for every estimate and at least one draw.")
    m = len(estimates)
    within = variances.mean(axis=0)
    between = estimates.var(axis=0, ddof=1) if m > 1 else np.zeros_like(within)
    added = (1 + 1 / m) * between
    total = within + added
    share = np.divide(added, total, out=np.zeros_like(total), where=total > 0)
    df = _barnard_rubin(share, m, df_complete)
    estimate = estimates.mean(axis=0)
    half = critical(level, df) * np.sqrt(total)
    half_within = critical(level, np.full_like(total, df_complete)) * np.sqrt(within)
    return Rubin(estimate, np.sqrt(total), estimate - half, estimate + half, np.sqrt(within), estimate - half_within,
                 estimate + half_within, df, share)  # fmt: skip


def _barnard_rubin(share, m, df_complete):
    from_draws = np.divide(m - 1.0, share**2, out=np.full(share.shape, inf), where=share > 0)
    if np.isinf(df_complete):
        return from_draws
    observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share)
    observed = np.where(share > 0, observed, df_complete)
    return 1 / (1 / from_draws + 1 / observed)


def mixture_interval(estimates, standard_errors, df, level):
    """Quantiles of the mixture over draws of estimate + se t(df): what every draw's own t interval becomes.

    Equal draws give the t interval itself, at any df, which Barnard and Rubin's df do not (Zhou and Reiter 2010,
    10.1198/tast.2010.09109).

    >>> [round(float(end), 3) for end in mixture_interval([0.1, 0.1], [0.2, 0.2], 2, 0.95)]
    [-0.761, 0.961]
    """
    y, se = np.asarray(estimates, float), np.asarray(standard_errors, float)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    ends = y + stdtrit(df, tails)[:, None] * se
    low, high = ends.min(axis=1), ends.max(axis=1)
    for _ in range(100):
        middle = (low + high) / 2
        below = stdtr(df, (middle[:, None] - y) / se).mean(axis=1) < tails
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def limits_over_draws(sampled, level) -> np.ndarray:
    """low, high over draws x samples, and low, high without the draws: the middle one of the limits of each draw.

    `sampled` is (draws, samples); NaN is left out, inf (not reached) comes last.

    >>> limits_over_draws([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], 0.5)
    array([2., 6., 5., 7.])
    """
    tails = ((1 - level) / 2, (1 + level) / 2)
    each = np.sort(np.nanquantile(sampled, tails, axis=1, method="inverted_cdf"), axis=1)
    return np.append(np.nanquantile(sampled, tails, method="inverted_cdf"), each[:, len(sampled) // 2])


def median_over_draws(own, sampled, level) -> dict:
    """Median of the draws' own medians with the limits of `limits_over_draws`; NaN where not reached."""
    names = ("median", "median_low", "median_high", "median_low_without", "median_high_without")
    values = np.append(np.sort(own)[len(own) // 2], limits_over_draws(sampled, level))
    return {name: nan if np.isinf(v) else float(v) for name, v in zip(names, values, strict=True)}


def critical(level, df):
    """Two-sided critical value of t, normal where df is infinite."""
    df = np.asarray(df, float)
    finite = np.where(np.isfinite(df), df, 1.0)
    return np.where(np.isfinite(df), -stdtrit(finite, (1 - level) / 2), ndtri((1 + level) / 2))
