"""pool and the heterogeneity intervals against metafor 5.0-1, set by set."""

import numpy as np
import pytest
from metafor_values import CLOSED_FORM, ITERATED, NEAR_ZERO, agree, fits, load, tolerance

import hccmeta as hm

CASES = list(fits())
CI_METHODS = ("z", "t", "HK", "HK-adhoc")


def test_the_set_is_complete():
    records = load("inverse_variance.json", "fits")
    assert len(records) == len({(r["id"], r["measure"]) for r in records}) == 183
    assert {method for r in records for method in r["fits"]} == {"EE", "DL", "PM", "REML", "ML", "EB", "HS", "SJ", "HE"}


@pytest.mark.parametrize(("record", "effects"), CASES)
def test_pool(record, effects):
    for method, fit in record["fits"].items():
        options = {"model": "common"} if method == "EE" else {"tau2_method": method}
        rel = tolerance(method)
        for ci_method in CI_METHODS:
            if ci_method not in fit or (ci_method.startswith("HK") and method == "EE"):
                continue
            want = fit[ci_method]
            result = hm.pool(effects, ci_method=ci_method, **options)
            slack = rel * want["se"]
            for name in ("estimate", "se", "ci_low", "ci_high"):
                agree(getattr(result, name), want[name], rel, slack)
            agree(result.p_value, want["p_value"], 100 * rel, 1e-300)
            if result.k >= 3 and "pi_t_km1" in want:
                agree([result.pi_low, result.pi_high], want["pi_t_km1"], rel, slack)
            if ci_method == "z" and "display" in want and result.k > 1:
                shown = result.display
                agree([shown.estimate, shown.ci_low, shown.ci_high], want["display"], ITERATED, 1e-9)
        _heterogeneity(result, record, fit, method, rel)


def _heterogeneity(result, record, fit, method, rel):
    if result.k == 1:
        return
    scale = record["typical_s2"]
    agree([result.Q, result.Q_p, result.I2_Q], [record["Q"], record["Q_p"], record["I2_Q"] / 100], 1e-7, CLOSED_FORM)
    if method == "EE":
        return
    agree(result.tau2, fit["tau2"], rel, NEAR_ZERO * scale)
    agree(result.se_tau2, fit["se_tau2"], ITERATED, NEAR_ZERO * scale)
    agree([result.I2, result.H2], [fit["I2"] / 100, fit["H2"]], 10 * rel, NEAR_ZERO)
    if "logLik" in fit:
        agree([result.log_lik, result.aic, result.bic], [fit["logLik"], fit["AIC"], fit["BIC"]], NEAR_ZERO, 1e-7)


@pytest.mark.parametrize("pi_method", ["z", "t_km1", "t_km2"])
@pytest.mark.parametrize(("record", "effects"), CASES[::9])
def test_prediction_intervals(record, effects, pi_method):
    want = record["fits"]["REML"].get("z", {}).get(f"pi_{pi_method}")
    result = hm.pool(effects, ci_method="z", pi_method=pi_method)
    if result.k < 3 or want is None:
        assert np.isnan(result.pi_low)
    else:
        agree([result.pi_low, result.pi_high], want, ITERATED, ITERATED * result.se)


@pytest.mark.parametrize(("record", "effects"), [case for case in CASES if "qprofile" in case.values[0]])
def test_q_profile(record, effects):
    table = hm.heterogeneity_interval(effects)
    want = record["qprofile"]
    scale = NEAR_ZERO * record["typical_s2"]
    agree(table.loc["tau2", ["low", "high"]].to_numpy(float), want["tau2"], ITERATED, scale)
    agree(table.loc["I2", ["low", "high"]].to_numpy(float), np.array(want["I2"]) / 100, ITERATED, NEAR_ZERO)
    agree(table.loc["H2", ["low", "high"]].to_numpy(float), want["H2"], ITERATED, NEAR_ZERO)
    assert hm.tau2_interval(effects) == tuple(table.loc["tau2", ["low", "high"]])


@pytest.mark.parametrize("likelihood", ["REML", "ML"])
@pytest.mark.parametrize(("record", "effects"), [case for case in CASES if "profile_REML" in case.values[0]])
def test_profile_likelihood(record, effects, likelihood):
    got = hm.tau2_interval(effects, method="PL", tau2_method=likelihood)
    agree(got, record[f"profile_{likelihood}"], ITERATED, NEAR_ZERO * record["typical_s2"])
