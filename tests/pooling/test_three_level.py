"""Three-level model: as metafor on Konstantopoulos 2011, and as the plain likelihood with full matrices."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_values import load
from scipy.stats import multivariate_normal

import hccmeta as hm

REFERENCE = load("regression.json", "three_level")
SCHOOLS = pd.DataFrame(REFERENCE["data"])


def test_konstantopoulos_2011_as_metafor():
    want = REFERENCE["expected"]
    t, z = (hm.pool_three_level(SCHOOLS, "district", ci_method=ci) for ci in ("t", "z"))
    assert (t.tau2_between, t.tau2_within) == pytest.approx(want["sigma2"], rel=1e-6)
    assert (t.estimate, t.se) == pytest.approx((want["estimate"], want["se"]), rel=1e-6)
    assert (t.Q, t.log_lik) == pytest.approx((want["Q"], want["logLik"]), rel=1e-8)
    assert (t.ci_low, t.ci_high) == pytest.approx(want["t_contain"]["ci"], rel=1e-5)
    assert (t.stat_df, t.p_value) == (want["t_contain"]["df"], pytest.approx(want["t_contain"]["pval"], rel=1e-6))
    assert (z.ci_low, z.ci_high) == pytest.approx(want["ci"], rel=1e-6)
    assert (t.k, t.n_clusters) == (56, 11)


def effects(seed, clusters=6, per=4):
    rng = np.random.default_rng(seed)
    c = np.sort(np.concatenate([np.arange(clusters), rng.integers(0, clusters, clusters * (per - 1))]))
    vi = np.exp(rng.uniform(-4, 0, len(c)))
    between, within = rng.choice([0.0, 0.1, 1.0], 2)
    yi = rng.normal(0, np.sqrt(between), clusters)[c] + rng.normal(0, np.sqrt(within + vi))
    return pd.DataFrame({"yi": yi, "vi": vi, "trial": [f"T{i}" for i in c]})


def log_likelihood(df, between, within, restricted):
    """Log-likelihood from the full variance matrix, beta profiled out."""
    same = (df["trial"].to_numpy()[:, None] == df["trial"].to_numpy()).astype(float)
    V = np.diag(df["vi"] + within) + between * same
    y, one = df["yi"].to_numpy(), np.ones(len(df))
    information = one @ np.linalg.solve(V, one)
    mu = one @ np.linalg.solve(V, y) / information
    value = multivariate_normal.logpdf(y, mu * one, V)
    return value + 0.5 * (np.log(2 * np.pi) + np.log(len(df)) - np.log(information)) if restricted else value


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["REML", "ML"]))
def test_no_other_pair_of_variances_is_more_likely(seed, tau2_method):
    df, restricted = effects(seed), tau2_method == "REML"
    result = hm.pool_three_level(df, "trial", tau2_method=tau2_method)
    best = log_likelihood(df, result.tau2_between, result.tau2_within, restricted)
    assert result.log_lik == pytest.approx(best, rel=1e-9, abs=1e-9)
    nodes = np.append(0.0, np.geomspace(1e-4, 20, 12))
    around = [(result.tau2_between * a, result.tau2_within * b) for a in (0.98, 1, 1.02) for b in (0.98, 1, 1.02)]
    for between, within in [*((a, b) for a in nodes for b in nodes), *around]:
        assert log_likelihood(df, between, within, restricted) <= best + 1e-8


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([1e-4, 1e4]))
def test_order_unit_and_origin_do_not_matter(seed, unit):
    df = effects(seed)
    one = hm.pool_three_level(df, "trial")
    other = df.sample(frac=1, random_state=seed)
    other = other.assign(yi=other["yi"] * unit + unit, vi=other["vi"] * unit**2)
    two = hm.pool_three_level(other, "trial")
    assert (two.tau2_between / unit**2, two.tau2_within / unit**2) == pytest.approx(
        (one.tau2_between, one.tau2_within), rel=1e-4, abs=1e-7
    )
    assert two.estimate / unit - 1 == pytest.approx(one.estimate, rel=1e-5, abs=1e-6)
    assert two.studies["weight"].sum() == pytest.approx(1)
    assert one.pi_low <= one.ci_low <= one.estimate <= one.ci_high <= one.pi_high


def test_no_variance_between_clusters_is_the_ordinary_model():
    df = pd.DataFrame({"yi": [0.1, 0.9, 0.2, 1.0, 0.0, 0.8], "vi": [0.04] * 6, "trial": list("AABBCC")})
    result = hm.pool_three_level(df, "trial", ci_method="z")
    plain = hm.pool(df, ci_method="z")
    assert result.tau2_between == 0
    assert (result.estimate, result.se, result.tau2) == pytest.approx((plain.estimate, plain.se, plain.tau2))
    assert any("between clusters" in note for note in result.notes)


def test_refusals():
    df = effects(1)
    with pytest.raises(hm.DataError, match="'nowhere'"):
        hm.pool_three_level(df, "nowhere")
    with pytest.raises(hm.DataError) as caught:
        hm.pool_three_level(df.assign(trial=[None, *df["trial"][1:]]), "trial")
    assert [p["row"] for p in caught.value.problems] == [0]
    with pytest.raises(hm.TooFewStudies, match="two clusters"):
        hm.pool_three_level(df.assign(trial="A"), "trial")
    with pytest.raises(hm.TooFewStudies, match="two effects"):
        hm.pool_three_level(df.assign(trial=range(len(df))), "trial")
    with pytest.raises(hm.MethodError, match="'REML'"):
        hm.pool_three_level(df, "trial", tau2_method="DL")


@pytest.mark.parametrize("tau2_method", ["REML", "ML"])
def test_variances_far_above_the_sampling_variances(tau2_method):
    """No point of a fine grid is higher on the likelihood; it is not concave on the way to its maximum."""
    yi, vi = np.array([-5870.61, -5300.05, -7882.23]), np.array([0.18, 0.47, 0.38])
    result = hm.pool_three_level(pd.DataFrame({"yi": yi, "vi": vi, "c": list("AAB")}), "c", tau2_method=tau2_method)
    same = np.equal.outer(list("AAB"), list("AAB"))

    def log_likelihood(between, within):
        V = np.diag(vi + within) + between * same
        W = np.linalg.inv(V)
        residual = yi - (W @ yi).sum() / W.sum()
        value = np.linalg.slogdet(V)[1] + residual @ W @ residual
        return -0.5 * (value + np.log(W.sum()) if tau2_method == "REML" else value)

    nodes = np.append(0.0, np.geomspace(1.0, 1e8, 120))
    highest = max(log_likelihood(between, within) for between in nodes for within in nodes[1:])
    assert log_likelihood(result.tau2_between, result.tau2_within) >= highest - 1e-9
