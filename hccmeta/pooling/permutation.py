"""Permutation test of a meta-regression: how often shuffled moderators do as well."""

from __future__ import annotations

from collections import Counter
from math import factorial, inf, prod

import numpy as np

from hccmeta.effects.inputs import check_seed
from hccmeta.errors import MethodError, TooFewStudies
from hccmeta.pooling.design import INTERCEPT, design_matrix
from hccmeta.pooling.inverse_variance import hartung_knapp_factor, read_effects
from hccmeta.pooling.regression import fit_regression, meta_regression, moderator_test

TIE = 1e-8  # statistics this close (relatively) count as equal


def permutation_test(effects, formula, *, n_permutations=1000, seed=0, model="random", tau2_method="REML",
                     ci_method="z"):  # fmt: skip
    """Permutation p values of the coefficients and of the omnibus test of a meta-regression.

    Parameters
    ----------
    effects, formula, model, tau2_method, ci_method
        As `meta_regression`.
    n_permutations : int
        Permutations to draw; all of them are used, exactly, where there are no more than this.
    seed : int
        Seed of the draws.

    Returns
    -------
    DataFrame
        One row per term but the intercept, then QM: term, statistic, p_value (of the model), p_permutation,
        n_permutations, exact.

    Raises
    ------
    DataError, MethodError, TooFewStudies
        As `meta_regression`; TooFewStudies also for a formula without moderators.

    Notes
    -----
    The rows of moderators are dealt to the studies at random, tau2 estimated anew each time. p is the share with a
    statistic at least as extreme, the observed order included, so p is at least 1 / n_permutations.

    References
    ----------
    Higgins and Thompson 2004, 10.1002/sim.1752; Follmann and Proschan 1999, 10.1111/j.0006-341X.1999.00732.x

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"yi": [0.1, 0.3, 0.4, 0.8, 0.9], "vi": [0.04, 0.05, 0.04, 0.06, 0.05], "x": range(5)})
    >>> permutation_test(df, "~ x")[["term", "p_permutation", "exact"]].values.tolist()
    [['x', 0.016666666666666666, True], ['QM', 0.016666666666666666, True]]
    """
    import pandas as pd

    if isinstance(n_permutations, bool) or not isinstance(n_permutations, (int, np.integer)) or n_permutations < 20:
        raise MethodError(f"n_permutations = {n_permutations!r} must be a whole number of 20 or more.")
    result = meta_regression(effects, formula, model=model, tau2_method=tau2_method, ci_method=ci_method)
    table = read_effects(effects, caller="permutation_test")
    design = design_matrix(table, formula, caller="permutation_test")
    tested = [j for j, term in enumerate(design.terms) if term != INTERCEPT]
    if not tested:
        raise TooFewStudies(f"permutation_test: {formula!r} has no moderator to permute.")
    y, v = table.yi[design.used], table.vi[design.used]
    method = tau2_method if model == "random" else None
    check_seed(seed)
    orders, exact = _orders(design.X, n_permutations, seed)
    drawn = np.array([_statistics(y, v, design.X[order], tested, method, ci_method) for order in orders])
    observed = np.append(result.coefficients["stat"].to_numpy()[tested], result.QM)
    extreme = (np.abs(drawn) >= np.abs(observed) * (1 - TIE)).sum(0)
    p = extreme / len(orders) if exact else (extreme + 1) / (len(orders) + 1)
    return pd.DataFrame(dict(
        term=[*(design.terms[j] for j in tested), "QM"], statistic=observed,
        p_value=np.append(result.coefficients["p_value"].to_numpy()[tested], result.QM_p), p_permutation=p,
        n_permutations=len(orders) + (not exact), exact=exact,
    ))  # fmt: skip


def _statistics(y, v, X, tested, tau2_method, ci_method):
    """Test statistics of the coefficients and QM for one order of the moderators."""
    fit = fit_regression(y, v, X, tau2_method)
    df = len(y) - X.shape[1]
    vcov = hartung_knapp_factor(fit.weighted_squares, df, ci_method) ** 2 * fit.vcov
    QM = moderator_test(fit.beta, vcov, tested, inf if ci_method == "z" else float(df))["QM"]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.append((fit.beta / np.sqrt(np.diag(vcov)))[tested], QM)


def _orders(X, n_permutations, seed):
    """All distinct orders of the rows of X where they are few, else random ones without the observed order."""
    kinds, kind_of = np.unique(X, axis=0, return_inverse=True)
    kind_of = kind_of.ravel().tolist()
    counts = Counter(kind_of)
    if factorial(len(X)) // prod(factorial(n) for n in counts.values()) > n_permutations:
        rng = np.random.default_rng(seed)
        return [rng.permutation(len(X)) for _ in range(n_permutations - 1)], False
    first_row = {kind: kind_of.index(kind) for kind in counts}
    return [np.array([first_row[kind] for kind in order]) for order in _distinct(counts, len(X))], True


def _distinct(counts, length):
    """Distinct orders of a multiset."""
    if length == 0:
        yield ()
        return
    for kind in sorted(counts):
        if counts[kind]:
            counts[kind] -= 1
            for rest in _distinct(counts, length - 1):
                yield (kind, *rest)
            counts[kind] += 1
