"""Two groups compared over their risk sets: log-rank, Efron's partial likelihood, test of proportional hazards.

Why not lifelines: it has no stratified log-rank test, its test of proportional hazards is the older approximation, an
infinite hazard ratio stops it, and its Cox fit ends up to 3e-8 from the maximum at its tightest tolerance. With one
0/1 covariate the model is a logistic regression of the events on the risk sets, solved here to rounding.
"""

from __future__ import annotations

from math import exp, inf, nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, chdtri, expit


class RiskSets(NamedTuple):
    """One entry per event time and stratum: at risk and events in all (n, d) and in the experimental group (n1, d1)."""

    time: np.ndarray
    n: np.ndarray
    d: np.ndarray
    n1: np.ndarray
    d1: np.ndarray


class EfronTerms(NamedTuple):
    """One entry per event: the log odds of the risk set's halves, to which the log hazard ratio adds (Efron's ties)."""

    offset: np.ndarray
    weight: np.ndarray
    time: np.ndarray
    d1_total: float


def risk_sets(time, event, group, strata=None) -> RiskSets:
    """Counts at the event times of each stratum; `group` is 1 for experimental, 0 for control."""
    time, event, group = np.asarray(time, float), np.asarray(event, int), np.asarray(group, int)
    strata = np.zeros(len(time), int) if strata is None else np.asarray(strata)
    parts = [_one_stratum(time[of], event[of], group[of]) for of in (strata == s for s in np.unique(strata))]
    return RiskSets(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _one_stratum(time, event, group):
    at = np.unique(time[event == 1])

    def waiting(times):
        return len(times) - np.searchsorted(np.sort(times), at, side="left")

    def failing(times):
        times = np.sort(times)
        return np.searchsorted(times, at, side="right") - np.searchsorted(times, at, side="left")

    one = group == 1
    return at, waiting(time), failing(time[event == 1]), waiting(time[one]), failing(time[one & (event == 1)])


def log_rank_p(sets: RiskSets) -> float:
    """p value of the log-rank test, (sum O - E)^2 / sum V over all strata; NaN where no risk set holds both groups."""
    n, d, n1, d1 = (sets[i].astype(float) for i in range(1, 5))
    share = n1 / n
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(n > 1, d * share * (1 - share) * (n - d) / (n - 1), 0.0).sum()
    return float(chdtrc(1, (d1 - d * share).sum() ** 2 / variance)) if variance > 0 else nan


def efron_terms(sets: RiskSets) -> EfronTerms:
    """One term per event in risk sets that hold both groups: n1 - (l/d) d1 against n0 - (l/d) d0, l = 0 ... d - 1."""
    both = (sets.n1 > 0) & (sets.n1 < sets.n)
    time, n, d, n1, d1 = (column[both] for column in sets)
    step = np.arange(d.sum()) - np.repeat(np.cumsum(d) - d, d)
    done = step / np.repeat(d, d)
    risk1 = np.repeat(n1, d) - done * np.repeat(d1, d)
    risk0 = np.repeat(n - n1, d) - done * np.repeat(d - d1, d)
    return EfronTerms(np.log(risk1 / risk0), np.repeat(d1 / d, d), np.repeat(time, d), float(d1.sum()))


def log_likelihood(terms: EfronTerms, beta: float) -> float:
    """Efron's log partial likelihood of the log hazard ratio, up to a constant."""
    return float(terms.d1_total * beta - np.logaddexp(0, terms.offset + beta).sum())


def efron_fit(terms: EfronTerms):
    """Log hazard ratio and its standard error by Newton's method; +-inf where all events are on one side, NaN if none.

    >>> sets = risk_sets([1, 2, 3, 4, 5], [1, 1, 1, 1, 0], [0, 1, 0, 1, 1])
    >>> beta, se = efron_fit(efron_terms(sets))
    >>> round(beta, 4), round(se, 4)
    (-1.4388, 1.2359)
    """
    total = len(terms.offset)
    if total == 0:
        return nan, nan
    if terms.d1_total in (0, total):
        return (inf if terms.d1_total else -inf), nan
    beta = 0.0
    for _ in range(100):
        p = expit(terms.offset + beta)
        step = (terms.d1_total - p.sum()) / (p * (1 - p)).sum()
        beta += float(np.clip(step, -1, 1))
        if abs(step) < 1e-12:
            break
    p = expit(terms.offset + beta)
    return beta, 1 / sqrt((p * (1 - p)).sum())


def infinite_ratio(terms: EfronTerms, beta: float, level: float):
    """Finite profile-likelihood limit of a hazard ratio of 0 or infinity, and its likelihood-ratio p value.

    At beta = -inf the log likelihood tends to 0; the limit is where twice the distance from it reaches chi-square.
    """
    from scipy.optimize import brentq

    side = 1.0 if beta > 0 else -1.0

    def distance(b):
        return float(2 * np.logaddexp(0, -side * (terms.offset + b)).sum())

    target = float(chdtri(1, 1 - level))
    edge = brentq(lambda b: distance(b) - target, -700, 700)
    low, high = (exp(edge), inf) if side > 0 else (0.0, exp(edge))
    return low, high, float(chdtrc(1, distance(0.0)))


def proportional_hazards_p(terms: EfronTerms, beta: float, transformed) -> float:
    """p value of the score test that the log hazard ratio does not change with g(time) (R's cox.zph, survival >= 3).

    U = sum g (d1 - p), chi2 = U^2 / (I_gg - I_g^2 / I), p the experimental share of each risk set at the estimate.
    """
    p = expit(terms.offset + beta)
    v = p * (1 - p)
    score = (transformed * (terms.weight - p)).sum()
    variance = (transformed**2 * v).sum() - (transformed * v).sum() ** 2 / v.sum()
    return float(chdtrc(1, score**2 / variance)) if variance > 1e-12 * (transformed**2 * v).sum() else nan
