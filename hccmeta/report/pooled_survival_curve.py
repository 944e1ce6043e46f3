"""The pooled survival curve of the RT + ICI arms, illustrative, and other summaries of the same patients."""

from __future__ import annotations

import numpy as np

from ..errors import TooFewStudies, takes
from ..evidence.load import needs_tables
from ..evidence.select import select_survival
from ..evidence.sieve import RT_ICI, arm_table
from ..survival.draw_effects import quantiles_over_draws
from ..survival.one_stage import pool_piecewise_exponential
from ..survival.pooled_draws import pool_curves_over_draws
from ..survival.pooled_times import pool_medians
from .pooled_survival import (
    COLUMNS,
    FEWEST,
    SETTINGS,
    check_pooled_endpoint,
    drawn_patients,
    pool_by_setting,
    rt_ici_ensembles,
)
from .sentences import number, studies_text
from .survival import NAMES, Curves, ensemble_curve

CURVE_TIMES = tuple(range(6, 37, 3))
CUTS = (6, 9, 12, 15, 18, 24)
GRIDS = (2, 3, 4, 6, 12)
READ_AT = (12, 24)


@needs_tables
@takes(curves=Curves)
def pooled_curve(tables, curves: Curves, *, endpoint: str = "OS", times=CURVE_TIMES, level: float = 0.95):
    """Combescure's summary curve over the draws of the RT + ICI arms (settings and time origins mixed: illustrative).

    Returns
    -------
    PooledCurveOverDraws, or None where fewer than three studies can be drawn
    """
    check_pooled_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    if patients.empty:
        return None
    try:
        return pool_curves_over_draws(patients, times=times, level=level, allow_mixed=True)
    except TooFewStudies:
        return None


def pooled_curve_table(curve):
    """The pooled curve as a table; empty where there is none."""
    import pandas as pd

    columns = ["time", "survival", "ci_low", "ci_high", "n_studies"]
    return pd.DataFrame(columns=columns) if curve is None else curve.to_frame()


@needs_tables
@takes(curves=Curves)
def plot_pooled_curve(tables, curves: Curves, curve, *, endpoint: str = "OS", ax=None):
    """The studies' mean curves with the illustrative pooled curve, its confidence and its prediction band.

    Returns
    -------
    Axes, or None where no curve of the endpoint was drawn
    """
    from ..plots.survival import plot_survival

    check_pooled_endpoint(endpoint)
    arms = arm_table(tables).set_index("arm_id")
    look = curves.looks()
    shown = {
        f"{arms.loc[arm, 'study']}, {arms.loc[arm, 'setting'].replace('_', ' ')}": ensemble_curve(ensemble)[
            ["time", "survival", "n_at_risk"]
        ].assign(look=look[arm])
        for arm, ensemble in rt_ici_ensembles(tables, curves, endpoint).items()
    }
    if not shown:
        return None
    if curve is not None:
        shown["pooled, illustrative"] = curve.to_frame()
    return plot_survival(shown, endpoint=endpoint, ax=ax)


def pooled_curve_caption(curve, *, endpoint: str = "OS") -> str:
    """What the figure of the pooled curve shows: studies, bands, where it stops and why it is an illustration."""
    check_pooled_endpoint(endpoint)
    text = f"{NAMES[endpoint].capitalize()} of the RT + ICI arms, reconstructed from printed statistics"
    if curve is None:
        return f"{text}. Fewer than three studies, so no pooled curve."
    table, level = curve.to_frame(), 100 * curve.level
    names = ("median", "median_low", "median_high", "median_low_without", "median_high_without")
    months = [getattr(curve, name) for name in names]
    median, *ends = ["not reached" if value != value else number(value, 1) for value in months]
    last = table.iloc[-1]
    return (
        f"{text}, with their pooled curve (thick). Dark band: {level:g} % confidence interval with what the "
        f"reconstruction leaves open; light band: where {level:g} % of further studies would lie; both are too narrow "
        f"for as few as {last['n_studies']:.0f} studies. Pooled median {median} months ({level:g} % CI {ends[0]} to "
        f"{ends[1]}; {ends[2]} to {ends[3]} without what the reconstruction leaves open). Last interval, to "
        f"{last['time']:g} months: {last['studies']}, {last['n_at_risk']:.0f} patients at risk. "
        + " ".join(curve.notes)
    )


@needs_tables
@takes(curves=Curves)
def pooled_curve_sensitivity(tables, curves: Curves, *, endpoint: str = "OS", level: float = 0.95):
    """The pooled curve on other grids and without each study: months of the step or study left out, survival, median.

    Returns
    -------
    DataFrame
        change, time_months, survival, ci_low, ci_high, n_studies, median, median_low, median_high, note (why nothing is
        pooled).
    """
    import pandas as pd

    check_pooled_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    runs = {f"steps of {step} months": (patients, np.arange(step, 49, step)) for step in GRIDS}
    for study in patients["study"].unique():
        runs[f"without {study}"] = patients[patients["study"] != study], CURVE_TIMES
    frames = [_read_curve(part, times, level).assign(change=change) for change, (part, times) in runs.items()]
    first = ["change", "time_months"]
    table = pd.concat(frames, ignore_index=True)
    return table[[*first, *[column for column in table if column not in first]]]


def _read_curve(patients, times, level):
    import pandas as pd

    try:
        if patients.empty:
            raise TooFewStudies("no patients are left")
        curve = pool_curves_over_draws(patients, times=times, level=level, allow_mixed=True)
    except TooFewStudies:
        return pd.DataFrame([dict(time_months=np.nan, survival=np.nan, note="fewer than three studies: not pooled")])
    table = curve.to_frame()[["time", "survival", "ci_low", "ci_high", "n_studies"]]
    table = table[table["time"].isin(READ_AT)].rename(columns={"time": "time_months"})
    return table.assign(median=curve.median, median_low=curve.median_low, median_high=curve.median_high, note="")


@needs_tables
@takes(curves=Curves)
def restricted_mean_table(tables, curves: Curves, *, endpoint: str = "OS", horizons=(12, 24), level: float = 0.95):
    """Pooled restricted mean survival time (months) up to each horizon, with and without the reconstruction.

    Returns
    -------
    DataFrame
        As `pooled_landmarks`, in months, limits no later than the horizon; empty where fewer than three studies can be
        drawn.
    """
    import pandas as pd

    check_pooled_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    frames = [
        frame.assign(scale="log RMST", ci_high=frame["ci_high"].clip(upper=horizon))
        for horizon in horizons
        for frame in pool_by_setting(patients, effect="log_rmst", scale="log", time=horizon, level=level)
    ]
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)] if frames else pd.DataFrame(columns=list(COLUMNS))


@needs_tables
@takes(curves=Curves)
def one_stage_table(tables, curves: Curves, *, endpoint: str = "OS", cuts=CUTS, level: float = 0.95):
    """Survival by the one-stage model with a random effect of the study, all settings: illustrative.

    Returns
    -------
    DataFrame
        As `pool_piecewise_exponential(...).to_frame()`, with median and tau2 and their limits; empty where fewer than
        three studies can be drawn.
    """
    import pandas as pd

    check_pooled_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    if patients["study"].nunique() < FEWEST:
        return pd.DataFrame(columns=["time", "survival", "ci_low", "ci_high"])
    fitted = pool_piecewise_exponential(patients, cuts=cuts, level=level, allow_mixed=True)
    names = ("median", "median_low", "median_high", "median_low_without", "median_high_without", "tau2", "tau2_low",
             "tau2_high")  # fmt: skip
    return fitted.to_frame().assign(**{name: getattr(fitted, name) for name in names}, note=" ".join(fitted.notes))


@needs_tables
@takes(curves=Curves)
def median_table(tables, curves: Curves, *, endpoint: str = "OS", level: float = 0.95):
    """Median survival of each RT + ICI arm as printed and as reconstructed.

    Returns
    -------
    DataFrame
        study, setting, status, printed, printed_low, printed_high, printed_level, and of reconstructed patients value,
        ci_low, ci_high, ci_low_without, ci_high_without: quantiles over draws and sampling.
    """
    import pandas as pd

    check_pooled_endpoint(endpoint)
    rows = _printed_medians(tables, endpoint)
    rows = rows[["study", "setting", "status", "estimate", "ci_low", "ci_high", "ci_level"]].rename(
        columns={"estimate": "printed", "ci_low": "printed_low", "ci_high": "printed_high", "ci_level": "printed_level"}
    )
    patients = drawn_patients(tables, curves, endpoint)
    names = ["study", "value", "ci_low", "ci_high", "ci_low_without", "ci_high_without"]
    drawn = quantiles_over_draws(patients, level=level)[names] if len(patients) else pd.DataFrame(columns=names)
    return rows.merge(drawn, how="left", on="study")


def _printed_medians(tables, endpoint):
    return select_survival(tables, endpoint=endpoint, statistic="median", settings=SETTINGS, where=RT_ICI)


@needs_tables
def median_sentence(tables, *, endpoint: str = "OS", level: float = 0.95) -> str:
    """Pooled median of advanced disease, or the sentence that says why there is none."""
    check_pooled_endpoint(endpoint)
    rows = _printed_medians(tables, endpoint)
    rows = rows[rows["setting"] != "perioperative"]
    columns = ["study", "setting", "time_origin", "value", "ci_low", "ci_high", "ci_level", "status"]
    if rows.empty:
        return f"No study of advanced disease in this selection prints a median of {NAMES[endpoint]}."
    pooled = pool_medians(rows[columns].reset_index(drop=True), level=level, allow_mixed=True)
    sentence = pooled.sentence
    if pooled.result is not None and pooled.result.k < FEWEST:
        sentence = f"The median is not pooled: {studies_text(pooled.result.k)} with an interval, fewer than {FEWEST}."
    return f"{NAMES[endpoint].capitalize()} after RT + ICI in advanced disease. {sentence}"
