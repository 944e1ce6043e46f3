"""How a pooled survival curve depends on its grid, its model and each single study."""

from __future__ import annotations

from math import nan

import numpy as np

from hccmeta.effects.inputs import label_rows
from hccmeta.errors import TooFewStudies
from hccmeta.survival.curves import check_months
from hccmeta.survival.pooled import pool_survival_curves

GRIDS = (1.0, 2.0, 3.0, 4.0, 6.0)


def grid_sensitivity(curves, *, steps=GRIDS, at=(12.0, 24.0), **options):
    """The pooled curve on several grids: median, and survival at `at` joined by straight lines.

    Parameters
    ----------
    curves : DataFrame
        Kaplan-Meier tables from time 0, as for pool_survival_curves.
    steps : sequence of float
        Lengths of the intervals in months; one row each.
    at : sequence of float
        Months at which survival is read.
    **options
        Of pool_survival_curves, apart from times.

    Returns
    -------
    DataFrame
        step, n_intervals, last_time, structure, median, median_low, median_high, rmst, and time, survival columns in
        the long form: one row per step and entry of `at`. Survival is empty beyond the last time; a run without
        enough studies or patients for one interval has n_intervals 0 and is otherwise empty.

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"time": [0, 6, 12, 18], "survival": [1, .8, .6, .5], "n_at_risk": [50, 50, 40, 30]})
    >>> df = pd.concat([one.assign(study=s) for s in "ABC"])
    >>> grid_sensitivity(df, steps=[6, 12], at=[12], model="common")["survival"].round(3).tolist()
    [0.595, 0.599]
    """
    end = float(np.max(curves["time"])) if "time" in getattr(curves, "columns", ()) and len(curves) else 0.0
    grids = {step: np.arange(1, int(end / step + 1e-9) + 1) * step for step in check_months("steps", steps)}
    return _compare(curves, "step", ((step, curves, dict(times=times)) for step, times in grids.items()), at, options)


def leave_one_curve_out(curves, *, at=(12.0, 24.0), **options):
    """The pooled curve without each study in turn, on the grid of all.

    Parameters
    ----------
    curves : DataFrame
        As for pool_survival_curves.
    at : sequence of float
        Months at which survival is read.
    **options
        Of pool_survival_curves.

    Returns
    -------
    DataFrame
        omitted (empty for all studies together), then the columns of grid_sensitivity.

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"time": [6, 12], "survival": [.8, .6], "n_at_risk": [50, 40]})
    >>> df = pd.concat([one.assign(study=s) for s in "ABCD"])
    >>> leave_one_curve_out(df, at=[12], model="common")["omitted"].tolist()
    ['', 'A', 'B', 'C', 'D']
    """
    whole = pool_survival_curves(curves, **options)
    times = whole.to_frame()["time"].to_numpy()
    labels = label_rows(curves)
    runs = ((study, curves[labels != study] if study else curves, dict(times=times)) for study in ("", *whole.studies))
    return _compare(curves, "omitted", runs, at, {name: v for name, v in options.items() if name != "times"})


def _compare(curves, name, runs, at, options):
    import pandas as pd

    months, rows = check_months("at", at), []
    for label, part, grid in runs:
        found, survival = _one_run(part, months, {**options, **grid})
        rows += [{name: label, **found, "time": t, "survival": s} for t, s in zip(months, survival, strict=True)]
    return pd.DataFrame(rows)


def _one_run(curves, months, options):
    if not len(options["times"]):
        return dict(n_intervals=0), np.full(len(months), nan)
    try:
        result = pool_survival_curves(curves, **options)
    except TooFewStudies:
        return dict(n_intervals=0), np.full(len(months), nan)
    table = result.to_frame()
    t, s = np.append(0.0, table["time"]), np.append(1.0, table["survival"])
    numbers = ("structure", "median", "median_low", "median_high", "rmst")
    found = dict(n_intervals=len(table), last_time=t[-1]) | {name: getattr(result, name) for name in numbers}
    return found, np.interp(months, t, s, right=nan)


def leave_one_study_out(table, pooler, **options):
    """Any pooled survival result without each study in turn.

    Parameters
    ----------
    table : DataFrame
        What `pooler` takes, with a column study, study_id or arm_id.
    pooler : callable
        pool_landmarks, pool_rmst, pool_medians, pool_piecewise_exponential, pool_curves_over_draws, pool_draws, ...
    **options
        Of the pooler.

    Returns
    -------
    DataFrame
        omitted (empty for all studies together), then the rows of the result's `.to_frame()`. Where too few studies
        are left there is one row, empty but for the column note.

    Examples
    --------
    >>> import pandas as pd
    >>> from hccmeta.survival.pooled_times import pool_rmst
    >>> df = pd.DataFrame({"study": ["A", "B", "C"], "time_months": 24, "value": [14.0, 16.0, 15.0], "se": 1.0})
    >>> leave_one_study_out(df, pool_rmst, model="common")["estimate"].round(1).tolist()
    [15.1, 15.5, 14.5, 15.1]
    """
    import pandas as pd

    labels = label_rows(table)
    parts = []
    for study in ("", *dict.fromkeys(labels)):
        try:
            frame = pooler(table[labels != study] if study else table, **options).to_frame()
        except TooFewStudies as error:
            if not study:
                raise
            frame = pd.DataFrame({"note": [str(error)]})
        frame.insert(0, "omitted", study)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)
