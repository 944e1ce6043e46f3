"""From a likelihood fit to the fields of a PooledResult: intervals, tests, notes; for one-arm and two-arm models."""

from __future__ import annotations

from math import inf, log, nan, sqrt

import numpy as np

from hccmeta.pooling.glmm_boundary import mixture_p
from hccmeta.pooling.glmm_optimise import TAU_MAX
from hccmeta.pooling.inverse_variance import quantile, two_sided_p

CI_METHODS = ("z", "t", "profile")


def record(fit, *, k, constant, n_parameters, ci_method, pi_method, level):
    """Fields of a PooledResult from the first fit of a batch; `constant` completes the log-likelihood."""
    estimate, tau = float(fit.theta[0, 0]), float(fit.theta[0, -1])
    tau2, se = tau**2, sqrt(fit.covariance[0, 0, 0])
    df = k - 1.0 if ci_method == "t" else inf
    if ci_method == "profile":
        low, high, stat = float(fit.low[0]), float(fit.high[0]), float(fit.root_at_zero[0])
    else:
        half, stat = quantile(level, df) * se, estimate / se
        low, high = estimate - half, estimate + half
    reach = nan
    if k >= 3:
        pi_df = {"z": inf, "t_km1": k - 1.0, "t_km2": k - 2.0}[pi_method]
        reach = quantile(level, pi_df) * sqrt(tau2 + se**2)
    log_lik = float(fit.log_lik[0]) + constant
    ratio = max(0.0, 2 * float(fit.log_lik[0] - fit.common_log_lik[0])) if tau > 0 else 0.0
    return dict(
        estimate=estimate, se=se, ci_low=low, ci_high=high, pi_low=estimate - reach, pi_high=estimate + reach,
        stat=stat, stat_df=nan if df == inf else df, p_value=two_sided_p(stat, df), tau2=tau2,
        se_tau2=2 * tau * sqrt(fit.covariance[0, -1, -1]) if 0 < tau < TAU_MAX else nan,
        log_lik=log_lik, aic=2 * n_parameters - 2 * log_lik, bic=n_parameters * log(k) - 2 * log_lik,
        LRT=ratio, LRT_p=mixture_p(ratio), ci_method=ci_method, pi_method=pi_method if k >= 3 else "",
        notes=tuple(advice(k, tau, int(fit.maxima[0]), ci_method, bool(fit.settled[0]))),
    )  # fmt: skip


def advice(k, tau, maxima, ci_method, settled):
    """Notes on boundaries and on few studies."""
    if tau == 0:
        yield (
            "Boundary result: the likelihood is highest at tau2 = 0, so the estimate and its standard error are those "
            "of a common effect. It does not show that the studies are alike."
        )
    if tau >= TAU_MAX:
        yield (
            f"Boundary result: the likelihood keeps rising with tau2, which is held at {TAU_MAX**2:g}. The studies "
            "contradict one another completely; read each study, not the pooled value."
        )
    if maxima > 1:
        yield f"The likelihood has {maxima} local maxima over tau2; the global one is reported."
    if not settled:
        yield "The integrals did not settle on the finest grid: read the numbers as approximate."
    if k == 2:
        yield "Two studies: tau2 is hardly estimable and there is no prediction interval."
    elif k < 5 and ci_method == "z":
        yield f"A z interval with {k} studies ignores the uncertainty of tau2; prefer profile."


def left_out_note(included, reason):
    """One sentence on the rows that do not count."""
    missing = int((~included).sum())
    if not missing:
        return ()
    return (f"{missing} of {len(included)} rows do not count: {', '.join(dict.fromkeys(reason[~included]))}.",)


def counts_table(source, **columns):
    """Study table in input order: the given columns first, then the others of the input."""
    import pandas as pd

    columns |= {name: source[name] for name in source.columns if name not in columns}
    return pd.DataFrame(columns, index=source.index)


def spread(included, values):
    """Values of the included rows in an array over all rows, NaN elsewhere."""
    out = np.full(len(included), nan)
    out[included] = values
    return out
