"""tau2 left over by a model with moderators, for one fit: y ~ N(X beta, v + tau2), columns of X independent.

P = W - W X (X'WX)^-1 X'W is never formed: with p columns every step costs k p^2. The likelihood's grid and the
concavity of 1/Q are those of likelihood.py and tau2.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hccmeta.errors import NotConverged
from hccmeta.pooling.likelihood import GRID_STEP
from hccmeta.pooling.tau2 import large_sample_se

MAX_STEPS = 200


class WeightedFit(NamedTuple):
    """Weighted least squares at one tau2: weights, (X'WX)^-1, coefficients, P y, Q = y'Py, and the trace of P."""

    w: np.ndarray
    vcov: np.ndarray
    beta: np.ndarray
    Py: np.ndarray
    Q: float
    trace: float


def weighted_fit(y, v, X, tau2):
    """Weighted least squares with weights 1 / (v + tau2)."""
    w = 1 / (v + tau2)
    root = np.sqrt(w)
    q, r = np.linalg.qr(root[:, None] * X)
    projected = q.T @ (root * y)
    inverse = np.linalg.inv(r)
    residual = root * y - q @ projected
    trace = float((w * (1 - (q * q).sum(1))).sum())
    return WeightedFit(w, inverse @ inverse.T, inverse @ projected, root * residual, float(residual @ residual), trace)


def residual_tau2(y, v, X, method):
    """tau2 >= 0 of the model with moderators X (k, p) by any of the eight estimators."""
    k, p = X.shape
    if k <= p:
        return 0.0
    if method in ("REML", "ML"):
        return _likelihood_optimum(y, v, X, method == "REML")
    if method in ("PM", "EB"):
        return _solve_Q(y, v, X, k - p)
    if method in ("DL", "HS"):
        fit = weighted_fit(y, v, X, 0.0)
        tau2 = (fit.Q - (k - p)) / fit.trace if method == "DL" else (fit.Q - k) / fit.w.sum()
    else:
        plain = weighted_fit(y, np.ones(k), X, 0.0)
        leverage = ((X @ plain.vcov) * X).sum(1)
        crude = plain.Q / k  # metafor starts SJ from the variance of y, which rises with what the moderators explain
        if method == "HE":
            tau2 = (plain.Q - (v * (1 - leverage)).sum()) / (k - p)
        else:
            tau2 = crude * weighted_fit(y, v, X, crude).Q / (k - p)
    return max(0.0, float(tau2))


def se_of_residual_tau2(y, v, X, tau2, method):
    """Large-sample standard error of the tau2 of `residual_tau2`, by the formula of each estimator in metafor."""
    k, p = X.shape

    def squared_projection(w, a, b):
        """a'(P o P) b; rows near which P has no digits to spare (at most 2 p of them) entry by entry."""
        basis = np.linalg.qr(np.sqrt(w)[:, None] * X)[0]
        leverage = (basis * basis).sum(1)
        heavy = leverage > 0.5
        a, b = a * w, b * w
        squares = ((np.flatnonzero(heavy)[:, None] == np.arange(k)) - basis[heavy] @ basis.T) ** 2
        total = a[heavy] @ squares @ b + b[heavy] @ squares[:, ~heavy] @ a[~heavy]
        a, b, basis = a[~heavy], b[~heavy], basis[~heavy]
        across = ((basis.T * a) @ basis) * ((basis.T * b) @ basis)
        return total + (a * b * (1 - 2 * leverage[~heavy])).sum() + across.sum()

    return large_sample_se(v, tau2, method, k - p, weighted_fit(y, np.ones(k), X, 0.0).Q / k, squared_projection)


def residual_log_likelihood(y, v, X, tau2, restricted):
    """Log-likelihood at tau2, constants as metafor's logLik()."""
    k, p = X.shape
    fit = weighted_fit(y, v, X, tau2)
    value = -0.5 * (k * np.log(2 * np.pi) + np.log(v + tau2).sum() + fit.Q)
    if restricted:
        design = np.linalg.slogdet(X.T @ X)[1] + np.linalg.slogdet(fit.vcov)[1]
        value += 0.5 * (p * np.log(2 * np.pi) + design)
    return float(value)


def _trace_PP(fit, X):
    """tr PP from k x p sums; exact enough for a slope."""
    w, inner = fit.w, fit.vcov @ (X.T * fit.w**2) @ X
    cubic = fit.vcov @ (X.T * fit.w**3) @ X
    return (w * w).sum() - 2 * np.trace(cubic) + (inner * inner.T).sum()


def _solve_Q(y, v, X, target):
    """Newton's method from 0 on 1/Q, which is concave and increasing in tau2."""
    tau2 = 0.0
    for _ in range(MAX_STEPS):
        fit = weighted_fit(y, v, X, tau2)
        step = fit.Q * (fit.Q / target - 1) / (fit.Py @ fit.Py) if fit.Q > target else 0.0
        tau2 += step
        if step <= 1e-10 * (tau2 + v.min()):
            return float(tau2)
    raise NotConverged(f"Q(tau2) = k - p was not solved in {MAX_STEPS} Newton steps.")


def _score(y, v, X, tau2, restricted):
    """y'PPy and the trace that balances it at an optimum, with their slopes in tau2."""
    fit = weighted_fit(y, v, X, tau2)
    w, Py = fit.w, fit.Py
    across = X.T @ (w * Py)
    slope = -2 * ((w * Py * Py).sum() - across @ fit.vcov @ across)
    trace, squared_trace = (fit.trace, _trace_PP(fit, X)) if restricted else (w.sum(), (w * w).sum())
    return Py @ Py, trace, slope, -squared_trace


def _likelihood_optimum(y, v, X, restricted):
    """Global maximum: every sign change of the score on the grid, finished by Newton's method, highest kept."""
    floor = v.min()
    top = 1.01 * _residual_bound(y, X)
    n = max(2, int(np.ceil(np.log1p(top / floor) / GRID_STEP)))
    nodes = floor * np.expm1(np.linspace(0, np.log1p(top / floor), n + 1))
    rising = np.array([np.greater(*_score(y, v, X, node, restricted)[:2]) for node in nodes])
    peaks = [_climb(y, v, X, nodes[j], nodes[j + 1], floor, restricted)
             for j in np.flatnonzero(rising[:-1] & ~rising[1:])]  # fmt: skip
    candidates = peaks if rising[0] else [0.0, *peaks]
    if len(candidates) == 1:
        return float(candidates[0])
    return float(max(candidates, key=lambda tau2: residual_log_likelihood(y, v, X, tau2, restricted)))


def _residual_bound(y, X):
    """Residual sum of squares R: y'PPy <= tr P * R / (min v + tau2), so the likelihood only falls beyond tau2 = R."""
    fit = weighted_fit(y, np.ones(len(y)), X, 0.0)
    return max(fit.Q, np.finfo(float).tiny)


def _climb(y, v, X, low, high, floor, restricted):
    tau2 = np.sqrt((low + floor) * (high + floor)) - floor
    for _ in range(MAX_STEPS):
        square, trace, slope, trace_slope = _score(y, v, X, tau2, restricted)
        low, high = (tau2, high) if square > trace else (low, tau2)
        bend = trace_slope * square - trace * slope
        new = tau2 - (trace - square) * square / bend if bend else np.nan
        if not low <= new <= high:
            new = np.sqrt((low + floor) * (high + floor)) - floor
        moved, tau2 = abs(new - tau2), new
        if moved <= 1e-9 * (tau2 + floor):
            return tau2
    raise NotConverged(f"The likelihood's maximum was not reached in {MAX_STEPS} Newton steps.")
