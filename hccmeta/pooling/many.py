"""Many pooled analyses at once: one fit per row of an array."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from hccmeta.errors import DataError
from hccmeta.pooling.inverse_variance import resolve_options
from hccmeta.pooling.student import two_sided_t
from hccmeta.pooling.tau2 import estimate_tau2, typical_variance_of_weights, weigh

BLOCK = 16_384
COLUMNS = ("k", "estimate", "se", "ci_low", "ci_high", "stat", "p_value", "tau2", "I2", "H2", "Q")


def pool_many(yi, vi, *, model="random", tau2_method="REML", ci_method=None, level=0.95):
    """Weighted mean effect of many sets of studies, as `pool` gives it for each.

    Parameters
    ----------
    yi, vi : array (B, k)
        Effects and sampling variances, one meta-analysis per row; NaN = study absent.
    model, tau2_method, ci_method, level
        As `pool`.

    Returns
    -------
    DataFrame
        One row per meta-analysis: k, estimate, se, ci_low, ci_high, stat, p_value, tau2, I2 (0-1), H2, Q;
        model scale. A row without any study is NaN with k = 0.

    Raises
    ------
    DataError
        Arrays of different shape, or a negative variance.
    MethodError
        Unknown option.

    Notes
    -----
    Same formulas and optimum as `pool`; rows of 16,384 numbers at a time stay in the processor's cache.

    References
    ----------
    Viechtbauer 2005, 10.3102/10769986030003261

    Examples
    --------
    >>> pool_many([[0.1, 0.5, 0.9, 1.4]], [[0.04, 0.05, 0.04, 0.06]])[["estimate", "tau2"]].round(3).values.tolist()
    [[0.716, 0.256]]
    """
    import pandas as pd

    ci_method = resolve_options(model, tau2_method, ci_method, "t_km1", level)
    y, v = _rows(yi, vi)
    out = np.empty((len(COLUMNS), len(y)))
    size = max(1, BLOCK // max(1, y.shape[1]))
    for start in range(0, len(y), size):
        block = slice(start, start + size)
        by_study = np.ascontiguousarray(y[block].T), np.ascontiguousarray(v[block].T)
        out[:, block] = fit_block(*by_study, model=model, tau2_method=tau2_method, ci_method=ci_method, level=level)
    columns = dict(zip(COLUMNS, out, strict=True))
    return pd.DataFrame(columns | {"k": out[0].astype(int)}, copy=False)


def _rows(yi, vi):
    """Check the two arrays; absent studies become y = 0, v = inf."""
    try:
        y, v = np.asarray(yi, float), np.asarray(vi, float)
    except (TypeError, ValueError) as error:
        raise DataError(f"pool_many: yi and vi must be arrays of numbers ({error}).") from None
    if y.ndim != 2 or y.shape != v.shape:
        raise DataError(f"pool_many: yi and vi need the same shape (B, k); they have {y.shape} and {v.shape}.")
    present = np.isfinite(y) & np.isfinite(v) & (v > 0)
    if present.all():
        return y, v
    if (v < 0).any():
        row, column = np.argwhere(v < 0)[0]
        raise DataError(f"pool_many: vi >= 0 expected; row {row}, study {column} has {v[row, column]:g}.")
    return np.where(present, y, 0.0), np.where(present, v, np.inf)


def fit_block(y, v, *, model, tau2_method, ci_method, level):
    """Rows of COLUMNS for fits held on axis 1 (studies on axis 0, absent ones y = 0, v = inf)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.isfinite(v).sum(0)
        w, total, residual = weigh(y, v, 0.0)
        Q = np.where(k > 1, (w * residual * residual).sum(0), 0.0 * k)
        tau2 = np.zeros(k.shape)
        if model == "random":
            tau2 = estimate_tau2(y, v, tau2_method, common=(w, total, residual))[0]
            s2 = typical_variance_of_weights(w, total, k)
            w, total, residual = weigh(y, v, tau2)
            ratio = np.where(k > 1, tau2 / s2, 0.0)
            I2, H2 = ratio / (1 + ratio), 1 + ratio
        else:
            I2, H2 = np.where(Q > k - 1, 1 - (k - 1) / Q, 0.0), np.where(k > 1, Q / (k - 1), 1.0)
        estimate, se = (w * y).sum(0) / total, 1 / np.sqrt(total)
        if ci_method.startswith("HK"):
            factor = np.sqrt((w * residual * residual).sum(0) / (k - 1))
            factor = np.maximum(1.0, factor) if ci_method == "HK-adhoc" else factor
            se = np.where(k > 1, se * factor, se)
        stat = np.where(se > 0, estimate / se, np.nan)
        critical, p_value = _reference(stat, k, ci_method, level)
        half = critical * se
    out = np.empty((len(COLUMNS), len(k)))
    columns = (k, estimate, se, estimate - half, estimate + half, stat, p_value, tau2, I2, H2, Q)
    for row, column in zip(out, columns, strict=True):
        row[:] = column
    out[1:, k == 0] = np.nan
    return out


def _reference(stat, k, ci_method, level):
    """Critical value and two-sided p value per fit: normal, or t with k - 1 df where k > 1."""
    tail = (1 - level) / 2
    z = -ndtri(tail)
    if ci_method == "z":
        return z, 2 * ndtr(-np.abs(stat))
    critical, p_value = np.full(k.shape, z), 2 * ndtr(-np.abs(stat))
    for size in range(max(2, k.min()), k.max() + 1):
        at = slice(None) if k.min() == k.max() else np.flatnonzero(k == size)
        critical[at] = -stdtrit(size - 1.0, tail)
        p_value[at] = two_sided_t(stat[at], size - 1)
    return critical, p_value
