"""Cluster-robust standard errors: as metafor's robust(), and as the textbook sandwich."""

import numpy as np
import pandas as pd
import pytest
from metafor_values import load

import hccmeta as hm

REFERENCE = load("regression.json", "three_level")
SCHOOLS = pd.DataFrame(REFERENCE["data"])


def test_konstantopoulos_2011_as_metafor():
    want = REFERENCE["expected"]["robust_CR1_uni_DL"]
    got = hm.cluster_robust(hm.pool(SCHOOLS, tau2_method="DL"), "district")
    assert (got.estimate, got.se) == pytest.approx((want["estimate"], want["se"]), rel=1e-9)
    assert (got.stat_df, got.ci_low, got.ci_high) == pytest.approx((want["df"], *want["ci"]), rel=1e-8)
    want = REFERENCE["expected"]["robust_CR1_mv"]
    got = hm.cluster_robust(hm.pool_three_level(SCHOOLS, "district"), "district")
    assert (got.se, got.stat_df) == pytest.approx((want["se"], want["df"]), rel=1e-6)
    assert (got.ci_low, got.ci_high) == pytest.approx(want["ci"], rel=1e-5)
    assert isinstance(got, hm.ThreeLevelResult)


def sandwich(X, w, residual, groups):
    bread = np.linalg.inv(X.T @ (w[:, None] * X))
    meat = sum(np.outer(s, s) for s in ((X[groups == g].T @ (w * residual)[groups == g]) for g in np.unique(groups)))
    m, p = len(np.unique(groups)), X.shape[1]
    return m / (m - p) * bread @ meat @ bread


def test_regression_is_the_sandwich_with_full_matrices():
    result = hm.meta_regression(SCHOOLS, "~ year", tau2_method="DL")
    got = hm.cluster_robust(result, "district")
    X = np.column_stack([np.ones(len(SCHOOLS)), SCHOOLS["year"] - 1990])
    w = 1 / (SCHOOLS["vi"].to_numpy() + result.tau2)
    residual = SCHOOLS["yi"].to_numpy() - result.studies["fitted"].to_numpy()
    want = sandwich(X, w, residual, SCHOOLS["district"].to_numpy())
    row = got.coefficients.iloc[1]
    assert row["se"] == pytest.approx(np.sqrt(want[1, 1]), rel=1e-8)
    assert got.QM == pytest.approx(row["stat"] ** 2)
    assert got.QM_df2 == 9
    assert (got.tau2, got.coefficients["estimate"].tolist()) == (result.tau2, result.coefficients["estimate"].tolist())


def test_rows_that_do_not_count_have_no_cluster_to_name():
    df = pd.concat([SCHOOLS, pd.DataFrame({"yi": [np.nan], "vi": [0.1], "district": [np.nan]})], ignore_index=True)
    with_gap = hm.cluster_robust(hm.pool(df), "district")
    assert with_gap.se == pytest.approx(hm.cluster_robust(hm.pool(SCHOOLS), "district").se)


def test_repeating_every_row_does_not_make_it_surer():
    clusters = SCHOOLS.assign(row=range(len(SCHOOLS)))
    once = hm.cluster_robust(hm.pool(clusters, model="common"), "row")
    twice = hm.cluster_robust(hm.pool(pd.concat([clusters, clusters], ignore_index=True), model="common"), "row")
    assert twice.se == pytest.approx(once.se)
    assert hm.pool(pd.concat([SCHOOLS, SCHOOLS]), model="common").se < 0.8 * hm.pool(SCHOOLS, model="common").se


def test_few_clusters_are_noted_or_refused():
    df = pd.DataFrame({"yi": [0.1, 0.2, 0.5, 0.7], "vi": [0.04] * 4, "trial": list("AABB"), "x": [1.0, 2, 3, 5]})
    assert any("2 clusters" in note for note in hm.cluster_robust(hm.pool(df), "trial").notes)
    with pytest.raises(hm.TooFewStudies, match="2 for 2"):
        hm.cluster_robust(hm.meta_regression(df, "~ x"), "trial")
    with pytest.raises(hm.TooFewStudies, match="1 for 1"):
        hm.cluster_robust(hm.pool(df.assign(trial="A")), "trial")
    with pytest.raises(hm.DataError, match="'nowhere'"):
        hm.cluster_robust(hm.pool(df), "nowhere")


def test_results_without_weights_are_refused():
    counts = pd.DataFrame({"events": [3, 9, 12], "n": [25, 30, 40], "trial": list("AAB")})
    with pytest.raises(hm.MethodError, match="pool_three_level"):
        hm.cluster_robust(hm.pool_proportion(counts), "trial")
