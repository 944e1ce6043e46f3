"""GOSH: the pooled effect of every subset of the studies."""

from __future__ import annotations

import numpy as np

from hccmeta.effects.inputs import check_seed, check_whole, label_rows
from hccmeta.errors import TooFewStudies
from hccmeta.pooling.inverse_variance import read_effects, resolve_options
from hccmeta.pooling.many import pool_many


def gosh(effects, *, max_subsets=32_768, seed=0, members=False, model="random", tau2_method="REML", ci_method=None,
         pi_method="t_km1", level=0.95):  # fmt: skip
    """Pooled effect and heterogeneity of all subsets of the studies, or of a random sample of them.

    Parameters
    ----------
    effects : DataFrame
        yi, vi (model scale); study labels the rows.
    max_subsets : int
        All 2^k - 1 subsets where there are no more than this, else so many different ones drawn with equal chance, the
        whole set among them.
    seed : int
        Seed of the draws.
    members : bool
        True: one further column per study, named by its label, that says whether the subset has it.
    model, tau2_method, ci_method, pi_method, level
        As `pool`; intervals are not reported.

    Returns
    -------
    DataFrame
        k, estimate (model scale), tau2, I2 (0-1), one row per subset.

    Raises
    ------
    DataError, MethodError
        As `pool`.
    TooFewStudies
        Fewer than two studies with an effect.

    References
    ----------
    Olkin, Dahabreh and Trikalinos 2012, 10.1002/jrsm.1053

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"study": list("ABC"), "yi": [0.1, 0.5, 0.9], "vi": [0.04, 0.05, 0.04]})
    >>> gosh(df)["estimate"].round(2).tolist()
    [0.1, 0.5, 0.29, 0.9, 0.5, 0.71, 0.5]
    """
    import pandas as pd

    ci_method = resolve_options(model, tau2_method, ci_method, pi_method, level)
    check_whole("max_subsets", max_subsets, 1)
    table = read_effects(effects, caller="gosh")
    if table.k < 2:
        raise TooFewStudies(f"gosh needs at least two studies with yi and vi; there are {table.k}.")
    check_seed(seed)
    chosen = _subsets(table.k, max_subsets, seed)
    y, v = np.where(chosen, table.y, np.nan), np.broadcast_to(table.v, chosen.shape)
    out = pool_many(y, v, model=model, tau2_method=tau2_method, ci_method=ci_method, level=level)
    out = out[["k", "estimate", "tau2", "I2"]]
    if members:
        out = pd.concat([out, pd.DataFrame(chosen, columns=label_rows(table.source)[table.included])], axis=1)
    return out


def _subsets(k, most, seed):
    """Boolean rows (subset, study): all non-empty subsets in binary order, or different ones at random."""
    if k < 63 and 2**k - 1 <= most:
        return (np.arange(1, 2**k)[:, None] >> np.arange(k)) & 1 == 1
    rng = np.random.default_rng(seed)
    rows = np.ones((1, k), bool)
    while len(rows) < most:
        rows = np.vstack([rows, rng.random((most, k)) < 0.5])
        rows = rows[np.sort(np.unique(rows, axis=0, return_index=True)[1])]
        rows = rows[rows.any(1)]
    return rows[:most]
