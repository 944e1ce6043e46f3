"""Piecewise-exponential survival with a normal study effect: likelihood, fit and marginal curve."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import NamedTuple

import numpy as np

from hccmeta.errors import NotConverged

NODES, WEIGHTS = np.polynomial.hermite.hermgauss(30)
SMALLEST_TAU = 1e-4
STARTS = (0.3, 0.03)


class PiecewiseFit(NamedTuple):
    """Log hazards per interval and log tau with their covariance (tau's row is 0 where tau ends at 0), and the fit."""

    alpha: np.ndarray
    tau: float
    vcov: np.ndarray
    log_lik: float


def exposures(time, event, cuts):
    """Events and person-time of every draw in the intervals (0, c1], (c1, c2], ..., both (m, p); no later time."""
    low = np.concatenate([[0.0], cuts[:-1]])
    spent = np.clip(time[:, :, None] - low, 0, np.asarray(cuts) - low).sum(axis=1)
    inside = (time[:, :, None] > low) & (time[:, :, None] <= cuts) | ((time[:, :, None] == 0) & (low == 0))
    return (inside & (event[:, :, None] == 1)).sum(axis=1).astype(float), spent


def log_likelihood(parameters, events, person_time):
    """Log likelihood of (alpha, log tau) and its gradient; events, person_time (k, p).

    Given b ~ N(0, tau^2), events_ij is Poisson with mean person_time_ij exp(alpha_j + b_i). The integral over b is by
    Gauss-Hermite quadrature around the mode of each study. Constants without parameters are left out.
    """
    alpha, tau = parameters[:-1], np.exp(parameters[-1])
    total, mean = events.sum(axis=1), person_time @ np.exp(alpha)
    mode, spread = _modes(total, mean, tau)
    b = mode[:, None] + sqrt(2) * spread[:, None] * NODES
    terms = b * total[:, None] - mean[:, None] * np.exp(b) - b**2 / (2 * tau**2) + NODES**2 + np.log(WEIGHTS)
    top = terms.max(axis=1, keepdims=True)
    share = np.exp(terms - top)
    norm = share.sum(axis=1, keepdims=True)
    share /= norm
    value = ((events * alpha).sum(axis=1) + top[:, 0] + np.log(norm[:, 0]) + np.log(spread / tau) - log(pi) / 2).sum()
    frailty = (share * np.exp(b)).sum(axis=1)
    slope = events.sum(axis=0) - np.exp(alpha) * (frailty @ person_time)
    slope_tau = ((share * b**2).sum(axis=1) / tau**2 - 1).sum()
    return float(value), np.append(slope, slope_tau)


def _modes(total, mean, tau):
    """Mode of b given each study's events and its spread there, by Newton's method on a concave function."""
    b = np.zeros(len(total))
    for _ in range(60):
        curvature = mean * np.exp(b) + 1 / tau**2
        step = (total - mean * np.exp(b) - b / tau**2) / curvature
        b = b + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-12:
            break
    return b, 1 / np.sqrt(mean * np.exp(b) + 1 / tau**2)


def fit_piecewise(events, person_time) -> PiecewiseFit:
    """Maximum likelihood of the piecewise-exponential model with a normal study effect."""
    from scipy.optimize import minimize

    rates = np.log(events.sum(axis=0) / person_time.sum(axis=0))
    lowest = log(SMALLEST_TAU)

    def minus(x):
        value, gradient = log_likelihood(x, events, person_time)
        return -value, -gradient

    options = dict(jac=True, method="L-BFGS-B", bounds=[(None, None)] * len(rates) + [(lowest, 3.0)],
                   options=dict(ftol=1e-14, gtol=1e-8, maxiter=500))  # fmt: skip
    best = min((minimize(minus, np.append(rates, log(tau)), **options) for tau in STARTS), key=lambda found: found.fun)
    if not np.isfinite(best.fun) or np.abs(best.jac[:-1]).max() > 1e-3:
        raise NotConverged("The piecewise-exponential model did not reach its maximum; use fewer intervals.")
    alpha, at_zero = best.x[:-1], best.x[-1] < lowest + 1e-6 or np.exp(best.x[-1]) < 1e-3
    free = len(alpha) if at_zero else len(alpha) + 1
    vcov = np.zeros((len(alpha) + 1, len(alpha) + 1))
    vcov[:free, :free] = np.linalg.inv(_information(best.x, events, person_time)[:free, :free])
    return PiecewiseFit(alpha, 0.0 if at_zero else float(np.exp(best.x[-1])), vcov, -float(best.fun))


def _information(x, events, person_time):
    """Negative second derivatives from central differences of the gradient."""
    step, rows = 1e-5, []
    for i in range(len(x)):
        ends = [log_likelihood(x + sign * step * (np.arange(len(x)) == i), events, person_time)[1] for sign in (1, -1)]
        rows.append((ends[1] - ends[0]) / (2 * step))
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def marginal_survival(parameters, cuts, times):
    """Survival averaged over the study effect, E_b exp(-H(t) exp(b)); parameters (..., p + 1) with tau last."""
    parameters = np.atleast_2d(parameters)
    low = np.concatenate([[0.0], cuts[:-1]])
    spent = np.clip(np.asarray(times, float)[:, None] - low, 0, np.asarray(cuts) - low)
    hazard = np.exp(parameters[:, :-1]) @ spent.T
    b = sqrt(2) * parameters[:, -1:] * NODES
    return (np.exp(-hazard[:, :, None] * np.exp(b)[:, None, :]) * WEIGHTS).sum(axis=2) / sqrt(pi)
