"""The global optimum of ML and REML, at any scale; other packages as cautions and second opinions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_values import fits

import hccmeta as hm
from hccmeta.pooling.likelihood import likelihood_optimum, log_likelihood
from hccmeta.pooling.residual_tau2 import residual_log_likelihood, residual_tau2


def dense_maximum(y, v, restricted):
    """Highest log-likelihood on a grid far finer than the one in use."""
    top = np.ptp(y) ** 2
    grid = np.concatenate([[0.0], v.min() * np.expm1(np.linspace(0, np.log1p(top / v.min()), 20_000))])
    return log_likelihood(y[:, None], v[:, None], grid, restricted).max()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 12), st.sampled_from([1, 3, 7]), st.booleans())
def test_no_point_of_a_dense_grid_is_higher(seed, k, spread, restricted):
    rng = np.random.default_rng(seed)
    v = np.exp(rng.uniform(-spread, spread, k))
    y = rng.standard_t(2, k) * np.sqrt(v) + rng.normal(0, rng.choice([0.01, 1, 10]), k)
    tau2, _ = likelihood_optimum(y[:, None], v[:, None], restricted)
    assert log_likelihood(y[:, None], v[:, None], tau2, restricted)[0] >= dense_maximum(y, v, restricted) - 1e-9


@pytest.mark.parametrize("spread", [3, 7, 12])
@pytest.mark.parametrize("restricted", [True, False])
def test_a_ten_times_finer_search_finds_nothing_higher(monkeypatch, spread, restricted):
    rng = np.random.default_rng(spread)
    v = np.exp(rng.uniform(-spread, spread, (6, 4000)))
    y = rng.standard_t(2, v.shape) * np.sqrt(v) + rng.normal(0, 1, v.shape)
    tau2, maxima = likelihood_optimum(y, v, restricted)
    monkeypatch.setattr("hccmeta.pooling.likelihood.GRID_STEP", 0.025)
    finer, _ = likelihood_optimum(y, v, restricted)
    height = [log_likelihood(y, v, found, restricted) for found in (tau2, finer)]
    assert (height[0] >= height[1] - 1e-9).all()
    assert (maxima > 1).sum() > 20


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("method", ["ML", "REML"])
def test_several_maxima_are_found_and_said(method, unit):
    df = pd.DataFrame({"yi": [0.0, 0.0, 0.0, 0.0, 3.0], "vi": [0.0001, 0.0001, 0.0001, 0.0001, 1.0]})
    df = pd.DataFrame({"yi": df["yi"] * np.sqrt(unit), "vi": df["vi"] * unit})
    y, v = df["yi"].to_numpy(), df["vi"].to_numpy()
    result = hm.pool(df, tau2_method=method, ci_method="z")
    reached = log_likelihood(y[:, None], v[:, None], result.tau2, method == "REML")[0]
    assert reached >= dense_maximum(y, v, method == "REML") - 1e-9
    _, maxima = likelihood_optimum(y[:, None], v[:, None], method == "REML")
    assert any("local maxima" in note for note in result.notes) == (maxima[0] > 1)


def test_number_of_maxima_and_global_optimum_as_found_by_grid_search():
    several = 0
    for case in fits():
        record, effects = case.values
        usable = effects[np.isfinite(effects["yi"]) & (effects["vi"] > 0)]
        for method in ("REML", "ML"):
            if f"global_{method}" not in record or len(usable) < 2:
                continue
            want, n_maxima = record[f"global_{method}"]
            y, v = usable["yi"].to_numpy()[:, None], usable["vi"].to_numpy()[:, None]
            tau2, maxima = likelihood_optimum(y, v, method == "REML")
            assert maxima[0] == max(n_maxima, 1), case.id
            assert tau2[0] == pytest.approx(want, rel=1e-4, abs=1e-6 * record["typical_s2"]), case.id
            several += n_maxima > 1
    assert several >= 1


@pytest.mark.parametrize("method", ["REML", "ML", "DL", "HE", "HS", "SJ", "PM", "EB"])
def test_a_model_of_the_intercept_alone_is_plain_pooling(method):
    rng = np.random.default_rng(5)
    for k in (2, 3, 9):
        v = np.exp(rng.uniform(-4, 0, k))
        y = rng.normal(0, np.sqrt(v + 0.2))
        X = np.ones((k, 1))
        result = hm.pool(pd.DataFrame({"yi": y, "vi": v}), tau2_method=method)
        assert residual_tau2(y, v, X, method) == pytest.approx(result.tau2, rel=1e-8, abs=1e-10)
        if method in ("REML", "ML"):
            value = residual_log_likelihood(y, v, X, result.tau2, method == "REML")
            assert value == pytest.approx(result.log_lik, rel=1e-10)


def test_where_statsmodels_goes_negative_tau2_is_zero():
    """combine_effects of statsmodels does not cut DerSimonian-Laird's tau2 at 0."""
    from statsmodels.stats.meta_analysis import combine_effects

    df = pd.DataFrame({"yi": [0.30, 0.31, 0.29, 0.30], "vi": [0.04, 0.05, 0.06, 0.05]})
    theirs = combine_effects(df["yi"].to_numpy(), df["vi"].to_numpy(), method_re="chi2")
    assert theirs.tau2 < 0
    ours = hm.pool(df, tau2_method="DL", ci_method="z")
    assert ours.tau2 == 0
    assert ours.se == pytest.approx(hm.pool(df, model="common").se)


@pytest.mark.parametrize(("record", "effects"), [case for case in fits() if case.id.startswith(("bin", "gen", "hr"))])
def test_pymare_is_of_the_same_opinion(record, effects):
    """PyMARE as an independent second opinion: the same moment estimate, and no higher restricted likelihood."""
    from pymare.core import Dataset
    from pymare.estimators import DerSimonianLaird, VarianceBasedLikelihoodEstimator

    df = effects[np.isfinite(effects["yi"]) & (effects["vi"] > 0)]
    y, v = df["yi"].to_numpy()[:, None], df["vi"].to_numpy()[:, None]
    theirs = DerSimonianLaird().fit_dataset(Dataset(y=y, v=v)).summary()
    ours = hm.pool(df, tau2_method="DL")
    assert ours.tau2 == pytest.approx(np.ravel(theirs.tau2)[0], rel=1e-8, abs=1e-10)
    assert ours.estimate == pytest.approx(theirs.get_fe_stats()["est"].item(), rel=1e-8)
    theirs = VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(Dataset(y=y, v=v)).summary()
    reached = log_likelihood(y, v, max(float(np.ravel(theirs.tau2)[0]), 0.0), True)[0]
    assert log_likelihood(y, v, hm.pool(df).tau2, True)[0] >= reached - 1e-9
