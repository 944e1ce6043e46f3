"""Person-time: incidence rates and rate ratios."""

from __future__ import annotations

import numpy as np

from hccmeta.effects.inputs import Columns, check_add
from hccmeta.effects.zero_cells import rows_to_adjust
from hccmeta.errors import check_choice

MEASURES = ("IRLN", "IRR")


def effects_rate(df, *, measure="IRLN", add=0.5, to="only0"):
    """Log incidence rate of one arm, or log rate ratio of arm 1 against arm 2, with its sampling variance.

    Parameters
    ----------
    df : DataFrame
        IRLN: events, time. IRR: events_1, time_1, events_2, time_2. Events are counts; time is person-time
        in any one unit (patient-months).
    measure : {"IRLN", "IRR"}
    add : float
        Added to the events of the studies that `to` names.
    to : {"only0", "all", "if0all", "none"}
        Studies that receive `add`: those without events in an arm, all, all if any has none, none.

    Returns
    -------
    DataFrame
        The table with yi (log scale), vi and measure. Undefined effects are missing.

    Raises
    ------
    DataError
        Missing columns, events that are negative or not whole, time that is not positive.

    Notes
    -----
    IRLN: yi = log(x / t), vi = 1/x. IRR: yi = log(x1 / t1) - log(x2 / t2), vi = 1/x1 + 1/x2.

    References
    ----------
    Viechtbauer 2010, 10.18637/jss.v036.i03

    Examples
    --------
    >>> import pandas as pd
    >>> effects_rate(pd.DataFrame({"events": [8], "time": [400.0]}))[["yi", "vi"]].round(4).values.tolist()
    [[-3.912, 0.125]]
    """
    check_choice("measure", measure, MEASURES)
    check_add(add)
    arms = person_time_arms(df, caller="effects_rate", arms=("",) if measure == "IRLN" else ("_1", "_2"))
    extra = add * rows_to_adjust(np.any([x == 0 for x, _ in arms], axis=0), to)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log((x + extra) / time) for x, time in arms]
        yi = logs[0] if measure == "IRLN" else logs[0] - logs[1]
        vi = sum(1 / (x + extra) for x, _ in arms)
    defined = np.isfinite(yi) & np.isfinite(vi)
    return df.assign(yi=np.where(defined, yi, np.nan), vi=np.where(defined, vi, np.nan), measure=measure)


def person_time_arms(df, *, caller, arms=("_1", "_2")):
    """Checked (events, person-time) of each arm as float arrays."""
    columns = Columns(df, [f"{name}{arm}" for arm in arms for name in ("events", "time")], caller=caller)
    for arm in arms:
        events, time = f"events{arm}", f"time{arm}"
        if columns.has(events):
            x = columns[events]
            broken = np.isinf(x) | (np.isfinite(x) & (x != np.round(x)))
            columns.rule(broken, events, "a whole number", "give the count")
            columns.rule(x < 0, events, f"0 <= {events}", "correct the count")
        if columns.has(time):
            wrong = (columns[time] <= 0) | np.isinf(columns[time])
            columns.rule(wrong, time, f"{time} > 0", "give the person-time")
    columns.refuse()
    return [(columns[f"events{arm}"], columns[f"time{arm}"]) for arm in arms]
