"""Effects, zero-cell rules and intervals of one proportion against escalc (metafor 5.0-1) and base R."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm

RECORDS = json.loads((Path(__file__).parents[1] / "reference" / "effects.json").read_text())["sets"]
CLOSED_FORM = dict(rtol=1e-9, atol=1e-11)  # the values are stored with 12 digits
INTERVALS = {"clopper_pearson": "clopper-pearson", "wilson": "wilson", "wilson_cc": "wilson-cc",
             "agresti_coull": "agresti-coull", "jeffreys": "jeffreys", "wald": "wald"}  # fmt: skip


def known(values):
    return np.array([np.nan if value is None else value for value in values], float)


def of_kind(kind):
    return [pytest.param(record, id=record["id"]) for record in RECORDS if record["kind"] == kind]


def check(table, want):
    np.testing.assert_allclose(table["yi"], known(want["yi"]), **CLOSED_FORM)
    np.testing.assert_allclose(table["vi"], known(want["vi"]), **CLOSED_FORM)


@pytest.mark.parametrize("record", of_kind("proportion"))
def test_proportions(record):
    df = pd.DataFrame(record["data"])
    assert set(record["effects"]) == {"PRAW", "PLO", "PFT", "PAS", "PLN"}
    for measure, want in record["effects"].items():
        check(hm.effects_proportion(df, measure=measure), want)


@pytest.mark.parametrize("record", of_kind("proportion"))
def test_intervals_of_one_proportion(record):
    df = pd.DataFrame(record["data"])
    assert set(record["study_ci"]) == set(INTERVALS)
    for name, (low, high) in record["study_ci"].items():
        got = hm.proportion_ci(df["events"], df["n"], method=INTERVALS[name])
        want = np.array([np.atleast_1d(low), np.atleast_1d(high)])
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("record", of_kind("two_by_two"))
def test_two_arms(record):
    df = pd.DataFrame(record["data"])
    for measure, want in record["effects"].items():
        check(hm.effects_two_arm(df, measure=measure), want)


@pytest.mark.parametrize("record", [case for case in of_kind("two_by_two") if "zero_cells" in case.values[0]])
def test_zero_cell_rules(record):
    df = pd.DataFrame(record["data"])
    for name, (yi, vi) in record["zero_cells"].items():
        measure, to, double_zero = name.split("_")
        table = hm.effects_two_arm(df, measure=measure, to=to, drop00=double_zero == "drop00")
        check(table, {"yi": yi, "vi": vi})


@pytest.mark.parametrize("record", of_kind("hr_ci"))
def test_hazard_ratios(record):
    check(hm.effects_ratio_ci(pd.DataFrame(record["data"])), record["effects"]["HR"])


@pytest.mark.parametrize("record", of_kind("rates"))
def test_rates(record):
    df = pd.DataFrame(record["data"])
    check(hm.effects_rate(df, measure="IRR"), record["effects"]["IRR"])
    control = df.rename(columns={"events_2": "events", "time_2": "time"})
    check(hm.effects_rate(control), record["effects"]["IRLN_arm2"])


def test_the_set_is_complete():
    kinds = pd.Series([record["kind"] for record in RECORDS]).value_counts().to_dict()
    assert kinds == {"proportion": 24, "two_by_two": 15, "hr_ci": 3, "rates": 1}
    assert sum("zero_cells" in record for record in RECORDS) >= 5
