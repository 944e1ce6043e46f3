"""Leave-one-out, cumulative and influence diagnostics: as metafor, and as pooling the subsets by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_values import agree, load

import hccmeta as hm

OPTIONS = {
    "REML_z": dict(tau2_method="REML", ci_method="z"), "REML_knha": dict(tau2_method="REML", ci_method="HK"),
    "DL_z": dict(tau2_method="DL", ci_method="z"), "EE_z": dict(model="common", ci_method="z"),
}  # fmt: skip
SETS = load("influence.json", "sets")
TOLERANCE = 2e-6  # inputs have 12 digits, and R stops REML at 1e-13 var(y)


def cases(kind):
    return [pytest.param(record, OPTIONS[fit], want, id=f"{record['id']}-{fit}")
            for record in SETS for fit, want in record[kind].items()]  # fmt: skip


def table_of(record):
    return pd.DataFrame({"yi": record["yi"], "vi": record["vi"], "measure": record["measure"]})


def compare(got, want, names, record):
    scale = np.median(record["vi"])
    for theirs, ours in names.items():
        if theirs in want:
            largest = max(abs(x) for x in want[theirs] if x is not None)
            atol = 1e-8 * scale if theirs in ("tau2", "tau2_del") else 1e-7 * (1 + largest)
            agree(got[ours].to_numpy(), want[theirs], TOLERANCE, atol)


@pytest.mark.parametrize(("record", "options", "want"), cases("leave_one_out"))
def test_leave_one_out_as_metafor(record, options, want):
    got = hm.leave_one_out(table_of(record), **options)
    assert got["k"].tolist() == [len(record["yi"]) - 1] * len(record["yi"])
    names = dict(estimate="estimate", se="se", ci_lb="ci_low", ci_ub="ci_high", pval="p_value", tau2="tau2", Q="Q")
    compare(got, want, names, record)


@pytest.mark.parametrize(("record", "options", "want"), cases("influence"))
def test_influence_as_metafor(record, options, want):
    got = hm.influence(table_of(record), **options)
    columns = ("rstudent", "dffits", "cook_d", "cov_r", "tau2_del", "QE_del", "hat", "dfbs")
    compare(got, want, {name: name for name in columns}, record)
    assert got["influential"].tolist() == [bool(flag) for flag in want["is_infl"]]
    assert got["weight"].sum() == pytest.approx(1)


@pytest.mark.parametrize(("record", "options", "want"), cases("cumulative"))
def test_cumulative_as_metafor(record, options, want):
    order = want["order_index"]
    rank = np.argsort(order)
    got = hm.cumulative(table_of(record).assign(when=rank), order="when", **options)
    assert got["study"].tolist() == [f"Row {i}" for i in order]
    assert got["k"].tolist() == list(range(1, len(order) + 1))
    compare(got, want, dict(estimate="estimate", se="se", tau2="tau2", Q="Q"), record)


def test_the_reference_is_complete():
    assert {kind: len(cases(kind)) for kind in ("leave_one_out", "influence", "cumulative")} == {
        "leave_one_out": 37, "influence": 28, "cumulative": 8,
    }  # fmt: skip


@st.composite
def studies(draw, min_k=2, max_k=8):
    k = draw(st.integers(min_k, max_k))
    yi = draw(st.lists(st.floats(-3, 3), min_size=k, max_size=k))
    log_v = draw(st.lists(st.floats(-5, 2), min_size=k, max_size=k))
    return pd.DataFrame({"yi": np.round(yi, 6), "vi": np.exp(np.round(log_v, 6))})


@settings(max_examples=40, deadline=None, derandomize=True)
@given(studies(), st.sampled_from(["REML", "ML", "PM", "DL", "SJ"]), st.sampled_from(["z", "t", "HK", "HK-adhoc"]))
def test_every_row_is_the_pool_of_the_other_studies(df, tau2_method, ci_method):
    options = dict(tau2_method=tau2_method, ci_method=ci_method)
    left_out, added = hm.leave_one_out(df, **options), hm.cumulative(df, order=None, **options)
    for i in range(len(df)):
        for row, subset in ((left_out.iloc[i], df.drop(index=i)), (added.iloc[i], df.iloc[: i + 1])):
            alone = hm.pool(subset, **options)
            for name in ("k", "estimate", "se", "ci_low", "ci_high", "tau2", "I2", "Q"):
                assert row[name] == pytest.approx(getattr(alone, name), rel=1e-6, abs=1e-8), name


@settings(max_examples=40, deadline=None, derandomize=True)
@given(studies(min_k=3), st.sampled_from([1e-8, 1e-3, 1e3, 1e8]), st.floats(-10, 10))
def test_diagnostics_have_no_unit(df, unit, shift):
    one = hm.influence(df)
    other = hm.influence(pd.DataFrame({"yi": (df["yi"] + shift) * unit, "vi": df["vi"] * unit**2}))
    for name in ("rstudent", "dffits", "cook_d", "cov_r", "QE_del", "hat", "dfbs"):
        np.testing.assert_allclose(other[name], one[name], rtol=1e-4, atol=1e-5)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(studies(min_k=3))
def test_baujat_splits_q_and_measures_the_shift(df):
    result = hm.pool(df, model="common")
    found = hm.baujat(df, model="common")
    assert found["x"].sum() == pytest.approx(result.Q, abs=1e-9)
    without = hm.leave_one_out(df, model="common")
    np.testing.assert_allclose(found["y"], ((result.estimate - without["estimate"]) / without["se"]) ** 2, atol=1e-9)


def test_rows_without_an_effect_are_not_left_out_a_second_time():
    df = pd.DataFrame({"study": list("ABCD"), "yi": [0.1, np.nan, 0.4, 0.8], "vi": [0.1, 0.1, 0.0, 0.2]})
    assert hm.leave_one_out(df)["study"].tolist() == ["A", "D"]
    assert hm.influence(df)["study"].tolist() == ["A", "D"]


def test_ties_in_the_order_keep_the_input():
    df = pd.DataFrame({"study": list("ABCD"), "year": [2021, 2020, 2021, 2020], "yi": [1.0, 2, 3, 4], "vi": [1.0] * 4})
    got = hm.cumulative(df)
    assert got["study"].tolist() == ["B", "D", "A", "C"]
    assert got["year"].tolist() == [2020, 2020, 2021, 2021]


def test_order_must_be_there_and_complete():
    df = pd.DataFrame({"study": list("AB"), "yi": [0.1, 0.2], "vi": [0.1, 0.1], "year": [2020, np.nan]})
    with pytest.raises(hm.DataError, match="'when'"):
        hm.cumulative(df, order="when")
    with pytest.raises(hm.DataError, match="B") as caught:
        hm.cumulative(df)
    assert [problem["row"] for problem in caught.value.problems] == [1]


@pytest.mark.parametrize("function", [hm.leave_one_out, hm.influence, hm.baujat])
def test_one_study_cannot_be_left_out(function):
    with pytest.raises(hm.TooFewStudies, match="2 studies"):
        function(pd.DataFrame({"yi": [0.1], "vi": [0.1]}))


def test_unknown_options_name_the_choices():
    with pytest.raises(hm.MethodError, match="'REML'"):
        hm.leave_one_out(pd.DataFrame({"yi": [0.1, 0.2], "vi": [0.1, 0.1]}), tau2_method="reml")
