"""Uncertainty of the reconstruction: Rubin's rules, effects per draw, pooled curve and one-stage model."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, t

from hccmeta.errors import DataError, TooFewStudies
from hccmeta.pooling.inverse_variance import pool
from hccmeta.survival.cox import hazard_ratio
from hccmeta.survival.cox_draws import hazard_ratio_over_draws
from hccmeta.survival.curves import kaplan_meier
from hccmeta.survival.draw_effects import draw_effects, log_hr_effects, quantiles_over_draws
from hccmeta.survival.draws import at_times, make_draws, medians, restricted_means
from hccmeta.survival.landmarks import pool_landmarks
from hccmeta.survival.one_stage import pool_piecewise_exponential
from hccmeta.survival.piecewise import exposures, fit_piecewise, log_likelihood, marginal_survival
from hccmeta.survival.pool_draws import effect_arrays, pool_draws, tau2_over_draws
from hccmeta.survival.pooled import pool_survival_curves
from hccmeta.survival.pooled_draws import pool_curves_over_draws
from hccmeta.survival.pooled_sensitivity import leave_one_study_out
from hccmeta.survival.pooled_times import pool_medians, pool_rmst
from hccmeta.survival.product_limit import product_limit, quantile_time, restricted_mean
from hccmeta.survival.rubin import mixture_interval, rubin


def simulated(k, n, tau, m=1, jitter=0.15, seed=1):
    rng, rows = np.random.default_rng(seed), []
    for s in range(k):
        death = rng.exponential(20 * np.exp(-rng.normal(0, tau)), n)
        censored = rng.uniform(12, 40, n)
        time, event = np.minimum(death, censored), (death <= censored).astype(int)
        for draw in range(m):
            moved = time * np.exp(rng.normal(0, jitter, n)) if m > 1 else time
            rows.append(pd.DataFrame(dict(study=f"S{s}", imputation=draw, time=moved, event=event)))
    return pd.concat(rows, ignore_index=True)


def test_rubin_by_hand():
    y, v = np.array([0.1, 0.2, 0.15]), np.array([0.04, 0.05, 0.045])
    r = rubin(y, v, df_complete=20)
    within, between = 0.045, 0.0025
    total = within + (4 / 3) * between
    share = (4 / 3) * between / total
    df = 1 / (share**2 / 2 + 1 / (21 / 23 * 20 * (1 - share)))
    assert [r.estimate, r.se**2, r.df, r.share] == pytest.approx([0.15, total, df, share], rel=1e-12)
    assert r.ci_high == pytest.approx(0.15 + t.ppf(0.975, df) * np.sqrt(total), rel=1e-12)
    assert r.within_high == pytest.approx(0.15 + t.ppf(0.975, 20) * np.sqrt(within), rel=1e-12)


def test_equal_draws_add_nothing():
    r = rubin([0.3] * 5, [0.04] * 5)
    assert r.share == 0 and r.ci_high == r.within_high == pytest.approx(0.3 + norm.ppf(0.975) * 0.2)


def test_mixture_of_equal_draws_is_the_t_interval_and_of_others_has_its_tails():
    np.testing.assert_allclose(mixture_interval([0.3] * 4, [0.2] * 4, 2, 0.9), 0.3 + t.ppf([0.05, 0.95], 2) * 0.2)
    y, se = np.array([0.0, 0.5, 0.9]), np.array([0.1, 0.4, 0.2])
    low, high = mixture_interval(y, se, 3, 0.95)
    assert t.cdf((low - y) / se, 3).mean() == pytest.approx(0.025, rel=1e-9)
    assert t.sf((high - y) / se, 3).mean() == pytest.approx(0.025, rel=1e-9)


def test_few_studies_keep_their_t_interval_when_the_draws_hardly_differ():
    effects = draw_effects(simulated(3, 80, 0.1, m=20, jitter=0.01), effect="loglog", month=12)
    result = pool_draws(effects, scale="loglog", ci_method="HK")
    assert result.df == 2 and 0 < result.share < 0.05
    widths = [result.ci_high - result.ci_low, result.ci_high_without - result.ci_low_without]
    assert widths[0] == pytest.approx(widths[1], rel=0.05)


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=40))
@settings(max_examples=80, deadline=None)
def test_many_draws_agree_with_one_curve(patients):
    time, event = np.array([p[0] for p in patients], float), np.array([p[1] for p in patients], int)
    draws, steps = make_draws(time[None], event[None]), product_limit(time, event)
    s, variance, remain = at_times(draws, steps.time)
    np.testing.assert_allclose(s[0], steps.survival, atol=1e-12)
    np.testing.assert_allclose(variance[0], steps.variance, rtol=1e-10)
    assert remain[0].tolist() == [(time > x).sum() for x in steps.time]
    own = quantile_time(steps.time, steps.survival, 0.5)
    assert medians(draws)[0] == (np.inf if np.isnan(own) else own)
    mean, spread = restricted_means(draws, 7.0)
    expected, se = restricted_mean(steps, 7.0)
    np.testing.assert_allclose([mean[0], np.sqrt(spread[0])], [expected, se], rtol=1e-9, atol=1e-12)


def test_one_draw_is_the_ordinary_pool():
    df = simulated(5, 50, 0.3)
    effects = draw_effects(df, effect="loglog", month=12)
    result, plain = pool_draws(effects, scale="loglog"), pool(effects)
    assert [result.estimate, result.se, result.ci_low, result.tau2] == pytest.approx(
        [plain.estimate, plain.se, plain.ci_low, plain.tau2], rel=1e-9)  # fmt: skip
    assert result.share == 0 and result.ci_low == result.ci_low_without


def test_draws_widen_the_interval_and_a_printed_interval_is_not_widened_twice():
    effects = draw_effects(simulated(6, 40, 0.2, m=30, jitter=0.5), effect="loglog", month=12)
    result = pool_draws(effects, model="common", scale="loglog")
    frame = result.to_frame().set_index("reconstruction")
    assert frame.loc["with", "se"] > frame.loc["without", "se"]
    assert frame.loc["with", "ci_low"] < frame.loc["without", "ci_low"] < frame.loc["with", "estimate"]
    printed = effects.groupby("study", as_index=False)[["yi", "vi"]].mean()
    fixed = pool_draws(effects, model="common", printed=printed)
    assert fixed.share == 0 and fixed.studies["vi_between"].eq(0).all() and fixed.studies["printed"].all()
    partly = pool_draws(effects, model="common", printed=printed.iloc[:3])
    assert 0 < partly.share < result.share


@pytest.mark.parametrize("month", [3, 6, 12, 24])
def test_t_interval_with_the_draws_holds_the_one_without(month):
    """Also early, where few have died and a draw with fewer events has the larger standard error."""
    effects = draw_effects(simulated(4, 30, 0.3, m=100, jitter=0.5), effect="loglog", month=month)
    result, one = pool_draws(effects), pool_draws(effects.groupby("study").head(1))
    assert result.ci_low < result.ci_low_without < result.ci_high_without < result.ci_high
    assert [one.ci_low, one.ci_high] == pytest.approx([one.ci_low_without, one.ci_high_without])
    three = draw_effects(simulated(3, 30, 0.3, m=5, jitter=0.5), effect="loglog", month=month)
    single = [pool(pd.DataFrame(dict(yi=y, vi=v))) for y, v in zip(*effect_arrays(three, None)[1:], strict=True)]
    expected = [np.median([getattr(s, name) for s in single]) for name in ("ci_low", "ci_high")]
    result = pool_draws(three)
    assert [result.ci_low_without, result.ci_high_without] == pytest.approx(expected, rel=1e-9)


def test_draws_of_different_studies_are_not_tied_together():
    one = draw_effects(simulated(1, 40, 0, m=60, jitter=0.5), effect="loglog", month=12)
    twins = pd.concat([one.assign(study=s) for s in "ABCD"])
    alone, together = (pool_draws(x, model="common") for x in (one, twins))
    added = [r.se**2 - r.se_without**2 for r in (alone, together)]
    assert added[1] < 0.5 * added[0]


def test_a_study_whose_draws_end_early_is_left_out_and_named():
    df = simulated(4, 40, 0.1, m=5)
    df.loc[df["study"] == "S2", "time"] = df.loc[df["study"] == "S2", "time"].clip(upper=10)
    result = pool_draws(draw_effects(df, effect="log_rmst", month=20), scale="log")
    assert result.k == 3 and "Without S2: no effect in 5 of 5 draws" in result.notes[0]
    with pytest.raises(TooFewStudies):
        pool_draws(draw_effects(df, effect="log_rmst", month=90))


def test_tau2_quantiles_within_one_data_set_are_q_profile():
    rng = np.random.default_rng(2)
    yi, vi = rng.normal(0, 0.6, 8), rng.uniform(0.02, 0.1, 8)
    expected = pool(pd.DataFrame(dict(yi=yi, vi=vi)))
    low, high = tau2_over_draws(np.repeat(yi[None], 2000, 0), np.repeat(vi[None], 2000, 0), 0.95, 0)
    assert [low, high] == pytest.approx([expected.tau2_low, expected.tau2_high], rel=0.12)


def test_log_hazard_ratio_of_each_draw_is_that_of_hazard_ratio():
    df = simulated(2, 60, 0.2, m=3)
    df["arm"] = np.where(np.arange(len(df)) % 2, "RT", "ICI")
    effects = log_hr_effects(df, experimental="RT", control="ICI")
    one = hazard_ratio(df[(df["study"] == "S1") & (df["imputation"] == 2)], experimental="RT", control="ICI").iloc[0]
    row = effects[effects["study"] == "S1"].iloc[2]
    assert [row["yi"], row["vi"]] == pytest.approx([one["log_hr"], one["se"] ** 2], rel=1e-10)


def test_restricted_mean_of_a_draw_without_an_event_has_a_variance():
    """Half an event among n + 1, spread evenly: as the mean over a death at 0-12 months of one patient in 2 (n + 1)."""
    df = pd.DataFrame(dict(study="A", time=np.arange(15.0, 35), event=0))
    row = draw_effects(df, effect="log_rmst", month=12).iloc[0]
    lost = np.random.default_rng(0).uniform(0, 12, 400_000) * (np.random.default_rng(1).random(400_000) < 0.5 / 21)
    mean, variance = 12 - lost.mean(), (lost**2).mean() / 21
    assert [np.exp(row["yi"]), row["vi"]] == pytest.approx([mean, variance / mean**2], rel=0.02)


def test_one_stage_limits_stay_sane_with_three_alike_studies():
    result = pool_piecewise_exponential(simulated(3, 60, 0.1, m=20, jitter=0.2, seed=7), cuts=[6, 12, 30])
    assert 0 <= result.tau2_low <= result.tau2 < result.tau2_high < 1
    assert result.median_low > 8
    alike = pool_piecewise_exponential(simulated(3, 60, 0.1, m=20, jitter=0.2, seed=5), cuts=[6, 12, 30])
    assert alike.tau2 == 0 and np.isnan(alike.tau2_high) and "not include its uncertainty" in alike.notes[0]


def test_quantiles_where_rubin_cannot_average():
    rare = pd.DataFrame(dict(study="A", imputation=np.repeat([0, 1], 20), time=np.tile(np.arange(5.0, 25), 2), event=0))
    rows = quantiles_over_draws(rare, times=[4]).set_index("statistic")
    assert np.isnan(rows.loc["median", "value"]) and rows.loc["median", "share_not_reached"] == 1
    assert rows.loc["landmark", "value"] == 1 and 0.8 < rows.loc["landmark", "ci_low"] < 0.95
    known = quantiles_over_draws(simulated(1, 80, 0, m=40)).iloc[0]
    assert known["ci_low"] < known["value"] < known["ci_high"]
    open_ = quantiles_over_draws(simulated(1, 80, 0, m=40, jitter=0.8), times=[12])
    assert ((open_["ci_low"] < open_["ci_low_without"]) & (open_["ci_high"] > open_["ci_high_without"])).all()
    one = quantiles_over_draws(simulated(1, 80, 0), times=[12])
    np.testing.assert_allclose(one["ci_low"], one["ci_low_without"], rtol=0.05)


def test_curve_over_draws_is_the_pooled_curve_when_the_draws_are_equal():
    one = simulated(8, 60, 0.2)
    same = pd.concat([one.assign(imputation=i) for i in range(3)], ignore_index=True)
    result = pool_curves_over_draws(same, times=[6, 12, 18, 24])
    tables = pd.concat([kaplan_meier(g[["time", "event"]]).assign(study=s) for s, g in one.groupby("study")])
    plain = pool_survival_curves(tables, times=[6, 12, 18, 24])
    table = result.to_frame()
    np.testing.assert_allclose(table["survival"], plain.to_frame()["survival"], rtol=1e-9)
    assert (table["share"] < 1e-20).all() and result.structure == plain.structure
    assert result.median == pytest.approx(plain.median, rel=1e-9)
    assert result.median_high == pytest.approx(plain.median_high, rel=0.03)


def test_curve_over_draws_is_wider_with_them():
    table = pool_curves_over_draws(simulated(5, 40, 0.1, m=30, jitter=0.6), times=[6, 12], model="common").to_frame()
    assert ((table["ci_low"] < table["ci_low_without"]) & (table["ci_high"] > table["ci_high_without"])).all()
    assert (table["share"] > 0.01).all() and table["pi_low"].isna().all()


def test_curve_over_draws_names_its_studies_and_has_a_prediction_band():
    df = simulated(5, 60, 0.5, m=5)
    short = df["study"] == "S1"
    df.loc[short & (df["time"] > 10), ["time", "event"]] = 10.0, 0
    table = pool_curves_over_draws(df, times=[6, 12]).to_frame()
    assert table["studies"].tolist() == ["S0, S1, S2, S3, S4", "S0, S2, S3, S4"]
    fewest = df[(df["time"] > 6) & ~short].groupby(["study", "imputation"]).size().groupby("study").min().sum()
    assert table["n_at_risk"].tolist() == [300, fewest]
    assert ((table["pi_low"] < table["ci_low"] - 0.05) & (table["pi_high"] > table["ci_high"] + 0.02)).all()


def test_likelihood_of_the_one_stage_model_is_the_integral():
    df = simulated(4, 30, 0.5)
    cuts = np.array([6.0, 12, 36])
    events, person_time = (np.vstack(part) for part in zip(*(
        exposures(*(g[c].to_numpy()[None] for c in ("time", "event")), cuts) for _, g in df.groupby("study")
    ), strict=True))  # fmt: skip
    x = np.array([-3.1, -2.9, -3.3, np.log(0.45)])

    def study(d, e):
        def integrand(b):
            return np.exp((d * (x[:3] + b)).sum() - (e * np.exp(x[:3] + b)).sum() + 60) * norm.pdf(b, scale=0.45)

        return np.log(quad(integrand, -4, 4, epsabs=0, epsrel=1e-12, limit=200)[0]) - 60

    value, gradient = log_likelihood(x, events, person_time)
    assert value == pytest.approx(sum(study(d, e) for d, e in zip(events, person_time, strict=True)), abs=1e-8)
    for i in range(4):
        h = 1e-5 * (np.arange(4) == i)
        ends = [log_likelihood(x + sign * h, events, person_time)[0] for sign in (1, -1)]
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-5)


def test_without_heterogeneity_the_hazards_are_events_over_person_time():
    one = simulated(1, 80, 0)
    df = pd.concat([one.assign(study=s) for s in "ABC"], ignore_index=True)
    result = pool_piecewise_exponential(df, cuts=[6, 12, 36])
    rates = result.hazards["events"] / result.hazards["person_time"]
    np.testing.assert_allclose(result.hazards["hazard"], rates, rtol=1e-6)
    expected = np.exp(-np.cumsum(rates * [6, 6, 24]))
    np.testing.assert_allclose(result.to_frame()["survival"], expected, rtol=1e-5)
    assert result.tau2 == 0 and "tau is 0" in result.notes[0]


def test_one_stage_model_finds_what_made_the_data():
    result = pool_piecewise_exponential(simulated(40, 80, 0.5, seed=3), cuts=[6, 12, 18, 30])
    open_ = pool_piecewise_exponential(simulated(3, 40, 0.2, m=20, jitter=0.5), cuts=[6, 12, 30])
    assert open_.median_low < open_.median_low_without < open_.median < open_.median_high_without < open_.median_high
    assert result.tau2_low < 0.25 < result.tau2_high and result.tau2 == pytest.approx(0.25, abs=0.12)
    b = np.random.default_rng(0).normal(0, 0.5, 200_000)
    row = result.to_frame().set_index("time").loc[12.0]
    truth = np.exp(-12 / 20 * np.exp(b)).mean()
    assert row["ci_low"] < truth < row["ci_high"] and row["survival"] == pytest.approx(truth, abs=0.04)


def test_information_of_the_fit_matches_the_curvature_of_the_likelihood():
    df = simulated(12, 60, 0.5)
    cuts = np.array([6.0, 12, 36])
    events, person_time = (np.vstack(part) for part in zip(*(
        exposures(*(g[c].to_numpy()[None] for c in ("time", "event")), cuts) for _, g in df.groupby("study")
    ), strict=True))  # fmt: skip
    fit = fit_piecewise(events, person_time)
    at = np.append(fit.alpha, np.log(fit.tau))
    assert np.abs(log_likelihood(at, events, person_time)[1]).max() < 1e-4
    assert fit.log_lik == pytest.approx(log_likelihood(at, events, person_time)[0])
    assert (np.linalg.eigvalsh(fit.vcov) > 0).all()


THREE = simulated(3, 60, 0.1)
PRINTED = pd.DataFrame(dict(study=["S0", "S1", "S2"], time_months=12))
POOLERS = {
    "curve": (pool_curves_over_draws, THREE, dict(times=[6, 12])),
    "one stage": (pool_piecewise_exponential, THREE, dict(cuts=[6, 12])),
    "effects": (pool_draws, draw_effects(THREE, effect="logit", month=12), {}),
    "landmarks": (pool_landmarks, PRINTED.assign(value=0.5, se=0.1), {}),
    "medians": (pool_medians, PRINTED.assign(value=12.0, ci_low=9.0, ci_high=16.0), {}),
    "restricted means": (pool_rmst, PRINTED.assign(value=9.0, se=1.0), {}),
}


@pytest.mark.parametrize("kind", ["endpoint", "time_origin", "setting"])
@pytest.mark.parametrize("name", POOLERS)
def test_no_pool_mixes_unlike_studies_unasked(name, kind):
    function, table, options = POOLERS[name]
    pooler = partial(function, **options)
    table = table.assign(**{kind: table["study"].map({"S0": "surgery", "S1": "start_ici", "S2": None})})
    with pytest.raises(DataError, match=f"{kind} .surgery: S0; start_ici: S1; not stated: S2.*allow_mixed"):
        pooler(table)
    asked = pooler(table, allow_mixed=True)
    assert "Illustrative only" in " ".join(getattr(asked, "notes", [getattr(asked, "sentence", "")]))
    pooler(table.assign(**{kind: "same"}))


def test_kinds_of_studies_travel_with_their_effects():
    df = simulated(3, 40, 0.1, m=2).assign(setting=lambda t: t["study"].map(dict(S0="a", S1="a", S2="b")))
    with pytest.raises(DataError, match="setting .a: S0, S1; b: S2"):
        pool_draws(draw_effects(df, effect="loglog", month=12))


def test_draws_from_clicks_and_from_printed_numbers_stand_in_one_table():
    """`sample()` of clicked curves numbers its draws in the column draw."""
    df = simulated(3, 40, 0.1, m=4)
    both = df.assign(draw=df["imputation"].where(df["study"] == "S0"))
    both["imputation"] = df["imputation"].where(df["study"] != "S0")
    pd.testing.assert_frame_equal(*(draw_effects(x, effect="loglog", month=12) for x in (df, both)))
    with pytest.raises(DataError, match="40 rows have no number in imputation or draw"):
        draw_effects(both[(both["study"] != "S0") | (both["draw"] < 1)].assign(draw=np.nan), effect="loglog", month=12)
    with pytest.raises(DataError, match="one imputation"):
        kaplan_meier(both[both["study"] == "S0"].drop(columns=["imputation", "study"]))


def test_refusals():
    df = simulated(3, 30, 0.1, m=4)
    with pytest.raises(DataError, match="same number of patients"):
        draw_effects(df.drop(index=0), effect="loglog", month=12)
    with pytest.raises(DataError, match="2, 4 draws"):
        draw_effects(df[(df["study"] != "S1") | (df["imputation"] < 2)], effect="loglog", month=12)
    with pytest.raises(DataError, match="study"):
        draw_effects(df.drop(columns="study"), effect="loglog", month=12)
    with pytest.raises(DataError, match="No event between 0-0.001"):
        pool_piecewise_exponential(df, cuts=[0.001, 12])
    with pytest.raises(DataError, match="beyond the last cut"):
        pool_piecewise_exponential(df, cuts=[6, 12], times=[18])
    with pytest.raises(TooFewStudies):
        pool_piecewise_exponential(df[df["study"] == "S1"], cuts=[6, 12])
    with pytest.raises(TooFewStudies, match="min_studies"):
        pool_curves_over_draws(df[df["study"] != "S1"], times=[6, 12])


def arms(k, m, seed=4):
    df = simulated(k, 50, 0.2, m=m, jitter=0.4, seed=seed)
    return df.assign(arm=np.where(df.groupby(["study", "imputation"]).cumcount() % 2, "RT", "ICI"))


def test_hazard_ratio_over_draws_is_rubin_of_the_single_ratios():
    df, options = arms(1, 6), dict(experimental="RT", control="ICI")
    rows = [hazard_ratio(g, **options).iloc[0] for _, g in df.groupby("imputation")]
    expected = rubin([r["log_hr"] for r in rows], [r["se"] ** 2 for r in rows])
    row = hazard_ratio_over_draws(df, **options).iloc[0]
    by_hand = [*np.exp([expected.estimate, expected.ci_low, expected.within_low]), float(expected.df)]
    assert row[["hr", "ci_low", "ci_low_without", "df"]].tolist() == pytest.approx(by_hand, rel=1e-9)
    assert row["ci_low"] < row["ci_low_without"]


def test_stratified_hazard_ratio_over_equal_draws_is_the_stratified_ratio():
    one = arms(3, 1)
    df = pd.concat([one.assign(imputation=i) for i in range(4)], ignore_index=True)
    options = dict(experimental="RT", control="ICI", strata="study")
    row, single = hazard_ratio_over_draws(df, **options).iloc[0], hazard_ratio(one, **options).iloc[0]
    assert [row["hr"], row["ci_high"]] == pytest.approx([single["hr"], single["ci_high"]], rel=1e-9)
    with pytest.raises(DataError, match="1, 4 draws"):
        hazard_ratio_over_draws(df[(df["study"] != "S0") | (df["imputation"] == 0)], **options)
    with pytest.raises(DataError, match="imputation"):
        hazard_ratio_over_draws(one.drop(columns="imputation"), **options)


def test_leaving_a_study_out_is_the_pool_of_the_others():
    df = simulated(4, 50, 0.3)
    rows = leave_one_study_out(df, pool_piecewise_exponential, cuts=[6, 12]).set_index(["omitted", "time"])
    rest = pool_piecewise_exponential(df[df["study"] != "S2"], cuts=[6, 12]).to_frame().set_index("time")
    assert rows.loc[("S2", 12.0), "survival"] == rest.loc[12.0, "survival"]
    assert rows.loc[("", 12.0), "survival"] != rest.loc[12.0, "survival"]
    three = leave_one_study_out(df[df["study"] != "S0"], pool_curves_over_draws, times=[6, 12])
    assert three["note"].notna().sum() == 3 and three["omitted"].tolist() == ["", "", "S1", "S2", "S3"]


def test_events_at_time_zero_count_in_the_first_interval():
    rng = np.random.default_rng(5)
    one = pd.DataFrame({"time": np.r_[0.0, 0.0, rng.exponential(20, 38)], "event": 1})
    tables = pd.concat([kaplan_meier(one).assign(study=s) for s in "ABC"])
    options = dict(times=[6, 12], model="common")
    from_tables = pool_survival_curves(tables, **options).to_frame()
    over_draws = pool_curves_over_draws(pd.concat([one.assign(study=s) for s in "ABC"], ignore_index=True), **options)
    np.testing.assert_allclose(from_tables["survival"], over_draws.to_frame()["survival"], rtol=1e-12)
    assert from_tables["n_at_risk"].iloc[0] == 120


def test_events_and_censorings_at_time_zero_with_nothing_else_in_the_first_intervals():
    """Three patients of 20 die at 0, one is censored there, the next event comes at 8 months."""
    one = pd.DataFrame({"time": [0.0] * 4 + [8.0] * 4 + [30.0] * 12, "event": [1, 1, 1, 0] + [1] * 4 + [0] * 12})
    tables = pd.concat([kaplan_meier(one).assign(study=s) for s in "ABC"])
    table = pool_survival_curves(tables, times=[3, 6, 12], model="common").to_frame()
    assert table["n_at_risk"].tolist() == [57, 48, 48]  # without those censored at 0; 3 died there
    y = [np.arcsin(np.sqrt((n * q + 0.25) / (n + 0.5))) for n, q in ((19, 17 / 20), (16, 1), (16, 12 / 16))]
    np.testing.assert_allclose(table["survival"], np.cumprod(np.sin(y) ** 2), rtol=1e-12)


def test_draws_of_different_studies_are_not_tied_together_in_the_curve():
    one = simulated(1, 40, 0, m=60, jitter=0.5)
    twins = pd.concat([one.assign(study=s) for s in "ABCD"], ignore_index=True)
    options = dict(times=[6, 12], model="common", min_studies=1)
    alone, together = (pool_curves_over_draws(x, **options).to_frame()["share"] for x in (one, twins))
    # The variance within falls by 4 with four equal studies; so does that between draws unless they are tied.
    assert together.iloc[1] < 1.6 * alone.iloc[1]


def test_survival_of_one_in_a_draw_gets_half_a_patient():
    df = pd.DataFrame(dict(study="A", imputation=0, time=[8.0, 9, 10, 3, 12], event=[1, 1, 0, 0, 1]))
    row = draw_effects(df, effect="loglog", month=6).iloc[0]
    s = 4.5 / 5
    assert [row["yi"], row["vi"]] == pytest.approx([np.log(-np.log(s)), s * (1 - s) / 5 / (s * np.log(s)) ** 2])


def test_the_marginal_curve_averages_over_the_study_effect():
    alpha, tau, cuts = np.log([0.05, 0.08]), 0.7, np.array([6.0, 12.0])
    hazard = 6 * 0.05 + 3 * 0.08
    expected = quad(lambda b: np.exp(-hazard * np.exp(b)) * norm.pdf(b, scale=tau), -8, 8, epsabs=1e-13)[0]
    assert marginal_survival([*alpha, tau], cuts, [9.0])[0, 0] == pytest.approx(expected, rel=1e-9)


def test_strata_are_matched_in_orders_of_their_own():
    one = arms(1, 40)
    twins = pd.concat([one.assign(study=s) for s in "ABCD"], ignore_index=True)
    options = dict(experimental="RT", control="ICI")
    alone = hazard_ratio_over_draws(one, **options).iloc[0]
    together = hazard_ratio_over_draws(twins, strata="study", **options).iloc[0]
    added = [r["share"] * r["se"] ** 2 for r in (alone, together)]
    assert added[1] < 0.6 * added[0]


def test_limits_of_the_one_stage_curve_include_the_uncertainty_of_tau():
    df, cuts = simulated(8, 40, 1.6), np.array([6.0, 12, 24])
    events, person_time = (np.vstack(part) for part in zip(*(
        exposures(*(g[c].to_numpy()[None] for c in ("time", "event")), cuts) for _, g in df.groupby("study")
    ), strict=True))  # fmt: skip
    fit = fit_piecewise(events, person_time)
    drawn = np.random.default_rng(0).multivariate_normal([*fit.alpha, np.log(fit.tau)], fit.vcov / 100, 20_000)
    drawn[:, -1] = np.exp(drawn[:, -1])
    spread = 10 * np.log(-np.log(marginal_survival(drawn, cuts, cuts))).std(axis=0)
    table = pool_piecewise_exponential(df, cuts=cuts).to_frame()
    half = (np.log(-np.log(table["ci_low"])) - np.log(-np.log(table["ci_high"]))) / 2
    np.testing.assert_allclose(half / norm.ppf(0.975), spread, rtol=0.02)
