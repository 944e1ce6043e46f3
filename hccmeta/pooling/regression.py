"""Meta-regression: effects explained by moderators, with the heterogeneity that is left."""

from __future__ import annotations

from math import inf, log, nan
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, fdtrc

from hccmeta.effects.inputs import check_level, label_rows
from hccmeta.errors import MethodError, check_choice
from hccmeta.pooling.design import INTERCEPT, design_matrix, new_rows
from hccmeta.pooling.inverse_variance import (
    CI_METHODS,
    MODELS,
    hartung_knapp_factor,
    quantile,
    read_effects,
    two_sided_p,
)
from hccmeta.pooling.residual_tau2 import residual_log_likelihood, residual_tau2, se_of_residual_tau2, weighted_fit
from hccmeta.pooling.result import MetaRegressionResult
from hccmeta.pooling.tau2 import TAU2_METHODS, estimate_tau2

PER_MODERATOR = 10


class RegressionFit(NamedTuple):
    """Coefficients and their model-based variance at one tau2, and the weighted residual sum of squares."""

    tau2: float
    beta: np.ndarray
    vcov: np.ndarray
    weighted_squares: float


def meta_regression(effects, formula, *, model="random", tau2_method="REML", ci_method="z", level=0.95):
    """Mixed-effects meta-regression: weighted least squares with residual heterogeneity tau2.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale) and the moderators; study labels the rows. Rows without a moderator are left out.
    formula : str
        Right side in formulaic's syntax, such as "~ year + C(line)"; treatment coding, intercept first.
    model : {"random", "common"}
        common: no residual heterogeneity, tau2 = 0.
    tau2_method : str
        As `pool`.
    ci_method : {"z", "t", "HK", "HK-adhoc"}
        Normal; t with k - p df; Knapp-Hartung; Knapp-Hartung never narrower than t. QM is F with all but z.
    level : float
        Confidence level as a fraction.

    Returns
    -------
    MetaRegressionResult
        .coefficients (term, estimate, se, stat, p_value, ci_low, ci_high, vif), .tau2, .QE, .QM, .R2, .studies.

    Raises
    ------
    DataError
        As `pool`; a moderator that is no column of the table, or not finite.
    MethodError
        Unknown option; a formula that cannot be read; aliased terms, by name.
    TooFewStudies
        Not more studies than coefficients.

    Notes
    -----
    beta = (X'WX)^-1 X'Wy, W = diag(1 / (v + tau2)). QE: residual Q at tau2 = 0. QM: Wald test of all terms but the
    intercept. R2 = (tau2 without moderators - tau2) / tau2 without, not below 0. vif: variance of the coefficient over
    what it would be with terms that are unrelated. Study-level associations are observational.

    References
    ----------
    Knapp and Hartung 2003, 10.1002/sim.1482; Thompson and Higgins 2002, 10.1002/sim.1187

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.3, 0.4, 0.8, 0.9], "vi": [0.04, 0.05, 0.04, 0.06, 0.05], "x": range(5)})
    >>> meta_regression(df, "~ x").coefficients[["term", "estimate"]].round(3).values.tolist()
    [['Intercept', 0.079], ['x', 0.207]]
    """
    check_choice("model", model, MODELS)
    check_choice("tau2_method", tau2_method, TAU2_METHODS)
    check_choice("ci_method", ci_method, CI_METHODS)
    check_level(level)
    if model == "common" and ci_method.startswith("HK"):
        raise MethodError("Knapp-Hartung intervals belong to the random-effects model; with common choose 'z' or 't'.")
    table = read_effects(effects, caller="meta_regression")
    design = design_matrix(table, formula, caller="meta_regression")
    y, v, X = table.yi[design.used], table.vi[design.used], design.X
    k, p = X.shape
    fit = fit_regression(y, v, X, tau2_method if model == "random" else None)
    factor = hartung_knapp_factor(fit.weighted_squares, k - p, ci_method)
    vcov, df = factor**2 * fit.vcov, inf if ci_method == "z" else float(k - p)
    tested = [j for j, term in enumerate(design.terms) if term != INTERCEPT]
    return MetaRegressionResult(
        formula=formula, measure=table.measure, k=k, vcov=labelled(vcov, design.terms),
        coefficients=coefficient_table(design.terms, fit.beta, vcov, df, level), tau2=fit.tau2,
        tau2_method=tau2_method if model == "random" else "",
        se_tau2=se_of_residual_tau2(y, v, X, fit.tau2, tau2_method) if model == "random" else nan,
        **_residual(y, v, X, fit.tau2, model), **moderator_test(fit.beta, vcov, tested, df),
        **_explained(y, v, fit.tau2, tau2_method, model), **_likelihood(y, v, X, fit.tau2, tau2_method, model),
        ci_method=ci_method, level=level, studies=_studies(table, design, X @ fit.beta),
        notes=tuple(_notes(table, design, factor, ci_method, len(tested))),
    )  # fmt: skip


def predict_effects(result, at):
    """Effect that a meta-regression predicts at chosen values of the moderators.

    Parameters
    ----------
    result : MetaRegressionResult
    at : DataFrame
        One row per prediction, with every moderator of the formula.

    Returns
    -------
    DataFrame
        The table with estimate, se, ci_low, ci_high, pi_low, pi_high, model scale; prediction intervals of a new study.

    Raises
    ------
    DataError
        A moderator is missing.

    Notes
    -----
    x'beta, variance x'Vx; the prediction interval adds tau2 and uses the reference distribution of the interval.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.3, 0.4, 0.8, 0.9], "vi": [0.04, 0.05, 0.04, 0.06, 0.05], "x": range(5)})
    >>> predict_effects(meta_regression(df, "~ x"), pd.DataFrame({"x": [5]}))["estimate"].round(3).tolist()
    [1.115]
    """
    if not isinstance(result, MetaRegressionResult):
        raise MethodError(f"predict_effects needs the result of meta_regression; it was given {type(result).__name__}.")
    table = read_effects(result.studies.loc[result.studies["included"]], caller="predict_effects")
    design = design_matrix(table, result.formula, caller="predict_effects")
    X = new_rows(design, at)
    estimate = X @ result.coefficients["estimate"].to_numpy()
    variance = ((X @ result.vcov.to_numpy()) * X).sum(1)
    reach = quantile(result.level, inf if result.ci_method == "z" else float(result.QE_df))
    half, wide = reach * np.sqrt(variance), reach * np.sqrt(variance + result.tau2)
    return at.assign(estimate=estimate, se=np.sqrt(variance), ci_low=estimate - half, ci_high=estimate + half,
                     pi_low=estimate - wide, pi_high=estimate + wide)  # fmt: skip


def fit_regression(y, v, X, tau2_method):
    """Weighted least squares with tau2 by `tau2_method` (None: 0), in an orthonormal basis of the columns of X."""
    basis, triangle = np.linalg.qr(X)
    tau2 = residual_tau2(y, v, basis, tau2_method) if tau2_method else 0.0
    fit = weighted_fit(y, v, basis, tau2)
    back = np.linalg.inv(triangle)
    return RegressionFit(tau2, back @ fit.beta, back @ fit.vcov @ back.T, fit.Q)


def moderator_test(beta, vcov, tested, df):
    """Wald test of the coefficients `tested`: chi-square, or F with `df` denominator degrees of freedom."""
    m = len(tested)
    if m == 0:
        return dict(QM=nan, QM_df=0, QM_df2=nan, QM_p=nan)
    b, V = beta[tested], vcov[np.ix_(tested, tested)]
    scale = np.sqrt(np.diag(V))
    if not (scale > 0).all():
        return dict(QM=nan, QM_df=m, QM_df2=nan if df == inf else df, QM_p=nan)
    QM = float((b / scale) @ np.linalg.solve(V / np.outer(scale, scale), b / scale))
    if df == inf:
        return dict(QM=QM, QM_df=m, QM_df2=nan, QM_p=float(chdtrc(m, QM)))
    return dict(QM=QM / m, QM_df=m, QM_df2=df, QM_p=float(fdtrc(m, df, QM / m)))


def coefficient_table(terms, beta, vcov, df, level):
    """One row per coefficient with its test and interval; t with `df` degrees of freedom, normal if infinite."""
    import pandas as pd

    se = np.sqrt(np.diag(vcov))
    stat = [b / s if s > 0 else nan for b, s in zip(beta, se, strict=True)]
    half = quantile(level, df) * se
    return pd.DataFrame(dict(
        term=terms, estimate=beta, se=se, stat=stat, p_value=[two_sided_p(t, df) for t in stat], ci_low=beta - half,
        ci_high=beta + half, vif=variance_inflation(terms, vcov),
    ))  # fmt: skip


def variance_inflation(terms, vcov):
    """Diagonal of the inverse correlation matrix of the coefficients other than the intercept."""
    out = np.full(len(terms), nan)
    slopes = [j for j, term in enumerate(terms) if term != INTERCEPT]
    V = vcov[np.ix_(slopes, slopes)]
    scale = np.sqrt(np.diag(V))
    if slopes and (scale > 0).all():
        out[slopes] = np.diag(np.linalg.inv(V / np.outer(scale, scale)))
    return out


def labelled(vcov, terms):
    """Variance matrix with the terms on both axes."""
    import pandas as pd

    return pd.DataFrame(vcov, index=terms, columns=terms)


def _residual(y, v, X, tau2, model):
    """QE and the heterogeneity that is left, by the typical sampling variance (k - p) / tr P."""
    df = len(y) - X.shape[1]
    fit = weighted_fit(y, v, np.linalg.qr(X)[0], 0.0)
    ratio = tau2 * fit.trace / df
    I2, H2 = ratio / (1 + ratio), 1 + ratio
    if model == "common":
        I2, H2 = max(0.0, 1 - df / fit.Q) if fit.Q > 0 else 0.0, fit.Q / df
    return dict(QE=fit.Q, QE_df=df, QE_p=float(chdtrc(df, fit.Q)), I2=float(I2), H2=float(H2))


def _explained(y, v, tau2, tau2_method, model):
    """tau2 without moderators and the share of it that they explain."""
    if model == "common":
        return dict(tau2_null=nan, R2=nan)
    null = float(estimate_tau2(y[:, None], v[:, None], tau2_method)[0][0])
    return dict(tau2_null=null, R2=max(0.0, (null - tau2) / null) if null > 0 else nan)


def _likelihood(y, v, X, tau2, tau2_method, model):
    k, p = X.shape
    restricted = model == "random" and tau2_method == "REML"
    value = residual_log_likelihood(y, v, X, tau2, restricted)
    parameters = p + (model == "random")
    observations = k - p if restricted else k
    return dict(log_lik=value, aic=2 * parameters - 2 * value, bic=parameters * log(observations) - 2 * value)


def _studies(table, design, fitted):
    """Rows in input order with label, yi, vi, included, reason, fitted, then the other columns."""
    import pandas as pd

    reason = table.reason.copy()
    reason[table.included & ~design.used] = "moderator missing"
    value = np.full(len(table.yi), nan)
    value[design.used] = fitted
    columns = dict(label=label_rows(table.source), yi=table.yi, vi=table.vi, included=design.used, reason=reason,
                   fitted=value)  # fmt: skip
    columns |= {name: table.source[name] for name in table.source.columns if name not in columns}
    return pd.DataFrame(columns, index=table.source.index)


def _notes(table, design, factor, ci_method, moderators):
    k, left_out = len(design.X), len(table.yi) - len(design.X)
    if left_out:
        yield f"{left_out} of {len(table.yi)} rows do not count: no effect, no variance, or a moderator missing."
    if moderators and k < PER_MODERATOR * moderators:
        yield f"{k} studies for {moderators} coefficients, fewer than {PER_MODERATOR} each: read this as exploratory."
    if ci_method == "HK" and factor < 1:
        yield f"The Knapp-Hartung standard errors are {factor:.2f} of the model's; HK-adhoc is never less."
