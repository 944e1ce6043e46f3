"""Global maximum likelihood for models with one between-study variance.

A model gives `model(theta, rows) -> log_lik, gradient, hessian` for a stack of parameter vectors (coefficients, tau),
`model.start(rows, tau)` for the coefficients at a given tau, and `model.refined()`, itself on a finer quadrature.
`rows` says which fit of the batch each vector belongs to. The likelihood is even in tau and log-concave in the
coefficients, so that several maxima can only lie at different tau.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

TAU_GRID = np.array([0.0, 0.12, 0.2, 0.32, 0.5, 0.8, 1.25, 2.0, 3.2, 5.0, 8.0, 15.0])
TAU_MAX = 100.0  # on the logit scale nothing beyond this can be told apart
TAU_UNIT = 0.2
SCAN_ORDER = 9  # of the quadrature that only has to find where the tops are


@dataclass
class Optimum:
    """Where a maximisation ended: one row per start."""

    theta: np.ndarray
    log_lik: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray

    def take(self, rows):
        return Optimum(self.theta[rows], self.log_lik[rows], self.gradient[rows], self.hessian[rows])

    def put(self, rows, other):
        for name in ("theta", "log_lik", "gradient", "hessian"):
            getattr(self, name)[rows] = getattr(other, name)


def newton_step(theta, gradient, hessian, free):
    """Ascent step (for `move`) with the absolute eigenvalues of the Hessian, and its decrement (expected gain x 2).

    tau is moved on the scale asinh(tau / TAU_UNIT): linear near 0, where the likelihood is even in tau, logarithmic
    far out, where it is closest to a parabola.
    """
    tau = theta[:, -1]
    stretch = np.ones(theta.shape)
    stretch[:, -1] = np.sqrt(1 + (tau / TAU_UNIT) ** 2)
    hessian = hessian * stretch[:, :, None] * stretch[:, None, :]
    hessian[:, -1, -1] += tau / TAU_UNIT**2 * gradient[:, -1]
    stuck = (np.abs(tau) >= TAU_MAX) & (gradient[:, -1] * tau > 0)
    if stuck.any():
        free = free.copy()
        free[:, -1] &= ~stuck
    both = free[:, :, None] & free[:, None, :]
    values, vectors = np.linalg.eigh(np.where(both, hessian, -np.eye(theta.shape[1])))
    size = np.maximum(np.abs(values), 1e-8)
    along = np.vecdot(vectors, (np.where(free, gradient, 0.0) * stretch)[:, :, None], axis=1)
    step = np.vecdot(vectors, (along / size)[:, None, :])
    step *= np.minimum(1.0, TAU_UNIT / np.maximum(np.abs(step[:, -1]), 1e-300))[:, None]
    return step, (along**2 / size).sum(1)


def move(theta, step):
    """Parameters after a step of `newton_step`."""
    moved = theta + step
    tau = TAU_UNIT * np.sinh(np.arcsinh(theta[:, -1] / TAU_UNIT) + step[:, -1] / TAU_UNIT)
    moved[:, -1] = np.clip(tau, -TAU_MAX, TAU_MAX)
    return moved


def maximise(model, theta, rows, free, *, tolerance=1e-8):
    """Newton's method with step halving, every row for itself to its own tolerance; parameters not `free` stay.

    The last step, too small to matter for the likelihood, is taken without another evaluation.
    """
    theta = np.array(theta, float)
    at = Optimum(theta, *model(theta, rows))
    step, gain = newton_step(theta, at.gradient, at.hessian, free)
    share = np.ones(len(theta))
    for _ in range(80):
        active = np.flatnonzero((gain > tolerance) & (share > 1e-6))
        if not len(active):
            break
        trial = move(at.theta[active], share[active, None] * step[active])
        new = Optimum(trial, *model(trial, rows[active]))
        better = new.log_lik >= at.log_lik[active] - 1e-13 * np.abs(at.log_lik[active])
        won = active[better]
        share[active[~better]] /= 4
        share[won] = np.minimum(1.0, 2 * share[won])
        at.put(won, new.take(better))
        step[won], gain[won] = newton_step(at.theta[won], at.gradient[won], at.hessian[won], free[won])
    final = gain <= np.minimum(tolerance, 1e-4)
    at.theta[final] = move(at.theta[final], step[final])
    at.log_lik[final] += gain[final] / 2
    at.theta[:, -1] = np.abs(at.theta[:, -1])
    return at


@dataclass
class Scan:
    """The likelihood maximised over the coefficients at every tau of the grid, and its tops; shapes (rows, grid, ...).

    Top j lies between grid points j and j + 1 (the last one: at or beyond the end), where the slope in tau turns
    from positive to negative. At tau = 0 the slope is 0 and the second derivative says whether the likelihood rises.
    """

    theta: np.ndarray
    height: np.ndarray
    is_top: np.ndarray
    top_height: np.ndarray
    start: np.ndarray


def scan(model, rows, *, held=None, value=None):
    """Scan over tau of the fits in `rows`, with coefficient `held` kept at `value` where given."""
    model, p, grid = replace(model, order=SCAN_ORDER), model.n_coefficients, len(TAU_GRID)
    repeated, taus = np.repeat(rows, grid), np.tile(TAU_GRID, len(rows))
    theta = np.column_stack([model.start(repeated, taus), taus])
    free = np.arange(p + 1) < p
    if held is not None:
        theta[:, held], free[held] = np.repeat(value, grid), False
    free = np.tile(free, (len(theta), 1))
    # At tau = 0 the second derivative decides, so there the coefficients must be at their maximum.
    tolerance = np.where(taus == 0, 1e-8, np.inf if p == 1 else 1e-3)
    at = maximise(model, theta, repeated, free, tolerance=tolerance)
    step, gain = newton_step(at.theta, at.gradient, at.hessian, free)
    shape = (len(rows), grid)
    slope = (at.gradient[:, -1] + np.vecdot(at.hessian[:, -1, :-1], step[:, :-1])).reshape(shape)
    height = (at.log_lik + np.minimum(gain, 4) / 2).reshape(shape)
    theta = (at.theta + np.clip(step, -2, 2)).reshape(*shape, p + 1)
    return _tops(theta, height, slope, at.hessian[:, -1, -1].reshape(shape)[:, 0])


def _tops(theta, height, slope, bend):
    """Place the tops by the secant of the slopes in log(tau + 0.2); their heights by cubic interpolation."""
    x = np.log(TAU_GRID + 0.2)
    rise = slope * (TAU_GRID + 0.2)
    up = np.column_stack([bend > 0, slope[:, 1:] > 0])
    is_top = up & np.column_stack([~up[:, 1:], np.ones(len(up), bool)])
    gap, before, after = np.diff(x), rise[:, :-1], rise[:, 1:]
    part = np.clip(before / np.where(before - after > 0, before - after, np.inf), 0, 1)
    tau = np.exp(x[:-1] + part * gap) - 0.2
    bend = np.maximum(bend, 0) * TAU_GRID[1]
    tau[:, 0] = TAU_GRID[1] * np.sqrt(np.clip(bend / np.where(bend > slope[:, 1], bend - slope[:, 1], np.inf), 0.01, 1))
    low, high = height[:, :-1], height[:, 1:]
    cubic = (
        low + (high - low) * part**2 * (3 - 2 * part)
        + gap * part * (1 - part) * (before * (1 - part) - after * part)
    )  # fmt: skip
    start = theta.copy()
    start[:, :-1] = np.where((part > 0.5)[:, :, None], theta[:, 1:], theta[:, :-1])
    start[:, :-1, -1] = tau
    top_height = np.where(is_top, np.column_stack([cubic, height[:, -1]]), -np.inf)
    return Scan(theta, height, is_top, top_height, start)


def global_maximum(model, n_fits):
    """Best of tau = 0 and of every top of the scan over tau: (optimum, common-effect optimum, number of maxima)."""
    p = model.n_coefficients
    fits = np.arange(n_fits)
    found = scan(model, fits)
    fit, j = np.nonzero(found.is_top)
    free = np.ones((n_fits + len(fit), p + 1), bool)
    free[:n_fits, -1] = False
    starts = np.vstack([found.theta[:, 0], found.start[fit, j]])
    found = maximise(model, starts, np.concatenate([fits, fit]), free)
    common = found.take(fits)
    moved = found.theta[n_fits:, -1] > 1e-6
    interior, fit = found.take(n_fits + np.flatnonzero(moved)), fit[moved]
    rising = common.hessian[:, -1, -1] > 1e-9 * np.abs(common.hessian[:, 0, 0])
    needed = np.where(rising, common.log_lik, common.log_lik + 1e-9)

    best = common.take(fits)
    by_height = np.lexsort((interior.log_lik, fit))
    highest = by_height[_changes(fit[by_height], last=True)]
    higher = highest[interior.log_lik[highest] > needed[fit[highest]]]
    best.put(fit[higher], interior.take(higher))

    by_tau = np.lexsort((interior.theta[:, -1], fit))
    tau, fit = interior.theta[by_tau, -1], fit[by_tau]
    distinct = _changes(fit) | _changes(np.round(np.log(tau), 2))
    return best, common, (~rising) + np.bincount(fit[distinct], minlength=n_fits)


def _changes(values, *, last=False):
    """Where a run of equal values starts, or ends."""
    differs = values[1:] != values[:-1]
    return np.append(differs, True)[: len(values)] if last else np.append(True, differs)[: len(values)]
