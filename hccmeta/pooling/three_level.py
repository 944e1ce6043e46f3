"""Three-level model: several effects per study, with heterogeneity between studies and within them.

The marginal variance of a study's effects is diag(v + s_within) + s_between 11'. Its inverse and determinant follow
from sums per study (Sherman-Morrison), so a likelihood costs O(k).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, nan, pi, sqrt

import numpy as np

from hccmeta.effects.inputs import check_level
from hccmeta.errors import DataError, NotConverged, TooFewStudies, check_choice
from hccmeta.pooling.inverse_variance import heterogeneity, quantile, read_effects, study_table, two_sided_p
from hccmeta.pooling.result import PooledResult
from hccmeta.pooling.tau2 import typical_variance

METHODS = ("REML", "ML")
CI_METHODS = ("t", "z")
GRID = 13
STEPS = 100


@dataclass(frozen=True, eq=False)
class ThreeLevelResult(PooledResult):
    """PooledResult with tau2 split into tau2_between (studies) and tau2_within (effects of one study).

    `k` counts effects, `n_clusters` studies; I2_between and I2_within are their shares of the total variance.
    """

    cluster: str = ""
    n_clusters: int = 0
    tau2_between: float = nan
    tau2_within: float = nan
    I2_between: float = nan
    I2_within: float = nan


def pool_three_level(effects, cluster, *, tau2_method="REML", ci_method="t", level=0.95):
    """Weighted mean of effects that come several to a study: random effects of studies and of effects within them.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale); study labels the rows; the column `cluster`.
    cluster : str
        Column of what the rows share, such as study_id or cohort_id.
    tau2_method : {"REML", "ML"}
    ci_method : {"t", "z"}
        t with clusters - 1 degrees of freedom, or normal.
    level : float
        Level of both intervals as a fraction.

    Returns
    -------
    ThreeLevelResult
        A PooledResult (tau2 = tau2_between + tau2_within) with tau2_between, tau2_within, n_clusters.

    Raises
    ------
    DataError
        As `pool`; no column `cluster`, or rows without a value in it.
    MethodError
        Unknown option.
    TooFewStudies
        Fewer than two clusters, or no cluster with two effects.

    Notes
    -----
    y_ij = mu + u_i + w_ij + e_ij; var u = tau2_between, var w = tau2_within, var e = v_ij; the sampling errors of one
    study are taken as independent: where effects share patients, put `cluster_robust` on top.
    Maximum over both variances: a grid, then Newton's method. Prediction: sqrt(tau2 + se^2), t with clusters - 1 df.

    References
    ----------
    Konstantopoulos 2011, 10.1002/jrsm.35; Van den Noortgate et al. 2013, 10.3758/s13428-012-0261-6

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study_id": list("AABBCC"), "yi": [0.1, 0.2, 0.5, 0.7, 0.9, 1.2], "vi": [0.04] * 6})
    >>> result = pool_three_level(df, "study_id")
    >>> round(result.estimate, 3), round(result.tau2_between, 3), round(result.tau2_within, 3)
    (0.6, 0.182, 0.0)
    """
    check_choice("tau2_method", tau2_method, METHODS)
    check_choice("ci_method", ci_method, CI_METHODS)
    check_level(level)
    table = read_effects(effects, caller="pool_three_level")
    groups = cluster_codes(table.source, cluster, table.included, caller="pool_three_level")
    clusters = int(groups.max(initial=-1)) + 1
    if clusters < 2 or clusters == table.k:
        raise TooFewStudies(f"pool_three_level needs at least two clusters, one of them with two effects; there are "
                            f"{clusters} for {table.k} effects.")  # fmt: skip
    between, within = _optimum(table.y, table.v, groups, tau2_method == "REML")
    w = marginal_solve(np.ones(table.k), table.v, groups, between, within)
    total = float(w.sum())
    estimate, se = float((w * table.y).sum()) / total, 1 / sqrt(total)
    df = inf if ci_method == "z" else clusters - 1.0
    half, tau2 = quantile(level, df) * se, between + within
    reach = quantile(level, df) * sqrt(tau2 + se * se) if clusters > 2 else nan
    s2 = float(typical_variance(table.v))
    value = float(_log_likelihood(table.y, table.v, groups, between, within, tau2_method == "REML"))
    observations = table.k - (tau2_method == "REML")
    return ThreeLevelResult(
        measure=table.measure, k=table.k, estimate=estimate, se=se, ci_low=estimate - half, ci_high=estimate + half,
        pi_low=estimate - reach, pi_high=estimate + reach, level=level, stat=estimate / se,
        stat_df=nan if df == inf else df, p_value=two_sided_p(estimate / se, df), tau2=tau2, tau2_method=tau2_method,
        **heterogeneity(table.y, table.v, tau2, True), log_lik=value, aic=6 - 2 * value,
        bic=3 * log(observations) - 2 * value, method="three-level", ci_method=ci_method,
        pi_method="" if clusters == 2 else ci_method, studies=study_table(table, w / total), cluster=cluster,
        n_clusters=clusters, tau2_between=between, tau2_within=within, I2_between=between / (tau2 + s2),
        I2_within=within / (tau2 + s2), notes=tuple(_notes(clusters, between, within, table)),
    )  # fmt: skip


def cluster_codes(source, cluster, included, *, caller):
    """Number of the cluster of every included row, in order of first appearance."""
    import pandas as pd

    if not isinstance(cluster, str) or cluster not in source.columns:
        problem = dict(table="", row="", column=cluster, value="", rule="a column of that name", fix="name a column")
        have = ", ".join(map(str, source.columns))
        raise DataError(f"{caller}: there is no column {cluster!r}; the table has {have}.", [problem])
    column = source.loc[included, cluster]
    if column.isna().any():
        problems = [dict(table="", row=row, column=cluster, value="", rule="a value", fix="say whose effect this is")
                    for row in column.index[column.isna()]]  # fmt: skip
        raise DataError(f"{caller}: {len(problems)} rows have no {cluster}.", problems)
    return pd.factorize(column)[0]


def marginal_solve(r, v, groups, between, within):
    """V^-1 r for the marginal variance V of all effects, by Sherman-Morrison in every cluster."""
    plain = 1 / (v + within)
    weighted, inside = plain * r, np.bincount(groups, plain)
    return weighted - plain * (between * np.bincount(groups, weighted) / (1 + between * inside))[groups]


def _log_likelihood(y, v, groups, between, within, restricted):
    """Log-likelihood, constants as metafor's logLik()."""
    k, w = len(y), marginal_solve(np.ones(len(y)), v, groups, between, within)
    total = w.sum()
    residual = y - (w * y).sum() / total
    quadratic = residual @ marginal_solve(residual, v, groups, between, within)
    inside = np.bincount(groups, 1 / (v + within))
    value = np.log1p(between * inside).sum() + np.log(v + within).sum() + quadratic
    return -0.5 * (value + (k - 1) * log(2 * pi) - log(k) + np.log(total) if restricted else value + k * log(2 * pi))


def _score(y, v, groups, between, within, restricted):
    """Gradient of the log-likelihood in (between, within)."""
    w = marginal_solve(np.ones(len(y)), v, groups, between, within)
    plain, total = 1 / (v + within), w.sum()
    Py = marginal_solve(y - (w * y).sum() / total, v, groups, between, within)
    inside = np.bincount(groups, plain)
    shrink = 1 / (1 + between * inside)
    trace = np.array([(inside * shrink).sum(), plain.sum() - between * (np.bincount(groups, plain**2) * shrink).sum()])
    if restricted:
        trace -= np.array([(np.bincount(groups, w) ** 2).sum(), (w * w).sum()]) / total
    return 0.5 * (np.array([(np.bincount(groups, Py) ** 2).sum(), Py @ Py]) - trace)


def _optimum(y, v, groups, restricted):
    """Both variances at the maximum: best point of a grid, then Newton's method with a difference Hessian."""
    scale = float(typical_variance(v))
    top = max(np.ptp(y) ** 2, scale)
    nodes = np.append(0.0, scale * np.geomspace(1e-4, top / scale, GRID))
    grid = [(_log_likelihood(y, v, groups, a, b, restricted), a, b) for a in nodes for b in nodes]
    height, *start = max(grid)
    at = np.array(start)
    for _ in range(STEPS):
        slope = _score(y, v, groups, *at, restricted)
        free = (at > 0) | (slope > 0)
        if not free.any():
            return float(at[0]), float(at[1])
        step = _newton_step(y, v, groups, at, slope, free, restricted, scale)
        below_zero = (at == 0) & (step < 0)
        if below_zero.any():
            step = _newton_step(y, v, groups, at, slope, free & ~below_zero, restricted, scale)
        new, height_new = at, -inf
        while height_new < height and np.abs(step).max() > 1e-14 * scale:
            new = np.maximum(at + step, 0.0)
            height_new = _log_likelihood(y, v, groups, *new, restricted)
            step = step / 2
        moved = (np.abs(new - at) / (at + scale)).max()
        if height_new >= height:
            at, height = new, height_new
        if moved <= 1e-10 or height_new < height:
            return float(at[0]), float(at[1])
    raise NotConverged(f"The three-level likelihood's maximum was not reached in {STEPS} Newton steps.")


def _newton_step(y, v, groups, at, slope, free, restricted, scale):
    """Newton step in the free variances, turned uphill where the likelihood is not concave; at most a doubling."""
    hessian = np.empty((2, 2))
    for j in range(2):
        h = 1e-5 * (at[j] + scale)
        ahead, behind = at.copy(), at.copy()
        ahead[j] += h
        behind[j] = max(at[j] - h, 0.0)
        change = _score(y, v, groups, *ahead, restricted) - _score(y, v, groups, *behind, restricted)
        hessian[j] = change / (ahead[j] - behind[j])
    hessian = ((hessian + hessian.T) / 2)[np.ix_(free, free)]
    unit = 1 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), np.finfo(float).tiny))
    bend, axes = np.linalg.eigh(hessian * np.outer(unit, unit))
    uphill = unit * (axes @ (axes.T @ (slope[free] * unit) / np.maximum(np.abs(bend), 1e-9)))
    step = np.zeros(2)
    step[free] = uphill / max(1.0, np.abs(uphill).max() / (at.max() + scale))
    return step


def _notes(clusters, between, within, table):
    if clusters < 10:
        yield f"{clusters} clusters: the variance between them is imprecise; see the t interval."
    if between == 0:
        yield "The variance between clusters is estimated as 0: the rows behave as independent effects."
    if within == 0:
        yield "The variance within clusters is estimated as 0."
    left_out = int((~table.included).sum())
    if left_out:
        yield f"{left_out} of {len(table.yi)} rows do not count: no effect or no variance."
