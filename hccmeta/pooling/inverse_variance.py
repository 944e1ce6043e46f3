"""Inverse-variance pooling: common effect and random effects."""

from __future__ import annotations

from math import inf, log, nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

from hccmeta.effects.inputs import Columns, check_level, label_rows
from hccmeta.effects.scales import SCALES
from hccmeta.errors import MethodError, TooFewStudies, check_choice
from hccmeta.pooling.advice import advise
from hccmeta.pooling.likelihood import log_likelihood
from hccmeta.pooling.result import PooledResult
from hccmeta.pooling.tau2 import TAU2_METHODS, estimate_tau2, q_profile, se_of_tau2, typical_variance

EXTREME = 1e50  # beyond it squares and products of weights leave what a float can hold
MODELS = ("random", "common")
CI_METHODS = ("z", "t", "HK", "HK-adhoc")
PI_METHODS = ("z", "t_km1", "t_km2")


class EffectTable(NamedTuple):
    """Checked effects: the input, its measure, which rows count and why not, and y, v of those that do."""

    source: object
    measure: str
    yi: np.ndarray
    vi: np.ndarray
    included: np.ndarray
    reason: np.ndarray
    y: np.ndarray
    v: np.ndarray
    k: int


class Shared(NamedTuple):
    """tau2, sum w r^2 and its degrees of freedom of a model that covers several groups."""

    tau2: float
    weighted_squares: float
    df: int


def read_effects(effects, *, caller):
    """Check an effect table (yi, vi, optional measure) and split off the rows that cannot count."""
    columns = Columns(effects, ("yi", "vi"), caller=caller)
    if columns.has("vi"):
        columns.rule(columns["vi"] < 0, "vi", "vi >= 0", "a variance cannot be negative")
    for name in columns.values:
        size = np.abs(columns[name])
        beyond = np.isfinite(size) & ((size > EXTREME) | ((name == "vi") & (size > 0) & (size < 1 / EXTREME)))
        columns.rule(beyond, name, "a number that a study can have", f"correct it: {name} is far beyond any study's")
    measure = _measure(effects, columns)
    columns.refuse()
    yi, vi = columns["yi"], columns["vi"]
    included = np.isfinite(yi) & np.isfinite(vi) & (vi > 0)
    reason = np.full(len(yi), "", dtype=object)
    if not included.all():
        reason[~included] = "variance is 0"
        reason[~np.isfinite(vi)] = "variance missing"
        reason[~np.isfinite(yi)] = "effect missing"
    y, v = yi[included], vi[included]
    return EffectTable(effects, measure, yi, vi, included, reason, y, v, len(y))


def _measure(effects, columns):
    """The one measure of the table; GEN where no column says it."""
    if "measure" not in effects.columns or len(effects) == 0:
        return "GEN"
    found = list(dict.fromkeys(effects["measure"].tolist()))
    if len(found) > 1:
        columns.add("", "measure", "", f"one measure, not {', '.join(map(str, found))}", "pool one at a time")
    elif found[0] not in SCALES:
        columns.add("", "measure", found[0], f"not {found[0]!r} but one of {', '.join(SCALES)}", "name the measure")
    return found[0]


def pool(effects, *, model="random", tau2_method="REML", ci_method=None, pi_method="t_km1", level=0.95):
    """Weighted mean effect of several studies, with heterogeneity.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale); study labels the rows; measure (default GEN). Rows without a finite yi or
        a positive vi are kept in `.studies` and do not count.
    model : {"random", "common"}
    tau2_method : {"REML", "DL", "PM", "ML", "EB", "HS", "SJ", "HE"}
        Estimator of the between-study variance.
    ci_method : {"z", "t", "HK", "HK-adhoc"}, optional
        Normal, t with k - 1 df, Hartung-Knapp, Hartung-Knapp never narrower than its t interval with the model's
        standard error. None: HK-adhoc for random, z for common.
    pi_method : {"t_km1", "t_km2", "z"}
        Reference of the prediction interval: t with k - 1 or k - 2 df, or normal.
    level : float
        Level of both intervals as a fraction.

    Returns
    -------
    PooledResult
        Model scale; `.display` on the reported scale.

    Raises
    ------
    DataError
        Columns missing, text in a number column, vi negative, several measures.
    MethodError
        Unknown option, or Hartung-Knapp with the common-effect model.
    TooFewStudies
        No study with an effect.

    Notes
    -----
    mu = sum w y / sum w, w = 1 / (v + tau2), se = 1 / sqrt(sum w). HK: se times sqrt(sum w (y - mu)^2 / (k - 1)),
    t with k - 1 df; HK-adhoc: that factor is at least 1. Prediction: mu +- t sqrt(tau2 + se^2). One study stands
    for itself: z, tau2 = 0, no prediction interval.

    References
    ----------
    Viechtbauer 2005, 10.3102/10769986030003261; Knapp and Hartung 2003, 10.1002/sim.1482; Higgins et al. 2009,
    10.1111/j.1467-985X.2008.00552.x

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.04, 0.05, 0.04, 0.06]})
    >>> result = pool(df)
    >>> round(result.estimate, 3), round(result.tau2, 3)
    (0.716, 0.256)
    """
    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    table = read_effects(effects, caller="pool")
    if table.k == 0:
        raise TooFewStudies("pool needs at least one study with a finite yi and a positive vi; there is none.")
    return fit(table, model=model, tau2_method=tau2_method, ci_method=ci_method, pi_method=pi_method, level=level)


def resolve_options(model, tau2_method, ci_method, pi_method, level):
    """Check every option against its closed list; return the interval method that None stands for."""
    check_choice("model", model, MODELS)
    check_choice("tau2_method", tau2_method, TAU2_METHODS)
    check_choice("ci_method", ci_method, (None, *CI_METHODS))
    check_choice("pi_method", pi_method, PI_METHODS)
    check_level(level)
    if ci_method is None:
        return "HK-adhoc" if model == "random" else "z"
    if model == "common" and ci_method.startswith("HK"):
        raise MethodError("Hartung-Knapp intervals belong to the random-effects model; with common choose 'z' or 't'.")
    return ci_method


def fit(table, *, model, tau2_method, ci_method, pi_method, level, shared=None):
    """PooledResult of a checked table; `shared` holds what the groups of one model have in common."""
    y, v, k = table.y, table.v, table.k
    random = model == "random" and (k > 1 or shared is not None)
    ci_method = ci_method if k > 1 or shared is not None else "z"
    tau2, n_maxima = 0.0, 1
    if shared is not None:
        tau2 = shared.tau2
    elif random:
        found, maxima = estimate_tau2(y[:, None], v[:, None], tau2_method)
        tau2, n_maxima = float(found[0]), int(maxima[0])
    w = 1 / (v + tau2)
    total = float(w.sum())
    estimate = float((w * y).sum()) / total
    own = (w * (y - estimate) ** 2).sum(), k - 1
    weighted_squares, df = own if shared is None else (shared.weighted_squares, shared.df)
    factor = hartung_knapp_factor(weighted_squares, df, ci_method)
    se = factor / sqrt(total)
    df = inf if ci_method == "z" else float(df)
    stat = estimate / se if se > 0 else nan
    half = quantile(level, df) * se
    pi = (nan, nan)
    if random and k >= 3:
        reach = quantile(level, {"z": inf, "t_km1": k - 1.0, "t_km2": k - 2.0}[pi_method]) * sqrt(tau2 + se * se)
        pi = (estimate - reach, estimate + reach)
    low, high = q_profile(y, v, level) if random and shared is None else (nan, nan)
    result = dict(
        measure=table.measure, k=k, estimate=estimate, se=se, ci_low=estimate - half, ci_high=estimate + half,
        pi_low=pi[0], pi_high=pi[1], level=level, stat=stat, stat_df=nan if df == inf else df,
        p_value=two_sided_p(stat, df), tau2=tau2, tau2_method=tau2_method if model == "random" else "",
        se_tau2=se_of_tau2(v, tau2, tau2_method, y) if random and shared is None else nan, tau2_low=low, tau2_high=high,
        **heterogeneity(y, v, tau2, random),
        **(likelihood_terms(y, v, tau2, random, tau2_method) if shared is None else {}),
        model=model, ci_method=ci_method, pi_method=pi_method if random and k >= 3 else "",
        n_back=harmonic_n(table),
    )  # fmt: skip
    notes = advise(table, result, weight=w / total, factor=factor, n_maxima=n_maxima)
    return PooledResult(**result, studies=study_table(table, w / total), notes=notes)


def hartung_knapp_factor(weighted_squares, df, ci_method):
    """Factor on the model's standard error: 1 for z and t, sqrt(sum w r^2 / df) for HK, at least 1 for HK-adhoc."""
    if not ci_method.startswith("HK"):
        return 1.0
    factor = sqrt(float(weighted_squares) / df)
    return max(1.0, factor) if ci_method == "HK-adhoc" else factor


def quantile(level, df):
    """Two-sided critical value: normal for infinite df, else t."""
    return float(-ndtri((1 - level) / 2) if df == inf else -stdtrit(df, (1 - level) / 2))


def two_sided_p(stat, df):
    """Two-sided p value: normal for infinite df, else t."""
    return float(2 * (ndtr(-abs(stat)) if df == inf else stdtr(df, -abs(stat))))


def heterogeneity(y, v, tau2, random):
    """Cochran's Q with its p value, I2 from tau2 and from Q, H2. Without tau2, I2 and H2 come from Q (as metafor)."""
    k = len(y)
    if k == 1:
        return dict(Q=0.0, Q_df=0, Q_p=1.0, I2=0.0, I2_Q=0.0, H2=1.0)
    w = 1 / v
    residual = y - (w * y).sum() / w.sum()
    Q, df = float((w * residual * residual).sum()), k - 1
    I2_Q = max(0.0, (Q - df) / Q) if Q > 0 else 0.0
    s2 = float(typical_variance(v))
    I2, H2 = (tau2 / (tau2 + s2), 1 + tau2 / s2) if random else (I2_Q, Q / df)
    return dict(Q=Q, Q_df=df, Q_p=float(chdtrc(df, Q)), I2=I2, I2_Q=I2_Q, H2=H2)


def likelihood_terms(y, v, tau2, random, tau2_method):
    """Log-likelihood (restricted for REML), AIC and BIC at the estimates."""
    restricted = random and tau2_method == "REML"
    value = float(log_likelihood(y[:, None], v[:, None], tau2, restricted)[0])
    parameters = 2 if random else 1
    observations = len(y) - restricted
    return dict(log_lik=value, aic=2 * parameters - 2 * value, bic=parameters * log(observations) - 2 * value)


def harmonic_n(table):
    """Harmonic mean of n behind double arcsines, by vi = 1 / (4 n + 2)."""
    if table.measure != "PFT":
        return nan
    return float(table.k / (4 / (1 / table.v - 2)).sum())


def study_table(table, weight):
    """The rows in input order with label, yi, vi, weight, included, reason, then the other columns."""
    import pandas as pd

    source = table.source
    share = np.zeros(len(table.yi))
    share[table.included] = weight
    columns = dict(label=label_rows(source), yi=table.yi, vi=table.vi, weight=share, included=table.included,
                   reason=table.reason)  # fmt: skip
    columns |= {name: source[name] for name in source.columns if name not in columns}
    return pd.DataFrame(columns, index=source.index)
