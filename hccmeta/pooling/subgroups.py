"""Subgroup analysis: one pooled effect per level of a factor and the test between levels."""

from __future__ import annotations

from math import nan

import numpy as np
from scipy.special import chdtrc

from hccmeta.effects.inputs import Columns, check_whole
from hccmeta.errors import DataError, TooFewStudies, check_choice
from hccmeta.pooling.inverse_variance import Shared, fit, read_effects, resolve_options, study_table
from hccmeta.pooling.residual_tau2 import residual_tau2, weighted_fit
from hccmeta.pooling.result import PooledResult, SubgroupResult

TAU2_SHARING = ("separate", "common")


def pool_by(effects, by, *, tau2="separate", min_k=2, model="random", tau2_method="REML", ci_method=None,
            pi_method="t_km1", level=0.95):  # fmt: skip
    """Weighted mean effect in each level of a factor, and Cochran's Q between the levels.

    Parameters
    ----------
    effects : DataFrame
        yi, vi and the column `by`; as `pool`.
    by : str
        Column of the levels. Rows without a level are left out, with a note.
    tau2 : {"separate", "common"}
        Between-study variance per level, or one residual tau2 of the model with `by` as factor.
    min_k : int
        A level with fewer studies is shown without a summary and takes no part in the test.
    model, tau2_method, ci_method, pi_method, level
        As `pool`.

    Returns
    -------
    SubgroupResult
        .groups (dict str(level) -> PooledResult, categories' order or first appearance), .Q_between, .df, .p_value.

    Raises
    ------
    DataError
        As `pool`, or no column `by`.
    MethodError
        Unknown option.
    TooFewStudies
        No study with an effect and a level.

    Notes
    -----
    Q between = sum w_g (mu_g - mu)^2 with w_g = 1 / se_g^2, chi-square with levels - 1 df. With a common tau2 this is
    the QM test of the factor, with the model's se whatever `ci_method`. Differences between subgroups are
    observational, also among randomised trials.

    References
    ----------
    Borenstein and Higgins 2013, 10.1007/s11121-013-0377-7

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.2, 0.9, 1.1], "vi": [0.04] * 4, "line": ["first", "first", "later", "later"]})
    >>> result = pool_by(df, "line")
    >>> list(result.groups), round(result.Q_between, 2)
    (['first', 'later'], 18.06)
    """
    check_choice("tau2", tau2, TAU2_SHARING)
    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    check_whole("min_k", min_k, 1)
    options = dict(model=model, tau2_method=tau2_method, ci_method=ci_method, pi_method=pi_method, level=level)
    rows, without_level = _rows_by_level(effects, by)
    tables = {name: read_effects(effects.loc[mask], caller="pool_by") for name, mask in rows.items()}
    everything = read_effects(effects.loc[~without_level], caller="pool_by")
    if everything.k == 0:
        raise TooFewStudies(f"pool_by needs a study with an effect and a level of {by}; there is none.")
    summarised = [name for name, table in tables.items() if table.k >= min_k]
    shared = _common_model([tables[name] for name in summarised], options) if tau2 == "common" and summarised else None
    groups = {
        name: fit(table, **options, shared=shared) if name in summarised else _without_summary(table, options, min_k)
        for name, table in tables.items()
    }
    if shared:
        variances = [1 / (1 / (tables[name].v + shared.tau2)).sum() for name in summarised]
    else:
        variances = [groups[name].se ** 2 for name in summarised]
    Q, df, p_value = _between([groups[name].estimate for name in summarised], variances)
    return SubgroupResult(
        by=by, groups=groups, Q_between=Q, df=df, p_value=p_value, tau2=tau2, tau2_method=groups_method(options),
        tau2_common=shared.tau2 if shared else nan, overall=fit(everything, **options),
        notes=tuple(_notes(groups, summarised, without_level, by, min_k)),
    )  # fmt: skip


def groups_method(options):
    """The tau2 estimator that was used; none for the common-effect model."""
    return options["tau2_method"] if options["model"] == "random" else ""


def _rows_by_level(effects, by):
    """Boolean mask per level (as text), and the rows without one."""
    Columns(effects, ("yi", "vi"), caller="pool_by").refuse()
    if not isinstance(by, str) or by not in effects.columns:
        problem = dict(table="", row="", column=by, value="", rule="a column of that name", fix="name a column")
        raise DataError(f"pool_by: there is no column {by!r}; the table has {', '.join(map(str, effects.columns))}.",
                        [problem])  # fmt: skip
    column = effects[by]
    missing = column.isna().to_numpy()
    ordered = column.cat.categories if hasattr(column, "cat") else column[~missing]
    text = np.array([str(value) for value in column], dtype=object)
    names = [name for name in dict.fromkeys(str(level) for level in ordered) if (text[~missing] == name).any()]
    return {name: (text == name) & ~missing for name in names}, missing


def _common_model(tables, options):
    """Residual tau2 of the cell-means model of the groups, its weighted residual squares and df."""
    y, v = (np.concatenate([getattr(table, name) for table in tables]) for name in ("y", "v"))
    X = np.repeat(np.eye(len(tables)), [table.k for table in tables], axis=0)
    df = len(y) - len(tables)
    tau2 = residual_tau2(y, v, X, options["tau2_method"]) if options["model"] == "random" else 0.0
    if df == 0 and options["ci_method"] != "z":
        raise TooFewStudies("One study per group leaves no degrees of freedom: choose ci_method 'z' or a larger min_k.")
    return Shared(tau2, weighted_fit(y, v, X, tau2).Q, df)


def _between(estimates, variances):
    """Q between groups, its degrees of freedom and chi-square p value."""
    df = max(len(estimates) - 1, 0)
    if df == 0:
        return nan, 0, nan
    estimate, w = np.array(estimates), 1 / np.array(variances)
    Q = float((w * (estimate - (w * estimate).sum() / w.sum()) ** 2).sum())
    return Q, df, float(chdtrc(df, Q))


def _without_summary(table, options, min_k):
    note = f"{table.k} {'study' if table.k == 1 else 'studies'}, fewer than {min_k}: shown without a summary."
    return PooledResult(
        measure=table.measure, k=table.k, estimate=nan, se=nan, ci_low=nan, ci_high=nan, level=options["level"],
        tau2_method=groups_method(options), model=options["model"], ci_method=options["ci_method"],
        studies=study_table(table, np.full(table.k, nan)), notes=(note,),
    )  # fmt: skip


def _notes(groups, summarised, without_level, by, min_k):
    small = [name for name in groups if name not in summarised]
    if small:
        yield f"Shown without a summary (fewer than {min_k} studies): {', '.join(small)}."
    if without_level.any():
        yield f"{without_level.sum()} rows without a value of {by} are left out."
    if len(summarised) < 2:
        yield "Fewer than two groups have a summary: there is no test between groups."
    elif any(groups[name].k < 5 for name in summarised):
        yield "Groups of fewer than five studies: the test between groups has little power and tau2 is imprecise."
