"""Single-arm proportions: effects for pooling, and intervals of one proportion."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, ndtri

from hccmeta.effects.inputs import Columns, check_add, check_level
from hccmeta.effects.scales import PROPORTIONS, double_arcsine
from hccmeta.effects.zero_cells import rows_to_adjust
from hccmeta.errors import DataError, check_choice

CI_METHODS = ("clopper-pearson", "wilson", "wilson-cc", "agresti-coull", "jeffreys", "wald")


def effects_proportion(df, *, measure="PLO", add=None, to="only0"):
    """Proportion of one arm and its sampling variance on the chosen scale.

    Parameters
    ----------
    df : DataFrame
        events, n (patients); other columns travel along.
    measure : {"PRAW", "PLO", "PLN", "PAS", "PFT"}
        Raw, logit, log, arcsine, Freeman-Tukey double arcsine.
    add : float, optional
        Added to events and to non-events. None: 0.5, and 0 for PAS and PFT, which need none (as metafor).
    to : {"only0", "all", "if0all", "none"}
        Studies that receive `add`: those with 0 or n events, all, all if any has 0 or n events, none.

    Returns
    -------
    DataFrame
        The table with yi, vi (scale of `measure`) and measure. A missing count gives a missing effect.

    Raises
    ------
    DataError
        Counts that are missing as columns, not whole, negative, or events > n.

    Notes
    -----
    PLO: yi = log(x / (n - x)), vi = 1/x + 1/(n - x). PLN: log(x/n), 1/x - 1/n. PRAW: x/n, p(1 - p)/n.
    PAS: asin sqrt(x/n), 1/(4n). PFT: mean of two arcsines, 1/(4n + 2).
    An effect that is infinite (to="none" with 0 events) is missing. PRAW with `add` changes the estimate too.

    References
    ----------
    Viechtbauer 2010, 10.18637/jss.v036.i03; Freeman and Tukey 1950, 10.1214/aoms/1177729756

    Examples
    --------
    >>> import pandas as pd
    >>> effects_proportion(pd.DataFrame({"events": [12], "n": [40]}))[["yi", "vi"]].round(4).values.tolist()
    [[-0.8473, 0.119]]
    """
    check_choice("measure", measure, PROPORTIONS)
    add = (0.0 if measure in ("PAS", "PFT") else 0.5) if add is None else add
    check_add(add)
    columns = Columns(df, ("events", "n"), caller="effects_proportion")
    columns.counts("events", "n")
    columns.refuse()
    x, n = columns["events"], columns["n"]
    adjusted = rows_to_adjust((x == 0) | (x == n), to)
    yi, vi = _proportion_effect(x + add * adjusted, n + 2 * add * adjusted, measure)
    return df.assign(yi=yi, vi=vi, measure=measure)


def _proportion_effect(x, n, measure):
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "PRAW":
            yi, vi = x / n, x / n * (1 - x / n) / n
        elif measure == "PLO":
            yi, vi = np.log(x / (n - x)), 1 / x + 1 / (n - x)
        elif measure == "PLN":
            yi, vi = np.log(x / n), 1 / x - 1 / n
        elif measure == "PAS":
            yi, vi = np.arcsin(np.sqrt(x / n)), 1 / (4 * n)
        else:
            yi, vi = double_arcsine(x, n), 1 / (4 * n + 2)
    defined = np.isfinite(yi) & np.isfinite(vi)
    return np.where(defined, yi, np.nan), np.where(defined, vi, np.nan)


def proportion_ci(events, n, *, method="clopper-pearson", level=0.95):
    """Confidence interval of one binomial proportion.

    Parameters
    ----------
    events, n : int or array
        Patients with the event, patients.
    method : {"clopper-pearson", "wilson", "wilson-cc", "agresti-coull", "jeffreys", "wald"}
        Clopper-Pearson is exact; wilson-cc is the continuity-corrected score interval.
    level : float
        Confidence level as a fraction.

    Returns
    -------
    (low, high)
        Limits of the proportion: two floats, or two arrays for array input.

    Raises
    ------
    DataError
        Counts that are not whole, negative, or events > n.

    Notes
    -----
    Jeffreys: Beta(x + 1/2, n - x + 1/2) quantiles, 0 at x = 0 and 1 at x = n. wilson-cc corrects by
    min(1/2, |x - n/2|) as R's prop.test. Agresti-Coull and Wald follow their formulas and may leave [0, 1].

    References
    ----------
    Newcombe 1998, 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E; Brown et al. 2001,
    10.1214/ss/1009213286

    Examples
    --------
    >>> low, high = proportion_ci(7, 20)
    >>> round(low, 4), round(high, 4)
    (0.1539, 0.5922)
    """
    check_choice("method", method, CI_METHODS)
    check_level(level)
    x, n = _whole_counts(events, n)
    low, high = _proportion_limits(x, n, method, (1 - level) / 2)
    return (float(low), float(high)) if np.ndim(low) == 0 else (low, high)


def _whole_counts(events, n):
    try:
        x, n = np.broadcast_arrays(np.asarray(events, float), np.asarray(n, float))
    except (TypeError, ValueError) as error:
        raise DataError(f"proportion_ci: events and n must be numbers of the same shape ({error}).") from None
    missing = np.isnan(x) | np.isnan(n)
    wrong = ~missing & ((x < 0) | (n < 1) | (x > n) | (x != np.round(x)) | (n != np.round(n)) | np.isinf(n))
    if wrong.any():
        pairs = [f"{a:g} of {b:g}" for a, b in zip(x[wrong].ravel(), n[wrong].ravel(), strict=True)]
        rule, fix = "whole, 0 <= events <= n, n >= 1", "correct the count"
        problems = [
            dict(table="", row=int(row), column="events, n", value=pair, rule=rule, fix=fix)
            for row, pair in zip(np.flatnonzero(wrong), pairs, strict=True)
        ]
        raise DataError(
            f"proportion_ci: expected whole numbers with 0 <= events <= n and n >= 1; found {', '.join(pairs[:10])}.",
            problems,
        )
    return x, n


def _proportion_limits(x, n, method, alpha):
    p, z = x / n, -ndtri(alpha)
    if method == "clopper-pearson":
        low = np.where(x == 0, 0, betaincinv(np.where(x == 0, 1, x), n - x + 1, alpha))
        high = np.where(x == n, 1, betaincinv(x + 1, np.where(x == n, 1, n - x), 1 - alpha))
        return low, high
    if method == "jeffreys":
        low = np.where(x == 0, 0, betaincinv(x + 0.5, n - x + 0.5, alpha))
        return low, np.where(x == n, 1, betaincinv(x + 0.5, n - x + 0.5, 1 - alpha))
    if method == "wald":
        half = z * np.sqrt(p * (1 - p) / n)
        return p - half, p + half
    centre = (x + z**2 / 2) / (n + z**2)
    if method == "agresti-coull":
        half = z * np.sqrt(centre * (1 - centre) / (n + z**2))
        return centre - half, centre + half
    if method == "wilson":
        half = z * np.sqrt(p * (1 - p) * n + z**2 / 4) / (n + z**2)
        return np.where(x == 0, 0, centre - half), np.where(x == n, 1, centre + half)
    return _wilson_corrected(x, n, z)


def _wilson_corrected(x, n, z):
    """Score interval about (x -+ c) / n with the continuity correction c = min(1/2, |x - n/2|)."""
    correction = np.minimum(0.5, np.abs(x - n / 2))
    limits = []
    for side in (-1, 1):
        p = np.clip((x + side * correction) / n, 0, 1)
        reach = side * z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        limits.append((p + z**2 / (2 * n) + reach) / (1 + z**2 / n))
    low, high = limits
    return np.where(x <= correction, 0, low), np.where(x + correction >= n, 1, high)
