"""Inverse-variance pooling, heterogeneity, Mantel-Haenszel and Peto against metafor."""

from __future__ import annotations

import numpy as np
import pandas as pd

import hccmeta as hm
from benchmarks.compare_effects import effects_of
from benchmarks.comparison import CLOSED, ITERATED, check, load

CLOSED_FORM = {"EE", "DL", "HE", "HS", "SJ"}
GROUPS = {"EE": "common effect", **dict.fromkeys(("DL", "HE", "HS", "SJ"), "DL, HE, HS, SJ"),
          **dict.fromkeys(("PM", "EB"), "PM, EB"), **dict.fromkeys(("REML", "ML"), "REML, ML")}  # fmt: skip
CI_METHODS = ("z", "t", "HK", "HK-adhoc")
TESTS = {"stat": "zval", "p_value": "pval", "Q": "Q", "Q_p": "Qp", "cmh": "MH", "cmh_p": "MHp", "breslow_day": "BD",
         "breslow_day_p": "BDp", "tarone": "TA", "tarone_p": "TAp"}  # fmt: skip


def compare():
    """Checks of inverse_variance.json and of the pooled values of effects.json."""
    own = {record["id"]: effects_of(record) for record in load("effects.json", "sets")}
    for record in load("inverse_variance.json", "fits"):
        if "yi" in record:
            table = pd.DataFrame({"yi": record["yi"], "vi": record["vi"]}, dtype=float)
        else:
            table = own[record["id"]][record["measure"]]
        where = f"{record['id']} {record['measure']}"
        for method, fit in record["fits"].items():
            yield from _fits(table, record, f"{where} {method}", method, fit)
        yield from _intervals_of_tau2(table, record, where)
    for record in load("effects.json", "sets"):
        yield from _without_weights(record)


def _fits(table, record, where, method, fit):
    group, tolerance = GROUPS[method], CLOSED if method in CLOSED_FORM else ITERATED
    options = {"model": "common"} if method == "EE" else {"tau2_method": method}
    for ci_method in CI_METHODS:
        if ci_method not in fit or (ci_method.startswith("HK") and method == "EE"):
            continue
        want, at = fit[ci_method], f"{where} {ci_method}"
        result = hm.pool(table, ci_method=ci_method, **options)
        names = ("estimate", "se", "ci_low", "ci_high")
        yield check(group, at, ", ".join(names), [getattr(result, name) for name in names],
                    [want[name] for name in names], tolerance, unit=want["se"])  # fmt: skip
        yield check("p values", at, "p_value", result.p_value, want["p_value"], ITERATED, unit=1e-2)
        for pi_method in ("z", "t_km1", "t_km2") if result.k >= 3 else ():
            if f"pi_{pi_method}" in want:
                again = pi_method != result.pi_method
                one = hm.pool(table, ci_method=ci_method, pi_method=pi_method, **options) if again else result
                yield check("prediction intervals", at, pi_method, [one.pi_low, one.pi_high], want[f"pi_{pi_method}"],
                            ITERATED, unit=want["se"])  # fmt: skip
        if "display" in want and result.k > 1 and ci_method == "z":
            shown = result.display
            yield check("reported scale", at, "display", [shown.estimate, shown.ci_low, shown.ci_high], want["display"],
                        ITERATED, unit=1e-3)  # fmt: skip
    if result.k > 1:
        yield from _heterogeneity(result, record, where, group, fit, tolerance)


def _heterogeneity(result, record, where, group, fit, tolerance):
    scale = record["typical_s2"]
    yield check("Q, I2 from Q", where, "Q, p, I2_Q", [result.Q, result.Q_p, result.I2_Q],
                [record["Q"], record["Q_p"], record["I2_Q"] / 100], ITERATED, unit=1e-2)  # fmt: skip
    if fit is record["fits"].get("EE"):
        return
    yield check(group, where, "tau2", result.tau2, fit["tau2"], tolerance, unit=scale)
    yield check("se of tau2", where, "se_tau2", result.se_tau2, fit["se_tau2"], ITERATED, unit=scale)
    yield check("I2, H2 from tau2", where, "I2, H2", [result.I2, result.H2], [fit["I2"] / 100, fit["H2"]], ITERATED,
                unit=1e-2)  # fmt: skip
    if "logLik" in fit:
        yield check("log-likelihood, AIC, BIC", where, "log_lik, aic, bic", [result.log_lik, result.aic, result.bic],
                    [fit["logLik"], fit["AIC"], fit["BIC"]], ITERATED, unit=1.0)  # fmt: skip


def _intervals_of_tau2(table, record, where):
    scale = record["typical_s2"]
    if "qprofile" in record:
        ours = hm.heterogeneity_interval(table)
        for name, per, unit in (("tau2", 1, scale), ("I2", 100, 1e-2), ("H2", 1, 1e-2)):
            yield check("Q-profile intervals", where, name, ours.loc[name, ["low", "high"]],
                        np.array(record["qprofile"][name]) / per, ITERATED, unit=unit)  # fmt: skip
    for likelihood in ("REML", "ML") if "profile_REML" in record else ():
        ours = hm.tau2_interval(table, method="PL", tau2_method=likelihood)
        yield check("profile-likelihood intervals of tau2", where, likelihood, ours, record[f"profile_{likelihood}"],
                    ITERATED, unit=scale)  # fmt: skip


def _without_weights(record):
    df = pd.DataFrame(record["data"])
    cases = [("Mantel-Haenszel", measure, hm.pool_mantel_haenszel(df, measure=measure), want)
             for measure, want in record.get("mantel_haenszel", {}).items()]  # fmt: skip
    if "peto" in record:
        cases.append(("Peto", "OR", hm.pool_peto(df), record["peto"]))
    for group, measure, result, want in cases:
        where = f"{record['id']} {measure}"
        yield check(group, where, "estimate, se, limits", [result.estimate, result.se, result.ci_low, result.ci_high],
                    [want["estimate"], want["se"], *want["ci"]], CLOSED, unit=want["se"])  # fmt: skip
        named = {ours: theirs for ours, theirs in TESTS.items() if want.get(theirs) is not None}
        yield check(f"{group}: tests", where, ", ".join(named), [getattr(result, name) for name in named],
                    [want[name] for name in named.values()], 10 * CLOSED, unit=1e-2)  # fmt: skip
