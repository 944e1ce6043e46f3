"""Trim and fill: as metafor, and mirror images of itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_values import load

import hccmeta as hm

pytestmark = pytest.mark.filterwarnings("ignore::hccmeta.MetaWarning")
OPTIONS = {"REML": dict(tau2_method="REML"), "DL": dict(tau2_method="DL"), "EE": dict(model="common")}
TOLERANCE = {"REML": 1e-3, "DL": 1e-8, "EE": 1e-8}  # R refits REML at its default tolerance after filling


def cases():
    for record in load("small_study.json", "sets"):
        for method, by_estimator in record.get("trim_and_fill", {}).items():
            for estimator, by_side in by_estimator.items():
                if np.ptp(record["yi"]) > 0:
                    yield pytest.param(record, method, estimator, by_side, id=f"{record['id']}-{method}-{estimator}")


@pytest.mark.parametrize(("record", "method", "estimator", "by_side"), list(cases()))
def test_as_metafor(record, method, estimator, by_side):
    df = pd.DataFrame({"yi": record["yi"], "vi": record["vi"], "measure": record["measure"]})
    for side, want in by_side.items():
        got = hm.trim_and_fill(df, estimator=estimator, side=None if side == "auto" else side, ci_method="z",
                               **OPTIONS[method])  # fmt: skip
        assert (got.k0, got.side) == (want["k0"], want["side"])
        rel = TOLERANCE[method]
        assert got.result.estimate == pytest.approx(want["estimate"], rel=rel, abs=rel * want["se"])
        assert got.result.se == pytest.approx(want["se"], rel=rel)
        if want["k0"]:
            yi, vi = (np.sort(np.ravel(want[name])) for name in ("filled_yi", "filled_vi"))
            np.testing.assert_allclose(np.sort(got.filled["yi"]), yi, rtol=rel, atol=rel * want["se"])
            np.testing.assert_allclose(np.sort(got.filled["vi"]), vi, rtol=1e-11)


def funnel(seed, k=12):
    rng = np.random.default_rng(seed)
    vi = np.exp(rng.uniform(-4, 0, k))
    return pd.DataFrame({"yi": rng.normal(np.sqrt(vi), np.sqrt(vi)), "vi": vi})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["L0", "R0"]), st.sampled_from([1.0, 1e-6, 1e6]))
def test_the_mirror_image_is_filled_on_the_other_side(seed, estimator, unit):
    df = funnel(seed)
    mirrored = pd.DataFrame({"yi": -df["yi"] * unit, "vi": df["vi"] * unit**2})
    try:
        one = hm.trim_and_fill(df, estimator=estimator)
    except hm.NotConverged:
        with pytest.raises(hm.NotConverged):
            hm.trim_and_fill(mirrored, estimator=estimator)
        return
    other = hm.trim_and_fill(mirrored, estimator=estimator)
    assert (other.k0, {one.side, other.side}) == (one.k0, {"left", "right"})
    assert other.result.estimate / unit == pytest.approx(-one.result.estimate, rel=1e-6, abs=1e-9)


def test_filled_studies_mirror_the_extreme_ones():
    found = hm.trim_and_fill(funnel(3), estimator="L0", side="left", model="common")
    original = found.result.studies.iloc[:12]
    assert found.k0 > 0
    extreme = original.nlargest(found.k0, "yi")
    middle = (extreme["yi"].to_numpy() + found.filled["yi"].to_numpy()[::-1]) / 2
    np.testing.assert_allclose(middle, middle[0])
    assert (found.filled["yi"] < middle[0]).all()
    assert found.result.k == 12 + found.k0
    assert found.result.studies["label"].tolist()[12:] == [f"Filled {i + 1}" for i in range(found.k0)]


def test_a_symmetric_funnel_needs_nothing():
    vi = np.array([0.01, 0.04, 0.09, 0.16, 0.25])
    df = pd.DataFrame({"yi": np.concatenate([np.sqrt(vi), -np.sqrt(vi), [0.0]]), "vi": [*vi, *vi, 0.01]})
    for side in ("left", "right"):
        found = hm.trim_and_fill(df, side=side)
        assert (found.k0, len(found.filled)) == (0, 0)
        assert found.result.estimate == pytest.approx(hm.pool(df).estimate)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["L0", "R0"]), st.sampled_from(["left", "right"]))
def test_equal_effects_need_nothing(seed, estimator, side):
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({"yi": [rng.normal()] * 9, "vi": rng.uniform(0.1, 1, 9)})
    assert hm.trim_and_fill(df, estimator=estimator, side=side).k0 == 0


def test_r0_has_a_p_value_and_l0_has_none():
    found = hm.trim_and_fill(funnel(3), estimator="R0", side="left")
    assert found.p_value == 0.5 ** (found.k0 + 1)
    assert np.isnan(hm.trim_and_fill(funnel(3), side="left").p_value)


def test_counts_of_the_table_do_not_reach_the_filled_studies():
    counts = pd.DataFrame({"events": [3, 9, 12, 20, 1, 2], "n": [25, 30, 40, 45, 30, 33]})
    found = hm.trim_and_fill(hm.effects_proportion(counts), side="left")
    assert found.result.measure == "PLO"
    assert 0 < found.result.display.estimate < 1


def test_refusals_and_warnings():
    with pytest.raises(hm.MethodError, match="'L0'"):
        hm.trim_and_fill(funnel(1), estimator="Q0")
    with pytest.raises(hm.MethodError, match="'left'"):
        hm.trim_and_fill(funnel(1), side="top")
    with pytest.raises(hm.TooFewStudies, match="three"):
        hm.trim_and_fill(funnel(1).iloc[:2])
    with pytest.warns(hm.MetaWarning, match="k = 6"):
        hm.trim_and_fill(funnel(1, k=6))
