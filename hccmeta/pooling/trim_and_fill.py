"""Trim and fill: studies that a symmetric funnel would have, imputed."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from hccmeta.effects.inputs import label_rows
from hccmeta.errors import NotConverged, TooFewStudies, check_choice
from hccmeta.pooling.inverse_variance import fit, read_effects, resolve_options
from hccmeta.pooling.residual_tau2 import residual_tau2, weighted_fit
from hccmeta.pooling.result import PooledResult
from hccmeta.pooling.small_study import cautions
from hccmeta.pooling.tau2 import estimate_tau2

if TYPE_CHECKING:
    import pandas as pd

ESTIMATORS = ("L0", "R0")
SIDES = (None, "left", "right")
ROUNDING = 1e-14  # a distance from the mean below this share of the effects is 0


@dataclass(frozen=True, eq=False)
class TrimAndFillResult:
    """What trim and fill imputes.

    Attributes
    ----------
    k0 : int
        Studies that are missing by the estimator, and filled in.
    side : str
        Where they are missing: "left" (low effects) or "right".
    estimator : str
    p_value : float
        R0 only: probability of k0 or more where none is missing; else NaN.
    result : PooledResult
        All studies with the filled ones.
    filled : DataFrame
        study ("Filled 1", ...), yi, vi, model scale.
    notes : tuple of str
    """

    k0: int
    side: str
    estimator: str
    p_value: float
    result: PooledResult
    filled: pd.DataFrame
    notes: tuple[str, ...] = ()


def trim_and_fill(effects, *, estimator="L0", side=None, model="random", tau2_method="REML", ci_method=None,
                  pi_method="t_km1", level=0.95):  # fmt: skip
    """Pooled effect after filling in the studies that an asymmetric funnel lacks.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale); study labels the rows.
    estimator : {"L0", "R0"}
        Number of missing studies from the rank sum, or from the run of the most extreme ones.
    side : {"left", "right"}, optional
        Where studies are missing. None: against the sign of the regression of the effects on their standard error.
    model, tau2_method, ci_method, pi_method, level
        As `pool`.

    Returns
    -------
    TrimAndFillResult
        .k0, .side, .result (PooledResult with the filled studies), .filled (study, yi, vi).

    Raises
    ------
    DataError, MethodError
        As `pool`.
    TooFewStudies
        Fewer than three studies.
    NotConverged
        The rounds go back and forth between two numbers of missing studies.

    Notes
    -----
    Repeat until k0 stays: mean of the studies without the k0 most extreme; S = rank sum of the distances above it;
    L0 = (4 S - k (k + 1)) / (2 k - 1), R0 = k - highest rank below it - 1. Filled: mirror images about that mean.
    A sensitivity analysis: heterogeneity alone makes funnels asymmetric. Warns below k = 10 and for proportions.

    References
    ----------
    Duval and Tweedie 2000, 10.1111/j.0006-341X.2000.00455.x

    Examples
    --------
    >>> import pandas as pd
    >>> yi = [0.1, 0.12, 0.15, 0.3, 0.2, 0.5, 0.7, 0.9, 1.1, 1.3]
    >>> df = pd.DataFrame({"yi": yi, "vi": [0.01, 0.02, 0.02, 0.04, 0.06, 0.1, 0.14, 0.2, 0.25, 0.3]})
    >>> found = trim_and_fill(df, model="common")
    >>> found.k0, found.side, round(found.result.estimate, 3)
    (4, 'left', 0.156)
    """
    check_choice("estimator", estimator, ESTIMATORS)
    check_choice("side", side, SIDES)
    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    table = read_effects(effects, caller="trim_and_fill")
    notes = cautions(table, "Trim and fill")
    if table.k < 3:
        raise TooFewStudies(f"trim_and_fill needs at least three studies with yi and vi; there are {table.k}.")
    side = side or _missing_side(table, model, tau2_method)
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * table.y, kind="stable")
    y, v = sign * table.y[order], table.v[order]
    k0, mean = _missing(y, v, estimator, model, tau2_method)
    extreme = slice(table.k - k0, table.k)
    all_studies, filled = _fill(table, sign * (2 * mean - y[extreme]), v[extreme])
    result = fit(read_effects(all_studies, caller="trim_and_fill"), model=model, tau2_method=tau2_method,
                 ci_method=ci_method, pi_method=pi_method, level=level)  # fmt: skip
    p_value = 0.5 ** (k0 + 1) if estimator == "R0" else nan
    return TrimAndFillResult(k0, side, estimator, p_value, result, filled, notes)


def _missing_side(table, model, tau2_method):
    X = np.column_stack([np.ones(table.k), np.sqrt(table.v)])
    if np.ptp(X[:, 1]) <= ROUNDING * X[:, 1].max():
        return "left"
    tau2 = residual_tau2(table.y, table.v, X, tau2_method) if model == "random" else 0.0
    return "right" if weighted_fit(table.y, table.v, X, tau2).beta[1] < 0 else "left"


def _missing(y, v, estimator, model, tau2_method):
    """Number of studies missing below, and the mean of the trimmed set; y ascending."""
    k, k0, seen = len(y), 0, []
    while k0 not in seen[-1:]:
        if k0 in seen:
            turns = " and ".join(map(str, seen[seen.index(k0) :]))
            raise NotConverged(f"trim_and_fill alternates between {turns} missing studies; try the other estimator.")
        seen.append(k0)
        mean = _mean(y[: k - k0], v[: k - k0], model, tau2_method)
        distance = y - mean
        distance[np.abs(distance) <= ROUNDING * np.abs(y).max()] = 0.0
        rank = np.empty(k)
        rank[np.argsort(np.abs(distance), kind="stable")] = np.arange(1, k + 1)
        if estimator == "R0":
            missing = k - rank[distance <= 0].max(initial=0) - 1
        else:
            missing = (4 * rank[distance > 0].sum() - k * (k + 1)) / (2 * k - 1)
        k0 = max(0, round(missing))
    return k0, mean


def _mean(y, v, model, tau2_method):
    tau2 = estimate_tau2(y[:, None], v[:, None], tau2_method)[0][0] if model == "random" else 0.0
    w = 1 / (v + tau2)
    return float((w * y).sum() / w.sum())


def _fill(table, yi, vi):
    """Table of all studies with the filled ones below, and those alone."""
    import pandas as pd

    names = [f"Filled {i + 1}" for i in range(len(yi))]
    filled = pd.DataFrame({"study": names, "yi": yi, "vi": vi})
    known = pd.DataFrame({"study": label_rows(table.source), "yi": table.yi, "vi": table.vi})
    both = pd.concat([known, filled], ignore_index=True) if len(filled) else known
    return both.assign(measure=table.measure, filled=np.arange(len(both)) >= len(known)), filled
