"""Log-likelihood of the random-effects model in tau2: its global optimum and its profile interval.

Arrays as in tau2.py: studies on axis 0, fits on axis 1, absent studies with v = inf.
The score's features are as wide as log(v + tau2) changes by about one, so its sign on a grid that is even in
log(tau2 + min v) shows every local maximum; Newton's method inside a bracket finishes each.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri

from hccmeta.errors import NotConverged

GRID_STEP = 0.25
MAX_STEPS = 200


def log_likelihood(y, v, tau2, restricted):
    """Log-likelihood at tau2, constants as metafor's logLik()."""
    present = np.isfinite(v)
    k = present.sum(0)
    w = 1 / (v + tau2)
    total = w.sum(0)
    residual = y - (w * y).sum(0) / total
    quadratic = (w * residual * residual).sum(0)
    log_variances = np.log(np.where(present, v + tau2, 1.0)).sum(0)
    if not restricted:
        return -0.5 * (k * np.log(2 * np.pi) + log_variances + quadratic)
    constant = (k - 1) * np.log(2 * np.pi) - np.log(k)
    return -0.5 * (constant + log_variances + np.log(total) + quadratic)


def likelihood_optimum(y, v, restricted):
    """tau2 at the global maximum of the (restricted) likelihood of every fit, and the number of local maxima."""
    k, floor = np.isfinite(v).sum(0), v.min(0)
    nodes = _grid(y, v, floor)
    rising = _rising(y, v, nodes, restricted) & (k > 1)
    fit, peak = np.nonzero((rising[:-1] & ~rising[1:]).T)
    at_zero = ~rising[0]
    n_maxima = np.bincount(fit, minlength=len(k)) + at_zero
    tau2 = np.zeros(len(k))
    if not len(fit):
        return tau2, n_maxima
    y_fit, v_fit = y.take(fit, axis=1), v.take(fit, axis=1)
    found = _climb(y_fit, v_fit, nodes[peak, fit], nodes[peak + 1, fit], floor[fit], restricted)
    if n_maxima.max() == 1:
        tau2[fit] = found
        return tau2, n_maxima
    best = np.where(at_zero, log_likelihood(y, v, 0.0, restricted), -np.inf)
    heights = log_likelihood(y_fit, v_fit, found, restricted)
    for height, value, where in zip(heights, found, fit, strict=True):
        if height > best[where]:
            best[where], tau2[where] = height, value
    return tau2, n_maxima


def _grid(y, v, floor):
    """Nodes (node, fit) from 0 to where the likelihood can only fall.

    With u = min v + tau2 and s2 the variance of y, y'PPy <= (k - 1) s2 / u^2 and tr P >= (k - 1) / (max v + tau2):
    no maximum has u^2 > s2 (u + max v - min v). Nor has one tau2 above the squared range of y.
    """
    present = np.isfinite(v)
    k = present.sum(0)
    spread = np.where(present, y, -np.inf).max(0) - np.where(present, y, np.inf).min(0)
    s2 = squares_about_mean(y, v, np.maximum(k, 1)) / np.maximum(k - 1, 1)
    with np.errstate(invalid="ignore"):
        widest = np.where(present, v, 0.0).max(0) - floor
        root = (s2 + np.sqrt(s2 * (s2 + 4 * widest))) / 2
        top = np.maximum(1.01 * np.minimum(root, spread**2 + floor), floor)
        length = np.where(k > 1, np.log(top / floor), 0.0)
        n = max(2, int(np.ceil(length.max(initial=0.0) / GRID_STEP)))
        return floor * np.expm1(length * (np.arange(n + 1) / n)[:, None])


def squares_about_mean(y, v, k):
    """Sum of squares about the plain mean of the studies that are present."""
    deviation = np.where(np.isfinite(v), y - y.sum(0) / k, 0.0)
    return (deviation * deviation).sum(0)


def _rising(y, v, nodes, restricted):
    """True where the likelihood rises in tau2: y'PPy > tr P (tr V^-1 for ML)."""
    if nodes.shape[1] == 1:
        square, trace = _score(y, v, nodes[:, 0], restricted)[:2]
        return (square > trace)[:, None]
    return np.array([np.greater(*_score(y, v, node, restricted)[:2]) for node in nodes])


def _score(y, v, tau2, restricted):
    """y'PPy, the trace that balances it at an optimum, and the weights, their sum and P y."""
    w = 1 / (v + tau2)
    total = w.sum(0)
    Py = w * (y - _dot(w, y) / total)
    trace = total - _dot(w, w) / total if restricted else total
    return _dot(Py, Py), trace, w, total, Py


def _dot(a, b):
    """Sum of products over the studies of each fit."""
    return np.einsum("ij,ij->j", a, b)


def _climb(y, v, low, high, floor, restricted):
    """Root of trace / y'PPy - 1 (nearly linear in tau2) in each bracket: Newton, else the bracket's middle."""
    tau2 = _middle(low, high, floor)
    for _ in range(MAX_STEPS):
        square, trace, w, total, Py = _score(y, v, tau2, restricted)
        wPy = w * Py
        slope = -2 * (_dot(wPy, Py) - wPy.sum(0) ** 2 / total)
        ww = w * w
        squares = ww.sum(0)
        trace_slope = -squares
        if restricted:
            trace_slope = trace_slope + 2 * _dot(ww, w) / total - (squares / total) ** 2
        below = square > trace
        low, high = np.where(below, tau2, low), np.where(below, high, tau2)
        with np.errstate(divide="ignore", invalid="ignore"):
            new = tau2 - (trace - square) * square / (trace_slope * square - trace * slope)
        new = np.where((new >= low) & (new <= high), new, _middle(low, high, floor))
        moved = np.abs(new - tau2)
        tau2 = new
        if (moved <= 1e-9 * (tau2 + floor)).all():
            return tau2
    raise NotConverged(f"The likelihood's maximum was not reached in {MAX_STEPS} Newton steps.")


def _middle(low, high, floor):
    return np.sqrt((low + floor) * (high + floor)) - floor


def likelihood_interval(y, v, restricted, level):
    """Profile-likelihood limits of tau2 for one fit (1-d y and v)."""
    y, v = y[:, None], v[:, None]
    floor = v.min(0)
    best, _ = likelihood_optimum(y, v, restricted)
    drop = chdtri(1, 1 - level) / 2

    def height(tau2):
        return log_likelihood(y, v, tau2, restricted) - log_likelihood(y, v, best, restricted) + drop

    nodes = np.unique(np.append(_grid(y, v, floor)[:, 0], best))
    while height(nodes[-1:])[0] >= 0:
        nodes = np.append(nodes, 2 * nodes[-1] + floor)
    inside = np.flatnonzero(height(nodes) >= 0)
    first, last = inside[0], inside[-1]
    low = 0.0 if first == 0 else _bisect(height, nodes[first - 1], nodes[first], floor)
    return low, _bisect(height, nodes[last + 1], nodes[last], floor)


def _bisect(height, outside, inside, floor):
    """Where the height crosses 0 between a point outside and one inside the interval."""
    while abs(inside - outside) > 1e-13 * (inside + floor[0]):
        middle = _middle(outside, inside, floor)[0]
        if middle in (inside, outside):
            break
        inside, outside = (middle, outside) if height(middle)[0] >= 0 else (inside, middle)
    return float(inside)
