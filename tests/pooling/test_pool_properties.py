"""What must hold for every set of studies."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hccmeta as hm

METHODS = ["REML", "DL", "PM", "ML", "EB", "HS", "SJ", "HE"]
QUICK = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def studies(draw, min_k=2, max_k=9):
    k = draw(st.integers(min_k, max_k))
    yi = draw(st.lists(st.floats(-3, 3), min_size=k, max_size=k))
    log_v = draw(st.lists(st.floats(-5, 2), min_size=k, max_size=k))
    return pd.DataFrame({"yi": np.round(yi, 6), "vi": np.exp(np.round(log_v, 6))})


def numbers(result):
    return np.array([result.estimate, result.se, result.ci_low, result.ci_high])


@QUICK
@given(studies(), st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_order_does_not_matter(df, method, random):
    order = list(range(len(df)))
    random.shuffle(order)
    one, other = hm.pool(df, tau2_method=method), hm.pool(df.iloc[order], tau2_method=method)
    np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(one.studies["weight"].to_numpy()[order], other.studies["weight"], rtol=1e-6)


@QUICK
@given(studies(), st.sampled_from(METHODS), st.floats(-50, 50))
def test_a_shift_of_all_effects_shifts_the_estimate_alone(df, method, shift):
    one = hm.pool(df, tau2_method=method)
    other = hm.pool(df.assign(yi=df["yi"] + shift), tau2_method=method)
    assert other.estimate - shift == pytest.approx(one.estimate, abs=1e-6)
    assert (other.tau2, other.Q) == pytest.approx((one.tau2, one.Q), rel=1e-6, abs=1e-7)


@QUICK
@given(studies(), st.sampled_from(METHODS), st.sampled_from([1e-6, 1e-3, 1e3, 1e6]))
def test_a_change_of_unit_changes_nothing_but_the_unit(df, method, unit):
    one = hm.pool(df, tau2_method=method)
    other = hm.pool(pd.DataFrame({"yi": df["yi"] * unit, "vi": df["vi"] * unit**2}), tau2_method=method)
    np.testing.assert_allclose(numbers(other) / unit, numbers(one), rtol=1e-7, atol=1e-9)
    assert other.tau2 / unit**2 == pytest.approx(one.tau2, rel=1e-6, abs=1e-9 * df["vi"].min())
    assert (other.I2, other.p_value) == pytest.approx((one.I2, one.p_value), rel=1e-5, abs=1e-8)


@QUICK
@given(studies(), st.sampled_from(METHODS), st.sampled_from(["z", "t", "HK", "HK-adhoc"]))
def test_ranges(df, method, ci_method):
    result = hm.pool(df, tau2_method=method, ci_method=ci_method)
    assert result.studies["weight"].sum() == pytest.approx(1)
    assert (result.studies["weight"] > 0).all()
    assert result.tau2 >= 0
    assert 0 <= result.I2 < 1
    assert 0 <= result.I2_Q < 1
    assert result.ci_low <= result.estimate <= result.ci_high
    assert df["yi"].min() - 1e-9 <= result.estimate <= df["yi"].max() + 1e-9
    assert result.tau2_low <= result.tau2_high


@QUICK
@given(studies(min_k=3), st.sampled_from(METHODS))
def test_intervals_nest(df, method):
    width = {ci: np.ptp([(r := hm.pool(df, tau2_method=method, ci_method=ci)).ci_low, r.ci_high])
             for ci in ("z", "t", "HK", "HK-adhoc")}  # fmt: skip
    assert width["HK-adhoc"] >= width["t"] * (1 - 1e-12) >= width["z"] * (1 - 1e-12)
    assert width["HK-adhoc"] == pytest.approx(max(width["t"], width["HK"]))
    result = hm.pool(df, tau2_method=method)
    assert result.pi_low <= result.ci_low + 1e-9
    wider = hm.pool(df, tau2_method=method, level=0.99)
    assert wider.ci_low <= result.ci_low
    assert wider.tau2_high >= result.tau2_high


@QUICK
@given(studies(min_k=3))
def test_paule_mandel_solves_its_equation(df):
    result = hm.pool(df, tau2_method="PM")
    w = 1 / (df["vi"] + result.tau2)
    Q = (w * (df["yi"] - (w * df["yi"]).sum() / w.sum()) ** 2).sum()
    assert result.tau2 == 0 or pytest.approx(len(df) - 1) == Q
    assert result.tau2 > 0 or len(df) - 1 + 1e-9 >= Q


@QUICK
@given(studies(min_k=3), st.floats(0.5, 0.99))
def test_q_profile_limits_solve_their_equations(df, level):
    from scipy.stats import chi2

    for tau2, tail in zip(hm.tau2_interval(df, level=level), ((1 + level) / 2, (1 - level) / 2), strict=True):
        w = 1 / (df["vi"] + tau2)
        Q = (w * (df["yi"] - (w * df["yi"]).sum() / w.sum()) ** 2).sum()
        target = chi2.ppf(tail, len(df) - 1)
        assert tau2 == 0 or pytest.approx(target, rel=1e-7) == Q
        assert tau2 > 0 or target * (1 + 1e-9) >= Q


def test_coverage_of_the_default_interval():
    rng = np.random.default_rng(20261121)
    vi = np.exp(rng.uniform(np.log(0.02), np.log(0.4), (2000, 10)))
    yi = rng.normal(0.3, np.sqrt(0.1 + vi))
    fits = hm.pool_many(yi, vi)
    covered = ((fits["ci_low"] <= 0.3) & (0.3 <= fits["ci_high"])).mean()
    assert 0.93 <= covered <= 0.97
