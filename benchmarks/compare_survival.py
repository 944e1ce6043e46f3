"""Kaplan-Meier, Cox, log-rank, RMST and pooled curves against R's survival, survRM2 and metaSurvival."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

import hccmeta as hm
from benchmarks.comparison import CLOSED, COX, check, load
from hccmeta.survival.rmst import rmst_difference

PREFIX = {"log-log": "loglog", "log": "log", "plain": "plain"}
MONTE_CARLO = 0.01  # limits of medians and means are 10,000 draws in both


def compare():
    """Checks of survival_r.json and pooled_survival_r.json."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hm.MetaWarning)
        for name, record in load("survival_r.json", "sets").items():
            df = pd.DataFrame(record["inputs"])
            yield from _one_group(name, df[["time", "event"]], record["overall"])
            if "arms" in record:
                df["arm"] = [record["arms"][i] for i in df["arm"]]
            for arm, want in record.get("by_arm", {}).items():
                yield from _one_group(f"{name} {arm}", df.loc[df["arm"] == arm, ["time", "event"]], want)
            if "compare" in record:
                yield from _two_arms(name, df, record["compare"], *record["arms"])
        yield from _pooled()


def _one_group(where, df, want):
    landmark, table = want["landmark"], want["table"]
    for ci, prefix in PREFIX.items():
        km = hm.kaplan_meier(df, ci=ci).iloc[1:].set_index("time")
        km = km.loc[[km.index[np.abs(km.index - t).argmin()] for t in table["time"]]]
        columns = dict(n_at_risk="n_risk", events="n_event", censored="n_censor", survival="surv",
                       ci_low=f"{prefix}_lower", ci_high=f"{prefix}_upper")  # fmt: skip
        for ours, theirs in columns.items():
            yield check("Kaplan-Meier curve and limits", f"{where} {ci}", ours, km[ours], table[theirs], CLOSED)
        rows = hm.survival_summary(df, ci=ci)
        quantiles = rows[rows["statistic"].isin(["median", "quartile"])].sort_values("probability", ascending=False)
        for ours, theirs in dict(value="est", ci_low="lower", ci_high="upper").items():
            yield check("medians and quartiles", f"{where} {ci}", ours, quantiles[ours],
                        want["quantiles"][prefix][theirs], CLOSED)  # fmt: skip
    follow_up = rows[rows["statistic"] == "follow_up_median"]
    yield check("reverse Kaplan-Meier follow-up", where, "median", follow_up["value"],
                [want["reverse_km_followup"]["median"]], CLOSED)  # fmt: skip
    rows = hm.survival_summary(df, times=landmark["time"])
    rows = rows[rows["statistic"] == "landmark"]
    for ours, theirs in dict(value="surv", se="std_err", ci_low="loglog_lower", ci_high="loglog_upper").items():
        yield check("landmarks", where, ours, rows[ours], landmark[theirs], CLOSED, unit=1e-3)
    for rmst in want["rmst"]:
        row = hm.survival_summary(df, rmst_horizon=rmst["tau"]).set_index("statistic").loc["rmst"]
        yield check("restricted means", where, "rmst, se", row[["value", "se"]], [rmst["rmst"], rmst["se"]], CLOSED)


def _two_arms(where, df, want, control, experimental):
    arms = dict(experimental=experimental, control=control)
    row = hm.hazard_ratio(df, **arms).iloc[0]
    names = ["log_hr", "se", "hr", "ci_low", "ci_high", "p_value"]
    yield check("Cox (Efron)", where, ", ".join(names), row[names], list(want["cox"].values()), COX, unit=1e-2)
    yield check("proportional hazards", where, "p", row["ph_p"], want["zph_p"], COX, unit=1e-2)
    yield check("log-rank", where, "p", row["logrank_p"], want["logrank_p"], CLOSED, unit=1e-2)
    if "stratified" in want:
        row, stratified = hm.hazard_ratio(df, strata="strata", **arms).iloc[0], want["stratified"]
        yield check("Cox (Efron)", where, "stratified", row[["log_hr", "se"]], [stratified["coef"], stratified["se"]],
                    COX, unit=1e-2)  # fmt: skip
        yield check("log-rank", where, "stratified", row["logrank_p"], stratified["logrank_p"], CLOSED, unit=1e-2)
    rmst = rmst_difference(df, rmst_horizon=want["rmst2"]["tau"], **arms)[["value", "ci_low", "ci_high", "p_value"]]
    for i, theirs in enumerate(("diff_arm1_minus_arm0", "ratio")):
        yield check("RMST of two arms", where, theirs, rmst.iloc[i], want["rmst2"][theirs], CLOSED, unit=1e-2)


def _pooled():
    for name, record in load("pooled_survival_r.json", "sets").items():
        curves = pd.DataFrame(record["table"]).rename(columns={"surv": "survival", "n_risk": "n_at_risk"})
        want = record["expected"]
        for model, theirs, tolerance in (("common", "fixed", CLOSED), ("random", "random", 1e-7)):
            ours = hm.pool_survival_curves(curves, model=model)
            group, table = f"pooled curve, {model}", ours.to_frame()
            for column, their in dict(survival="surv", ci_low="lower", ci_high="upper").items():
                yield check(group, name, column, table[column], want[theirs][their], tolerance, unit=1.0)
            yield check(group, name, "Q, H, I2", [ours.Q, ours.H, 100 * ours.I2], want["heterogeneity"], CLOSED, unit=1)
            yield check(group, name, "median, mean", [ours.median, ours.rmst],
                        [want[f"median_{theirs}"][0], want[f"mean_{theirs}"][0]], tolerance)  # fmt: skip
            limits = [ours.median_low, ours.median_high, ours.rmst_low, ours.rmst_high]
            yield check("limits of pooled median and mean", f"{name} {model}", "Monte Carlo limits", limits,
                        want[f"median_{theirs}"][1:] + want[f"mean_{theirs}"][1:], MONTE_CARLO)  # fmt: skip
