"""Two arms pooled by binomial-normal models: the log odds ratio without continuity correction."""

from __future__ import annotations

from math import nan

import numpy as np
from scipy.special import chdtrc, ndtri

from hccmeta.effects.inputs import Columns, check_level, label_rows
from hccmeta.errors import TooFewStudies, check_choice
from hccmeta.pooling.glmm_likelihood import MarginalModel
from hccmeta.pooling.glmm_profile import fit_model
from hccmeta.pooling.glmm_record import CI_METHODS, counts_table, left_out_note, record
from hccmeta.pooling.glmm_two_arm_exact import exact_odds_ratio
from hccmeta.pooling.glmm_two_arm_likelihood import FixedStudyEffects, Hypergeometric, RandomStudyEffects, Tables
from hccmeta.pooling.inverse_variance import PI_METHODS
from hccmeta.pooling.result import PooledResult

METHODS = {
    "UM.FS": "binomial-normal GLMM, fixed study effects",
    "UM.RS": "binomial-normal GLMM, random study effects",
    "CM.EL": "conditional (non-central hypergeometric) GLMM",
}


def pool_two_arm(df, *, method="UM.FS", ci_method="z", pi_method="t_km1", level=0.95):
    """Pooled log odds ratio of two arms by a binomial-normal model, arm 1 against arm 2.

    Parameters
    ----------
    df : DataFrame
        events_1, n_1, events_2, n_2 (1 = experimental); study labels the rows. Rows with a missing count, and studies
        in which no patient or every patient has the event, are kept in `.studies` and do not count.
    method : {"UM.FS", "UM.RS", "CM.EL"}
        Fixed study effects, random study effects, or conditional on each study's events.
    ci_method : {"z", "t", "profile"}
        Standard error with a normal or a t reference (k - 1 df), or profile likelihood.
    pi_method : {"t_km1", "t_km2", "z"}
        Reference of the prediction interval; none below k = 3.
    level : float
        Level of both intervals as a fraction.

    Returns
    -------
    PooledResult
        Log odds ratio; `.display` as odds ratio. Q is the Wald test, LRT the likelihood-ratio test of tau2 = 0.

    Raises
    ------
    DataError
        Columns missing; counts that are not whole, negative, or events > n.
    MethodError
        Unknown option.
    TooFewStudies
        No row with all four counts.

    Notes
    -----
    logit p = alpha +- delta / 2, delta ~ N(theta, tau2). UM.FS: one alpha per study; UM.RS: alpha ~ N(mu, sigma2);
    CM.EL: events of arm 1 given the study's events, non-central hypergeometric with log odds ratio delta.
    Where every study has its events as far on one side as its margins allow there is no finite maximum: the exact
    conditional common odds ratio is given (see `.notes`).

    References
    ----------
    Stijnen et al. 2010, 10.1002/sim.4040; Jackson et al. 2018, 10.1002/sim.7588

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events_1": [4, 6, 3], "n_1": [20, 30, 25], "events_2": [8, 9, 9], "n_2": [20, 31, 24]})
    >>> round(pool_two_arm(df, method="CM.EL").display.estimate, 3)
    0.401
    """
    check_choice("method", method, tuple(METHODS))
    check_choice("ci_method", ci_method, CI_METHODS)
    check_choice("pi_method", pi_method, PI_METHODS)
    check_level(level)
    tables, included, reason = read_tables(df)
    used = tables.take(included)
    k = len(used.x1)
    if at_end_of_support(used):
        found = exact_odds_ratio(used, level)
    else:
        model, constant, n_parameters = model_of(method, used)
        fit = fit_model(model, 1, root=-float(ndtri((1 - level) / 2)) if ci_method == "profile" else None)
        found = record(fit, k=k, constant=constant, n_parameters=n_parameters, ci_method=ci_method,
                       pi_method=pi_method, level=level)  # fmt: skip
    found["notes"] += left_out_note(included, reason)
    cells = [tables.x1, tables.n1 - tables.x1, tables.x2, tables.n2 - tables.x2]
    empty = np.minimum.reduce(cells) == 0
    a, b, c, d = (cell + 0.5 * empty for cell in cells)
    studies = counts_table(
        df, label=label_rows(df), yi=np.log(a * d / (b * c)), vi=1 / a + 1 / b + 1 / c + 1 / d,
        weight=np.full(len(a), nan), included=included, reason=reason,
    )  # fmt: skip
    return PooledResult(
        measure="OR", k=k, level=level, tau2_method="ML", method=METHODS[method], studies=studies,
        **wald_test(used), **found,
    )  # fmt: skip


def model_of(method, tables):
    """Likelihood, the constant that completes it, and its number of parameters."""
    k = len(tables.x1)
    if method == "CM.EL":
        kernel = Hypergeometric(tables)
        return MarginalModel(kernel, np.ones((k, 1))), kernel.constant, 2
    constant = float(tables.constant.sum())
    if method == "UM.RS":
        return RandomStudyEffects(tables), constant, 4
    return FixedStudyEffects(tables), constant, k + 2


def read_tables(df):
    """Checked 2x2 tables of all rows, which rows count and why not."""
    names = ("events_1", "n_1", "events_2", "n_2")
    columns = Columns(df, names, caller="pool_two_arm")
    columns.counts("events_1", "n_1")
    columns.counts("events_2", "n_2")
    columns.refuse()
    x1, n1, x2, n2 = (columns[name] for name in names)
    complete = np.isfinite(x1 + n1 + x2 + n2)
    if not complete.any():
        raise TooFewStudies("pool_two_arm needs at least one row with events_1, n_1, events_2, n_2; there is none.")
    reason = np.full(len(x1), "", dtype=object)
    reason[~complete] = "count missing"
    reason[complete & (x1 + x2 == 0)] = "no events in either arm"
    reason[complete & (x1 + x2 == n1 + n2)] = "only events in both arms"
    return Tables(x1, n1, x2, n2), reason == "", reason


def at_end_of_support(tables):
    """One study or none, or every study with its arm-1 events at an end of what its margins allow."""
    low, high = tables.support
    return len(tables.x1) <= 1 or bool(((tables.x1 == low) | (tables.x1 == high)).all())


def wald_test(tables):
    """Wald test that all log odds ratios are equal; a study with an empty cell has no finite one and adds 0."""
    cells = [tables.x1, tables.n1 - tables.x1, tables.x2, tables.n2 - tables.x2]
    a, b, c, d = (cell[np.minimum.reduce(cells) > 0] for cell in cells)
    y, w = np.log(a * d / (b * c)), 1 / (1 / a + 1 / b + 1 / c + 1 / d)
    Q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum()) if len(y) else 0.0
    df = max(0, len(tables.x1) - 1)
    return dict(Q=Q, Q_df=df, Q_p=float(chdtrc(df, Q)) if df else 1.0)
