"""Common effect of two-arm counts without a correction for empty cells: Mantel-Haenszel and Peto."""

from __future__ import annotations

from math import inf, log, nan, sqrt

import numpy as np
from scipy.special import chdtrc

from hccmeta.effects.inputs import check_level, label_rows
from hccmeta.effects.rate import effects_rate, person_time_arms
from hccmeta.effects.two_arm import effects_two_arm, two_arm_cells
from hccmeta.errors import TooFewStudies, check_choice
from hccmeta.pooling.homogeneity import breslow_day, cochran_mantel_haenszel
from hccmeta.pooling.inverse_variance import quantile, two_sided_p
from hccmeta.pooling.result import MantelHaenszelResult

MEASURES = ("OR", "RR", "RD", "IRR")
VARIANCES = ("sato", "greenland-robins")


def pool_mantel_haenszel(df, *, measure="OR", variance="sato", level=0.95):
    """Mantel-Haenszel common odds ratio, risk ratio, risk difference or rate ratio.

    Parameters
    ----------
    df : DataFrame
        events_1, n_1, events_2, n_2 (patients; 1 = experimental); IRR: events_1, time_1, events_2, time_2.
    measure : {"OR", "RR", "RD", "IRR"}
    variance : {"sato", "greenland-robins"}
        Variance of the risk difference: Sato (metafor), or Greenland-Robins (RevMan, meta). Not used otherwise.
    level : float
        Confidence level as a fraction.

    Returns
    -------
    MantelHaenszelResult
        A PooledResult (log scale for OR, RR, IRR) with cmh, breslow_day, tarone and their p values.
        `k` counts tables; Q is over the studies with an effect of their own (0.5 added to empty cells); 0 for one.

    Raises
    ------
    DataError
        Counts that are missing as columns, not whole, negative, or events > n.
    TooFewStudies
        No complete table.

    Notes
    -----
    OR = sum(ad/N) / sum(bc/N), Robins-Breslow-Greenland variance. RR = sum(a n2/N) / sum(c n1/N),
    Greenland-Robins variance. RD = sum((a n2 - c n1)/N) / sum(n1 n2/N). No event in one arm of every study: NaN.

    References
    ----------
    Mantel and Haenszel 1959, 10.1093/jnci/22.4.719; Robins et al. 1986, 10.2307/2531052; Sato 1989, 10.2307/2531513;
    Greenland and Robins 1985, 10.2307/2530643

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events_1": [4, 6], "n_1": [123, 306], "events_2": [11, 29], "n_2": [139, 303]})
    >>> round(pool_mantel_haenszel(df).display.estimate, 4)
    0.2414
    """
    check_choice("measure", measure, MEASURES)
    check_choice("variance", variance, VARIANCES)
    check_level(level)
    if measure == "IRR":
        (x1, t1), (x2, t2) = person_time_arms(df, caller="pool_mantel_haenszel")
        without = (x1 == 0) & (x2 == 0)
        cells, effects = (x1, t1, x2, t2), effects_rate(df, measure="IRR")
        effects.loc[without, ["yi", "vi"]] = nan
    else:
        cells = two_arm_cells(df, caller="pool_mantel_haenszel")
        effects, without = effects_two_arm(df, measure=measure, drop00=True), _double_zero(*cells)
    complete = _complete(cells, "pool_mantel_haenszel")
    tables = tuple(cell[complete] for cell in cells)
    estimate, se, weight = mantel_haenszel_estimate(tables, measure, variance)
    tests = {}
    if measure == "OR":
        tests = cochran_mantel_haenszel(*tables) | breslow_day(*tables, estimate)
    silent = without if measure != "RD" else np.zeros_like(without)
    return _record(df, effects, complete, silent, weight, measure=measure, method="Mantel-Haenszel", level=level,
                   estimate=estimate, se=se, variance=variance if measure == "RD" else "", **tests)  # fmt: skip


def mantel_haenszel_estimate(cells, measure, variance="sato"):
    """Estimate, standard error and study weights from cells a, b, c, d (IRR: x1, t1, x2, t2); log scale but for RD."""
    if measure == "RD":
        return _risk_difference(*cells, variance)
    return {"OR": _odds_ratio, "RR": _risk_ratio, "IRR": _rate_ratio}[measure](*cells)


def pool_peto(df, *, level=0.95):
    """Peto's one-step common odds ratio.

    Parameters
    ----------
    df : DataFrame
        events_1, n_1, events_2, n_2 (patients; 1 = experimental).
    level : float
        Confidence level as a fraction.

    Returns
    -------
    MantelHaenszelResult
        Log odds ratio; `.studies` has yi = (O - E)/V and vi = 1/V.

    Raises
    ------
    DataError
        Counts that are missing as columns, not whole, negative, or events > n.
    TooFewStudies
        No complete table.

    Notes
    -----
    estimate = sum(O - E) / sum V, se = 1 / sqrt(sum V); E and V are the hypergeometric mean and variance of events_1.
    Biased for large effects and for arms of very different size.

    References
    ----------
    Yusuf et al. 1985, 10.1016/S0033-0620(85)80003-7

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events_1": [4, 6], "n_1": [123, 306], "events_2": [11, 29], "n_2": [139, 303]})
    >>> round(pool_peto(df).display.estimate, 4)
    0.2894
    """
    check_level(level)
    cells = two_arm_cells(df, caller="pool_peto")
    complete = _complete(cells, "pool_peto")
    a, b, c, d = cells
    n1, n2, total = a + b, c + d, a + b + c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        V = n1 * n2 * (a + c) * (b + d) / (total**2 * (total - 1))
        V = np.where(complete & (total > 1), V, 0.0)
        difference = np.where(complete, a - n1 * (a + c) / total, 0.0)
        effects = df.assign(yi=np.where(V > 0, difference / V, nan), vi=np.where(V > 0, 1 / V, nan))
    information = V.sum()
    estimate, se = (difference.sum() / information, 1 / sqrt(information)) if information > 0 else (nan, nan)
    return _record(df, effects, complete, _double_zero(*cells), V[complete], measure="OR", method="Peto", level=level,
                   estimate=estimate, se=se)  # fmt: skip


def _complete(cells, caller):
    complete = np.isfinite(cells).all(0)
    if not complete.any():
        raise TooFewStudies(f"{caller} needs at least one study with complete counts; there is none.")
    return complete


def _double_zero(a, b, c, d):
    return ((a == 0) & (c == 0)) | ((b == 0) & (d == 0))


def _odds_ratio(a, b, c, d):
    total = a + b + c + d
    R, S = a * d / total, b * c / total
    P, Q = (a + d) / total, (b + c) / total
    if R.sum() == 0 or S.sum() == 0:
        return nan, nan, S
    one, other = R.sum(), S.sum()
    variance = (P * R).sum() / one**2 + (P * S + Q * R).sum() / (one * other) + (Q * S).sum() / other**2
    return log(one / other), sqrt(variance / 2), S


def _risk_ratio(a, b, c, d):
    n1, n2, total = a + b, c + d, a + b + c + d
    R, S = a * n2 / total, c * n1 / total
    if R.sum() == 0 or S.sum() == 0:
        return nan, nan, S
    top = n1 * n2 * (a + c) / total**2 - a * c / total
    return log(R.sum() / S.sum()), sqrt(top.sum() / (R.sum() * S.sum())), S


def _risk_difference(a, b, c, d, variance):
    n1, n2, total = a + b, c + d, a + b + c + d
    weight = n1 * n2 / total
    estimate = (a * n2 / total - c * n1 / total).sum() / weight.sum()
    if variance == "sato":
        P = c * (n1 / total) ** 2 - a * (n2 / total) ** 2 + n1 * n2 * (n2 - n1) / (2 * total**2)
        top = estimate * P.sum() + (a * d / total + c * b / total).sum() / 2
    else:
        top = (weight**2 * (a * b / n1**3 + c * d / n2**3)).sum()
    return float(estimate), sqrt(max(top, 0.0)) / weight.sum(), weight


def _rate_ratio(x1, t1, x2, t2):
    total = t1 + t2
    R, S = x1 * t2 / total, x2 * t1 / total
    if R.sum() == 0 or S.sum() == 0:
        return nan, nan, S
    top = (t1 * t2 * (x1 + x2) / total**2).sum()
    return log(R.sum() / S.sum()), sqrt(top / (R.sum() * S.sum())), S


def _record(df, effects, complete, silent, weight, *, measure, method, level, estimate, se, **more):
    """The result with Q about the estimate, and the study table."""
    import pandas as pd

    yi, vi = effects["yi"].to_numpy(float), effects["vi"].to_numpy(float)
    usable = complete & np.isfinite(yi) & (vi > 0)
    Q_df = max(int(usable.sum()) - 1, 0)
    Q = float(((yi[usable] - estimate) ** 2 / vi[usable]).sum()) if Q_df else 0.0
    estimable = np.isfinite(estimate)
    Q = Q if estimable else nan
    I2 = (max(0.0, (Q - Q_df) / Q) if Q > 0 else 0.0) if estimable else nan
    Q_p = (float(chdtrc(Q_df, Q)) if Q_df else 1.0) if estimable else nan
    stat = estimate / se if se > 0 else nan
    half = quantile(level, inf) * se
    share = np.zeros(len(df))
    share[complete] = weight / weight.sum() if weight.sum() > 0 else nan
    reason = np.where(complete, "", "counts missing")
    studies = dict(label=label_rows(df), yi=yi, vi=vi, weight=share, included=complete, reason=reason)
    studies |= {name: df[name] for name in df.columns if name not in studies}
    return MantelHaenszelResult(
        measure=measure, k=int(complete.sum()), estimate=float(estimate), se=float(se),
        ci_low=float(estimate - half), ci_high=float(estimate + half), level=level, stat=float(stat),
        p_value=two_sided_p(stat, inf), tau2=0.0, Q=Q, Q_df=Q_df, Q_p=Q_p,
        I2=I2, I2_Q=I2, H2=Q / Q_df if Q_df else 1.0, model="common", method=method, ci_method="z",
        studies=pd.DataFrame(studies, index=df.index), notes=tuple(_notes(silent & complete, complete, estimate)),
        **more,
    )  # fmt: skip


def _notes(silent, complete, estimate):
    if np.isnan(estimate):
        yield "Not estimable: one arm has no events, or only events, in every study."
    if silent.any():
        yield f"{silent.sum()} of {complete.sum()} studies have no contrast (no or only events) and add nothing."
    if not complete.all():
        yield f"{(~complete).sum()} of {len(complete)} rows do not count: counts missing."
