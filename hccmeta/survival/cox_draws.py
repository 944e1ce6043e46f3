"""Hazard ratio of two arms over draws of reconstructed patients."""

from __future__ import annotations

from math import inf, nan

import numpy as np

from hccmeta.effects.inputs import check_level
from hccmeta.errors import DataError, MetaWarning
from hccmeta.survival.cox import two_arms
from hccmeta.survival.patients import split_draws
from hccmeta.survival.risk_sets import efron_fit, efron_terms, risk_sets
from hccmeta.survival.rubin import rubin


def hazard_ratio_over_draws(patients, *, experimental, control, level=0.95, strata=None):
    """Hazard ratio with the uncertainty of the reconstruction: Cox model per draw, Rubin's rules on the log scale.

    Parameters
    ----------
    patients : DataFrame
        imputation (or draw), time (months), event (1, 0), arm.
    experimental, control, level
        As hazard_ratio.
    strata : str, optional
        Column such as study: the Cox model is stratified by it. The draws of different strata are independent; they are
        matched in a random order (fixed seed).

    Returns
    -------
    DataFrame
        One row: hr, ci_low, ci_high, ci_low_without, ci_high_without (without the uncertainty of the reconstruction),
        log_hr, se, df (Barnard-Rubin), share (of the variance), m. Empty with a MetaWarning where some draw has no
        finite hazard ratio.

    Raises
    ------
    DataError, MethodError

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"imputation": [1] * 5 + [2] * 5, "time": [1., 2, 3, 4, 5, 1, 2, 4, 3, 5],
    ...                    "event": [1, 1, 1, 1, 0] * 2, "arm": ["ICI", "RT", "ICI", "RT", "RT"] * 2})
    >>> hazard_ratio_over_draws(df, experimental="RT", control="ICI")[["hr", "m"]].round(3).values.tolist()
    [[0.37, 2.0]]
    """
    import pandas as pd

    check_level(level)
    alone, draw = split_draws(patients, caller="hazard_ratio_over_draws")
    if draw is None:
        raise DataError("hazard_ratio_over_draws needs the column imputation; for one data set use hazard_ratio.")
    alone = alone.reset_index(drop=True)
    rows, group, stratum = two_arms(alone, experimental, control, strata, caller="hazard_ratio_over_draws")
    draw = _matched(draw[rows.index], stratum)
    time, event = rows["time"].to_numpy(), rows["event"].to_numpy()
    fits = []
    for number in range(draw.max() + 1):
        of = draw == number
        within = None if stratum is None else stratum[of]
        fits.append(efron_fit(efron_terms(risk_sets(time[of], event[of], group[of], within))))
    return pd.DataFrame([_combined(np.array(fits), level)])


def _matched(draw, stratum):
    """Draw numbers 0, 1, ... in every stratum, in an order of its own where there are several strata."""
    stratum = np.zeros(len(draw), int) if stratum is None else stratum
    out, sizes = np.empty(len(draw), int), set()
    for s in np.unique(stratum):
        of = stratum == s
        numbers, position = np.unique(draw[of], return_inverse=True)
        order = np.random.default_rng(int(s)).permutation(len(numbers))
        out[of] = order[position]
        sizes.add(len(numbers))
    if len(sizes) > 1:
        raise DataError("hazard_ratio_over_draws: the strata have "
                        f"{', '.join(map(str, sorted(sizes)))} draws; give all the same number.")  # fmt: skip
    return out


def _combined(fits, level):
    import warnings

    beta, se = fits.T
    names = ("hr", "ci_low", "ci_high", "ci_low_without", "ci_high_without", "log_hr", "se", "df", "share")
    if not np.isfinite(beta).all():
        gone = int((~np.isfinite(beta)).sum())
        warnings.warn(f"No finite hazard ratio in {gone} of {len(beta)} draws: nothing is combined.", MetaWarning,
                      stacklevel=3)  # fmt: skip
        return dict.fromkeys(names, nan) | dict(m=len(beta))
    r = rubin(beta, se**2, df_complete=inf, level=level)
    ratios = np.exp([r.estimate, r.ci_low, r.ci_high, r.within_low, r.within_high])
    return dict(zip(names, (*ratios, r.estimate, r.se, r.df, r.share), strict=True)) | dict(m=len(beta))
