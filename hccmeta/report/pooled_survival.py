"""Survival of the RT + ICI arms at fixed times: study by study, and pooled with and without the reconstruction."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ..errors import MethodError, TooFewStudies, takes
from ..evidence.load import needs_tables
from ..evidence.select import select_survival
from ..evidence.sieve import ADVANCED, RT_ICI, arm_table
from ..survival.draw_effects import draw_effects
from ..survival.landmark_variance import from_scale
from ..survival.landmarks import landmark_effects
from ..survival.pool_draws import pool_draws
from ..survival.rubin import rubin
from .sentences import FEWEST, interval_text, percent, studies_text
from .survival import NAMES, Curves

SETTINGS = (*ADVANCED, "perioperative")
GROUPS = {"advanced disease": ADVANCED, "all settings (illustrative)": SETTINGS}
SCALES = {"loglog": "log(-log S)", "logit": "logit S"}
USELESS = 0.9
POOLED = ("OS", "PFS")
PRINTED, DRAWN = "printed interval", "reconstructed patients"
NO_INTERVAL = "printed without interval, and no patients reconstructed"
LANDMARKS = ("study", "setting", "time_origin", "time_months", "value", "ci_low", "ci_high", "share", "source",
             "printed", "use", "yi", "vi", "reason")  # fmt: skip
COLUMNS = ("rows", "time_months", "scale", "reconstruction", "k", "estimate", "ci_low", "ci_high", "se", "df", "tau2",
           "tau2_low", "tau2_high", "share", "studies", "left_out", "note")  # fmt: skip


def check_pooled_endpoint(endpoint) -> None:
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
    """Patients of every draw of the RT + ICI arms: study, setting, time_origin, imputation, time, event."""
    import pandas as pd

    arms = arm_table(tables).set_index("arm_id")
    printed = tables.survival[tables.survival["endpoint"] == endpoint].dropna(subset="time_origin")
    origin = printed.drop_duplicates("arm_id").set_index("arm_id")["time_origin"]
    frames = [
        ensemble.imputations.assign(study=arms.loc[arm, "study"], setting=arms.loc[arm, "setting"],
                                    time_origin=origin.get(arm, "not_stated"))
        for arm, ensemble in rt_ici_ensembles(tables, curves, endpoint).items()
    ]  # fmt: skip
    columns = ["study", "setting", "time_origin", "imputation", "time", "event"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _printed_landmarks(tables, endpoint: str, time: float):
    return select_survival(
        tables, endpoint=endpoint, statistic="landmark", time_months=time, settings=SETTINGS,
        where=RT_ICI,
    )  # fmt: skip


def _printed_effects(printed, scale: str):
    """Effects of the landmarks with a printed interval: their standard error needs no reconstruction."""
    rows = printed[printed["ci_low"].notna() & printed["ci_high"].notna()].reset_index(drop=True)
    rows = rows[["study", "setting", "time_origin", "time_months", "value", "ci_low", "ci_high", "ci_level"]]
    return rows.assign(**landmark_effects(rows, scale=scale)[["yi", "vi"]]) if len(rows) else rows.assign(yi=[], vi=[])


@needs_tables
@takes(curves=Curves)
def landmark_table(tables, curves: Curves, *, endpoint: str = "OS", times=(6, 12, 24), level: float = 0.95):
    """Survival of each RT + ICI arm at fixed times: from its printed interval, else from reconstructed patients.

    Returns
    -------
    DataFrame
        study, setting, time_origin, time_months, value, ci_low, ci_high (as printed, else with the uncertainty of the
        reconstruction), share (of the variance that the reconstruction adds), source, printed (landmark as printed, or
        missing), use, yi, vi (log(-log)), included, reason (why it is in no pool).
    """
    import pandas as pd

    check_pooled_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    frames = [_landmarks_at(_printed_landmarks(tables, endpoint, time), patients, time, level) for time in times]
    table = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    return table.assign(included=table["reason"] == "")


def _landmarks_at(printed, patients, time, level):
    """Rows of one time by study: as printed, replaced by what its interval or its reconstructed patients give."""
    import pandas as pd

    alone = dict(source="printed, no interval", reason=NO_INTERVAL, ci_low=np.nan, ci_high=np.nan)
    known = {row["study"]: row | alone | dict(value=row["estimate"]) for row in printed.to_dict("records")}
    for effect in _printed_effects(printed, "loglog").to_dict("records"):
        known[effect["study"]] |= _given(effect, PRINTED, level)
    effects = draw_effects(patients, effect="loglog", month=time).groupby("study", sort=False) if len(patients) else []
    for study, drawn in effects:
        row = known.setdefault(study, drawn[["study", "setting", "time_origin"]].iloc[0].to_dict())
        if row.get("source") == PRINTED:
            continue
        if gone := int(drawn["yi"].isna().sum()):
            row |= dict(source=DRAWN, reason=f"follow-up ends before {time:g} months in {gone} of {len(drawn)} draws")
        else:
            found = rubin(drawn["yi"], drawn["vi"])
            row |= _given(dict(yi=float(found.estimate), vi=float(found.se) ** 2), DRAWN, level, float(found.share))
    rows = [row | dict(time_months=float(time), printed=row.get("estimate", np.nan)) for row in known.values()]
    return pd.DataFrame(rows, columns=list(LANDMARKS)).fillna({"use": "ok"})


def _given(effect, source, level, share=0.0) -> dict:
    """Value and limits of an effect on the log(-log) scale; a printed interval of that level stays as printed."""
    half = ndtri((1 + level) / 2) * np.sqrt(effect["vi"])
    low, value, high = (float(from_scale(effect["yi"] + shift, "loglog")) for shift in (half, 0, -half))
    shown = dict(value=value, ci_low=low, ci_high=high)
    if effect.get("ci_level") == level:
        shown = {name: effect[name] for name in shown}
    return shown | dict(yi=effect["yi"], vi=effect["vi"], share=share, source=source, reason="")


@takes(landmarks=(*LANDMARKS, "included"))
def landmark_rows(landmarks):
    """Landmarks as rows of a forest plot under a heading per time; what is in no pool is hollow, with the reason."""
    place = (landmarks["setting"] == "perioperative").map({True: ", perioperative", False: ""})
    drawn = (landmarks["source"] == DRAWN).map({True: ", reconstructed", False: ""})
    months = landmarks["time_months"].map("{:g} months".format)
    rows = landmarks.assign(study=landmarks["study"] + place + drawn, time=months, estimate=landmarks["value"],
                            yi=landmarks["value"], vi=np.nan, measure="PRAW")  # fmt: skip
    return rows.sort_values(["time_months", "included"], ascending=[True, False], kind="stable", ignore_index=True)


def pool_by_setting(patients, *, effect, scale, time, level, printed=None):
    """Effects at one time pooled for advanced disease and for all settings, from three studies on: a list of frames."""
    frames = []
    for words, settings in GROUPS.items():
        mine = patients[patients["setting"].isin(settings)]
        fixed = printed[printed["setting"].isin(settings)] if printed is not None else ()
        if mine.empty:
            continue
        try:
            pooled = pool_draws(draw_effects(mine, effect=effect, month=time), scale=scale, level=level,
                                printed=fixed if len(fixed) else None, allow_mixed=True)  # fmt: skip
        except TooFewStudies:
            continue
        if pooled.k >= FEWEST:
            out = pooled.studies[~pooled.studies["included"]]
            frames.append(pooled.to_frame().assign(
                rows=words, time_months=float(time), tau2_low=pooled.tau2_low, tau2_high=pooled.tau2_high,
                studies=", ".join(pooled.studies.loc[pooled.studies["included"], "study"]),
                left_out="; ".join(f"{row.study} ({row.reason})" for row in out.itertuples()),
                note=" ".join(note for note in pooled.notes if note.startswith("Illustrative")),
            ))  # fmt: skip
    return frames


@needs_tables
@takes(curves=Curves)
def pooled_landmarks(tables, curves: Curves, *, endpoint: str = "OS", times=(6, 12, 24), level: float = 0.95):
    """Pooled survival at each time from three studies on, with and without the uncertainty of the reconstruction.

    Returns
    -------
    DataFrame
        rows, time_months, scale (log(-log S), logit S), reconstruction (with, without), k, estimate, ci_low, ci_high,
        se, df, tau2 with quantiles over the draws, share, studies, left_out (studies not in the pool, with the reason),
        note (settings or time origins that differ).
    """
    import pandas as pd

    check_pooled_endpoint(endpoint)
    patients = drawn_patients(tables, curves, endpoint)
    landmarks = landmark_table(tables, curves, endpoint=endpoint, times=times)
    frames = []
    for time in times:
        printed = _printed_landmarks(tables, endpoint, time)
        for scale, words in SCALES.items():
            found = pool_by_setting(patients, effect=scale, scale=scale, time=time, level=level,
                                    printed=_printed_effects(printed, scale))  # fmt: skip
            frames += [frame.assign(scale=words) for frame in found]
    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
    table["left_out"] = [_left_out(landmarks, row.rows, row.time_months) for row in table.itertuples()]
    return table.sort_values(["rows", "time_months"], kind="stable", ignore_index=True)[list(COLUMNS)]


def _left_out(landmarks, rows, time) -> str:
    out = landmarks[~landmarks["included"] & (landmarks["time_months"] == time)]
    out = out[out["setting"].isin(GROUPS[rows])]
    return "; ".join(f"{row.study} ({row.reason})" for row in out.itertuples())


@takes(landmarks=(*LANDMARKS, "included"), pooled=COLUMNS)
def pooled_survival_sentence(landmarks, pooled, *, endpoint: str = "OS", level: float = 0.95) -> str:
    """Survival at fixed times in advanced disease: pooled from three studies on, study by study below."""
    check_pooled_endpoint(endpoint)
    rows = pooled[
        (pooled["rows"] == "advanced disease") & (pooled["reconstruction"] == "with")
        & (pooled["scale"] == SCALES["loglog"])
    ].set_index("time_months")  # fmt: skip
    parts = []
    advanced = landmarks[landmarks["included"] & (landmarks["setting"] != "perioperative")]
    for time, studies in advanced.groupby("time_months"):
        side_by_side = ", ".join(
            f"{row.study} {percent(row.value)}{' (reconstructed)' if row.printed != row.printed else ''}"
            for row in studies.itertuples()
        )
        if time not in rows.index:
            parts.append(f"{time:g} months {side_by_side} (not pooled)")
            continue
        row = rows.loc[time]
        interval = interval_text(row["ci_low"], row["ci_high"], "PLO")
        if row["ci_high"] - row["ci_low"] > USELESS:
            together = f"together {percent(row['estimate'])}, {100 * level:g} % CI {interval}"
            parts.append(f"{time:g} months {side_by_side} (too unlike to be pooled: {together})")
        else:
            pooled_text = f"{100 * level:g} % CI {interval}, {studies_text(int(row['k']))} pooled: {side_by_side}"
            parts.append(f"{time:g} months {percent(row['estimate'])} ({pooled_text})")
    if not parts:
        return f"No study of advanced disease in this selection gives {NAMES[endpoint]} at a fixed time."
    return f"{NAMES[endpoint].capitalize()} after RT + ICI in advanced disease: {'; '.join(parts)}."
