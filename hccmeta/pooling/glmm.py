"""Proportions pooled by the binomial-normal model (random-intercept logistic regression), exact marginal likelihood."""

from __future__ import annotations

from math import inf, nan

import numpy as np
from scipy.special import chdtrc, stdtrit

from hccmeta.effects.inputs import Columns, check_level, label_rows
from hccmeta.errors import DataError, TooFewStudies, check_choice
from hccmeta.pooling.glmm_boundary import boundary_record, exact_fits, on_boundary
from hccmeta.pooling.glmm_likelihood import Binomial, MarginalModel, posterior
from hccmeta.pooling.glmm_profile import fit_model
from hccmeta.pooling.glmm_record import CI_METHODS, counts_table, left_out_note, record, spread
from hccmeta.pooling.inverse_variance import PI_METHODS, quantile
from hccmeta.pooling.result import PooledResult

METHODS = ("GLMM",)
CHUNK = 20_000  # studies fitted at a time


def pool_proportion(counts, *, method="GLMM", ci_method="profile", pi_method="t_km1", level=0.95):
    """Pooled proportion of single arms by the binomial-normal model.

    Parameters
    ----------
    counts : DataFrame
        events, n (patients); study labels the rows. Rows with a missing count are kept in `.studies` and do not count.
    method : {"GLMM"}
    ci_method : {"profile", "z", "t"}
        Profile likelihood, or the standard error with a normal or a t reference (k - 1 df).
    pi_method : {"t_km1", "t_km2", "z"}
        Reference of the prediction interval on the logit scale; none below k = 3.
    level : float
        Level of both intervals as a fraction.

    Returns
    -------
    PooledResult
        Logit scale; `.display` as proportions. `.studies` has shrunken, shrunken_se: each study's own logit given all
        data. Q is the Wald test, LRT the likelihood-ratio test of tau2 = 0; I2 is not defined (NaN).

    Raises
    ------
    DataError
        Columns missing; counts that are not whole, negative, or events > n.
    MethodError
        Unknown option.
    TooFewStudies
        No row with both counts.

    Notes
    -----
    events ~ Binomial(n, expit(mu + tau z)), z ~ N(0, 1), maximised over mu and tau (global maximum).
    One study, or every study at 0 % or 100 %: exact interval, one-sided where all have 0 or all events (see `.notes`).
    With profile, `stat` is the signed root of the deviance of mu = 0. LRT: half chi2(0), half chi2(1).

    References
    ----------
    Stijnen et al. 2010, 10.1002/sim.4040; Self and Liang 1987, 10.1080/01621459.1987.10478472

    Examples
    --------
    >>> import pandas as pd
    >>> result = pool_proportion(pd.DataFrame({"events": [3, 9, 12, 20], "n": [25, 30, 40, 45]}))
    >>> round(result.display.estimate, 3), round(result.tau2, 3)
    (0.296, 0.157)
    """
    check_choice("method", method, METHODS)
    check_choice("ci_method", ci_method, CI_METHODS)
    check_choice("pi_method", pi_method, PI_METHODS)
    check_level(level)
    x, n, included, reason = read_counts(counts, caller="pool_proportion")
    events, size = x[included], n[included]
    k = len(events)
    shrunken = shrunken_se = np.full(k, nan)
    if on_boundary(events, size):
        found = boundary_record(events, size, level)
    else:
        kernel = Binomial(events[None, :], size[None, :])
        root = quantile(level, inf) if ci_method == "profile" else None
        fit = fit_model(MarginalModel(kernel, np.ones((k, 1))), 1, root=root)
        found = record(fit, k=k, constant=float(kernel.constant.sum()), n_parameters=2,
                       ci_method=ci_method, pi_method=pi_method, level=level)  # fmt: skip
        mean, deviation = posterior(kernel, np.full((1, k), fit.theta[0, 0]), fit.theta[:, -1], int(fit.order[0]))
        shrunken, shrunken_se = mean[0], deviation[0]
    found["notes"] += left_out_note(included, reason)
    adjusted = np.where((x == 0) | (x == n), 0.5, 0.0)
    a, b = x + adjusted, n - x + adjusted
    studies = counts_table(
        counts, label=label_rows(counts), yi=np.log(a / b), vi=1 / a + 1 / b, weight=np.full(len(x), nan),
        included=included, reason=reason, shrunken=spread(included, shrunken),
        shrunken_se=spread(included, shrunken_se),
    )  # fmt: skip
    return PooledResult(
        measure="PLO", k=k, level=level, tau2_method="ML", method="binomial-normal GLMM", studies=studies,
        **wald_test(events, size), **found,
    )  # fmt: skip


def pool_proportion_many(events, n, *, ci_method="z", level=0.95):
    """Pooled proportions of many meta-analyses by the binomial-normal model, one row per fit.

    Parameters
    ----------
    events, n : array, shape (fits, studies)
        Patients with the event and patients; NaN = no such study.
    ci_method : {"z", "t", "profile"}
        As in `pool_proportion`.
    level : float
        Level of the interval as a fraction.

    Returns
    -------
    DataFrame
        k, estimate, se, ci_low, ci_high, tau2 (logit scale), log_lik. A fit without studies is NaN.

    Raises
    ------
    DataError
        Arrays of different shape, counts that are not whole, negative, or events > n.
    MethodError
        Unknown option.

    Notes
    -----
    Same model, optimum and boundary results as `pool_proportion`.

    References
    ----------
    Stijnen et al. 2010, 10.1002/sim.4040

    Examples
    --------
    >>> pool_proportion_many([[3, 9, 12], [0, 0, 0]], [[25, 30, 40], [9, 8, 7]]).estimate.round(3).tolist()
    [-1.085, -inf]
    """
    import pandas as pd

    check_choice("ci_method", ci_method, CI_METHODS)
    check_level(level)
    x, size = read_arrays(events, n)
    k = (size > 0).sum(1)
    constant = Binomial(x, size).constant.sum(1)
    result = exact_fits(x, size, level)
    inner = np.flatnonzero(~on_boundary(x, size))
    root = quantile(level, inf) if ci_method == "profile" else None
    for rows in np.array_split(inner, max(1, -(-len(inner) * x.shape[1] // CHUNK))):
        if not len(rows):
            continue
        model = MarginalModel(Binomial(x[rows], size[rows]), np.ones((x.shape[1], 1)))
        fit = fit_model(model, len(rows), root=root)
        estimate, se = fit.theta[:, 0], np.sqrt(fit.covariance[:, 0, 0])
        half = se * (quantile(level, inf) if ci_method == "z" else -stdtrit(k[rows] - 1.0, (1 - level) / 2))
        low, high = (fit.low, fit.high) if ci_method == "profile" else (estimate - half, estimate + half)
        columns = dict(estimate=estimate, se=se, ci_low=low, ci_high=high, tau2=fit.theta[:, 1] ** 2,
                       log_lik=fit.log_lik + constant[rows])  # fmt: skip
        for name, values in columns.items():
            result[name][rows] = values
    return pd.DataFrame({"k": k, **result})


def read_arrays(events, n):
    """Checked float arrays (fits, studies); an absent study has n = 0."""
    try:
        x, size = np.array(events, float), np.array(n, float)
    except (TypeError, ValueError) as error:
        raise DataError(f"pool_proportion_many: events and n must be arrays of numbers ({error}).") from None
    if x.ndim != 2 or x.shape != size.shape:
        raise DataError(
            f"pool_proportion_many: events and n must have the same shape (fits, studies); "
            f"found {x.shape} and {size.shape}."
        )
    present = np.isfinite(x) & np.isfinite(size)
    whole = (x == np.round(x)) & (size == np.round(size)) & (x >= 0) & (size >= 1) & (x <= size)
    wrong = np.argwhere(~whole & ~(np.isnan(x) | np.isnan(size)))
    if len(wrong):
        rule, fix = "whole, 0 <= events <= n, n >= 1", "correct the count or make it NaN"
        problems = [
            dict(table="", row=int(i), column=int(j), value=f"{x[i, j]:g} of {size[i, j]:g}", rule=rule, fix=fix)
            for i, j in wrong
        ]
        shown = ", ".join(f"fit {p['row']} study {p['column']}: {p['value']}" for p in problems[:10])
        raise DataError(f"pool_proportion_many: expected whole numbers, 0 <= events <= n, n >= 1; {shown}.", problems)
    return np.where(present, x, 0.0), np.where(present, size, 0.0)


def read_counts(counts, *, caller):
    """Events, n, which rows count and why not."""
    columns = Columns(counts, ("events", "n"), caller=caller)
    columns.counts("events", "n")
    columns.refuse()
    x, n = columns["events"], columns["n"]
    included = np.isfinite(x) & np.isfinite(n)
    if not included.any():
        raise TooFewStudies(f"{caller} needs at least one row with events and n; there is none.")
    reason = np.full(len(x), "", dtype=object)
    reason[~included] = "events or n missing"
    return x, n, included, reason


def wald_test(events, n):
    """Wald test that all logits are equal: sum w (y - mean)^2 with w = n p (1 - p); a study at 0 % or 100 % adds 0."""
    mixed = (events > 0) & (events < n)
    x, size = events[mixed], n[mixed]
    w = x * (size - x) / size
    y = np.log(x / (size - x))
    Q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum()) if len(x) else 0.0
    df = len(events) - 1
    return dict(Q=Q, Q_df=df, Q_p=float(chdtrc(df, Q)) if df else 1.0)
