"""Median and restricted mean survival times pooled over studies."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, nan
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from hccmeta.effects.inputs import Columns, label_rows
from hccmeta.errors import DataError
from hccmeta.pooling.inverse_variance import pool
from hccmeta.survival.mixture import check_mixture

if TYPE_CHECKING:
    import pandas as pd

    from hccmeta.pooling.result import PooledResult


@dataclass(frozen=True, eq=False)
class PooledTimes:
    """A pooled time in months, or the sentence that says why there is none.

    Attributes
    ----------
    statistic : str
        "median" or "rmst".
    result : PooledResult or None
        On the log scale; None where nothing is pooled.
    estimate, ci_low, ci_high, pi_low, pi_high : float
        Months; NaN where nothing is pooled.
    left_out : DataFrame
        study, reason.
    sentence : str
    """

    statistic: str
    result: PooledResult | None
    estimate: float = nan
    ci_low: float = nan
    ci_high: float = nan
    pi_low: float = nan
    pi_high: float = nan
    left_out: pd.DataFrame = field(default=None, repr=False)
    sentence: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row: statistic, k, estimate, ci_*, pi_* (months), tau2, I2 (log scale), sentence."""
        import pandas as pd

        r = self.result
        numbers = {n: getattr(self, n) for n in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")}
        return pd.DataFrame([dict(statistic=self.statistic, k=r.k if r else 0, **numbers, tau2=r.tau2 if r else nan,
                                  I2=r.I2 if r else nan, sentence=self.sentence)])  # fmt: skip


def pool_medians(df, *, level=0.95, allow_mixed=False, **pool_options) -> PooledTimes:
    """Pooled median survival time, only where every study reached its median.

    Parameters
    ----------
    df : DataFrame
        study, value (median, months; empty with status not_reached), ci_low, ci_high (ci_level, default 0.95), status
        (reached, not_reached). An upper limit that was not reached: the standard error comes from the lower side.
        endpoint, time_origin, setting: where present they must not differ.
    level : float
    allow_mixed : bool
        Pool unlike endpoints, time origins or settings on purpose; the sentence calls the result illustrative.
    **pool_options
        Of pool.

    Returns
    -------
    PooledTimes
        With a median that was not reached nothing is pooled and the sentence names the studies: leaving them out would
        bias the pool downwards. Medians without any interval are left out and named.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": ["A", "B"], "value": [12.0, None], "ci_low": [9, 10], "ci_high": [16, None],
    ...                    "status": ["reached", "not_reached"]})
    >>> pool_medians(df).sentence
    'The median is not pooled: it was not reached in B. The pooled survival curve answers instead.'
    """
    columns = Columns(df, ("value", "ci_low", "ci_high"), optional=("ci_level",), caller="pool_medians")
    for name in ("value", "ci_low", "ci_high"):
        if columns.has(name):
            columns.rule(columns[name] <= 0, name, "months > 0", "re-read the paper")
    if columns.has("value", "ci_low", "ci_high"):
        outside = (columns["ci_low"] > columns["value"]) | (columns["ci_high"] < columns["value"])
        columns.rule(outside, "value", "ci_low <= value <= ci_high", "re-read the paper")
    columns.refuse()
    study, value, low, high = label_rows(df), columns["value"], columns["ci_low"], columns["ci_high"]
    status = df["status"].to_numpy(object) if "status" in df.columns else np.where(np.isnan(value), "", "reached")
    open_ended = status == "not_reached"
    if open_ended.any():
        left_out = _left_out(study, np.where(open_ended, "not reached", ""))
        return PooledTimes("median", None, left_out=left_out, sentence=(
            f"The median is not pooled: it was not reached in {', '.join(study[open_ended])}. "
            "The pooled survival curve answers instead."
        ))  # fmt: skip
    z = ndtri((1 + (np.nan_to_num(columns["ci_level"], nan=0.95) if columns.has("ci_level") else 0.95)) / 2)
    both = (np.log(high) - np.log(low)) / (2 * z)
    se = np.where(np.isfinite(high), both, (np.log(value) - np.log(low)) / z)
    reason = np.where(np.isnan(value), "no value", np.where(se > 0, "", "no interval"))
    mixed = _mixture(df, study, reason, allow_mixed, "pool_medians")
    return _pooled("median", study, np.log(value), se, reason, mixed, level, pool_options)


def pool_rmst(df, *, level=0.95, allow_mixed=False, **pool_options) -> PooledTimes:
    """Pooled restricted mean survival time to one horizon, on the log scale.

    Parameters
    ----------
    df : DataFrame
        study, time_months (the horizon, the same in every row), value and se (months), as survival_summary gives;
        follow_up optional. A study whose follow-up ends before the horizon is left out and named. endpoint,
        time_origin, setting: where present they must not differ.
    level : float
    allow_mixed : bool
        Pool unlike endpoints, time origins or settings on purpose; the sentence calls the result illustrative.
    **pool_options
        Of pool.

    Returns
    -------
    PooledTimes

    Raises
    ------
    DataError

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": ["A", "B"], "time_months": 24, "value": [14.0, 16.0], "se": [1.0, 1.2]})
    >>> round(pool_rmst(df, model="common").estimate, 2)
    14.92
    """
    columns = Columns(df, ("time_months", "value", "se"), optional=("follow_up",), caller="pool_rmst")
    for name in ("value", "se"):
        if columns.has(name):
            columns.rule(columns[name] <= 0, name, "months > 0", "correct the value")
    columns.refuse()
    horizons = np.unique(columns["time_months"])
    if len(horizons) != 1:
        listed = ", ".join(f"{h:g}" for h in horizons)
        raise DataError(f"pool_rmst needs one horizon in every row; the column time_months has {listed or 'none'}.")
    study, value, se = label_rows(df), columns["value"], columns["se"]
    short = columns["follow_up"] < horizons[0] if columns.has("follow_up") else np.zeros(len(df), bool)
    reason = np.where(short, "follow-up ends before the horizon", np.where(se > 0, "", "no standard error"))
    reason = np.where(np.isnan(value), "no value: follow-up ends before the horizon", reason)
    mixed = _mixture(df, study, reason, allow_mixed, "pool_rmst")
    return _pooled("rmst", study, np.log(value), se / value, reason, mixed, level, pool_options)


def _pooled(statistic, study, yi, se, reason, mixed, level, pool_options):
    import pandas as pd

    use, left_out = reason == "", _left_out(study, reason)
    named = "; ".join(f"{s} ({r})" for s, r in zip(left_out["study"], left_out["reason"], strict=True))
    without = " ".join(["", *mixed, *([f"Left out: {named}."] if named else [])])
    if not use.any():
        return PooledTimes(statistic, None, left_out=left_out, sentence=f"The {statistic} is not pooled.{without}")
    effects = pd.DataFrame(dict(study=study[use], yi=yi[use], vi=se[use] ** 2))
    result = pool(effects, level=level, **pool_options)
    names = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    shown = {name: exp(getattr(result, name)) for name in names}
    return PooledTimes(statistic, result, **shown, left_out=left_out, sentence=(
        f"Pooled {statistic} {shown['estimate']:.1f} months ({100 * level:g} % CI {shown['ci_low']:.1f} to "
        f"{shown['ci_high']:.1f}; k = {result.k}).{without}"
    ))  # fmt: skip


def _mixture(df, study, reason, allow_mixed, caller):
    use = reason == ""
    return check_mixture(df[use], study[use], allow_mixed, caller)


def _left_out(study, reason):
    import pandas as pd

    return pd.DataFrame(dict(study=study[reason != ""], reason=reason[reason != ""]))
