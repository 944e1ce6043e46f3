"""Two arms with counts: log odds ratio, log risk ratio, risk difference."""

from __future__ import annotations

import numpy as np

from hccmeta.effects.inputs import Columns, check_add
from hccmeta.effects.zero_cells import rows_to_adjust
from hccmeta.errors import MethodError, check_choice

MEASURES = ("OR", "RR", "RD")


def effects_two_arm(df, *, measure="OR", add=0.5, to="only0", drop00=False):
    """Effect of arm 1 (experimental) against arm 2 (control) and its sampling variance.

    Parameters
    ----------
    df : DataFrame
        events_1, n_1, events_2, n_2 (patients); other columns travel along.
    measure : {"OR", "RR", "RD"}
        Log odds ratio, log risk ratio, risk difference.
    add : float
        Added to all four cells of the studies that `to` names.
    to : {"only0", "all", "if0all", "none"}
        Studies that receive `add`: those with an empty cell, all, all if any has an empty cell, none.
    drop00 : bool
        True: studies with no events or only events in both arms get no effect.

    Returns
    -------
    DataFrame
        The table with yi, vi (log scale for OR and RR) and measure. Undefined effects are missing.

    Raises
    ------
    DataError
        Counts that are missing as columns, not whole, negative, or events > n.

    Notes
    -----
    OR: log(ad / bc), 1/a + 1/b + 1/c + 1/d. RR: log(a n2 / (c n1)), 1/a - 1/n1 + 1/c - 1/n2.
    RD: a/n1 - c/n2, ab/n1^3 + cd/n2^3.

    References
    ----------
    Viechtbauer 2010, 10.18637/jss.v036.i03

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"events_1": [4], "n_1": [123], "events_2": [11], "n_2": [139]})
    >>> effects_two_arm(df)[["yi", "vi"]].round(4).values.tolist()
    [[-0.9387, 0.3571]]
    """
    check_choice("measure", measure, MEASURES)
    check_add(add)
    if not isinstance(drop00, (bool, np.bool_)):
        raise MethodError(f"drop00 = {drop00!r} must be True or False.")
    a, b, c, d = two_arm_cells(df, caller="effects_two_arm")
    double_zero = ((a == 0) & (c == 0)) | ((b == 0) & (d == 0))
    has_zero = (a == 0) | (b == 0) | (c == 0) | (d == 0)
    if drop00:
        a, b, c, d = (np.where(double_zero, np.nan, cell) for cell in (a, b, c, d))
        has_zero = has_zero & ~double_zero
    extra = add * rows_to_adjust(has_zero, to)
    yi, vi = _two_arm_effect(a + extra, b + extra, c + extra, d + extra, measure)
    return df.assign(yi=yi, vi=vi, measure=measure)


def two_arm_cells(df, *, caller):
    """Cells a, b (events, non-events of arm 1) and c, d (arm 2) as float arrays."""
    columns = Columns(df, ("events_1", "n_1", "events_2", "n_2"), caller=caller)
    columns.counts("events_1", "n_1")
    columns.counts("events_2", "n_2")
    columns.refuse()
    a, c = columns["events_1"], columns["events_2"]
    return a, columns["n_1"] - a, c, columns["n_2"] - c


def _two_arm_effect(a, b, c, d, measure):
    n1, n2 = a + b, c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "OR":
            yi, vi = np.log(a / b) - np.log(c / d), 1 / a + 1 / b + 1 / c + 1 / d
        elif measure == "RR":
            yi, vi = np.log(a / n1) - np.log(c / n2), 1 / a - 1 / n1 + 1 / c - 1 / n2
        else:
            yi, vi = a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    defined = np.isfinite(yi) & np.isfinite(vi)
    return np.where(defined, yi, np.nan), np.where(defined, vi, np.nan)
