"""Binomial-normal models against an independent optimum, rma.glmm, and direct integration where the two disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln, log_expit

import hccmeta as hm
from benchmarks.comparison import GLMM, check, load

LME4 = 5e-3  # rma.glmm rests on lme4's optimiser and 7 nodes
LOOSE = {"UM.FS": 5e-3, "UM.RS": 4e-2, "CM.EL": 4e-2}  # lme4, Laplace for UM.RS, nlminb; tau2 moves most
METHODS = tuple(LOOSE)


def compare():
    """Checks of glmm.json."""
    for record in load("glmm.json", "proportions"):
        if record["exact_ml"]:
            yield from _proportions(record)
        yield from _moderators(record)
    for record in load("glmm.json", "two_arm"):
        df = pd.DataFrame({column: record[column] for column in ("events_1", "n_1", "events_2", "n_2")})
        for method in (method for method in METHODS if record[method]):
            want, ours = record[method], hm.pool_two_arm(df, method=method, ci_method="z")
            group, where = f"two arms, {method}, rma.glmm", f"{record['id']} {method}"
            unit = max(want["se"], ours.se)
            yield check(group, where, "estimate", ours.estimate, want["estimate"], LOOSE[method], unit=unit)
            yield check(group, where, "se", ours.se, want["se"], LOOSE[method])
            yield check(group, where, "tau2", ours.tau2, want["tau2"], LOOSE[method], unit=0.01)


def _table(record):
    return pd.DataFrame({"events": record["events"], "n": record["n"], **record["moderators"]})


def _proportions(record):
    want, ours = record["exact_ml"], hm.pool_proportion(_table(record), ci_method="z")
    pairs = {"mu": ours.estimate, "se": ours.se, "tau2": ours.tau2, "logLik": ours.log_lik}
    pairs |= {} if want["boundary"] else {"LRT": ours.LRT, "se_tau": ours.se_tau2 / (2 * np.sqrt(ours.tau2))}
    for name, value in pairs.items():
        unit = {"tau2": want["se"] ** 2, "LRT": 1.0}.get(name, 0.0)
        yield check("proportions, exact optimum", record["id"], name, value, want[name], GLMM, unit=unit)
    if record["rma_glmm_t"]:
        want, ours = record["rma_glmm_t"], hm.pool_proportion(_table(record), ci_method="t")
        pi = want["pi_t_km1"] if ours.k >= 3 else [None, None]
        width = want["ci"][1] - want["ci"][0]
        yield check("proportions, rma.glmm with t", record["id"], "ci, pi",
                    [ours.ci_low, ours.ci_high, ours.pi_low, ours.pi_high], [*want["ci"], *pi], LME4,
                    unit=width)  # fmt: skip
        yield check("proportions, rma.glmm with t", record["id"], "Wald Q", ours.Q, want["QE_Wld"], LME4, unit=1e-2)


def _moderators(record):
    for key, want in record["mods"].items():
        ours = hm.proportion_regression(_table(record), "~ " + " + ".join(want["columns"]))
        where = f"{record['id']} {key}"
        yield check("proportions with moderators", where, "coefficients", ours.coefficients["estimate"], want["beta"],
                    LME4, unit=np.array(want["se"]))  # fmt: skip
        yield check("proportions with moderators", where, "se, QM", [*ours.coefficients["se"], ours.QM],
                    [*want["se"], want["QM"]], LME4)  # fmt: skip
    for by, levels in record["subgroup"].items():
        groups = hm.pool_proportion_by(_table(record), by, ci_method="z").groups
        for level, want in levels.items():
            yield check("proportions in subgroups", f"{record['id']} {by} {level}", "estimate", groups[level].estimate,
                        want["estimate"], LME4, unit=want["se"])  # fmt: skip


def likelihoods(name):
    """Log-likelihood by a dense even grid, free of the package's quadrature: at our optimum and at the reference's."""
    record = next(r for r in load("glmm.json", "proportions") if r["id"] == name)
    ours, want = hm.pool_proportion(_table(record), ci_method="z"), record["exact_ml"]
    points = (ours.estimate, ours.tau2), (want["mu"], want["tau2"])
    here, there = (direct_integration(record["events"], record["n"], mu, np.sqrt(tau2)) for mu, tau2 in points)
    return here, there, want["logLik"]


def direct_integration(events, n, mu, tau):
    """Marginal log-likelihood by the trapezoidal rule on 400,001 points from -12 to 12."""
    z = np.linspace(-12, 12, 400_001)
    eta, total = mu + tau * z, 0.0
    for x, size in zip(events, n, strict=True):
        value = x * log_expit(eta) + (size - x) * log_expit(-eta) - z * z / 2
        constant = gammaln(size + 1) - gammaln(x + 1) - gammaln(size - x + 1)
        total += constant + value.max() + np.log(np.trapezoid(np.exp(value - value.max()), z)) - np.log(2 * np.pi) / 2
    return float(total)
