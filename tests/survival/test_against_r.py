"""Kaplan-Meier, summaries, Cox, log-rank and RMST equal R's survival and survRM2."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hccmeta.survival.cox import hazard_ratio
from hccmeta.survival.curves import kaplan_meier, survival_summary
from hccmeta.survival.rmst import rmst_difference

SETS = json.loads((Path(__file__).parents[1] / "reference" / "survival_r.json").read_text())["sets"]
PREFIX = {"log-log": "loglog", "log": "log", "plain": "plain"}
CLOSED, COX = 1e-9, 1e-7


def patients(name):
    record = SETS[name]
    df = pd.DataFrame(record["inputs"])
    if "arms" in record:
        df["arm"] = [record["arms"][i] for i in df["arm"]]
    return df


def blocks(name):
    df, record = patients(name), SETS[name]
    yield df[["time", "event"]], record["overall"]
    for arm, expected in record.get("by_arm", {}).items():
        yield df.loc[df["arm"] == arm, ["time", "event"]], expected


def numbers(values):
    return np.array([np.nan if v is None else v for v in values], float)


def same(ours, expected, rel):
    np.testing.assert_allclose(np.asarray(ours, float), numbers(expected), rtol=rel, atol=1e-12)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("ci", PREFIX)
def test_curves_and_quantiles(name, ci):
    p = PREFIX[ci]
    for df, expected in blocks(name):
        table = expected["table"]
        km = kaplan_meier(df, ci=ci).iloc[1:].set_index("time")
        km = km.loc[[km.index[np.abs(km.index - t).argmin()] for t in table["time"]]]
        same(km.index, table["time"], CLOSED)
        pairs = dict(n_at_risk="n_risk", events="n_event", censored="n_censor", survival="surv", ci_low=f"{p}_lower",
                     ci_high=f"{p}_upper")  # fmt: skip
        for ours, theirs in pairs.items():
            same(km[ours], table[theirs], CLOSED)
        rows = survival_summary(df, ci=ci)
        quantiles = rows[rows["statistic"].isin(["median", "quartile"])].sort_values("probability", ascending=False)
        for ours, theirs in dict(value="est", ci_low="lower", ci_high="upper").items():
            same(quantiles[ours], expected["quantiles"][p][theirs], CLOSED)
        follow_up = rows[rows["statistic"] == "follow_up_median"].iloc[0]
        same([follow_up["value"]], [expected["reverse_km_followup"]["median"]], CLOSED)
        if ci != "plain":
            same(follow_up[["ci_low", "ci_high"]], expected["reverse_km_followup"][f"median_{p}_ci"], CLOSED)


@pytest.mark.parametrize("name", SETS)
def test_landmarks_and_restricted_means(name):
    for df, expected in blocks(name):
        landmark = expected["landmark"]
        rows = survival_summary(df, times=landmark["time"])
        rows = rows[rows["statistic"] == "landmark"]
        pairs = dict(value="surv", se="std_err", ci_low="loglog_lower", ci_high="loglog_upper")
        for ours, theirs in pairs.items():
            same(rows[ours], landmark[theirs], CLOSED)
        for rmst in expected["rmst"]:
            row = survival_summary(df, rmst_horizon=rmst["tau"]).set_index("statistic").loc["rmst"]
            same(row[["value", "se"]], [rmst["rmst"], rmst["se"]], CLOSED)


@pytest.mark.parametrize("name", [name for name in SETS if "compare" in SETS[name]])
def test_two_arms(name):
    record, df = SETS[name], patients(name)
    expected, (control, experimental) = record["compare"], record["arms"]
    options = dict(experimental=experimental, control=control)
    row = hazard_ratio(df, **options).iloc[0]
    same(row[["log_hr", "se", "hr", "ci_low", "ci_high", "p_value"]], expected["cox"].values(), COX)
    same([row["ph_p"]], [expected["zph_p"]], COX)
    same([row["logrank_p"]], [expected["logrank_p"]], CLOSED)
    if "stratified" in expected:
        row = hazard_ratio(df, strata="strata", **options).iloc[0]
        same(row[["log_hr", "se"]], [expected["stratified"]["coef"], expected["stratified"]["se"]], COX)
        same([row["logrank_p"]], [expected["stratified"]["logrank_p"]], CLOSED)
    rmst = rmst_difference(df, rmst_horizon=expected["rmst2"]["tau"], **options)
    rmst = rmst[["value", "ci_low", "ci_high", "p_value"]]
    same(rmst.iloc[0], expected["rmst2"]["diff_arm1_minus_arm0"], CLOSED)
    same(rmst.iloc[1], expected["rmst2"]["ratio"], CLOSED)
