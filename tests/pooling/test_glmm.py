"""Binomial-normal model of proportions: R's values, direct integration, boundaries, failure paths."""

import brute_likelihood as brute
import numpy as np
import pandas as pd
import pytest
from metafor_values import load
from scipy import stats
from scipy.special import expit

import hccmeta as hm

SETS = {record["id"]: record for record in load("glmm.json", "proportions")}
EXACT = [name for name, record in SETS.items() if record["exact_ml"]]
OPTIMUM = 1e-5  # of the estimate: both sides solve the same likelihood
LOOSE_REFERENCE = {"pe_mix_0_100": 1e-4}  # its 61 nodes miss 2e-6 of the log-likelihood; see the brute-force test
LME4 = 1e-3  # rma.glmm rests on lme4's optimiser

EXTREME = {
    "tau 10": ([0, 60, 3, 0, 58, 60, 30], [60] * 7),
    "a million patients": ([200_000, 350_000, 12, 90_000], [1_000_000, 1_000_000, 1_000_000, 250_000]),
    "one patient each and one trial": ([0, 1, 1, 0, 7], [1, 1, 1, 1, 30]),
    "rare": ([0, 0, 1, 0, 2, 0], [400, 250, 900, 120, 3000, 60]),
}  # fmt: skip


def table(name):
    record = SETS[name]
    return pd.DataFrame({"events": record["events"], "n": record["n"], **record["moderators"]})


def counts(events, n):
    return pd.DataFrame({"events": events, "n": n})


@pytest.mark.parametrize("name", EXACT)
def test_optimum_and_likelihood_of_the_exact_reference(name):
    want, result = SETS[name]["exact_ml"], hm.pool_proportion(table(name), ci_method="z")
    rtol = LOOSE_REFERENCE.get(name, OPTIMUM)
    assert result.estimate == pytest.approx(want["mu"], rel=rtol)
    assert result.se == pytest.approx(want["se"], rel=rtol)
    assert result.tau2 == pytest.approx(want["tau2"], rel=rtol, abs=1e-9)
    assert result.log_lik == pytest.approx(want["logLik"], abs=rtol)
    half = stats.norm.ppf(0.975) * want["se"]
    assert (result.ci_low, result.ci_high) == pytest.approx((want["mu"] - half, want["mu"] + half), rel=rtol)
    if want["boundary"]:
        assert result.LRT == 0 and "tau2 = 0" in result.notes[0]
    else:
        assert result.LRT == pytest.approx(want["LRT"], rel=10 * rtol)
        assert result.LRT_p == pytest.approx(stats.chi2.sf(want["LRT"], 1) / 2, rel=1e-3)
        assert result.se_tau2 / (2 * np.sqrt(result.tau2)) == pytest.approx(want["se_tau"], rel=10 * rtol)


@pytest.mark.parametrize("name", [name for name in EXACT if SETS[name]["rma_glmm_t"]])
def test_t_interval_prediction_interval_and_wald_test_of_rma_glmm(name):
    want, result = SETS[name]["rma_glmm_t"], hm.pool_proportion(table(name), ci_method="t")
    scale = want["ci"][1] - want["ci"][0]
    if name not in LOOSE_REFERENCE:
        np.testing.assert_allclose([result.ci_low, result.ci_high], want["ci"], atol=LME4 * scale)
        assert result.p_value == pytest.approx(want["pval"], rel=5e-3)
        if result.k >= 3:
            np.testing.assert_allclose([result.pi_low, result.pi_high], want["pi_t_km1"], atol=LME4 * scale)
    assert result.stat_df == want["df"] and result.Q_df == want["QE_df"]
    assert result.Q == pytest.approx(want["QE_Wld"], rel=1e-4, abs=1e-4)
    assert np.isnan(result.I2)


@pytest.mark.parametrize("name", [*EXTREME, "pe_mix_0_100", "ps_k200"])
def test_log_likelihood_is_that_of_direct_integration_and_highest_there(name):
    x, n = EXTREME[name] if name in EXTREME else (SETS[name]["events"], SETS[name]["n"])
    result = hm.pool_proportion(counts(x, n), ci_method="z")
    mu, tau = result.estimate, np.sqrt(result.tau2)
    assert result.log_lik == pytest.approx(brute.binomial_normal(x, n, mu, tau), abs=1e-7)
    for shift_mu, shift_tau in ((0.02, 0), (-0.02, 0), (0, 0.02), (0, -0.02)):
        other = brute.binomial_normal(x, n, mu + shift_mu * result.se, abs(tau + shift_tau * max(tau, 0.1)))
        assert other < result.log_lik


def test_extreme_heterogeneity_is_extreme():
    assert hm.pool_proportion(counts(*EXTREME["tau 10"])).tau2 > 25


@pytest.mark.parametrize("name", ["prop_hahn2001_ctrl", "pe_k2_plain", "pe_one_event", "pe_tiny_n", "tau 10", "rare"])
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_profile_deviance_at_the_ends_of_the_interval(name, level):
    x, n = EXTREME[name] if name in EXTREME else (SETS[name]["events"], SETS[name]["n"])
    result = hm.pool_proportion(counts(x, n), level=level)
    for end in (result.ci_low, result.ci_high):
        deviance = 2 * (result.log_lik - brute.best_over_tau(x, n, end))
        assert deviance == pytest.approx(stats.chi2.ppf(level, 1), abs=1e-4)


def test_statistic_of_the_profile_is_the_signed_root_of_the_deviance_of_one_half():
    x, n = SETS["prop_hahn2001_ctrl"]["events"], SETS["prop_hahn2001_ctrl"]["n"]
    result = hm.pool_proportion(counts(x, n))
    assert result.stat == pytest.approx(-np.sqrt(2 * (result.log_lik - brute.best_over_tau(x, n, 0.0))), abs=1e-5)
    assert result.p_value == pytest.approx(2 * stats.norm.sf(-result.stat))


def test_shrunken_estimates_are_posterior_means():
    x, n = [0, 9, 30], [12, 30, 41]
    result = hm.pool_proportion(counts(x, n))
    z = np.linspace(-9, 9, 20001)
    eta = result.estimate + np.sqrt(result.tau2) * z
    for events, size, mean, sd in zip(x, n, result.studies["shrunken"], result.studies["shrunken_se"], strict=True):
        weight = stats.binom.pmf(events, size, expit(eta)) * stats.norm.pdf(z)
        weight /= weight.sum()
        assert mean == pytest.approx((weight * eta).sum(), abs=1e-6)
        assert sd == pytest.approx(np.sqrt((weight * (eta - mean) ** 2).sum()), abs=1e-6)


@pytest.mark.parametrize("method", ["z", "t", "profile"])
@pytest.mark.parametrize(("x", "p"), [([0, 0, 0], 0.0), ([10, 5, 8], 1.0)])
def test_no_events_or_only_events(method, x, p):
    shown = hm.pool_proportion(counts(x, [10, 5, 8]), ci_method=method).display
    bound = 0.05 ** (1 / 23)
    assert shown.estimate == p
    assert (shown.ci_low, shown.ci_high) == pytest.approx((0, 1 - bound) if p == 0 else (bound, 1))


def test_one_study_has_its_exact_interval():
    result = hm.pool_proportion(counts([7], [20]))
    want = stats.binomtest(7, 20).proportion_ci(method="exact")
    assert (result.display.ci_low, result.display.ci_high) == pytest.approx((want.low, want.high))
    assert result.display.estimate == pytest.approx(0.35) and result.ci_method == "exact"
    assert "Clopper-Pearson" in result.notes[0]


@pytest.mark.parametrize(("x", "n", "tau2"), [([0, 10, 0], [10, 10, 4], np.inf), ([0, 1, 0], [1, 1, 1], 0.0)])
def test_every_study_at_0_or_100_percent_is_a_coin_per_study(x, n, tau2):
    result = hm.pool_proportion(counts(x, n))
    want = stats.binomtest(1, 3).proportion_ci(method="exact")
    assert (result.display.ci_low, result.display.ci_high) == pytest.approx((want.low, want.high))
    assert result.tau2 == tau2 and result.log_lik == pytest.approx(np.log(4 / 27))
    assert "0 % or 100 %" in result.notes[0]
    if tau2 > 0:
        assert result.log_lik > brute.binomial_normal(x, n, -5, 10)


def test_missing_counts_are_kept_with_the_reason():
    result = hm.pool_proportion(counts([3, np.nan, 9], [20, 30, np.nan]))
    assert result.k == 1 and list(result.studies["included"]) == [True, False, False]
    assert result.studies["reason"].iloc[1] == "events or n missing"
    assert any("2 of 3 rows do not count" in note for note in result.notes)


def test_every_bad_count_is_named():
    with pytest.raises(hm.DataError) as error:
        hm.pool_proportion(counts([5, -1, 2.5, 3], [4, 9, 9, 0]))
    assert {(problem["row"], problem["column"]) for problem in error.value.problems} >= {
        (0, "events"), (1, "events"), (2, "events"), (3, "n")}  # fmt: skip


def test_options_are_closed_lists():
    df = counts([1, 2], [9, 9])
    for options in ({"ci_method": "HK"}, {"pi_method": "t"}, {"method": "logit"}, {"level": 95}):
        with pytest.raises(hm.MethodError):
            hm.pool_proportion(df, **options)
    with pytest.raises(hm.TooFewStudies):
        hm.pool_proportion(df.iloc[:0])
    with pytest.raises(hm.DataError):
        hm.pool_proportion_many([[1, 2]], [[3]])
    with pytest.raises(hm.DataError, match="fit 0 study 1"):
        hm.pool_proportion_many([[1, 7]], [[3, 3]])


@pytest.mark.parametrize("method", ["z", "t", "profile"])
def test_a_batch_gives_what_single_fits_give(method):
    rows = [(record["events"][:8], record["n"][:8]) for record in SETS.values()] + [([3, 1], [9, 9])]
    x, n = np.full((len(rows) + 1, 8), np.nan), np.full((len(rows) + 1, 8), np.nan)
    for i, (events, size) in enumerate(rows):
        x[i, : len(events)], n[i, : len(events)] = events, size
    batch = hm.pool_proportion_many(x, n, ci_method=method)
    for i, (events, size) in enumerate(rows):
        single = hm.pool_proportion(counts(events, size), ci_method=method)
        for name in ("estimate", "se", "ci_low", "ci_high", "tau2", "log_lik"):
            np.testing.assert_allclose(batch[name][i], getattr(single, name), rtol=1e-6, atol=1e-7, err_msg=name)
    assert batch["k"].iloc[-1] == 0 and batch.drop(columns="k").iloc[-1].isna().all()


MODERATED = [(name, key) for name, record in SETS.items() for key in record["mods"]]


@pytest.mark.parametrize(("name", "key"), MODERATED)
def test_regression_of_rma_glmm(name, key):
    want = SETS[name]["mods"][key]
    result = hm.proportion_regression(table(name), "~ " + " + ".join(want["columns"]))
    found = result.coefficients
    np.testing.assert_allclose((found["estimate"] - want["beta"]) / want["se"], 0, atol=LME4)
    np.testing.assert_allclose(found["se"], want["se"], rtol=LME4)
    assert result.tau2 == pytest.approx(want["tau2"], rel=LME4, abs=1e-6)
    assert result.QM == pytest.approx(want["QM"], rel=LME4)


@pytest.mark.parametrize(("name", "by"), [(name, by) for name, record in SETS.items() for by in record["subgroup"]])
def test_subgroups_of_rma_glmm(name, by):
    result = hm.pool_proportion_by(table(name), by)
    for level, want in SETS[name]["subgroup"][by].items():
        assert result.groups[level].estimate == pytest.approx(want["estimate"], abs=LME4 * want["se"])
    common = hm.pool_proportion_by(table(name), by, tau2="common", ci_method="z")
    regression = hm.proportion_regression(table(name).groupby(by).filter(lambda g: len(g) > 1), f"~ C({by})")
    assert common.Q_between == pytest.approx(regression.QM, rel=1e-6)
    assert common.tau2_common == pytest.approx(regression.tau2, rel=1e-6, abs=1e-9)


def test_subgroups_on_the_boundary_are_shown_and_not_tested():
    df = counts([0, 0, 3, 5, 9], [9, 8, 20, 21, 30]).assign(group=["a", "a", "b", "b", "c"])
    result = hm.pool_proportion_by(df, "group")
    assert result.groups["a"].display.estimate == 0 and np.isnan(result.groups["c"].estimate)
    assert result.df == 0 and len(result.notes) == 2


def test_moderators_that_repeat_one_another_are_refused():
    df = counts([1, 4, 6, 9], [20, 21, 22, 23]).assign(year=[1, 2, 3, 4], decade=[10, 20, 30, 40])
    with pytest.raises(hm.MethodError, match="repeat"):
        hm.proportion_regression(df, "~ year + decade")
    with pytest.raises(hm.DataError, match="century"):
        hm.proportion_regression(df, "~ century")
    with pytest.raises(hm.TooFewStudies):
        hm.proportion_regression(df.iloc[:2], "~ year")
    partly = hm.proportion_regression(df.assign(year=[1, 2, 3, np.nan]), "~ year")
    assert partly.k == 3 and partly.studies["reason"].iloc[3] == "moderator missing"
