"""Pooled landmarks, medians and restricted means."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from hccmeta.errors import DataError, MethodError
from hccmeta.pooling.inverse_variance import pool
from hccmeta.survival.curves import survival_summary
from hccmeta.survival.landmark_variance import TRANSFORMS, from_scale, standard_error_from_interval
from hccmeta.survival.landmarks import pool_landmarks
from hccmeta.survival.pooled_times import pool_medians, pool_rmst

BACK = {"loglog": lambda y: np.exp(-np.exp(y)), "logit": lambda y: 1 / (1 + np.exp(-y)), "log": np.exp,
        "plain": lambda y: y}  # fmt: skip


def cohort(seed, n=60, scale=20.0):
    rng = np.random.default_rng(seed)
    t, c = rng.exponential(scale, n), rng.uniform(15, 40, n)
    return pd.DataFrame({"time": np.minimum(t, c), "event": (t <= c).astype(int)})


@given(st.sampled_from(sorted(TRANSFORMS)), st.floats(0.2, 0.85), st.floats(0.01, 0.06), st.sampled_from([0.9, 0.95]))
@settings(deadline=None)
def test_standard_error_comes_back_from_the_scale_of_the_interval(scale, s, se, level):
    g, slope = TRANSFORMS[scale]
    half = ndtri((1 + level) / 2) * se * abs(slope(s))
    low, high = sorted(BACK[scale](g(s) + sign * half) for sign in (-1, 1))
    found, _, asymmetry = standard_error_from_interval(s, low, high, level)
    assert abs(asymmetry) < 1e-9
    # Near S = 1/2 an interval is symmetric on two scales (logit and plain), near 1/e almost so (log-log and plain).
    assert found == pytest.approx(se, rel=1e-6 if abs(s - 0.5) > 0.01 and abs(s - 0.37) > 0.05 else 0.03)


def test_interval_cut_at_one_is_read_from_its_other_side():
    s, se = 0.9, 0.08
    low = s * np.exp(-1.959963984540054 * se / s)
    assert standard_error_from_interval(s, low, 1.0, 0.95)[0] == pytest.approx(se, rel=1e-9)


@pytest.mark.parametrize("scale", ["loglog", "logit"])
def test_pooled_value_is_the_inverse_variance_pool_of_the_printed_intervals(scale):
    rows = []
    for i in range(4):
        r = survival_summary(cohort(i, scale=(8, 20, 40, 60)[i]), times=[12]).set_index("statistic").loc["landmark"]
        rows.append(dict(study=f"S{i}", time_months=12.0, value=r["value"], ci_low=r["ci_low"], ci_high=r["ci_high"],
                         se=r["se"]))  # fmt: skip
    df = pd.DataFrame(rows)
    printed = pool_landmarks(df.drop(columns="se"), scale=scale)
    greenwood = pool_landmarks(df[["study", "time_months", "value", "se"]], scale=scale)
    np.testing.assert_allclose(printed.effects["vi"], greenwood.effects["vi"], rtol=1e-6)
    g, slope = TRANSFORMS[scale]
    by_hand = pool(pd.DataFrame(dict(yi=g(df["value"]), vi=(df["se"] * slope(df["value"])) ** 2)))
    row = printed.to_frame().iloc[0]
    shown = sorted(BACK[scale](v) for v in (by_hand.ci_low, by_hand.estimate, by_hand.ci_high))
    assert row[["ci_low", "survival", "ci_high"]].tolist() == pytest.approx(shown, rel=1e-6)
    assert row["pi_low"] < row["ci_low"] < row["ci_high"] < row["pi_high"]


def test_short_follow_up_and_missing_variances_are_left_out_and_named():
    df = pd.DataFrame({"study": list("ABCD"), "time_months": 24, "value": [0.4, 0.5, 0.45, 0.6],
                       "se": [0.05, 0.06, np.nan, 0.05], "follow_up": [40, 20, 40, 36]})  # fmt: skip
    result = pool_landmarks(df)
    row = result.to_frame().iloc[0]
    assert row["k"] == 2 and row["studies"] == "A, D"
    assert row["left_out"] == "B (follow-up ends at 20 months); C (neither interval nor standard error)"
    assert result.left_out["study"].tolist() == ["B", "C"] and "At 24 months without B" in result.notes[0]


def test_survival_of_one_needs_the_number_still_under_observation():
    df = pd.DataFrame({"study": list("ABC"), "time_months": 6, "value": [1.0, 0.9, 0.85], "se": [0, 0.05, 0.05]})
    assert pool_landmarks(df).to_frame()["k"].item() == 2
    kept = pool_landmarks(df.assign(n_at_risk=20))
    assert kept.to_frame()["k"].item() == 3
    assert kept.effects["yi"].iloc[0] == pytest.approx(np.log(-np.log(20.5 / 21)))


def test_pooled_landmarks_are_made_monotone():
    df = pd.DataFrame({"study": ["A", "B", "C", "D"], "time_months": [6, 6, 12, 12], "value": [0.5, 0.55, 0.7, 0.65],
                       "se": 0.05})  # fmt: skip
    result = pool_landmarks(df)
    table = result.to_frame()
    assert table["survival"].iloc[1] > table["survival"].iloc[0]
    assert table["survival_monotone"].iloc[0] == pytest.approx(table["survival_monotone"].iloc[1])
    assert table["survival"].min() < table["survival_monotone"].iloc[0] < table["survival"].max()
    assert any("rise" in note for note in result.notes) and any("Different studies" in note for note in result.notes)


def test_landmarks_refuse_bad_rows_together():
    df = pd.DataFrame({"study": list("ABC"), "time_months": [6, -6, 6], "value": [47, 0.5, 0.5],
                       "ci_low": [np.nan, np.nan, 0.6], "ci_high": [np.nan, np.nan, 0.7]})  # fmt: skip
    with pytest.raises(DataError) as error:
        pool_landmarks(df)
    assert {(p["row"], p["column"]) for p in error.value.problems} == {(0, "value"), (1, "time_months"), (2, "value")}
    with pytest.raises(DataError, match="one row per study and landmark"):
        pool_landmarks(pd.DataFrame({"study": ["A", "A"], "time_months": 6, "value": 0.5, "se": 0.1}))
    with pytest.raises(MethodError, match="loglog"):
        pool_landmarks(df, scale="log")


def medians(**changes):
    df = pd.DataFrame({"study": list("ABC"), "value": [12.0, 15.0, 10.0], "ci_low": [9.0, 11.0, 7.0],
                       "ci_high": [16.0, 20.0, 14.0], "status": "reached"})  # fmt: skip
    return df.assign(**changes)


def test_medians_are_pooled_only_when_all_are_reached():
    result = pool_medians(medians(), model="common")
    df, z = medians(), 1.959963984540054
    w = (2 * z / np.log(df["ci_high"] / df["ci_low"])) ** 2
    assert result.estimate == pytest.approx(np.exp((w * np.log(df["value"])).sum() / w.sum()))
    missing = medians(status=["reached", "reached", "not_reached"], value=[12.0, 15.0, np.nan])
    refused = pool_medians(missing)
    assert refused.result is None and np.isnan(refused.estimate) and "not reached in C" in refused.sentence


def test_an_open_upper_limit_leaves_the_lower_side_and_no_interval_leaves_the_study_out():
    result = pool_medians(medians(ci_high=[16.0, np.nan, 14.0], ci_low=[9.0, 11.0, np.nan]))
    vi = result.result.studies.set_index("label")["vi"]
    assert vi["B"] == pytest.approx((np.log(15 / 11) / 1.959963984540054) ** 2)
    assert result.left_out["study"].tolist() == ["C"] and "Left out: C (no interval)" in result.sentence


def test_rmst_has_one_horizon_and_names_the_short_follow_up():
    df = pd.DataFrame({"study": list("ABC"), "time_months": 24.0, "value": [14.0, 16.0, np.nan],
                       "se": [1.0, 1.2, np.nan]})  # fmt: skip
    result = pool_rmst(df, model="common")
    w = (df["value"] / df["se"]) ** 2
    assert result.estimate == pytest.approx(np.exp((w * np.log(df["value"])).sum() / w.sum()))
    assert result.left_out["study"].tolist() == ["C"]
    with pytest.raises(DataError, match="12, 24"):
        pool_rmst(df.assign(time_months=[12, 24, 24]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", ["loglog", "logit"])
def test_limits_far_beyond_the_scale_are_nothing_or_all(scale):
    """A t quantile with one degree of freedom takes limits there."""
    ends = from_scale(np.array([-1e4, 1e4]), scale)
    assert sorted(ends) == pytest.approx([0, 1], abs=1e-300)
