"""What single studies do to the pooled effect: leave-one-out, cumulative, influence diagnostics, Baujat plot."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtr

from hccmeta.effects.inputs import label_rows
from hccmeta.errors import DataError, TooFewStudies
from hccmeta.pooling.inverse_variance import read_effects, resolve_options
from hccmeta.pooling.many import pool_many

COLUMNS = ["k", "estimate", "se", "ci_low", "ci_high", "p_value", "tau2", "I2", "Q"]


def leave_one_out(effects, *, model="random", tau2_method="REML", ci_method=None, pi_method="t_km1", level=0.95):
    """Pooled effect without each study in turn, tau2 estimated anew.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale); study labels the rows.
    model, tau2_method, ci_method, pi_method, level
        As `pool`; `pi_method` has no effect here.

    Returns
    -------
    DataFrame
        One row per study that counts, in input order: study (the one left out), k, estimate, se, ci_low, ci_high,
        p_value, tau2, I2 (0-1), Q; model scale.

    Raises
    ------
    DataError, MethodError
        As `pool`.
    TooFewStudies
        Fewer than two studies with an effect.

    References
    ----------
    Viechtbauer and Cheung 2010, 10.1002/jrsm.11

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": list("ABCD"), "yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.04, 0.05, 0.04, 0.06]})
    >>> leave_one_out(df)[["study", "estimate"]].round(3).values.tolist()
    [['A', 0.925], ['B', 0.791], ['C', 0.657], ['D', 0.5]]
    """
    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    table = _read(effects, caller="leave_one_out")
    fits = pool_many(*_without_each(table), model=model, tau2_method=tau2_method, ci_method=ci_method, level=level)
    return _with_study(fits[COLUMNS], _labels(table))


def cumulative(effects, *, order="year", model="random", tau2_method="REML", ci_method=None, pi_method="t_km1",
               level=0.95):  # fmt: skip
    """Pooled effect of the first study, the first two, and so on in a chosen order.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale); study labels the rows; the column `order`.
    order : str or None
        Column to sort by, smallest first; ties keep input order. None: input order.
    model, tau2_method, ci_method, pi_method, level
        As `pool`; `pi_method` has no effect here.

    Returns
    -------
    DataFrame
        One row per study that counts, in the chosen order: study (the one added), the column `order`, k, estimate, se,
        ci_low, ci_high, p_value, tau2, I2 (0-1), Q; model scale. The first row is that study alone, with z.

    Raises
    ------
    DataError
        As `pool`; no column `order`, or a study without a value in it.
    MethodError
        Unknown option.
    TooFewStudies
        No study with an effect.

    References
    ----------
    Lau et al. 1992, 10.1056/NEJM199207233270406

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": list("AB"), "year": [2022, 2020], "yi": [0.1, 0.5], "vi": [0.04, 0.05]})
    >>> cumulative(df)[["study", "k", "estimate"]].round(3).values.tolist()
    [['B', 1, 0.5], ['A', 2, 0.288]]
    """
    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    table = _read(effects, caller="cumulative", least=1)
    rank = _ranks(table, order)
    later = np.triu(np.ones((table.k, table.k), bool), 1)
    y, v = np.where(later, np.nan, table.y[rank]), np.where(later, np.nan, table.v[rank])
    fits = pool_many(y, v, model=model, tau2_method=tau2_method, ci_method=ci_method, level=level)
    out = _with_study(fits[COLUMNS], _labels(table)[rank])
    if order is not None:
        out.insert(1, order, effects[order].to_numpy()[table.included][rank])
    return out


def influence(effects, *, model="random", tau2_method="REML", ci_method=None, pi_method="t_km1", level=0.95):
    """Influence of each study: studentised deleted residual, DFFITS, Cook's distance and their kin.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale); study labels the rows.
    model, tau2_method, ci_method, pi_method, level
        As `pool`. Hartung-Knapp's factor enters the standard errors, as in metafor.

    Returns
    -------
    DataFrame
        One row per study that counts, in input order: study, rstudent, dffits, cook_d, cov_r, tau2_del, QE_del, hat,
        weight (share, 0-1), dfbs, influential (True by metafor's limits).

    Raises
    ------
    DataError, MethodError
        As `pool`.
    TooFewStudies
        Fewer than two studies with an effect.

    Notes
    -----
    (i) = fitted without study i. rstudent: (y_i - mu(i)) / sqrt(v_i + tau2(i) + se(i)^2).
    cook_d: (mu - mu(i))^2 / se^2. cov_r: se(i)^2 / se^2. dffits: (mu - mu(i)) / sqrt(h_i (v_i + tau2(i))).
    dfbs: (mu - mu(i)) sqrt(sum w), w with tau2(i). hat: w_i / sum w.
    influential: |dffits| > 3 / sqrt(k - 1), chi-square(cook_d, 1 df) > 0.5, hat > 3 / k or |dfbs| > 1.

    References
    ----------
    Viechtbauer and Cheung 2010, 10.1002/jrsm.11

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": list("ABCD"), "yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.04, 0.05, 0.04, 0.06]})
    >>> influence(df)[["study", "rstudent"]].round(2).values.tolist()
    [['A', -1.64], ['B', -0.38], ['C', 0.32], ['D', 1.84]]
    """
    import pandas as pd

    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    table = _read(effects, caller="influence")
    full, deleted, w, factor2 = _with_and_without(table, model, tau2_method, ci_method, level)
    k, total = table.k, w.sum()
    tau2_del, mu_del, var_del = (deleted[name].to_numpy() for name in ("tau2", "estimate", "se"))
    var_del = var_del**2
    shift, hat, total_variance = full["estimate"] - mu_del, w / total, table.v + tau2_del
    total_del = (1 / (table.v + tau2_del[:, None])).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = dict(
            rstudent=(table.y - mu_del) / np.sqrt(factor2 * total_variance + var_del),
            dffits=shift / np.sqrt(factor2 * hat * total_variance),
            cook_d=shift**2 / full["se"] ** 2,
            cov_r=var_del / full["se"] ** 2,
            tau2_del=tau2_del,
            QE_del=deleted["Q"].to_numpy(),
            hat=hat,
            weight=hat,
            dfbs=shift / np.sqrt(factor2 / total_del),
        )
    large = (np.abs(columns["dffits"]) > 3 / np.sqrt(k - 1)) | (chdtr(1, columns["cook_d"]) > 0.5) | (hat > 3 / k)
    return _with_study(pd.DataFrame(columns | {"influential": large | (np.abs(columns["dfbs"]) > 1)}), _labels(table))


def baujat(effects, *, model="random", tau2_method="REML", ci_method=None, pi_method="t_km1", level=0.95):
    """Contribution of each study to the heterogeneity, and its influence on the pooled effect.

    Parameters
    ----------
    effects, model, tau2_method, ci_method, pi_method, level
        As `influence`.

    Returns
    -------
    DataFrame
        One row per study that counts, in input order: study, x (squared Pearson residual; with model="common" the
        study's share of Q), y (squared shift of the estimate without the study, in units of its variance then).

    Raises
    ------
    DataError, MethodError, TooFewStudies
        As `influence`.

    Notes
    -----
    x = (y_i - mu)^2 / (v_i + tau2); y = (mu - mu(i))^2 / se(i)^2.

    References
    ----------
    Baujat et al. 2002, 10.1002/sim.1221

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": list("ABCD"), "yi": [0.1, 0.5, 0.9, 1.4], "vi": [0.04, 0.05, 0.04, 0.06]})
    >>> baujat(df).round(2).values.tolist()
    [['A', 1.28, 0.66], ['B', 0.15, 0.04], ['C', 0.11, 0.02], ['D', 1.48, 0.84]]
    """
    import pandas as pd

    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    table = _read(effects, caller="baujat")
    full, deleted, w, _ = _with_and_without(table, model, tau2_method, ci_method, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = w * (table.y - full["estimate"]) ** 2
        y = (full["estimate"] - deleted["estimate"].to_numpy()) ** 2 / deleted["se"].to_numpy() ** 2
    return _with_study(pd.DataFrame({"x": x, "y": y}), _labels(table))


def _read(effects, *, caller, least=2):
    table = read_effects(effects, caller=caller)
    if table.k < least:
        raise TooFewStudies(
            f"{caller} needs at least {least} {'study' if least == 1 else 'studies'} with a finite yi and a positive "
            f"vi; there {'is' if table.k == 1 else 'are'} {table.k}."
        )
    return table


def _labels(table):
    return label_rows(table.source)[table.included]


def _with_study(frame, labels):
    frame = frame.copy()
    frame.insert(0, "study", labels)
    return frame


def _without_each(table):
    """yi and vi as (k, k) arrays; row i lacks study i."""
    y = np.tile(table.y, (table.k, 1))
    np.fill_diagonal(y, np.nan)
    return y, np.broadcast_to(table.v, y.shape)


def _ranks(table, order):
    """Positions of the studies that count, in the order of a column."""
    if order is None:
        return np.arange(table.k)
    source = table.source
    if not isinstance(order, str) or order not in source.columns:
        problem = dict(table="", row="", column=order, value="", rule="a column of that name", fix="name a column")
        have = ", ".join(map(str, source.columns))
        raise DataError(f"cumulative: there is no column {order!r} to sort by; the table has {have}. order=None keeps "
                        "the input order.", [problem])  # fmt: skip
    values = source[order][table.included]
    missing = values.isna().to_numpy()
    if missing.any():
        problems = [dict(table="", row=row, column=order, value="", rule="a value to sort by", fix="fill it in")
                    for row in values.index[missing]]  # fmt: skip
        raise DataError(f"cumulative: {missing.sum()} studies have no {order} to sort by "
                        f"({', '.join(_labels(table)[missing])}).", problems)  # fmt: skip
    try:
        return values.reset_index(drop=True).sort_values(kind="stable").index.to_numpy()
    except TypeError:
        raise DataError(f"cumulative: {order} mixes numbers, text or dates and cannot be sorted.") from None


def _with_and_without(table, model, tau2_method, ci_method, level):
    """Fit of all studies, fits without each, weights of all, and the squared Hartung-Knapp factor of each deletion."""
    options = dict(model=model, tau2_method=tau2_method, ci_method=ci_method, level=level)
    y, v = _without_each(table)
    fits = pool_many(np.vstack([table.y, y]), np.vstack([table.v, v]), **options)
    full, deleted = fits.iloc[0], fits.iloc[1:].reset_index(drop=True)
    w_del = 1 / (table.v + deleted["tau2"].to_numpy()[:, None])
    np.fill_diagonal(w_del, 0.0)
    factor2 = deleted["se"].to_numpy() ** 2 * w_del.sum(1)
    return full, deleted, 1 / (table.v + full["tau2"]), factor2
