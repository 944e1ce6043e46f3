"""Survival at fixed times (landmarks) pooled over studies."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.effects.inputs import Columns, check_level, label_rows
from hccmeta.errors import check_choice
from hccmeta.pooling.inverse_variance import pool
from hccmeta.survival.landmark_variance import from_scale, standard_error_from_interval, to_scale, variance_on_scale
from hccmeta.survival.mixture import check_mixture

if TYPE_CHECKING:
    import pandas as pd

SCALES = ("loglog", "logit")
LOPSIDED = 0.1


@dataclass(frozen=True, eq=False)
class PooledLandmarks:
    """Pooled survival at each landmark.

    Attributes
    ----------
    table : DataFrame
        As `.to_frame()`.
    results : dict of float -> PooledResult
        Per landmark (months), on the scale of `scale`; landmarks without a study are absent.
    effects : DataFrame
        study, time_months, value, yi, vi (on the scale), source of the variance, included, reason.
    scale : str
    notes : tuple of str
    """

    table: pd.DataFrame = field(repr=False)
    results: dict
    effects: pd.DataFrame = field(repr=False)
    scale: str
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """time_months, k, survival, ci_*, pi_*, survival_monotone, tau2, I2, Q, Q_p, studies, left_out."""
        return self.table.copy()

    @property
    def left_out(self) -> pd.DataFrame:
        """Rows that are not in a pool, with the reason."""
        return self.effects.loc[~self.effects["included"], ["study", "time_months", "reason"]].reset_index(drop=True)


def pool_landmarks(df, *, scale="loglog", level=0.95, allow_mixed=False, **pool_options):
    """Survival probabilities at fixed times, pooled on the log(-log) or logit scale, landmark by landmark.

    Parameters
    ----------
    df : DataFrame
        study, time_months, value (fraction), and for the variance ci_low, ci_high (ci_level, default 0.95) as printed,
        or se (Greenwood, as survival_summary of reconstructed patients gives). A value of 1 needs n_at_risk (still
        under observation), a value of 0 needs n. follow_up (last month of the study's curve) leaves a study out of
        later landmarks. endpoint, time_origin, setting: where present they must not differ.
    scale : {"loglog", "logit"}
    level : float
    allow_mixed : bool
        Pool unlike endpoints, time origins or settings on purpose; the note calls the result illustrative.
    **pool_options
        Of pool: model, tau2_method, ci_method, pi_method.

    Returns
    -------
    PooledLandmarks

    Raises
    ------
    DataError, MethodError

    Notes
    -----
    The variance comes from the printed interval, on the scale that makes it symmetric, or from Greenwood's formula;
    S (1 - S) / n with the full n is never used: it ignores censoring. A row with neither is left out and named.
    survival_monotone: isotonic regression of the pooled values over time, weights 1 / se^2. Different studies enter at
    different times: the column studies says which.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": ["A", "B", "C"], "time_months": 12, "value": [0.6, 0.7, 0.55],
    ...                    "se": [0.06, 0.05, 0.08]})
    >>> pool_landmarks(df).to_frame()["survival"].round(3).item()
    0.626
    """
    import pandas as pd

    check_choice("scale", scale, SCALES)
    check_level(level)
    effects = landmark_effects(df, scale=scale)
    use = effects["included"].to_numpy()
    mixed = check_mixture(df[use], label_rows(df)[use], allow_mixed, "pool_landmarks")
    results, rows = {}, []
    for time, at in effects.groupby("time_months", sort=True):
        inside = at[at["included"]]
        row = dict(time_months=time, k=len(inside))
        if len(inside):
            results[time] = pool(inside[["study", "yi", "vi"]], level=level, **pool_options)
            row |= _shown(results[time], scale)
        rows.append(row | dict(studies=", ".join(inside["study"]), left_out=_names(at)))
    table = pd.DataFrame(rows)
    table.insert(7 if results else 2, "survival_monotone", _monotone(table["time_months"], results, scale))
    return PooledLandmarks(table, results, effects, scale, mixed + _notes(effects, table))


def landmark_effects(df, *, scale):
    """study, time_months, value, yi, vi, source, included, reason of every row, on the scale."""
    columns = Columns(df, ("time_months", "value"), caller="pool_landmarks",
                      optional=("ci_low", "ci_high", "ci_level", "se", "n_at_risk", "n", "follow_up"))  # fmt: skip
    for name in ("value", "ci_low", "ci_high"):
        if columns.has(name):
            outside = (columns[name] < 0) | (columns[name] > 1)
            columns.rule(outside, name, "a fraction from 0 to 1", "write 0.47 for 47 %")
    if columns.has("time_months"):
        columns.rule(~(np.isfinite(columns["time_months"]) & (columns["time_months"] > 0)), "time_months", "months > 0",
                     "give the time of the landmark")  # fmt: skip
    if columns.has("ci_low", "ci_high", "value"):
        outside = (columns["ci_low"] > columns["value"]) | (columns["ci_high"] < columns["value"])
        columns.rule(outside, "value", "ci_low <= value <= ci_high", "re-read the paper")
    if columns.has("ci_level"):
        columns.rule((columns["ci_level"] <= 0) | (columns["ci_level"] >= 1), "ci_level", "a fraction in (0, 1)",
                     "write 0.95 for 95 %")  # fmt: skip
    if columns.has("se"):
        columns.rule(columns["se"] < 0, "se", "se >= 0", "a standard error cannot be negative")
    columns.refuse()
    study = label_rows(df)
    if columns.has("time_months"):
        seen = list(zip(study, columns["time_months"], strict=True))
        twice = np.array([seen.count(key) > 1 for key in seen], bool)
        columns.rule(twice, "time_months", "one row per study and landmark", "choose one of the rows")
        columns.refuse()
    empty = np.full(len(df), nan)
    rows = zip(*(columns[n] if columns.has(n) else empty for n in
                 ("time_months", "value", "ci_low", "ci_high", "ci_level", "se", "n_at_risk", "n", "follow_up")),
               strict=True)  # fmt: skip
    return _effect_frame(study, [_effect(*row, scale) for row in rows])


def _effect_frame(study, records):
    import pandas as pd

    names = ("time_months", "value", "yi", "vi", "source", "reason")
    table = pd.DataFrame(records, columns=names)
    table.insert(0, "study", study)
    return table.assign(included=table["reason"] == "")


def _effect(time, s, low, high, level, se, n_at_risk, n, follow_up, scale):
    """(time, value, yi, vi, source, reason) of one row; yi, vi missing where there is a reason."""
    if follow_up < time:
        return time, s, nan, nan, "", f"follow-up ends at {follow_up:g} months"
    if np.isnan(s):
        return time, s, nan, nan, "", "no value"
    if s in (0.0, 1.0):
        name, count = ("n_at_risk", n_at_risk) if s == 1 else ("n", n)
        if not count > 0:
            return time, s, nan, nan, "", f"value is {s:g} and {name} is missing"
        s = (s * count + 0.5) / (count + 1)
        se, source = np.sqrt(s * (1 - s) / (count + 1)), f"half a patient added to {name}"
    elif np.isfinite(low) and np.isfinite(high) and low < high:
        se, made_on, asymmetry = standard_error_from_interval(s, low, high, 0.95 if np.isnan(level) else level)
        lopsided = ", lopsided" if abs(asymmetry) > LOPSIDED else ""
        source = f"interval ({made_on}{lopsided})"
    else:
        source = "Greenwood"
    if not se > 0:
        return time, s, nan, nan, "", "neither interval nor standard error"
    return time, s, float(to_scale(s, scale)), variance_on_scale(s, se, scale), source, ""


def _shown(result, scale):
    low, high = ("high", "low") if scale == "loglog" else ("low", "high")
    values = [result.estimate, *(getattr(result, f"{kind}_{side}") for kind in ("ci", "pi") for side in (low, high))]
    names = ("survival", "ci_low", "ci_high", "pi_low", "pi_high")
    shown = dict(zip(names, (float(from_scale(v, scale)) for v in values), strict=True))
    return shown | dict(tau2=result.tau2, I2=result.I2, Q=result.Q, Q_p=result.Q_p)


def _monotone(times, results, scale):
    from scipy.optimize import isotonic_regression

    fitted = dict.fromkeys(times, nan)
    if results:
        y = np.array([r.estimate for r in results.values()])
        weights = np.array([1 / r.se**2 for r in results.values()])
        rising = isotonic_regression(y, weights=weights, increasing=scale == "loglog").x
        fitted |= dict(zip(results, from_scale(rising, scale), strict=True))
    return list(fitted.values())


def _names(rows):
    out = rows[~rows["included"]]
    return "; ".join(f"{study} ({reason})" for study, reason in zip(out["study"], out["reason"], strict=True))


def _notes(effects, table):
    notes = [f"At {row.time_months:g} months without {row.left_out}." for row in table.itertuples() if row.left_out]
    if len({row.studies for row in table.itertuples() if row.k}) > 1:
        notes.append("Different studies enter at different times.")
    if "survival" in table and (np.abs(table["survival_monotone"] - table["survival"]) > 1e-12).any():
        notes.append("The pooled landmarks rise somewhere; survival_monotone forces them down.")
    odd = effects[effects["source"].str.contains("lopsided|half a patient")]
    notes += [f"{r.study} at {r.time_months:g} months: variance from {r.source}." for r in odd.itertuples()]
    return tuple(notes)
