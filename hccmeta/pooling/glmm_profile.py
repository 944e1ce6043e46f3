"""Maximum likelihood with its covariance and profile-likelihood interval, on a quadrature refined until stable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hccmeta.pooling.glmm_optimise import TAU_GRID, TAU_MAX, global_maximum, maximise, newton_step, scan

MAX_ORDER = 240


@dataclass
class Fit:
    """Maximum likelihood of a batch of fits; `root_at_zero`: signed root of the deviance at 0.

    `settled` is False where the finest quadrature still moved the result.
    """

    theta: np.ndarray
    log_lik: np.ndarray
    covariance: np.ndarray
    common_log_lik: np.ndarray
    maxima: np.ndarray
    low: np.ndarray
    high: np.ndarray
    root_at_zero: np.ndarray
    order: np.ndarray
    settled: np.ndarray


def fit_model(model, n_fits, *, root=None, index=0):
    """Global maximum, covariance and, with `root`, the profile interval of coefficient `index`."""
    best, common, maxima = global_maximum(model, n_fits)
    low, high, at_zero = (np.full(n_fits, np.nan) for _ in range(3))
    optima = [best]
    if root is not None:
        se = np.sqrt(np.abs(covariance_at(best.theta, best.hessian)[:, index, index]))
        low, high, ends, zero = profile_limits(model, best, se, root, index)
        optima += [ends, zero]
    log_lik, covariance, unstable = verify(model.refined(), optima, n_fits)
    if root is not None:
        deviance = np.maximum(2 * (log_lik[:n_fits] - log_lik[-n_fits:]), 0)
        at_zero = np.sign(best.theta[:, index]) * np.sqrt(deviance)
    result = Fit(best.theta, best.log_lik, covariance, common.log_lik, maxima, low, high, at_zero,
                 order=np.full(n_fits, model.order), settled=~np.isin(np.arange(n_fits), unstable))  # fmt: skip
    if len(unstable) and 2 * model.order < getattr(model, "max_order", MAX_ORDER):
        finer = fit_model(model.refined().take(unstable), len(unstable), root=root, index=index)
        for name, value in vars(finer).items():
            getattr(result, name)[unstable] = value
    return result


def verify(finer, optima, n_fits):
    """Log-likelihood of all optima and covariance of the first on the finer quadrature; fits that it moves."""
    theta, before = np.vstack([at.theta for at in optima]), np.concatenate([at.log_lik for at in optima])
    log_lik, gradient, hessian = finer(theta, np.tile(np.arange(n_fits), len(theta) // n_fits))
    theta, gradient, hessian = theta[:n_fits], gradient[:n_fits], hessian[:n_fits]
    moves = newton_step(theta, gradient, hessian, free_at(theta))[1] > 1e-11
    allowed = np.array([1e-8, 1e-5, 1e-5, 1e-2])[: len(before) // n_fits, None] + 1e-12 * np.abs(before[:n_fits])
    drift = (np.abs(log_lik - before).reshape(-1, n_fits) > allowed).any(0)
    return log_lik, covariance_at(theta, hessian), np.flatnonzero(moves | drift)


def free_at(theta):
    """Parameters that the likelihood can move: tau is not one at 0 or at its bound."""
    free = np.ones(theta.shape, bool)
    free[:, -1] = (theta[:, -1] > 0) & (theta[:, -1] < TAU_MAX)
    return free


def covariance_at(theta, hessian):
    """Inverse of minus the Hessian over the free parameters, 0 elsewhere."""
    free = free_at(theta)
    both = free[:, :, None] & free[:, None, :]
    return np.where(both, np.linalg.inv(np.where(both, -hessian, np.eye(free.shape[1]))), 0.0)


def profile(model, rows, start, index):
    """Maximum over everything else with coefficient `index` held where `start` has it."""
    free = np.arange(model.n_coefficients + 1) != index
    return maximise(model, start, rows, np.tile(free, (len(rows), 1)), tolerance=1e-5)


def highest_top(model, rows, value, index):
    """Start at the highest top over tau with coefficient `index` held at `value`, and the number of tops."""
    found = scan(model, rows, held=index, value=value)
    each, best = np.arange(len(rows)), found.top_height.argmax(1)
    start = found.start[each, best]
    flat = found.top_height[each, best] < found.height[:, 0]
    start[flat] = found.theta[flat, 0]
    start[:, -1] = np.maximum(start[:, -1], TAU_GRID[1] / 4)
    return start, found.is_top.sum(1) + flat


def profile_limits(model, best, se, root, index):
    """Values of coefficient `index` where the profile deviance is root**2, the optima there and at 0.

    Where tau had several tops, or the limit lies far from where they were counted, a higher ridge is looked for.
    """
    n = len(se)
    rows, side = np.tile(np.arange(n), 2), np.repeat([-1.0, 1.0], n)
    centre, top = np.tile(best.theta[:, index], 2), np.tile(best.log_lik, 2)
    inner, outer, reach = np.zeros(2 * n), np.full(2 * n, np.inf), root * np.tile(se, 2)
    with_zero = np.append(rows, np.arange(n))
    start, tops = highest_top(model, with_zero, np.append(centre + side * reach, np.zeros(n)), index)
    first = profile(model, with_zero, start, index)
    searched = np.where(tops[: 2 * n] > 1, 0.0, reach)
    ends, active = first.take(np.arange(2 * n)), np.arange(2 * n)
    for _ in range(80):
        at, now = ends.take(active), reach[active]
        deviance_root = np.sqrt(np.maximum(2 * (top[active] - at.log_lik), 0))
        inside = deviance_root < root
        inner[active], outer[active] = np.where(inside, now, inner[active]), np.where(inside, outer[active], now)
        slope = -side[active] * at.gradient[:, index] / np.maximum(deviance_root, 1e-12)
        reach[active], close = next_reach(now, deviance_root - root, slope, inner[active], outer[active])
        start = at.theta + along_ridge(at, index) * (side[active] * (reach[active] - now))[:, None]
        done = np.flatnonzero(close)
        limit = active[done]
        ends.theta[limit] = start[done]
        ends.log_lik[limit] = np.where(reach[limit] != now[done], top[limit] - root**2 / 2, at.log_lik[done])
        again = done[np.abs(reach[limit] - searched[limit]) > 0.3 * searched[limit]]
        if len(again):
            limit = active[again]
            rival = profile(model, rows[limit], highest_top(model, rows[limit], start[again, index], index)[0], index)
            searched[limit] = reach[limit]
            higher = rival.log_lik > top[limit] - root**2 / 2 + 1e-5
            start[again[higher]], again, limit = rival.theta[higher], again[higher], limit[higher]
            inner[limit], outer[limit] = reach[limit], np.inf
        going = ~close
        going[again] = True
        active, start = active[going], start[going]
        if not len(active):
            break
        start[:, index] = centre[active] + side[active] * reach[active]
        ends.put(active, profile(model, rows[active], start, index))
    return centre[:n] - reach[:n], centre[n:] + reach[n:], ends, first.take(np.arange(2 * n, 3 * n))


def next_reach(now, excess, slope, low, high):
    """Newton on the root of the deviance, which is nearly linear, inside (low, high), else outwards or halfway."""
    newton = now - excess / np.where(slope > 0, slope, np.nan)
    halfway = np.where(np.isfinite(high), (low + np.minimum(high, 1e300)) / 2, 2 * now)
    usable = (newton > low) & (newton < np.minimum(high, 3 * now))
    close = (usable & (np.abs(excess) < 3e-4)) | (high - low < 1e-9 * high)
    return np.where(usable, newton, np.where(close, now, halfway)), close


def along_ridge(at, index):
    """Derivative of the other parameters' optimum in coefficient `index`: -H_oo^-1 H_oi, with 1 for the coefficient."""
    size = at.theta.shape[1]
    others = np.arange(size) != index
    slope = np.zeros(at.theta.shape)
    slope[:, index] = 1.0
    hessian = at.hessian[:, others][:, :, others]
    solvable = np.linalg.eigvalsh(hessian)[:, -1] < 0
    hessian = np.where(solvable[:, None, None], hessian, -np.eye(size - 1))
    coupling = np.where(solvable[:, None], at.hessian[:, others, index], 0.0)
    slope[:, others] = -np.linalg.solve(hessian, coupling[..., None])[..., 0]
    return slope
