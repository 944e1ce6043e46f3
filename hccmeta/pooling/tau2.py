"""Between-study variance tau2: the eight estimators, and intervals for tau2, I2 and H2.

Arrays have studies on axis 0 and fits on axis 1; an absent study has y = 0 and v = inf, so its weight is 0.
Every step is a sum over studies: cost grows linearly in k.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri

from hccmeta.effects.inputs import check_level
from hccmeta.errors import NotConverged, TooFewStudies, check_choice
from hccmeta.pooling.likelihood import likelihood_interval, likelihood_optimum, squares_about_mean

TAU2_METHODS = ("REML", "DL", "PM", "ML", "EB", "HS", "SJ", "HE")
INTERVALS = ("QP", "PL")
MAX_STEPS = 200


def estimate_tau2(y, v, method, *, common=None):
    """tau2 of every fit, cut at 0, and the number of local maxima of the likelihood (1 without one).

    `common` is weigh(y, v, 0.0) where the caller has it already.

    DL (Q - df) / C. HE mean square - mean v. HS (Q - k) / sum w. SJ two-step from the mean square. PM and EB
    solve Q(tau2) = k - 1. ML and REML are the global optimum.
    """
    if method in ("REML", "ML"):
        return likelihood_optimum(y, v, restricted=method == "REML")
    k = np.isfinite(v).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if method in ("PM", "EB"):
            tau2 = solve_Q(y, v, k - 1.0)
        elif method == "DL":
            w, total, residual = common or weigh(y, v, 0.0)
            tau2 = ((w * residual * residual).sum(0) - (k - 1)) / (total - (w * w).sum(0) / total)
        elif method == "HS":
            w, total, residual = common or weigh(y, v, 0.0)
            tau2 = ((w * residual * residual).sum(0) - k) / total
        elif method == "HE":
            tau2 = squares_about_mean(y, v, k) / (k - 1) - np.where(np.isfinite(v), v, 0).sum(0) / k
        else:
            crude = squares_about_mean(y, v, k) / k
            w, _, residual = weigh(y, v, crude)
            tau2 = crude * (w * residual * residual).sum(0) / (k - 1)
    return np.where(k > 1, np.fmax(tau2, 0.0), 0.0), np.ones(k.shape, int)


def weigh(y, v, tau2):
    """Weights w = 1 / (v + tau2), their sum, and residuals about the weighted mean."""
    w = 1 / (v + tau2)
    total = w.sum(0)
    return w, total, y - (w * y).sum(0) / total


def solve_Q(y, v, target):
    """tau2 >= 0 with Q(tau2) = target, 0 where Q(0) is below it.

    1/Q is increasing and concave in tau2 (Cauchy-Schwarz), so Newton's method on 1/Q - 1/target climbs to the
    root from 0 without overshooting.
    """
    target = np.fmax(target, np.finfo(float).tiny)
    tau2, floor = np.zeros(np.broadcast_shapes(target.shape, y.shape[1:])), v.min(0)
    for _ in range(MAX_STEPS):
        w, _, residual = weigh(y, v, tau2)
        weighted = w * residual
        Q, slope = (weighted * residual).sum(0), (weighted * weighted).sum(0)
        above = Q > target
        step = np.where(above, Q * (Q / target - 1) / np.where(above, slope, 1.0), 0.0)
        tau2 = tau2 + step
        if (step <= 1e-10 * (tau2 + floor)).all():
            return tau2
    raise NotConverged(f"Q(tau2) = target was not solved in {MAX_STEPS} Newton steps.")


def se_of_tau2(v, tau2, method, y):
    """Large-sample standard error of tau2 for one fit (1-d y and v), by the formula of each estimator in metafor."""
    return large_sample_se(v, tau2, method, len(v) - 1, float(np.var(y)), _squared_projection)


def large_sample_se(v, tau2, method, df, crude, squared_projection):
    """Standard error of tau2 in a model with k - p = `df`; `crude` is the residual mean square where SJ starts.

    `squared_projection(w, a, b)` is the sum of a_i b_j P_ij^2 with P = W - W X (X'WX)^-1 X'W. A quadratic form y'Py
    has variance 2 tr(P V P V), V = v + tau2; DL, HE, HS and SJ are a multiple of one, plus a constant.
    """
    k, total_variance = len(v), v + tau2
    if method == "ML":
        return float(np.sqrt(2 / (total_variance**-2).sum()))
    if method == "REML":
        return float(np.sqrt(2 / squared_projection(1 / total_variance, np.ones(k), np.ones(k))))
    if method in ("PM", "EB"):
        return float(np.sqrt(2 * k**2 / df) / (1 / total_variance).sum())
    if method == "HE":
        w, multiple = np.ones(k), 1 / df
    elif method == "SJ":
        w, multiple = 1 / (v + crude), crude / df
    else:
        w = 1 / v
        multiple = 1 / (w.sum() if method == "HS" else squared_projection(w, np.ones(k), v))
    return float(multiple * np.sqrt(2 * squared_projection(w, total_variance, total_variance)))


def _squared_projection(w, a, b):
    """The same for X = 1, in a linear number of steps: P_ii = w_i (W - w_i) / W, P_ij = -w_i w_j / W, W = sum w."""
    own, across = w * _sum_of_others(w), b * w * w
    return ((a * b * own * own).sum() + (a * w * w * _sum_of_others(across)).sum()) / w.sum() ** 2


def _sum_of_others(x):
    """Sum without each element; that without the largest is added up, because the difference would be rounding."""
    others, largest = x.sum() - x, x.argmax()
    others[largest] = np.delete(x, largest).sum()
    return others


def typical_variance(v):
    """Higgins and Thompson's typical sampling variance s2 = (k - 1) sum w / ((sum w)^2 - sum w^2)."""
    w = 1 / v
    return typical_variance_of_weights(w, w.sum(0), np.isfinite(v).sum(0))


def typical_variance_of_weights(w, total, k):
    """The same from w = 1 / v and their sum."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (k - 1) / (total - (w * w).sum(0) / total)


def q_profile(y, v, level):
    """Q-profile limits of tau2 for one fit with k > 1: Q(tau2) at the chi-square quantiles."""
    upper_tail = np.array([(1 - level) / 2, (1 + level) / 2])
    low, high = solve_Q(y[:, None], v[:, None], chdtri(len(y) - 1, upper_tail))
    return float(low), float(high)


def tau2_interval(effects, *, method="QP", level=0.95, tau2_method="REML"):
    """Confidence interval of the between-study variance tau2.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale).
    method : {"QP", "PL"}
        Q-profile, or profile likelihood of `tau2_method`.
    level : float
        Confidence level as a fraction.
    tau2_method : {"REML", "ML"}
        Likelihood to profile; used by "PL" only.

    Returns
    -------
    (low, high)
        tau2, model scale squared; 0 where a bound is not reached.

    Raises
    ------
    DataError
        Columns missing or vi negative.
    TooFewStudies
        Fewer than two studies.

    Notes
    -----
    QP: all tau2 with Q(tau2) between the chi-square quantiles with k - 1 df.
    PL: all tau2 whose log-likelihood is within half a chi-square quantile (1 df) of the maximum.

    References
    ----------
    Viechtbauer 2007, 10.1002/sim.2514; Hardy and Thompson 1996,
    10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.04, 0.05, 0.04, 0.06]})
    >>> [round(limit, 3) for limit in tau2_interval(df)]
    [0.049, 4.248]
    """
    from hccmeta.pooling.inverse_variance import read_effects

    check_choice("method", method, INTERVALS)
    check_choice("tau2_method", tau2_method, ("REML", "ML"))
    check_level(level)
    table = read_effects(effects, caller="tau2_interval")
    if table.k < 2:
        raise TooFewStudies(f"tau2_interval needs at least two studies with yi and vi; there are {table.k}.")
    y, v = table.y, table.v
    return q_profile(y, v, level) if method == "QP" else likelihood_interval(y, v, tau2_method == "REML", level)


def heterogeneity_interval(effects, *, method="QP", level=0.95, tau2_method="REML"):
    """Confidence intervals of tau2, tau, I2 and H2 from one interval of tau2.

    Parameters
    ----------
    effects, method, level, tau2_method
        As tau2_interval; `tau2_method` (any estimator with "QP") also gives the point estimate.

    Returns
    -------
    DataFrame
        Rows tau2, tau, I2 (0-1), H2; columns estimate, low, high.

    Raises
    ------
    DataError, TooFewStudies
        As tau2_interval.

    Notes
    -----
    I2 = tau2 / (tau2 + s2) and H2 = 1 + tau2 / s2 with the typical sampling variance s2.

    References
    ----------
    Viechtbauer 2007, 10.1002/sim.2514

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.04, 0.05, 0.04, 0.06]})
    >>> heterogeneity_interval(df).loc["I2"].round(3).tolist()
    [0.846, 0.515, 0.989]
    """
    import pandas as pd

    from hccmeta.pooling.inverse_variance import read_effects

    check_choice("tau2_method", tau2_method, TAU2_METHODS if method == "QP" else ("REML", "ML"))
    likelihood = tau2_method if tau2_method in ("REML", "ML") else "REML"
    limits = tau2_interval(effects, method=method, level=level, tau2_method=likelihood)
    table = read_effects(effects, caller="heterogeneity_interval")
    estimate = float(estimate_tau2(table.y[:, None], table.v[:, None], tau2_method)[0][0])
    tau2, s2 = np.array([estimate, *limits]), float(typical_variance(table.v))
    rows = {"tau2": tau2, "tau": np.sqrt(tau2), "I2": tau2 / (tau2 + s2), "H2": 1 + tau2 / s2}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "low", "high"])
