"""Tables, figure and sentence behind the notebook of pooled survival."""

from __future__ import annotations

import numpy as np

from ..errors import MethodError, TooFewStudies
from ..evidence.load import needs_tables
from ..evidence.select import select_survival
from ..evidence.sieve import ADVANCED, arm_table
from ..survival.draw_effects import draw_effects
from ..survival.landmarks import landmark_effects
from ..survival.pool_draws import pool_draws
from ..survival.pooled_draws import pool_curves_over_draws
from ..survival.rubin import rubin
from .sentences import interval_text, percent, studies_text
from .survival import NAMES, Curves, ensemble_curve

SETTINGS = (*ADVANCED, "perioperative")
FEWEST = 3
USELESS = 0.9
POOLED = ("OS", "PFS")
CURVE_TIMES = (6, 9, 12, 15, 18, 24)


def check_endpoint(endpoint) -> None:
    """Raise MethodError for an endpoint that is not pooled, with the place that shows it."""
    if endpoint not in POOLED:
        raise MethodError(
            f"endpoint = {endpoint!r}: choose 'OS' or 'PFS'. Only these are pooled over studies; relapse after surgery "
            "(RFS, IRFS, ORFS) is drawn study by study in 03_survival (plot_ensembles)."
        )


def rt_ici_ensembles(tables, curves: Curves, endpoint: str) -> dict:
    """arm_id -> ensemble of the RT + ICI arms, all patients."""
    treatment = arm_table(tables).set_index("arm_id")["treatment"]
    return {
        arm_id: curves.drawn[name, label]
        for (name, label), (arm_id, population) in curves.source.items()
        if name == endpoint and population == "all" and treatment[arm_id] == "RT + ICI"
    }


def drawn_patients(tables, curves: Curves, endpoint: str):
    """Patients of every draw of the RT + ICI arms: study, imputation, time, event."""
    import pandas as pd

    label = arm_table(tables).set_index("arm_id")["study"]
    frames = [
        ensemble.imputations.assign(study=label[arm])
        for arm, ensemble in rt_ici_ensembles(tables, curves, endpoint).items()
    ]
    columns = ["study", "imputation", "time", "event"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _printed_landmarks(tables, endpoint: str, time: float):
    return select_survival(
        tables, endpoint=endpoint, statistic="landmark", time_months=time, settings=SETTINGS,
        where={"treatment": ["RT + ICI"]},
    )  # fmt: skip


def _printed_effects(tables, endpoint: str, time: float):
    """Landmarks with a printed interval, on the log(-log) scale: their standard error needs no reconstruction."""
    rows = _printed_landmarks(tables, endpoint, time)
    rows = rows[rows["ci_low"].notna() & rows["ci_high"].notna()]
    if rows.empty:
        return rows.assign(yi=[], vi=[])
    keep = ["study", "time_months", "value", "ci_low", "ci_high", "ci_level"]
    return landmark_effects(rows[keep].reset_index(drop=True), scale="loglog")


@needs_tables
def landmark_table(tables, curves: Curves, *, endpoint: str = "OS", times=(6, 12, 24)):
    """Survival of each RT + ICI arm at fixed times: from its printed interval, else from reconstructed patients.

    Returns
    -------
    DataFrame
        study, setting, time_months, value, ci_low, ci_high (with the uncertainty of the reconstruction), share (of the
        variance that the reconstruction adds), source, printed (landmark as printed, or missing), yi, vi (log(-log)).
    """
    import pandas as pd

    check_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    setting = arm_table(tables).drop_duplicates("study").set_index("study")["setting"]
    rows = []
    for time in times:
        printed = _printed_effects(tables, endpoint, time)
        value = _printed_landmarks(tables, endpoint, time).set_index("study")["estimate"].to_dict()
        for row in printed.to_dict("records"):
            rows.append([row["study"], time, row["yi"], row["vi"], 0.0, "printed interval", row["value"]])
        if len(patients):
            for study, drawn in draw_effects(patients, effect="loglog", month=time).groupby("study", sort=False):
                if study in set(printed["study"]) or drawn["yi"].isna().any():
                    continue
                found = rubin(drawn["yi"], drawn["vi"])
                numbers = [float(found.estimate), float(found.se) ** 2, float(found.share)]
                rows.append([study, time, *numbers, "reconstructed patients", value.get(study, np.nan)])
    table = pd.DataFrame(rows, columns=["study", "time_months", "yi", "vi", "share", "source", "printed"])
    half = 1.959963984540054 * np.sqrt(table["vi"].astype(float))
    for name, sign in (("value", 0), ("ci_low", 1), ("ci_high", -1)):
        table[name] = np.exp(-np.exp(table["yi"].astype(float) + sign * half))
    table["setting"] = table["study"].map(setting)
    first = ["study", "setting", "time_months", "value", "ci_low", "ci_high"]
    return table[[*first, "share", "source", "printed", "yi", "vi"]]


def landmark_rows(landmarks):
    """Landmarks as rows of a forest plot: study and time, nothing pooled."""
    place = (landmarks["setting"] == "perioperative").map({True: " (perioperative)", False: ""})
    labels = landmarks["study"] + place + ", " + landmarks["time_months"].map("{:g} months".format)
    rows = landmarks.assign(study=labels, estimate=landmarks["value"], measure="PRAW")
    return rows.sort_values("time_months", kind="stable", ignore_index=True)


@needs_tables
def pooled_landmarks(tables, curves: Curves, *, endpoint: str = "OS", times=(6, 12, 24), level: float = 0.95):
    """Pooled survival at each time from three studies on, with and without the uncertainty of the reconstruction.

    Returns
    -------
    DataFrame
        rows, time_months, reconstruction (with, without), k, estimate, ci_low, ci_high, se, df, tau2, share.
    """
    import pandas as pd

    check_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    setting = arm_table(tables).drop_duplicates("study").set_index("study")["setting"]
    frames = []
    for words, wanted in (("advanced disease", ADVANCED), ("all settings (illustrative)", SETTINGS)):
        studies = set(setting[setting.isin(wanted)].index)
        for time in times:
            printed = _printed_effects(tables, endpoint, time)
            printed = printed[printed["study"].isin(studies)]
            mine = patients[patients["study"].isin(studies)]
            if mine.empty:
                continue
            effects = draw_effects(mine, effect="loglog", month=time)
            try:
                pooled = pool_draws(effects, scale="loglog", printed=printed if len(printed) else None, level=level)
            except TooFewStudies:
                continue
            if pooled.k >= FEWEST:
                frames.append(pooled.to_frame().assign(rows=words, time_months=float(time)))
    columns = [
        "rows",
        "time_months",
        "reconstruction",
        "k",
        "estimate",
        "ci_low",
        "ci_high",
        "se",
        "df",
        "tau2",
        "share",
    ]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


@needs_tables
def pooled_curve(tables, curves: Curves, *, endpoint: str = "OS", times=CURVE_TIMES, level: float = 0.95):
    """Combescure's summary curve over the draws of the RT + ICI arms (settings and time origins mixed: illustrative).

    Returns
    -------
    DataFrame
        As `pool_curves_over_draws(...).to_frame()`; empty where fewer than three studies can be drawn.
    """
    import pandas as pd

    check_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    none = pd.DataFrame(columns=["time", "survival", "ci_low", "ci_high", "n_studies"])
    if patients.empty:
        return none
    try:
        return pool_curves_over_draws(patients, times=times, level=level).to_frame()
    except TooFewStudies:
        return none


@needs_tables
def plot_pooled_curve(tables, curves: Curves, curve, *, endpoint: str = "OS", ax=None):
    """The studies' mean curves with the illustrative pooled curve and its interval; None where nothing is drawn."""
    import pandas as pd

    from ..plots.survival import plot_survival

    check_endpoint(endpoint)
    arms = arm_table(tables).set_index("arm_id")
    shown = {
        f"{arms.loc[arm, 'study']} ({arms.loc[arm, 'setting'].replace('_', ' ')})": ensemble_curve(ensemble)[
            ["time", "survival", "n_at_risk"]
        ]
        for arm, ensemble in rt_ici_ensembles(tables, curves, endpoint).items()
    }
    if not shown:
        return None
    if len(curve):
        start = pd.DataFrame({"time": [0.0], "survival": [1.0], "low": [1.0], "high": [1.0]}).assign(
            n_studies=len(shown)
        )
        limits = curve.rename(columns={"ci_low": "low", "ci_high": "high"})
        shown["pooled, illustrative"] = pd.concat(
            [start, limits[["time", "survival", "low", "high", "n_studies"]]], ignore_index=True
        )
    return plot_survival(shown, endpoint=endpoint, ax=ax)


def pooled_survival_sentence(landmarks, pooled, *, endpoint: str = "OS", level: float = 0.95) -> str:
    """Survival at fixed times in advanced disease: pooled from three studies on, study by study below."""
    check_endpoint(endpoint)
    rows = pooled[(pooled["rows"] == "advanced disease") & (pooled["reconstruction"] == "with")].set_index(
        "time_months"
    )
    parts = []
    for time, studies in landmarks[landmarks["setting"] != "perioperative"].groupby("time_months"):
        if time in rows.index and rows.loc[time, "k"] >= FEWEST:
            row = rows.loc[time]
            wide = row["ci_high"] - row["ci_low"] > USELESS
            limits = f"{100 * level:g} % CI {interval_text(row['ci_low'], row['ci_high'], 'PLO')}"
            interval = "interval too wide to use" if wide else limits
            shown = f"{percent(row['estimate'])} ({interval}, {studies_text(int(row['k']))} pooled)"
        else:
            values = zip(studies["study"], studies["value"], studies["printed"].isna(), strict=True)
            shown = ", ".join(
                f"{study} {percent(s)}{' (reconstructed)' if drawn else ''}" for study, s, drawn in values
            )
            shown += " (not pooled)"
        parts.append(f"{time:g} months {shown}")
    if not parts:
        return f"No study of advanced disease in this selection gives {NAMES[endpoint]} at a fixed time."
    return f"{NAMES[endpoint].capitalize()} after RT + ICI in advanced disease: {'; '.join(parts)}."
