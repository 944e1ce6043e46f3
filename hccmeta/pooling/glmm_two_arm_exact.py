"""Exact conditional inference on a common odds ratio, where no random-effects likelihood has a finite maximum."""

from __future__ import annotations

from math import inf, log, nan, sqrt

import numpy as np
from scipy.special import logsumexp

from hccmeta.pooling.glmm_two_arm_likelihood import hypergeometric_weights


def exact_odds_ratio(tables, level):
    """Fields of a PooledResult: conditional maximum likelihood and the exact interval of the common log odds ratio.

    All events as low (high) as the margins allow: -inf (inf) with a one-sided bound. Otherwise both tails of the
    distribution of the sum of events in arm 1 given all margins.
    """
    terms = [hypergeometric_weights(*study) for study in zip(*vars(tables).values(), strict=True)]
    low, high = tables.support
    total, alpha = tables.x1.sum(), 1 - level
    estimate, se, limits = nan, nan, (-inf, inf)
    if not terms:
        say = "no study has events and non-events: there is no information on the odds ratio"
    elif total == low.sum():
        estimate, limits = -inf, (-inf, _solve(lambda theta: _log_chance(terms, low, theta) - log(alpha)))
        say = f"no study has a higher odds in arm 1: 0 with an exact one-sided {level:.0%} upper bound"
    elif total == high.sum():
        estimate, limits = inf, (_solve(lambda theta: log(alpha) - _log_chance(terms, high, theta)), inf)
        say = f"no study has a higher odds in arm 2: infinite with an exact one-sided {level:.0%} lower bound"
    else:
        estimate = _solve(lambda theta: total - sum(mean for mean, _ in _moments(terms, theta)))
        se = 1 / sqrt(sum(variance for _, variance in _moments(terms, estimate)))
        limits = _tail_limits(terms, total, estimate, alpha / 2)
        say = "the exact conditional interval of a common odds ratio"
        if len(terms) > 1:
            say = f"every study's events lie as far on one side as its margins allow: tau2 has no finite maximum; {say}"
    kind = "One study" if len(terms) == 1 else f"{len(terms)} studies"
    return dict(
        estimate=estimate, se=se, ci_low=limits[0], ci_high=limits[1], tau2=0.0, LRT=0.0, LRT_p=1.0, ci_method="exact",
        notes=(f"Boundary result: {kind}: {say}. Heterogeneity cannot be estimated; tau2 is held at 0.",),
    )  # fmt: skip


def _log_chance(terms, at, theta):
    """Log probability that every study has exactly the events `at` in arm 1."""
    return sum(log_w[0 if x == j[0] else -1] + theta * x - logsumexp(log_w + theta * j)
               for (j, log_w), x in zip(terms, at, strict=True))  # fmt: skip


def _moments(terms, theta):
    """Mean and variance of each study's events in arm 1."""
    for j, log_w in terms:
        p = np.exp(log_w + theta * j - logsumexp(log_w + theta * j))
        mean = float(p @ j)
        yield mean, float(p @ (j - mean) ** 2)


def _tail_limits(terms, total, centre, tail):
    """Log odds ratios at which the sum of events, or a more extreme one, has probability `tail`."""
    law, lowest = np.ones(1), 0.0
    for j, log_w in terms:
        law = np.convolve(law, np.exp(log_w + centre * j - logsumexp(log_w + centre * j)))
        lowest += j[0]
    away = lowest + np.arange(len(law)) - total
    with np.errstate(divide="ignore"):
        log_law = np.log(law)
    upper, lower = away >= 0, away <= 0

    def log_tail(side, shift):
        return logsumexp(log_law[side] + shift * away[side]) - logsumexp(log_law + shift * away)

    low = _solve(lambda shift: log(tail) - log_tail(upper, shift))
    high = _solve(lambda shift: log_tail(lower, shift) - log(tail))
    return centre + low, centre + high


def _solve(falling):
    """Root of a decreasing function of the log odds ratio."""
    from scipy.optimize import brentq

    reach = 2.0
    while falling(-reach) < 0 or falling(reach) > 0:
        reach *= 2
    return float(brentq(falling, -reach, reach, xtol=1e-12))
