"""Cluster-robust (CR1) standard errors for effects that share patients."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np

from hccmeta.errors import MethodError, TooFewStudies
from hccmeta.pooling.design import INTERCEPT, design_matrix
from hccmeta.pooling.inverse_variance import quantile, read_effects, two_sided_p
from hccmeta.pooling.regression import coefficient_table, labelled, moderator_test
from hccmeta.pooling.result import MetaRegressionResult, PooledResult
from hccmeta.pooling.three_level import ThreeLevelResult, cluster_codes, marginal_solve

INVERSE_VARIANCE = ("inverse variance", "three-level")


def cluster_robust(result, cluster):
    """Cluster-robust standard errors, tests and intervals of a result, estimate and tau2 unchanged.

    Parameters
    ----------
    result : PooledResult, ThreeLevelResult or MetaRegressionResult
        From `pool`, `pool_three_level` or `meta_regression`.
    cluster : str
        Column of the studies' table that says which rows are not independent, such as cohort_id.

    Returns
    -------
    same type as `result`
        se, stat, p_value, confidence and prediction interval replaced (PooledResult), or the coefficients, their
        variance matrix and QM (MetaRegressionResult). ci_method "CR1", t with clusters - coefficients df.

    Raises
    ------
    DataError
        No such column, or rows without a value in it.
    MethodError
        A result that has no inverse-variance weights.
    TooFewStudies
        Not more clusters than coefficients.

    Notes
    -----
    V = m / (m - p) B (sum_c X_c'W_c e_c e_c'W_c X_c) B, B = (X'WX)^-1, m clusters, p coefficients: sandwich estimator
    with the small-sample factor CR1. With few clusters (below about 20) it is still somewhat too narrow.

    References
    ----------
    Hedges, Tipton and Johnson 2010, 10.1002/jrsm.5; Viechtbauer 2010, 10.18637/jss.v036.i03

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> df = pd.DataFrame({"cohort_id": list("AABBC"), "yi": [0.1, 0.2, 0.5, 0.7, 0.9], "vi": [0.04] * 5})
    >>> robust = cluster_robust(hm.pool(df), "cohort_id")
    >>> round(robust.se, 3), robust.stat_df
    (0.2, 2.0)
    """
    if isinstance(result, MetaRegressionResult):
        return _robust_regression(result, cluster)
    if not isinstance(result, PooledResult) or result.method not in INVERSE_VARIANCE:
        raise MethodError("cluster_robust needs the result of pool, pool_three_level or meta_regression.")
    y, v, groups = _rows(result, cluster)
    w, score = _weights_and_scores(result, y, v)
    variance, df = _sandwich(score[:, None], np.array([[1 / w.sum()]]), groups)
    se = float(np.sqrt(variance[0, 0]))
    stat = result.estimate / se if se > 0 else nan
    reach = quantile(result.level, df)
    wide = reach * np.sqrt(result.tau2 + se * se) if np.isfinite(result.pi_low) else nan
    return replace(
        result, se=se, stat=stat, stat_df=df, p_value=two_sided_p(stat, df), ci_low=result.estimate - reach * se,
        ci_high=result.estimate + reach * se, pi_low=float(result.estimate - wide),
        pi_high=float(result.estimate + wide), ci_method="CR1", notes=(*result.notes, *_notes(df, 1)),
    )  # fmt: skip


def _robust_regression(result, cluster):
    table = read_effects(result.studies.loc[result.studies["included"]], caller="cluster_robust")
    design = design_matrix(table, result.formula, caller="cluster_robust")
    y, v, groups = _rows(result, cluster)
    beta, w = result.coefficients["estimate"].to_numpy(), 1 / (v + result.tau2)
    basis, triangle = np.linalg.qr(np.sqrt(w)[:, None] * design.X)
    back = np.linalg.inv(triangle)
    score = (w * (y - design.X @ beta))[:, None] * design.X
    vcov, df = _sandwich(score, back @ back.T, groups)
    tested = [j for j, term in enumerate(design.terms) if term != INTERCEPT]
    return replace(
        result, coefficients=coefficient_table(design.terms, beta, vcov, df, result.level),
        vcov=labelled(vcov, design.terms), ci_method="CR1", **moderator_test(beta, vcov, tested, df),
        notes=(*result.notes, *_notes(df, len(beta))),
    )  # fmt: skip


def _rows(result, cluster):
    """Effects, variances and cluster numbers of the studies that count."""
    studies = result.studies
    included = studies["included"].to_numpy(bool)
    groups = cluster_codes(studies, cluster, included, caller="cluster_robust")
    return studies["yi"].to_numpy()[included], studies["vi"].to_numpy()[included], groups


def _weights_and_scores(result, y, v):
    """Row sums of the inverse variance, and the rows of inverse variance x residual."""
    residual = y - result.estimate
    if not isinstance(result, ThreeLevelResult):
        w = 1 / (v + result.tau2)
        return w, w * residual
    included = result.studies["included"].to_numpy(bool)
    own = cluster_codes(result.studies, result.cluster, included, caller="cluster_robust")
    variances = v, own, result.tau2_between, result.tau2_within
    return marginal_solve(np.ones(len(y)), *variances), marginal_solve(residual, *variances)


def _sandwich(score, bread, groups):
    """CR1 variance from the rows' scores, and its degrees of freedom."""
    clusters, p = int(groups.max()) + 1, score.shape[1]
    if clusters <= p:
        raise TooFewStudies(f"cluster_robust needs more clusters than coefficients; there are {clusters} for {p}.")
    sums = np.column_stack([np.bincount(groups, column) for column in score.T])
    return clusters / (clusters - p) * bread @ (sums.T @ sums) @ bread, float(clusters - p)


def _notes(df, p):
    if df + p < 20:
        yield f"Cluster-robust with {df + p:.0f} clusters: below about 20 the interval is somewhat too narrow."
