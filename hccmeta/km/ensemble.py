"""Kaplan-Meier quantities of many data sets at once: arrays (data sets, patients), sorted in time."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

# scale of an interval: S to it, back, and what turns a width on it into one of log S
SCALES = {
    "plain": (lambda s: s, lambda y: y, lambda s: 1 / s),
    "log": (np.log, np.exp, lambda s: 1.0),
    "log-log": (lambda s: -np.log(-np.log(s)), lambda y: np.exp(-np.exp(-y)), lambda s: -np.log(s)),
}


def sort_patients(times, events) -> tuple[np.ndarray, np.ndarray]:
    """Rows sorted by time, events before censorings at the same time."""
    times, events = np.atleast_2d(np.asarray(times, float)), np.atleast_2d(np.asarray(events))
    order = np.lexsort((1 - events, times), axis=1)
    return np.take_along_axis(times, order, 1), np.take_along_axis(events, order, 1).astype(int)


def survival_steps(events) -> np.ndarray:
    """S after each patient, (data sets, patients)."""
    n = events.shape[1]
    return np.cumprod(1 - events / (n - np.arange(n)), axis=1)


def at_times(times, steps, at, before) -> np.ndarray:
    """Value after the last patient with time <= at, `before` where there is none: (data sets, len(at))."""
    at = np.atleast_1d(np.asarray(at, float))
    padded = np.concatenate([np.full((len(steps), 1), float(before)), steps], axis=1)
    index = np.stack([np.searchsorted(row, at, side="right") for row in times])
    return np.take_along_axis(padded, index, axis=1)


def survival_at(times, events, at) -> np.ndarray:
    """S(t), carried on flat after the last patient."""
    return at_times(times, survival_steps(events), at, 1.0)


def number_at_risk(times, at) -> np.ndarray:
    """Patients with time >= t."""
    return np.stack([times.shape[1] - np.searchsorted(row, np.atleast_1d(at), side="left") for row in times])


def first_time(times, events, condition) -> np.ndarray:
    """Time of the first event after which the condition holds; NaN where none."""
    found = condition & (events == 1)
    hit = found.any(axis=1)
    return np.where(hit, times[np.arange(len(times)), found.argmax(axis=1)], np.nan)


def quantile_time(times, events, survival: float = 0.5) -> np.ndarray:
    """First time with S <= `survival` (0.5: the median); NaN where not reached."""
    return first_time(times, events, survival_steps(events) <= survival + 1e-9)


def quantile_conventions(times, events, survival: float = 0.5) -> np.ndarray:
    """Start, middle and end of the piece on which S stays at the level: three conventions, (3, data sets)."""
    first = quantile_time(times, events, survival)
    last = quantile_time(times, events, survival - 2e-9)
    return np.stack([first, (first + last) / 2, last])


def log_s_se(events) -> np.ndarray:
    """Greenwood standard error of log S after each patient; infinite at S = 0."""
    n = events.shape[1]
    at_risk = n - np.arange(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.cumsum(np.where(events == 1, 1 / (at_risk * (at_risk - 1.0)), 0.0), axis=1))


def limits(events, level: float = 0.95, ci: str = "log-log") -> tuple[np.ndarray, np.ndarray]:
    """Limits of S after each patient on the scale `ci`; both equal S where S is 0 or 1."""
    s = survival_steps(events)
    transform, inverse, slope = SCALES[ci]
    with np.errstate(divide="ignore", invalid="ignore"):
        width = ndtri(0.5 + level / 2) * log_s_se(events) / slope(s)
        low, high = (np.clip(inverse(transform(s) + sign * width), 0, 1) for sign in (-1, 1))
    inner = (s > 0) & (s < 1)
    return np.where(inner, low, s), np.where(inner, high, s)


def median_interval(times, events, level: float = 0.95, ci: str = "log-log") -> tuple[np.ndarray, np.ndarray]:
    """Brookmeyer-Crowley limits of the median on the scale `ci`; NaN where not reached."""
    low, high = limits(events, level, ci)
    return first_time(times, events, low <= 0.5), first_time(times, events, high <= 0.5)


def follow_up_median(times, events) -> np.ndarray:
    """Median follow-up by reverse Kaplan-Meier; NaN where not reached."""
    return quantile_time(*sort_patients(times, 1 - events))


def restricted_mean(times, events, horizon: float) -> np.ndarray:
    """Area under S up to the horizon (months)."""
    steps = np.concatenate([np.ones((len(times), 1)), survival_steps(events)], axis=1)
    edges = np.concatenate([np.zeros((len(times), 1)), np.minimum(times, horizon)], axis=1)
    width = np.diff(np.concatenate([edges, np.full((len(times), 1), float(horizon))], axis=1), axis=1)
    return (steps * width).sum(axis=1)
