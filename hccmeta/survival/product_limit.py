"""The Kaplan-Meier curve of one group: steps, Greenwood variance, intervals, quantiles, restricted mean."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

INTERVALS = ("log-log", "log", "plain")
FLAT = np.sqrt(np.finfo(float).eps)


class Steps(NamedTuple):
    """One row per distinct time, time 0 first; `variance` is Greenwood's variance of log S."""

    time: np.ndarray
    n_at_risk: np.ndarray
    events: np.ndarray
    censored: np.ndarray
    survival: np.ndarray
    variance: np.ndarray


def product_limit(time, event) -> Steps:
    """Kaplan-Meier steps of patients (time, event) by lifelines; Greenwood's sum is added."""
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter().fit(time, event)
    table = fitted.event_table
    n, d, c = (table[name].to_numpy(int) for name in ("at_risk", "observed", "censored"))
    with np.errstate(divide="ignore"):
        variance = np.cumsum(np.where(d > 0, d / (n * (n - d).astype(float)), 0.0))
    return Steps(table.index.to_numpy(float), n, d, c, fitted.survival_function_.iloc[:, 0].to_numpy(), variance)


def at_risk(ipd, times):
    """Patients at risk just before each of `times` (months): those with time >= t.

    Examples
    --------
    >>> import pandas as pd
    >>> at_risk(pd.DataFrame({"time": [2.0, 6.0, 9.0], "event": [1, 0, 1]}), [0, 6, 12]).tolist()
    [3, 2, 0]
    """
    from hccmeta.survival.patients import read_patients

    time = np.sort(read_patients(ipd, caller="at_risk")["time"].to_numpy())
    return len(time) - np.searchsorted(time, np.asarray(times, float), side="left")


def interval(survival, variance, level, ci):
    """Limits of S from Greenwood's variance of log S; NaN where the transformation has none (log-log at S = 1, S = 0).

    log-log: exp(-exp(log(-log S) +- z sd / log S)); log: S exp(+- z sd); plain: S +- z S sd, cut at 0 and 1.
    """
    z = ndtri((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        sd, log_s = np.sqrt(variance), np.log(survival)
        if ci == "log-log":
            low, high = (np.exp(-np.exp(np.log(-log_s) + sign * z * sd / -log_s)) for sign in (1, -1))
        elif ci == "log":
            low, high = survival * np.exp(-z * sd), survival * np.exp(z * sd)
        else:
            low, high = survival * (1 - z * sd), survival * (1 + z * sd)
    undefined = (survival == 0) | ((survival == 1) if ci == "log-log" else False)
    low, high = np.where(undefined, nan, low), np.where(undefined, nan, high)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def limits(steps, level, ci):
    """Limits of the whole curve; both are 1 at time 0, where nothing has been observed yet."""
    low, high = interval(steps.survival, steps.variance, level, ci)
    if steps.survival[0] == 1:
        low[0] = high[0] = 1.0
    return low, high


def quantile_time(time, curve, probability):
    """First time at which the step curve is at or below `probability`; the middle of a piece flat at exactly that.

    NaN where the curve never gets there. `time` starts at 0; undefined points of the curve (NaN) are passed over.
    """
    known = ~np.isnan(curve)
    value, first = np.unique(curve[known], return_index=True)
    when = time[known][first]
    reached = value <= probability + FLAT
    if not reached.any():
        return nan
    here = np.flatnonzero(reached)[-1]
    if abs(value[here] - probability) > FLAT:
        return float(when[here])
    following = when[here - 1] if here > 0 else time[-1]
    return float((when[here] + following) / 2)


def read_off(steps, columns, times):
    """Step curves (one value per step) read at `times`; NaN beyond the last time unless survival has reached 0."""
    times = np.asarray(times, float)
    at = np.searchsorted(steps.time, times, side="right") - 1
    beyond = (times > steps.time[-1]) & (steps.survival[-1] > 0)
    return [np.where(beyond, nan, column[at]) for column in columns]


def restricted_mean(steps, horizon):
    """Area under the curve up to `horizon` and its standard error; NaN beyond a last time that is censored.

    Var = sum A_i^2 d_i / (n_i (n_i - d_i)), A_i the area from event time i to the horizon. (lifelines integrates
    numerically and gives the variance of min(T, horizon), not that of its mean.)
    """
    if horizon > steps.time[-1] and steps.survival[-1] > 0:
        return nan, nan
    edge = np.minimum(np.append(steps.time, horizon), horizon)
    edge[-1] = horizon
    piece = steps.survival * np.diff(edge)
    left = piece[::-1].cumsum()[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = left**2 * steps.events / (steps.n_at_risk * (steps.n_at_risk - steps.events).astype(float))
    return float(piece.sum()), float(np.sqrt(terms[left > 0].sum()))
