"""Published ratios (hazard ratios above all): log ratio and variance from whatever a paper prints."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.special import ndtri

from hccmeta.effects.inputs import Columns
from hccmeta.errors import MetaWarning, check_choice

MEASURES = ("HR", "OR", "RR", "IRR")
ASYMMETRY_LIMIT = 0.1


def effects_ratio_ci(df, *, measure="HR"):
    """Log ratio and its variance from a printed ratio with its confidence interval.

    Parameters
    ----------
    df : DataFrame
        estimate, ci_low, ci_high (ratios); ci_level (fraction, default 0.95); other columns travel along.
    measure : {"HR", "OR", "RR", "IRR"}

    Returns
    -------
    DataFrame
        The table with yi (log ratio), vi, measure and asymmetry: log estimate less the middle of the log
        interval, as a share of the interval's half-width (0 for an exact interval on the log scale).

    Raises
    ------
    DataError
        Missing columns, ratios that are not positive, ci_low >= ci_high, ci_level outside (0, 1).

    Warns
    -----
    MetaWarning
        Where |asymmetry| > 0.1: the interval is rounded, mistyped, or not made on the log scale.

    Notes
    -----
    vi = ((log ci_high - log ci_low) / (2 z))^2 with z of the interval's own level.

    References
    ----------
    Parmar et al. 1998, 10.1002/(SICI)1097-0258(19981230)17:24<2815::AID-SIM110>3.0.CO;2-8

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"estimate": [0.5], "ci_low": [0.25], "ci_high": [1.0]})
    >>> effects_ratio_ci(df)[["yi", "vi", "asymmetry"]].round(4).values.tolist()
    [[-0.6931, 0.1251, 0.0]]
    """
    check_choice("measure", measure, MEASURES)
    yi, vi, asymmetry = log_from_interval(df, caller="effects_ratio_ci")
    return df.assign(yi=yi, vi=vi, measure=measure, asymmetry=asymmetry)


def log_from_interval(df, *, caller):
    """Log estimate, variance and asymmetry of rows with estimate, ci_low, ci_high, ci_level."""
    columns = Columns(df, ("estimate", "ci_low", "ci_high"), optional=("ci_level",), caller=caller)
    for name in ("estimate", "ci_low", "ci_high"):
        if columns.has(name):
            columns.rule((columns[name] <= 0) | np.isinf(columns[name]), name, "a number above 0", "re-read the paper")
    if columns.has("ci_low", "ci_high"):
        columns.rule(columns["ci_low"] >= columns["ci_high"], "ci_low", "ci_low < ci_high", "re-read the paper")
    if columns.has("ci_level"):
        outside = (columns["ci_level"] <= 0) | (columns["ci_level"] >= 1)
        columns.rule(outside, "ci_level", "a fraction in (0, 1)", "write 0.95 for 95 %")
    columns.refuse()
    level = columns["ci_level"] if columns.has("ci_level") else np.full(len(df), np.nan)
    z = -ndtri((1 - np.where(np.isnan(level), 0.95, level)) / 2)
    yi, low, high = (np.log(columns[name]) for name in ("estimate", "ci_low", "ci_high"))
    half = (high - low) / 2
    asymmetry = (yi - (low + high) / 2) / half
    lopsided = np.abs(asymmetry) > ASYMMETRY_LIMIT
    if lopsided.any():
        rows = ", ".join(str(row) for row in df.index[lopsided][:10])
        warnings.warn(
            f"{caller}: the interval is not symmetric on the log scale in row {rows}; its variance may be off.",
            MetaWarning,
            stacklevel=3,
        )
    return yi, (half / z) ** 2, asymmetry


def effects_ratio_p(df, *, measure="HR"):
    """Log ratio and its variance from a printed ratio with its two-sided p value.

    Parameters
    ----------
    df : DataFrame
        estimate (ratio, not 1), p_value (two-sided, 0 < p < 1; the exact value, not a bound such as < 0.001).
    measure : {"HR", "OR", "RR", "IRR"}

    Returns
    -------
    DataFrame
        The table with yi (log ratio), vi and measure.

    Raises
    ------
    DataError
        Missing columns, ratios that are not positive or are 1, p values outside (0, 1).

    Notes
    -----
    vi = (log estimate / z)^2 with z the normal quantile at 1 - p/2. Rounding of p matters most near p = 1.

    References
    ----------
    Parmar et al. 1998, 10.1002/(SICI)1097-0258(19981230)17:24<2815::AID-SIM110>3.0.CO;2-8; Tierney et al. 2007,
    10.1186/1745-6215-8-16

    Examples
    --------
    >>> import pandas as pd
    >>> effects_ratio_p(pd.DataFrame({"estimate": [0.5], "p_value": [0.05]}))[["yi", "vi"]].round(4).values.tolist()
    [[-0.6931, 0.1251]]
    """
    check_choice("measure", measure, MEASURES)
    columns = Columns(df, ("estimate", "p_value"), caller="effects_ratio_p")
    if columns.has("estimate"):
        ratio = columns["estimate"]
        columns.rule((ratio <= 0) | np.isinf(ratio), "estimate", "a number above 0", "re-read the paper")
        columns.rule(ratio == 1, "estimate", "a ratio other than 1", "use its interval: p holds no variance here")
    _check_p(columns)
    columns.refuse()
    yi = np.log(columns["estimate"])
    return df.assign(yi=yi, vi=(yi / ndtri(columns["p_value"] / 2)) ** 2, measure=measure)


def effects_o_minus_e(df):
    """Log hazard ratio and its variance from log-rank observed minus expected events and their variance.

    Parameters
    ----------
    df : DataFrame
        o_minus_e (events of the experimental arm), v (its log-rank variance, > 0).

    Returns
    -------
    DataFrame
        The table with yi (log hazard ratio), vi and measure = "HR".

    Raises
    ------
    DataError
        Missing columns, or v not positive.

    Notes
    -----
    yi = (O - E) / V, vi = 1 / V (Peto). Biased towards 1 for hazard ratios far from 1.

    References
    ----------
    Yusuf et al. 1985, 10.1016/S0033-0620(85)80003-7; Tierney et al. 2007, 10.1186/1745-6215-8-16

    Examples
    --------
    >>> import pandas as pd
    >>> effects_o_minus_e(pd.DataFrame({"o_minus_e": [-8.0], "v": [20.0]}))[["yi", "vi"]].values.tolist()
    [[-0.4, 0.05]]
    """
    columns = Columns(df, ("o_minus_e", "v"), caller="effects_o_minus_e")
    if columns.has("v"):
        columns.rule((columns["v"] <= 0) | np.isinf(columns["v"]), "v", "v > 0", "re-read the paper")
    columns.refuse()
    return df.assign(yi=columns["o_minus_e"] / columns["v"], vi=1 / columns["v"], measure="HR")


def effects_logrank(df, *, variance="allocation"):
    """Log hazard ratio and its variance from a log-rank p value and the number of events.

    Parameters
    ----------
    df : DataFrame
        p_value (two-sided, 0 < p <= 1), favours ("experimental" or "control"), and by `variance`:
        events, n_1, n_2 (total events; patients of each arm), or events_1, events_2 (events of each arm).
    variance : {"allocation", "events"}
        V = events n_1 n_2 / (n_1 + n_2)^2, or V = events_1 events_2 / (events_1 + events_2).

    Returns
    -------
    DataFrame
        The table with yi (log hazard ratio, negative where experimental is favoured), vi and measure = "HR".

    Raises
    ------
    DataError
        Missing columns, p values outside (0, 1], counts not positive, another word in `favours`.

    Notes
    -----
    O - E = -+ z sqrt(V), yi = (O - E) / V, vi = 1 / V, with z the normal quantile at 1 - p/2.

    References
    ----------
    Parmar et al. 1998, 10.1002/(SICI)1097-0258(19981230)17:24<2815::AID-SIM110>3.0.CO;2-8; Tierney et al. 2007,
    10.1186/1745-6215-8-16

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"p_value": [0.05], "favours": "experimental", "events": 100, "n_1": 80, "n_2": 80})
    >>> effects_logrank(df)[["yi", "vi"]].round(4).values.tolist()
    [[-0.392, 0.04]]
    """
    check_choice("variance", variance, ("allocation", "events"))
    counts = ("events", "n_1", "n_2") if variance == "allocation" else ("events_1", "events_2")
    columns = Columns(df, ("p_value", *counts), caller="effects_logrank")
    for name in counts:
        if columns.has(name):
            columns.rule(columns[name] <= 0, name, f"{name} > 0", "re-read the paper")
    _check_p(columns, one_allowed=True)
    sign = columns.words("favours", {"experimental": -1.0, "control": 1.0})
    columns.refuse()
    if variance == "allocation":
        V = columns["events"] * columns["n_1"] * columns["n_2"] / (columns["n_1"] + columns["n_2"]) ** 2
    else:
        V = columns["events_1"] * columns["events_2"] / (columns["events_1"] + columns["events_2"])
    return df.assign(yi=sign * -ndtri(columns["p_value"] / 2) / np.sqrt(V), vi=1 / V, measure="HR")


def _check_p(columns, *, one_allowed=False):
    if columns.has("p_value"):
        p = columns["p_value"]
        wrong = (p <= 0) | (p > 1) | ((p == 1) & (not one_allowed))
        columns.rule(wrong, "p_value", "a two-sided p value above 0 and " + ("up to 1" if one_allowed else "below 1"),
                     "re-read the paper")  # fmt: skip
