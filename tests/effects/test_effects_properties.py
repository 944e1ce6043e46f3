"""Scales, zero-cell rules and routes to a hazard ratio: what must hold for all counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import hccmeta as hm
from hccmeta.effects.scales import SCALES

QUICK = settings(max_examples=100, deadline=None, derandomize=True)
INTERVALS = ["clopper-pearson", "wilson", "wilson-cc", "agresti-coull", "jeffreys", "wald"]


@st.composite
def counts(draw, inner=False):
    n = draw(st.integers(2, 400))
    return draw(st.integers(1, n - 1) if inner else st.integers(0, n)), n


@QUICK
@given(counts(inner=True), st.sampled_from(["PRAW", "PLO", "PLN", "PAS", "PFT"]))
def test_back_transform_returns_the_proportion(pair, measure):
    x, n = pair
    effect = hm.effects_proportion(pd.DataFrame({"events": [x], "n": [n]}), measure=measure)["yi"].iloc[0]
    assert hm.back_transform(effect, measure, n=n) == pytest.approx(x / n, rel=1e-9)


@QUICK
@given(st.integers(2, 400))
def test_arcsine_scales_reach_both_ends(n):
    df = pd.DataFrame({"events": [0, n], "n": [n, n]})
    for measure in ("PAS", "PFT"):
        effects = hm.effects_proportion(df, measure=measure)["yi"].to_numpy()
        assert hm.back_transform(effects, measure, n=n) == pytest.approx([0, 1], abs=1e-12)
        assert hm.back_transform([-0.2, 1.7], measure, n=n).tolist() == [0, 1]


@QUICK
@given(counts(), counts(), st.sampled_from(["OR", "RR", "RD"]), st.sampled_from(["only0", "all", "if0all"]))
def test_swapping_arms_turns_the_sign(first, second, measure, to):
    df = pd.DataFrame({"events_1": [first[0]], "n_1": [first[1]], "events_2": [second[0]], "n_2": [second[1]]})
    other = df.rename(columns=lambda name: name.translate(str.maketrans("12", "21")))
    one, two = (hm.effects_two_arm(table, measure=measure, to=to) for table in (df, other))
    assert one["yi"].iloc[0] == pytest.approx(-two["yi"].iloc[0], abs=1e-12)
    assert one["vi"].iloc[0] == pytest.approx(two["vi"].iloc[0])


@QUICK
@given(counts(), st.sampled_from(INTERVALS), st.floats(0.5, 0.999))
def test_interval_of_a_proportion(pair, method, level):
    x, n = pair
    low, high = hm.proportion_ci(x, n, method=method, level=level)
    mirrored = hm.proportion_ci(n - x, n, method=method, level=level)
    assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]), abs=1e-9)
    if method == "agresti-coull":  # at 0 and n neither nested nor around x / n
        return
    assert low - 1e-12 <= x / n <= high + 1e-12
    wider = hm.proportion_ci(x, n, method=method, level=(1 + level) / 2)
    assert wider[0] <= low + 1e-12
    assert wider[1] >= high - 1e-12


@QUICK
@given(counts())
def test_clopper_pearson_has_the_tail_it_promises(pair):
    from scipy.stats import binom

    x, n = pair
    low, high = hm.proportion_ci(x, n)
    assert x == 0 or binom.sf(x - 1, n, low) == pytest.approx(0.025)
    assert x == n or binom.cdf(x, n, high) == pytest.approx(0.025)


@pytest.mark.parametrize("measure", ["PRAW", "PLO", "PLN", "PAS", "PFT"])
def test_to_names_the_studies_that_receive_add(measure):
    df = pd.DataFrame({"events": [0, 4, 10], "n": [10, 10, 10]})
    done = {to: hm.effects_proportion(df, measure=measure, add=0.5, to=to) for to in ("only0", "all", "if0all", "none")}
    by_hand = hm.effects_proportion(df, measure=measure, add=0.5, to="all")["vi"]
    untouched = done["none"]["vi"]
    assert done["only0"]["vi"].tolist() == pytest.approx([by_hand[0], untouched[1], by_hand[2]])
    assert done["if0all"]["vi"].tolist() == pytest.approx(by_hand.tolist())
    inner = df.assign(events=[3, 4, 5])
    once = hm.effects_proportion(inner, measure=measure, add=0.5, to="if0all")
    assert once["vi"].tolist() == hm.effects_proportion(inner, measure=measure, to="none")["vi"].tolist()


def test_logit_without_an_addition_is_missing_at_the_ends():
    table = hm.effects_proportion(pd.DataFrame({"events": [0, 4, 10], "n": [10] * 3}), to="none")
    assert table["yi"].isna().tolist() == [True, False, True]


@QUICK
@given(st.floats(0.1, 5).filter(lambda hr: abs(np.log(hr)) > 0.01), st.floats(0.02, 1))
def test_routes_to_a_hazard_ratio_agree(hr, se):
    z = norm.ppf(0.975)
    from_ci = hm.effects_ratio_ci(
        pd.DataFrame({"estimate": [hr], "ci_low": [hr * np.exp(-z * se)], "ci_high": [hr * np.exp(z * se)]})
    )
    assert from_ci["vi"].iloc[0] == pytest.approx(se**2)
    assert from_ci["asymmetry"].iloc[0] == pytest.approx(0, abs=1e-9)
    ninety = pd.DataFrame({"estimate": [hr], "ci_low": [hr * np.exp(-norm.ppf(0.95) * se)],
                           "ci_high": [hr * np.exp(norm.ppf(0.95) * se)], "ci_level": [0.9]})  # fmt: skip
    assert hm.effects_ratio_ci(ninety)["vi"].iloc[0] == pytest.approx(se**2)
    p_value = 2 * norm.sf(abs(np.log(hr)) / se)
    if p_value > 1e-200:
        from_p = hm.effects_ratio_p(pd.DataFrame({"estimate": [hr], "p_value": [p_value]}))
        assert from_p["vi"].iloc[0] == pytest.approx(se**2, rel=1e-6)
    counts_of_events = hm.effects_o_minus_e(pd.DataFrame({"o_minus_e": [np.log(hr) / se**2], "v": [1 / se**2]}))
    assert counts_of_events[["yi", "vi"]].iloc[0].tolist() == pytest.approx([np.log(hr), se**2])


def test_log_rank_route_of_a_worked_example():
    """100 events in two arms of equal size: V = 25, z = 1.96, O - E = -9.8, log HR = -0.392."""
    df = pd.DataFrame({"p_value": [0.05] * 2, "favours": ["experimental", "control"], "events": [100] * 2,
                       "n_1": [80] * 2, "n_2": [80] * 2, "events_1": [50] * 2, "events_2": [50] * 2})  # fmt: skip
    for variance in ("allocation", "events"):
        table = hm.effects_logrank(df, variance=variance)
        assert table["yi"].tolist() == pytest.approx([-0.391993, 0.391993], abs=1e-6)
        assert table["vi"].tolist() == pytest.approx([0.04, 0.04])


def test_a_lopsided_interval_warns():
    df = pd.DataFrame({"estimate": [0.5], "ci_low": [0.2], "ci_high": [0.8]})
    with pytest.warns(hm.MetaWarning, match="row 0"):
        assert abs(hm.effects_ratio_ci(df)["asymmetry"].iloc[0]) > 0.1


def test_a_median_whose_limit_was_not_reached_has_no_variance():
    df = pd.DataFrame({"estimate": [12.0, 20.0], "ci_low": [9.0, 14.0], "ci_high": [16.0, np.nan]})
    table = hm.effects_median(df)
    assert table["vi"].isna().tolist() == [False, True]
    result = hm.pool(table)
    assert result.studies["reason"].tolist() == ["", "variance missing"]
    assert result.display.estimate == pytest.approx(12.0)


@pytest.mark.parametrize("measure", SCALES)
def test_every_measure_can_be_shown(measure):
    shown = hm.back_transform([0.1, 0.4], measure, n=20)
    assert shown[0] < shown[1]
    assert isinstance(hm.back_transform(0.1, measure, n=20), float)
