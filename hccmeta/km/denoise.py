"""Clicks on a Kaplan-Meier figure: order along the curve, monotone path, size of the click noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

USUAL_NOISE = 0.006
DAY = 12 / 365.25
THIRD_DIGIT = 6e-4


@dataclass(frozen=True)
class Path:
    """Clicks in their order along the curve: as clicked and moved onto a monotone path.

    `sigma` is the noise of S from the distance between the two, on `moved` degrees of freedom. Clicks that are
    `monotone` as they stand are taken as `exact` if some share their time or survival with a neighbour.
    """

    raw_time: np.ndarray
    raw_survival: np.ndarray
    time: np.ndarray
    survival: np.ndarray
    sigma: float
    rounding: float
    moved: int
    monotone: bool
    exact: bool
    time_noise: float

    @property
    def end(self) -> float:
        return float(self.time[-1])


def monotone_path(time, survival, *, time_noise: float) -> Path:
    """Least-squares monotone path through noisy clicks.

    With X = t/(r tmax), r the ratio of time noise to survival noise, a Kaplan-Meier polyline only moves right (X up)
    or down (S down), so X - S orders the clicks along it; in that order time and survival are each an isotonic
    regression. Both noises count alike and exact clicks stay where they are.
    """
    time, survival = _with_origin(np.asarray(time, float), np.asarray(survival, float))
    scale = time_noise * time.max()
    order = np.lexsort((time, time / scale - survival))
    t, s = time[order], survival[order]
    weights = np.ones(len(t))
    weights[0] = 1e6
    fitted_t, fitted_s = _isotonic(t, weights), -_isotonic(-s, weights)
    step = decimal_step(survival, coarsest=3)
    rounding = step / np.sqrt(12)
    residual = np.concatenate([(t - fitted_t) / scale, s - fitted_s])
    monotone = bool(np.abs(residual).max() <= step)
    exact = monotone and bool(((np.diff(t) == 0) | (np.diff(s) == 0)).any())
    moved = 2 * len(t) - len(np.unique(fitted_t)) - len(np.unique(fitted_s))
    sigma = rounding if monotone else float(np.sqrt((residual**2).sum() / max(moved, 1)))
    return Path(t, s, fitted_t, fitted_s, max(sigma, rounding), rounding, moved, monotone, exact, time_noise)


def decimal_step(values, coarsest: int = 1) -> float:
    """Largest power of ten, from 10^-coarsest to 1e-7, that all values are whole multiples of."""
    for digits in range(coarsest, 7):
        scaled = np.asarray(values) * 10.0**digits
        if np.abs(scaled - np.round(scaled)).max() < 1e-4:
            return 10.0**-digits
    return 1e-7


def time_step(times: np.ndarray) -> float:
    """Step to which times are given: a decimal one, or weeks or days written in months."""
    for step in (7 * DAY, DAY):
        if np.abs(times - step * np.round(times / step)).max() < THIRD_DIGIT:
            return max(step, decimal_step(times, coarsest=0))
    return decimal_step(times, coarsest=0)


def _with_origin(time, survival):
    """Clicks clipped to the axes, with the start (0, 1) known to lie on every curve."""
    time, survival = np.maximum(time, 0.0), np.clip(survival, 0.0, 1.0)
    at_origin = (time <= 1e-9 * time.max()) & (survival >= 0.995)
    return np.append(0.0, time[~at_origin]), np.append(1.0, survival[~at_origin])


def _isotonic(values, weights):
    from scipy.optimize import isotonic_regression

    return isotonic_regression(values, weights=weights).x
