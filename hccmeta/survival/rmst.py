"""Restricted mean survival time of two arms compared."""

from __future__ import annotations

from math import exp, hypot, log, nan

from scipy.special import ndtr, ndtri

from hccmeta.effects.inputs import check_level
from hccmeta.errors import DataError
from hccmeta.survival.cox import two_arms
from hccmeta.survival.curves import check_months
from hccmeta.survival.product_limit import product_limit, restricted_mean


def rmst_difference(ipd, *, experimental, control, rmst_horizon, level=0.95):
    """Difference and ratio of the restricted mean survival times of two arms.

    Parameters
    ----------
    ipd : DataFrame
        time (months), event (1, 0), arm.
    experimental, control
        Values of the column arm.
    rmst_horizon : float
        Months; inside the follow-up of both arms.
    level : float

    Returns
    -------
    DataFrame
        Two rows, statistic rmst_difference (months) and rmst_ratio: time_months (the horizon), value, se (log scale for
        the ratio), ci_low, ci_high, p_value.

    Raises
    ------
    DataError
        As hazard_ratio; also where an arm's follow-up ends, with patients event-free, before the horizon.
    MethodError

    References
    ----------
    Uno et al. 2014, 10.1200/JCO.2014.55.2208

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"time": [1, 2, 3, 4, 5], "event": [1, 1, 1, 1, 0], "arm": ["ICI", "RT", "ICI", "RT", "RT"]})
    >>> rows = rmst_difference(df, experimental="RT", control="ICI", rmst_horizon=3)
    >>> rows["value"].round(3).tolist()
    [0.667, 1.333]
    """
    import pandas as pd

    check_level(level)
    horizon = float(check_months("rmst_horizon", [rmst_horizon])[0])
    rows, group, _ = two_arms(ipd, experimental, control, caller="rmst_difference")
    steps = {arm: product_limit(rows["time"][group == g], rows["event"][group == g])
             for arm, g in ((experimental, 1), (control, 0))}  # fmt: skip
    short = [arm for arm, s in steps.items() if horizon > s.time[-1] and s.survival[-1] > 0]
    if short:
        ends = "; ".join(f"that of {arm} ends at {steps[arm].time[-1]:g} months" for arm in short)
        raise DataError(f"rmst_difference: the horizon of {horizon:g} months lies beyond the follow-up: {ends}.")
    (mean1, se1), (mean0, se0) = (restricted_mean(s, horizon) for s in steps.values())
    z = ndtri((1 + level) / 2)
    difference, se = mean1 - mean0, hypot(se1, se0)
    log_ratio, log_se = log(mean1 / mean0), hypot(se1 / mean1, se0 / mean0)
    return pd.DataFrame([
        dict(statistic="rmst_difference", time_months=horizon, value=difference, se=se, ci_low=difference - z * se,
             ci_high=difference + z * se, p_value=_p(difference, se)),
        dict(statistic="rmst_ratio", time_months=horizon, value=exp(log_ratio), se=log_se,
             ci_low=exp(log_ratio - z * log_se), ci_high=exp(log_ratio + z * log_se), p_value=_p(log_ratio, log_se)),
    ])  # fmt: skip


def _p(estimate, se):
    return float(2 * ndtr(-abs(estimate / se))) if se > 0 else nan
