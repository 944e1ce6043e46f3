"""Exact answers where the binomial-normal likelihood has no interior maximum.

One study, or all patients (none) with the event: the patients are one binomial sample. Every study at 0 % or 100 %,
with both kinds present: the likelihood rises to that of a coin per study as tau2 grows, so the studies are the sample.
"""

from __future__ import annotations

from math import log, nan, sqrt

import numpy as np
from scipy.special import gammaln, logit, ndtr, xlog1py, xlogy

from hccmeta.effects.proportion import proportion_ci


def on_boundary(events, n):
    """Whether the last axis, the studies of a fit (n = 0: absent), has no interior maximum."""
    return ((n > 0).sum(-1) == 1) | ((events == 0) | (events == n)).all(-1)


def exact_sample(events, n):
    """Successes and trials that carry the information, and the tau2 at which the likelihood is highest."""
    k, total, patients = (n > 0).sum(-1), events.sum(-1), n.sum(-1)
    coin = (k > 1) & (total > 0) & (total < patients)
    full = ((events == n) & (n > 0)).sum(-1)
    tau2 = np.where(coin & (n > 1).any(-1), np.inf, 0.0)
    return np.where(coin, full, total), np.where(coin, k, patients), tau2


def exact_fits(events, n, level):
    """Estimate, se, limits, tau2 and log-likelihood of every fit from its exact sample; NaN without studies."""
    x, trials, tau2 = exact_sample(events, n)
    absent = trials == 0
    trials = np.where(absent, 1.0, trials)
    low, high = proportion_ci(x, trials, level=level)
    bound = (1 - level) ** (1 / trials)
    low, high = np.where(x == trials, bound, low), np.where(x == 0, 1 - bound, high)
    p = x / trials
    information = x * (1 - p)
    with np.errstate(divide="ignore"):
        se = np.where(information > 0, 1 / np.sqrt(information), nan)
    columns = dict(estimate=logit(p), se=se, ci_low=logit(low), ci_high=logit(high), tau2=tau2,
                   log_lik=xlogy(x, p) + xlog1py(trials - x, -p))  # fmt: skip
    columns["log_lik"] += (gammaln(n + 1) - gammaln(events + 1) - gammaln(n - events + 1)).sum(-1)
    return {name: np.where(absent, nan, value) for name, value in columns.items()}


def boundary_record(events, n, level):
    """Fields of a PooledResult on the boundary, with the sentence that says so."""
    fit = {name: float(value[0]) for name, value in exact_fits(events[None, :], n[None, :], level).items()}
    x, trials, tau2 = (float(value) for value in exact_sample(events, n))
    k, total, patients, log_lik = len(events), events.sum(), n.sum(), fit["log_lik"]
    p = total / patients
    common = log_lik if trials == patients else float(xlogy(total, p) + xlog1py(patients - total, -p))
    ratio = max(0.0, 2 * (log_lik - common))
    parameters = 1 if ratio == 0 else 2
    return dict(
        **fit, aic=2 * parameters - 2 * log_lik, bic=parameters * log(k) - 2 * log_lik, LRT=ratio,
        LRT_p=mixture_p(ratio), ci_method="exact",
        notes=(f"Boundary result: {sentence_of(k, x, trials, tau2, level)}",),
    )  # fmt: skip


def sentence_of(k, x, trials, tau2, level):
    """What the exact interval rests on."""
    if 0 < x < trials and k > 1:
        reason = "tau2 has no finite maximum" if tau2 > 0 else "with one patient each, tau2 cannot be estimated"
        return (
            f"every study is at 0 % or 100 % and {reason}; the estimate is the share of studies at 100 % "
            f"({x:.0f} of {trials:.0f}) with the Clopper-Pearson interval of that share."
        )
    who = "one study" if k == 1 else f"{k} studies taken as one sample"
    if x == 0:
        limits = f"no events; 0 with an exact one-sided {level:.0%} upper bound"
    elif x == trials:
        limits = f"events in all; 1 with an exact one-sided {level:.0%} lower bound"
    else:
        limits = "its own proportion with the exact Clopper-Pearson interval"
    return f"{who} of {trials:.0f} patients, {limits}. Heterogeneity cannot be estimated."


def mixture_p(ratio):
    """Upper tail of half chi2(0) + half chi2(1): the law of the likelihood ratio when tau2 = 0 is the edge."""
    return float(ndtr(-sqrt(ratio))) if ratio > 0 else 1.0
