"""Kaplan-Meier curves and their summary, one arm at a time."""

from __future__ import annotations

from math import nan

import numpy as np
from scipy.special import ndtri

from hccmeta.effects.inputs import check_level
from hccmeta.errors import MetaWarning, MethodError, check_choice
from hccmeta.survival.patients import by_arm, read_patients
from hccmeta.survival.product_limit import (
    INTERVALS,
    limits,
    product_limit,
    quantile_time,
    read_off,
    restricted_mean,
)

QUARTILES = (0.75, 0.25)


def kaplan_meier(ipd, *, level=0.95, ci="log-log"):
    """Kaplan-Meier survival with Greenwood intervals.

    Parameters
    ----------
    ipd : DataFrame
        time (months), event (1 event, 0 censored); arm optional: one curve per arm.
    level : float
    ci : {"log-log", "log", "plain"}
        Scale on which the interval is symmetric.

    Returns
    -------
    DataFrame
        (arm,) time, n_at_risk (time >= t), events, censored, survival, ci_low, ci_high (fractions). The first row is
        time 0. A log-log interval is empty while survival is 1, every interval once it is 0 (as in R's survfit).

    Raises
    ------
    DataError
        Missing columns, times that are missing or negative, events other than 0 and 1, several imputations stacked.

    References
    ----------
    Kaplan and Meier 1958, 10.1080/01621459.1958.10501452; Kalbfleisch and Prentice 2002, 10.1002/9781118032985

    Examples
    --------
    >>> import pandas as pd
    >>> km = kaplan_meier(pd.DataFrame({"time": [2, 4, 6, 8, 10], "event": [1, 0, 1, 1, 0]}))
    >>> km["survival"].round(3).tolist()
    [1.0, 0.8, 0.8, 0.533, 0.267, 0.267]
    """
    import pandas as pd

    check_level(level)
    check_choice("ci", ci, INTERVALS)
    curves = [_curve(arm, rows, level, ci) for arm, rows in by_arm(read_patients(ipd, caller="kaplan_meier"))]
    return pd.concat(curves, ignore_index=True)


def _curve(arm, rows, level, ci):
    import pandas as pd

    steps = product_limit(rows["time"], rows["event"])
    low, high = limits(steps, level, ci)
    named = {} if arm is None else {"arm": arm}
    return pd.DataFrame({
        **named, "time": steps.time, "n_at_risk": steps.n_at_risk, "events": steps.events, "censored": steps.censored,
        "survival": steps.survival, "ci_low": low, "ci_high": high,
    })  # fmt: skip


def survival_summary(ipd, *, times=(), rmst_horizon=None, level=0.95, ci="log-log"):
    """Median, quartiles, landmarks, restricted mean and follow-up of patient data.

    Parameters
    ----------
    ipd : DataFrame
        time (months), event (1, 0); arm optional: one block of rows per arm.
    times : sequence of float
        Landmarks in months.
    rmst_horizon : float, optional
        Horizon of the restricted mean survival time in months.
    level : float
    ci : {"log-log", "log", "plain"}
        Scale of the intervals of median, quartiles, landmarks and follow-up; RMST always has a normal interval.

    Returns
    -------
    DataFrame
        (arm,) statistic (n, events, median, quartile, landmark, rmst, follow_up_median), time_months (landmark,
        horizon), probability (survival at the median or quartile), value, se, ci_low, ci_high. A quantile that is
        not reached is empty; so is a landmark or RMST beyond the last, censored time (MetaWarning).

    Raises
    ------
    DataError, MethodError

    Notes
    -----
    Quantile: first time with S <= p, the middle of a piece flat at exactly p; its limits are where the limits of the
    curve cross p. Follow-up: median of the reverse Kaplan-Meier curve (events censored).

    References
    ----------
    Brookmeyer and Crowley 1982, 10.2307/2530286; Schemper and Smith 1996, 10.1016/0197-2456(96)00075-X

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"time": [2, 4, 6, 8, 10], "event": [1, 0, 1, 1, 0]})
    >>> rows = survival_summary(df, times=[6], rmst_horizon=10)
    >>> rows.set_index("statistic")["value"].round(3).loc[["median", "landmark", "rmst"]].tolist()
    [8.0, 0.533, 6.8]
    """
    import pandas as pd

    check_level(level)
    check_choice("ci", ci, INTERVALS)
    months = check_months("times", times)
    horizon = None if rmst_horizon is None else check_months("rmst_horizon", [rmst_horizon])[0]
    patients = read_patients(ipd, caller="survival_summary")
    blocks = []
    for arm, rows in by_arm(patients):
        block = pd.DataFrame(_summary(rows, months, horizon, level, ci, arm))
        if arm is not None:
            block.insert(0, "arm", arm)
        blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def check_months(name, values):
    """Non-negative finite months, or one MethodError."""
    try:
        months = np.asarray(values, float)
    except (TypeError, ValueError):
        months = np.array([nan])
    if months.ndim != 1 or not (np.isfinite(months) & (months >= 0)).all():
        raise MethodError(f"{name} = {values!r} must be months of 0 or more, such as 12.")
    return months


def _summary(rows, months, horizon, level, ci, arm):
    steps = product_limit(rows["time"], rows["event"])
    follow_up = product_limit(rows["time"], 1 - rows["event"])
    out = [_row("n", len(rows)), _row("events", int(rows["event"].sum()))]
    out.append(_row("median", *_quantile(steps, 0.5, level, ci), probability=0.5))
    out += [_row("quartile", *_quantile(steps, p, level, ci), probability=p) for p in QUARTILES]
    if len(months):
        with np.errstate(invalid="ignore"):
            se = steps.survival * np.sqrt(steps.variance)
        s, low, high, se = read_off(steps, (steps.survival, *limits(steps, level, ci), se), months)
        out += [_row("landmark", *values, time_months=t) for t, *values in zip(months, s, low, high, se, strict=True)]
    if horizon is not None:
        mean, se = restricted_mean(steps, horizon)
        half = ndtri((1 + level) / 2) * se
        out.append(_row("rmst", mean, mean - half, mean + half, se, time_months=horizon))
    out.append(_row("follow_up_median", *_quantile(follow_up, 0.5, level, ci), probability=0.5))
    beyond = sorted({r["time_months"] for r in out if r["statistic"] in ("landmark", "rmst") and np.isnan(r["value"])})
    if beyond:
        _warn_beyond(beyond, steps.time[-1], arm)
    return out


def _row(statistic, value, ci_low=nan, ci_high=nan, se=nan, *, time_months=nan, probability=nan):
    return dict(statistic=statistic, time_months=time_months, probability=probability, value=value, se=se,
                ci_low=ci_low, ci_high=ci_high)  # fmt: skip


def _quantile(steps, probability, level, ci):
    low, high = limits(steps, level, ci)
    return [quantile_time(steps.time, curve, probability) for curve in (steps.survival, low, high)]


def _warn_beyond(months, last, arm):
    import warnings

    whose = "" if arm is None else f" of {arm}"
    listed = ", ".join(f"{m:g}" for m in months)
    warnings.warn(
        f"Follow-up{whose} ends at {last:g} months with patients still event-free: nothing is estimated at {listed}.",
        MetaWarning, stacklevel=4,
    )  # fmt: skip
