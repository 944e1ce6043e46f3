"""Proportions with moderators and subgroups by the binomial-normal model."""

from __future__ import annotations

from dataclasses import replace
from math import inf, log, nan

import numpy as np
from scipy.special import chdtrc

from hccmeta.effects.inputs import check_level, check_whole, label_rows
from hccmeta.errors import DataError, MethodError, TooFewStudies, check_choice
from hccmeta.pooling.design import parse_formula, plain_columns
from hccmeta.pooling.glmm import pool_proportion, read_counts
from hccmeta.pooling.glmm_likelihood import Binomial, MarginalModel
from hccmeta.pooling.glmm_profile import fit_model
from hccmeta.pooling.glmm_record import counts_table, left_out_note, spread
from hccmeta.pooling.inverse_variance import quantile, two_sided_p
from hccmeta.pooling.result import MetaRegressionResult, SubgroupResult


def proportion_regression(counts, formula, *, ci_method="z", level=0.95):
    """Meta-regression of proportions: binomial-normal model with moderators on the logit scale.

    Parameters
    ----------
    counts : DataFrame
        events, n (patients) and the moderators. Rows with a missing value are kept in `.studies` and do not count.
    formula : str
        Right side only, formulaic's syntax with treatment coding: "~ year + C(line)".
    ci_method : {"z", "t"}
        Normal reference or t with k - p df.
    level : float
        Level of the intervals as a fraction.

    Returns
    -------
    MetaRegressionResult
        Log odds ratios per unit of the moderator; QM is the Wald chi-square of all terms but the intercept.

    Raises
    ------
    DataError
        Bad counts, or a formula that the table cannot answer.
    MethodError
        Unknown option, or moderators that repeat one another.
    TooFewStudies
        Not more studies than coefficients.

    Notes
    -----
    events ~ Binomial(n, expit(x'b + tau z)); R2 = 1 - tau2 / tau2 without moderators, at least 0.

    References
    ----------
    Stijnen et al. 2010, 10.1002/sim.4040

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events": [3, 9, 12, 20], "n": [25, 30, 40, 45], "year": [0, 1, 2, 4]})
    >>> proportion_regression(df, "~ year").coefficients.estimate.round(3).tolist()
    [-1.52, 0.335]
    """
    import pandas as pd

    check_choice("ci_method", ci_method, ("z", "t"))
    check_level(level)
    x, n, included, reason = read_counts(counts, caller="proportion_regression")
    design, complete = moderators(counts, formula)
    reason[included & ~complete] = "moderator missing"
    included = included & complete
    terms, X = list(design.columns), design.to_numpy(float)[included[complete]]
    k, p = X.shape
    if k <= p:
        raise TooFewStudies(f"proportion_regression: {p} coefficients need more than {p} studies; there are {k}.")
    if np.linalg.matrix_rank(X) < p:
        raise MethodError(f"proportion_regression: the moderators repeat one another ({', '.join(terms)}); drop one.")
    Q, R = np.linalg.qr(X)
    kernel = Binomial(x[None, included], n[None, included])
    fit = fit_model(MarginalModel(kernel, Q * np.sqrt(k)), 1)
    back = np.linalg.inv(R) * np.sqrt(k)
    b, V = back @ fit.theta[0, :-1], back @ fit.covariance[0, :-1, :-1] @ back.T
    se, df = np.sqrt(np.diag(V)), inf if ci_method == "z" else float(k - p)
    half = quantile(level, df) * se
    table = dict(term=terms, estimate=b, se=se, stat=b / se, p_value=[two_sided_p(s, df) for s in b / se],
                 ci_low=b - half, ci_high=b + half)  # fmt: skip
    slopes = np.array([term != "Intercept" for term in terms])
    QM = float(b[slopes] @ np.linalg.solve(V[np.ix_(slopes, slopes)], b[slopes])) if slopes.any() else nan
    QE = residual_wald(x[included], n[included], X)
    log_lik = float(fit.log_lik[0] + kernel.constant.sum())
    tau2, null = float(fit.theta[0, -1] ** 2), pool_proportion(counts[included], ci_method="z").tau2
    unbounded = (fit.covariance[0, :-1, :-1].diagonal() > 30**2).any()
    notes = ["A coefficient is not identified: all or none of its patients have the event."] if unbounded else []
    studies = counts_table(counts, label=label_rows(counts), included=included, reason=reason,
                           fitted=spread(included, X @ b))  # fmt: skip
    return MetaRegressionResult(
        formula=formula, measure="PLO", k=k, coefficients=pd.DataFrame(table), vcov=pd.DataFrame(V, terms, terms),
        tau2=tau2, tau2_method="ML", QE=QE, QE_df=k - p, QE_p=float(chdtrc(k - p, QE)), QM=QM,
        QM_df=int(slopes.sum()), QM_p=float(chdtrc(slopes.sum(), QM)) if slopes.any() else nan,
        R2=max(0.0, 1 - tau2 / null) if null > 0 else nan, tau2_null=null, I2=nan, H2=nan, log_lik=log_lik,
        aic=2 * (p + 1) - 2 * log_lik, bic=(p + 1) * log(k) - 2 * log_lik, ci_method=ci_method, level=level,
        studies=studies, notes=(*notes, *left_out_note(included, reason)),
    )  # fmt: skip


def moderators(counts, formula):
    """Design matrix of the rows without missing moderators, and which rows those are."""
    from formulaic.errors import FormulaicError

    parsed = parse_formula(formula, "proportion_regression")
    try:
        design = parsed.get_model_matrix(plain_columns(counts), na_action="drop")
    except (FormulaicError, KeyError, NameError, TypeError, ValueError) as error:
        raise DataError(f"proportion_regression: the formula {formula!r} does not fit the table: {error}") from None
    complete = np.zeros(len(counts), bool)
    complete[design.index.to_numpy()] = True
    return design, complete


def residual_wald(events, n, X):
    """Weighted residual squares of the studies' logits; a study at 0 % or 100 % adds 0."""
    mixed = (events > 0) & (events < n)
    x, size, X = events[mixed], n[mixed], X[mixed]
    y, root = np.log(x / (size - x)), np.sqrt(x * (size - x) / size)
    fitted = X @ np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
    return float(((root * (y - fitted)) ** 2).sum())


def pool_proportion_by(counts, by, *, tau2="separate", min_k=2, ci_method="profile", pi_method="t_km1", level=0.95):
    """Pooled proportion in each level of a factor and the Wald test between the levels, binomial-normal model.

    Parameters
    ----------
    counts : DataFrame
        events, n (patients) and the column `by`; as `pool_proportion`. Rows without a level are left out.
    by : str
        Column of the levels.
    tau2 : {"separate", "common"}
        Between-study variance per level, or one for all (the factor's cell means).
    min_k : int
        A level with fewer studies is shown without a summary and takes no part in the test.
    ci_method, pi_method, level
        As `pool_proportion`.

    Returns
    -------
    SubgroupResult
        .groups (dict str(level) -> PooledResult, order of first appearance), .Q_between, .df, .p_value, .overall.

    Raises
    ------
    DataError
        As `pool_proportion`, or no column `by`.
    MethodError, TooFewStudies
        As `pool_proportion`.

    Notes
    -----
    Q between = sum w_g (mu_g - mu)^2, w_g = 1 / se_g^2 on the logit scale (with a common tau2: d'V^-1 d of the
    differences d), chi-square with levels - 1 df. A level whose patients all or none have the event has no finite
    logit: it is shown and takes no part in the test.

    References
    ----------
    Borenstein and Higgins 2013, 10.1007/s11121-013-0377-7

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events": [3, 5, 12, 20], "n": [25, 30, 40, 45], "line": ["1", "1", "2", "2"]})
    >>> round(pool_proportion_by(df, "line").p_value, 4)
    0.0043
    """
    check_choice("tau2", tau2, ("separate", "common"))
    check_whole("min_k", min_k, 1)
    options = dict(ci_method=ci_method, pi_method=pi_method, level=level)
    read_counts(counts, caller="pool_proportion_by")
    if not isinstance(by, str) or by not in counts.columns:
        raise DataError(f"pool_proportion_by: there is no column {by!r}.")
    known = counts[counts[by].notna()]
    overall = pool_proportion(known, **options)
    names = known[by].astype(str)
    groups = {name: pool_proportion(known[names == name], **options) for name in dict.fromkeys(names)}
    summarised = [name for name, result in groups.items() if result.k >= min_k and np.isfinite(result.estimate)]
    notes, common = [], nan
    for name, result in groups.items():
        if result.k < min_k:
            groups[name] = without_summary(result, min_k)
            notes.append(f"{name}: fewer than {min_k} studies, shown without a summary.")
        elif name not in summarised:
            notes.append(f"{name}: all or none of the patients have the event; not part of the test between groups.")
    covariance = np.diag([groups[name].se ** 2 for name in summarised])
    if tau2 == "common" and summarised:
        common, covariance = share_tau2(groups, summarised, options)
    missing = len(counts) - len(known)
    if missing:
        notes.append(f"{missing} rows without a value of {by} are left out.")
    df = max(len(summarised) - 1, 0)
    Q = wald_between(np.array([groups[name].estimate for name in summarised]), covariance) if df else nan
    return SubgroupResult(
        by=by, groups=groups, Q_between=Q, df=df, p_value=float(chdtrc(df, Q)) if df else nan, tau2=tau2,
        tau2_common=common, tau2_method="ML", overall=overall, notes=tuple(notes),
    )  # fmt: skip


def wald_between(estimate, covariance):
    """Chi-square of the differences from the first level."""
    contrast = np.column_stack([-np.ones(len(estimate) - 1), np.eye(len(estimate) - 1)])
    difference = contrast @ estimate
    return float(difference @ np.linalg.solve(contrast @ covariance @ contrast.T, difference))


def without_summary(result, min_k):
    """The group's studies alone."""
    note = f"{result.k} {'study' if result.k == 1 else 'studies'}, fewer than {min_k}: shown without a summary."
    empty = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "pi_low", "pi_high", "stat", "p_value", "tau2"), nan)
    return replace(result, **empty, LRT=nan, LRT_p=nan, notes=(note,))


def share_tau2(groups, summarised, options):
    """Replace the groups' results by cell means that share one tau2; return it and their covariance."""
    tables = [groups[name].studies[groups[name].studies["included"]] for name in summarised]
    x, n = (np.concatenate([table[column].to_numpy(float) for table in tables])[None, :] for column in ("events", "n"))
    model = MarginalModel(Binomial(x, n), np.repeat(np.eye(len(tables)), [len(table) for table in tables], axis=0))
    profile, level = options["ci_method"] == "profile", options["level"]
    free = x.shape[1] - len(tables)
    if free < 1 and options["ci_method"] == "t":
        raise TooFewStudies("One study per group leaves no degrees of freedom: choose ci_method 'z' or 'profile'.")
    df = float(free) if options["ci_method"] == "t" else inf
    for i, name in enumerate(summarised):
        fit = fit_model(model, 1, root=quantile(level, inf) if profile else None, index=i)
        tau2, estimate = float(fit.theta[0, -1] ** 2), float(fit.theta[0, i])
        se = float(np.sqrt(fit.covariance[0, i, i]))
        half = quantile(level, df) * se
        low, high = (float(fit.low[0]), float(fit.high[0])) if profile else (estimate - half, estimate + half)
        stat = float(fit.root_at_zero[0]) if profile else estimate / se
        groups[name] = replace(
            groups[name], estimate=estimate, se=se, ci_low=low, ci_high=high, pi_low=nan, pi_high=nan, tau2=tau2,
            se_tau2=nan, log_lik=nan, aic=nan, bic=nan, LRT=nan, LRT_p=nan, stat=stat, p_value=two_sided_p(stat, df),
            stat_df=nan if df == inf else df, ci_method=options["ci_method"], notes=("tau2 is common to the groups.",),
        )  # fmt: skip
    return tau2, fit.covariance[0, :-1, :-1]
