"""Two-arm binomial-normal models: metafor's values, direct integration, exact results on the boundary."""

import brute_likelihood as brute
import numpy as np
import pandas as pd
import pytest
from metafor_values import load
from scipy import optimize, stats

import hccmeta as hm

SETS = {record["id"]: record for record in load("glmm.json", "two_arm")}
COLUMNS = ("events_1", "n_1", "events_2", "n_2")
METHODS = ("UM.FS", "UM.RS", "CM.EL")
LOOSE = {"UM.FS": 3e-3, "UM.RS": 1e-2, "CM.EL": 1e-3}  # in standard errors: lme4 (Laplace for UM.RS), nlminb stop early
FALSE_SE = {"bin_hahn2001", "bs_notau"}  # rma.glmm's CM.EL prints a standard error of 5e-7 there


def table(name):
    return pd.DataFrame({column: SETS[name][column] for column in COLUMNS})


def trials(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def informative(df):
    total = df["events_1"] + df["events_2"]
    return df[(total > 0) & (total < df["n_1"] + df["n_2"])].to_numpy(float)


@pytest.mark.parametrize(("name", "method"), [(n, m) for n in SETS for m in METHODS if SETS[n][m]])
def test_estimates_of_rma_glmm(name, method):
    want, result = SETS[name][method], hm.pool_two_arm(table(name), method=method, ci_method="z")
    false_se = method == "CM.EL" and name in FALSE_SE
    slack = 2e-3 * result.se if false_se else LOOSE[method] * want["se"]
    assert result.estimate == pytest.approx(want["estimate"], abs=slack)
    assert result.tau2 == pytest.approx(want["tau2"], rel=0.04, abs=2e-4)
    if not false_se:
        assert result.se == pytest.approx(want["se"], rel=1e-2)


def test_the_higher_of_two_maxima_over_tau2_is_reported():
    result = hm.pool_two_arm(table("be_onezero"), method="UM.FS")
    tables = informative(table("be_onezero"))
    assert result.tau2 == pytest.approx(0.4436, abs=1e-3)
    assert any("2 local maxima" in note for note in result.notes)
    at_zero = max(brute.fixed_study_effects(tables, theta, 0.0) for theta in np.linspace(-0.92, -0.86, 13))
    here = brute.fixed_study_effects(tables, result.estimate, np.sqrt(result.tau2))
    assert here > at_zero > brute.fixed_study_effects(tables, -0.8956, 0.3)


@pytest.mark.parametrize("name", ["bin_nielweise2007", "be_onezero", "bs_k12"])
def test_conditional_likelihood_is_that_of_scipy(name):
    result, tables = hm.pool_two_arm(table(name), method="CM.EL"), informative(table(name))
    tau = np.sqrt(result.tau2)
    assert result.log_lik == pytest.approx(brute.conditional(tables, result.estimate, tau), abs=1e-6)
    for shift_theta, shift_tau in ((0.02, 0), (-0.02, 0), (0, 0.05), (0, -0.05)):
        other = brute.conditional(tables, result.estimate + shift_theta * result.se, tau * (1 + shift_tau))
        assert other < result.log_lik


def test_conditional_likelihood_of_large_trials():
    df = trials((4000, 10_000, 3900, 10_000), (400, 1000, 350, 1100), (39_000, 99_000, 40_000, 98_000))
    result = hm.pool_two_arm(df, method="CM.EL", ci_method="profile")
    here = brute.conditional(df.to_numpy(float), result.estimate, np.sqrt(result.tau2))
    assert result.log_lik == pytest.approx(here, abs=1e-6)


@pytest.mark.parametrize("name", ["be_onezero", "bin_collins1985b", "bin_nielweise2007"])
def test_fixed_study_effects_likelihood_is_that_of_direct_integration(name):
    df, tables = table(name), informative(table(name))
    fixed = hm.pool_two_arm(df, method="UM.FS")
    want = brute.fixed_study_effects(tables, fixed.estimate, np.sqrt(fixed.tau2))
    assert fixed.log_lik == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("name", ["be_onezero", "bin_nielweise2007"])
def test_random_study_effects_likelihood_is_that_of_direct_integration(name):
    df, tables = table(name), informative(table(name))
    random = hm.pool_two_arm(df, method="UM.RS")
    middle, sd = _best_study_effects(tables, random)
    want = brute.random_study_effects(tables, random.estimate, middle, sd, np.sqrt(random.tau2))
    assert random.log_lik == pytest.approx(want, abs=1e-5)


def _best_study_effects(tables, result):
    def negative(t):
        return -brute.random_study_effects(tables, result.estimate, t[0], abs(t[1]), np.sqrt(result.tau2))

    return optimize.minimize(negative, [-2.0, 0.6], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-7}).x


@pytest.mark.parametrize("method", METHODS)
def test_profile_interval_of_the_odds_ratio(method):
    df = table("be_onezero")
    result = hm.pool_two_arm(df, method=method, ci_method="profile")
    wald = hm.pool_two_arm(df, method=method, ci_method="z")
    assert result.ci_low < result.estimate < result.ci_high
    assert (result.estimate, result.tau2) == pytest.approx((wald.estimate, wald.tau2), rel=1e-8)
    if method == "CM.EL":
        tables = informative(df)
        for end in (result.ci_low, result.ci_high):
            best = optimize.minimize_scalar(lambda t, end=end: -brute.conditional(tables, end, t), bounds=(0.3, 9),
                                            method="bounded")  # fmt: skip
            assert 2 * (result.log_lik + best.fun) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_swapping_arms_or_events_turns_the_sign_and_order_does_not_matter(method):
    df = table("bs_rare")
    result = hm.pool_two_arm(df, method=method, ci_method="t")
    swapped = df.set_axis(["events_2", "n_2", "events_1", "n_1"], axis=1)
    others = df.assign(events_1=df["n_1"] - df["events_1"], events_2=df["n_2"] - df["events_2"])
    for other, sign in ((swapped, -1), (others, -1), (df.sample(frac=1, random_state=1), 1)):
        again = hm.pool_two_arm(other, method=method, ci_method="t")
        assert again.estimate == pytest.approx(sign * result.estimate, abs=1e-6)
        assert again.tau2 == pytest.approx(result.tau2, abs=1e-6)
        assert again.log_lik == pytest.approx(result.log_lik, abs=1e-6)


def test_double_zero_studies_do_not_count_and_say_why():
    df = trials((0, 10, 0, 12), (3, 20, 6, 21), (2, 30, 5, 29), (9, 9, 8, 8), (np.nan, 9, 1, 8))
    result = hm.pool_two_arm(df)
    alone = hm.pool_two_arm(df.iloc[1:3])
    assert result.k == 2 and result.estimate == alone.estimate
    reasons = ["no events in either arm", "", "", "only events in both arms", "count missing"]
    assert list(result.studies["reason"]) == reasons
    assert any("3 of 5 rows do not count" in note for note in result.notes)


@pytest.mark.parametrize("method", METHODS)
def test_one_study_has_the_exact_conditional_interval(method):
    result = hm.pool_two_arm(trials((3, 10, 5, 12)), method=method)
    want = stats.contingency.odds_ratio(np.array([[3, 7], [5, 7]]), kind="conditional")
    interval = want.confidence_interval(0.95)
    assert result.display.estimate == pytest.approx(want.statistic, rel=1e-6)
    assert (result.display.ci_low, result.display.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-6)
    assert result.ci_method == "exact" and "Boundary result" in result.notes[0]


@pytest.mark.parametrize("method", METHODS)
def test_no_events_in_one_arm_gives_a_one_sided_bound(method):
    df = trials((0, 10, 5, 12), (0, 20, 3, 20))
    result = hm.pool_two_arm(df, method=method)
    chance = np.prod([stats.nchypergeom_fisher.pmf(0, n1 + n2, n1, x1 + x2, np.exp(result.ci_high))
                      for x1, n1, x2, n2 in df.to_numpy()])  # fmt: skip
    assert result.display.estimate == 0 and result.ci_low == -np.inf
    assert chance == pytest.approx(0.05, rel=1e-6)
    mirrored = hm.pool_two_arm(df.set_axis(["events_2", "n_2", "events_1", "n_1"], axis=1), method=method)
    assert (mirrored.ci_low, mirrored.ci_high) == pytest.approx((-result.ci_high, np.inf))


def test_nothing_raises_without_information():
    result = hm.pool_two_arm(trials((0, 10, 0, 12), (5, 5, 6, 6)))
    assert result.k == 0 and np.isnan(result.estimate) and (result.ci_low, result.ci_high) == (-np.inf, np.inf)
    coin = hm.pool_two_arm(trials((0, 10, 5, 12), (4, 20, 0, 20)))
    assert coin.ci_low < coin.estimate < coin.ci_high and "no finite maximum" in coin.notes[0]


def test_refusals():
    df = trials((3, 10, 5, 12))
    with pytest.raises(hm.MethodError, match="UM.FS"):
        hm.pool_two_arm(df, method="UM")
    with pytest.raises(hm.DataError):
        hm.pool_two_arm(trials((13, 10, 5, 12)))
    with pytest.raises(hm.TooFewStudies):
        hm.pool_two_arm(trials((np.nan, 10, 5, 12)))
