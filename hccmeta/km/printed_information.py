"""Log weights of the softer items: limits of intervals, median follow-up, and the events still to come."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtrc, gammaln

from hccmeta.km.printed_gap import EVENT, encode
from hccmeta.km.printed_plan import Information, Plan

TAIL_QUANTILES = np.array([-1.64, -1.04, -0.67, -0.39, -0.13, 0.13, 0.39, 0.67, 1.04, 1.64])
TAIL_SD = 0.8
UNIFORM_STEP_SD = 0.58
S_IS_0 = -100.0


def log_likelihood(info: Information, now, codes, log_step, greenwood_step, n_all: int):
    """Log weight of the curve at info.time: how far it is from having crossed, or not yet crossed, what was printed."""
    done = codes < encode(info.time, 0) + 2
    log_s = now.log_s + (log_step * done).sum(1)
    greenwood = now.greenwood + (greenwood_step * done).sum(1)
    n = np.maximum(now.n - done.sum(1), 1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if info.kind == "width":
            return np.nan_to_num(-0.5 * ((0.5 * np.log(greenwood) - info.value) / info.sd) ** 2, nan=-np.inf)
        if info.kind in ("reverse KM", "all patients"):
            value = n / n_all if info.kind == "all patients" else _not_censored(now, codes, done, n_all)
            step = value / n
        else:
            value = np.where(log_s < S_IS_0, -np.inf, _distance_from_half(log_s, info.kind) / np.sqrt(greenwood))
            step = 1 / (n * np.sqrt(greenwood))
        miss = np.maximum(info.side * (info.value - value), 0)
        weight = -0.5 * (miss / np.hypot(info.sd, UNIFORM_STEP_SD * step)) ** 2
    unknown = (log_s == 0) & ~np.isfinite(weight)
    return np.where(unknown, 0.0 if info.side > 0 else -np.inf, np.nan_to_num(weight, nan=0.0, neginf=-np.inf))


def _not_censored(now, codes, done, n_all):
    """Reverse Kaplan-Meier: n / (n_all S) before the gap, and 1 - 1/r for each censoring in it."""
    at_risk = np.maximum(now.n[:, None] - np.arange(codes.shape[1]), 1)
    censored = done & ((codes & EVENT) == 0)
    return now.n / n_all * np.exp(-now.log_s) * np.prod(np.where(censored, 1 - 1 / at_risk, 1.0), axis=1)


def _distance_from_half(log_s, ci: str):
    """Distance of S from 1/2 on the scale of the interval, per unit of the standard error of log S."""
    if ci == "log":
        return log_s - np.log(0.5)
    if ci == "plain":
        return 1 - 0.5 * np.exp(-log_s)
    return (np.log(np.log(2)) - np.log(-log_s)) * -log_s


def tail_rates(plan: Plan) -> np.ndarray:
    """Hazards after the last printed time: lognormal around the mean of the last gap's and the overall hazard."""
    times, cumulative = plan.base
    if times[-1] > plan.first_seen[0] and len(times) > 1:
        overall = max(cumulative[-1], 0.5 / plan.n) / times[-1]
        last = (cumulative[-1] - cumulative[-2]) / (times[-1] - times[-2])
    else:
        share = min(0.25 if plan.events is None else (plan.events + 0.5) / (plan.n + 1), 0.9)
        overall = last = -np.log1p(-share) / plan.usual_time
    return (0.5 * last + 0.5 * overall) * np.exp(TAIL_SD * TAIL_QUANTILES)


def base_cumulative_hazard(plan: Plan, at, rate) -> np.ndarray:
    """-log S of the base curve through the printed points, carried on with `rate` after the last one."""
    return np.interp(at, *plan.base) + rate * np.maximum(at - plan.base[0][-1], 0)


def later_events(censoring, at: float, plan: Plan, rates) -> np.ndarray:
    """Probability that a patient at risk at `at` has the event under observation later, (particles, rates)."""
    times = at + (censoring.end - at)[:, None] * np.linspace(0, 1, 13)
    free = censoring.survivor(times)
    free = free / np.maximum(free[:, :1], 1e-12)
    hazard = base_cumulative_hazard(plan, times[:, :, None], rates)
    survival = np.exp(hazard[:, :1] - hazard)
    p = ((survival[:, :-1] - survival[:, 1:]) * (free[:, :-1, None] + free[:, 1:, None]) / 2).sum(1)
    return np.clip(p, 1e-9, 1 - 1e-9)


def events_still_to_come(particles, at: float, plan: Plan) -> np.ndarray:
    """Log probability that the rest of the patients supply the printed number of events (or reach its lower bound)."""
    if plan.events is None and plan.events_low == 0:
        return np.zeros(len(particles.n))
    p = later_events(particles.censoring, at, plan, tail_rates(plan))
    n = particles.n[:, None]
    if plan.events is None:
        least = np.clip(plan.events_low - particles.events, 0, None)[:, None]
        enough = np.where(least > 0, bdtrc(np.clip(least - 1, 0, n), n, p), 1.0)
        return np.where(least[:, 0] > particles.n, -np.inf, np.log(enough.mean(1) + 1e-300))
    left = plan.events - particles.events
    k = np.clip(left, 0, particles.n)[:, None]
    log_pmf = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + k * np.log(p) + (n - k) * np.log1p(-p)
    weight = np.log(np.exp(log_pmf).mean(1) + 1e-300)
    return np.where((left < 0) | (left > particles.n), -np.inf, weight)
