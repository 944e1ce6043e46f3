"""Median survival times: log median and its variance from the printed interval."""

from __future__ import annotations

from hccmeta.effects.ratio import log_from_interval


def effects_median(df):
    """Log median time and its variance from a printed median with its confidence interval.

    Parameters
    ----------
    df : DataFrame
        estimate, ci_low, ci_high (months); ci_level (fraction, default 0.95); other columns travel along.

    Returns
    -------
    DataFrame
        The table with yi (log months), vi, measure = "MEDIAN" and asymmetry (see effects_ratio_ci).
        A limit that was not reached leaves vi missing: such a median cannot be pooled and is not guessed.

    Raises
    ------
    DataError
        Missing columns, times that are not positive, ci_low >= ci_high, ci_level outside (0, 1).

    Notes
    -----
    vi = ((log ci_high - log ci_low) / (2 z))^2. Pooled curves answer where medians are not reached.

    References
    ----------
    McGrath et al. 2020, 10.1002/sim.8584

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"estimate": [12.0], "ci_low": [9.0], "ci_high": [16.0]})
    >>> effects_median(df)[["yi", "vi"]].round(4).values.tolist()
    [[2.4849, 0.0215]]
    """
    yi, vi, asymmetry = log_from_interval(df, caller="effects_median")
    return df.assign(yi=yi, vi=vi, measure="MEDIAN", asymmetry=asymmetry)
