"""Tests of funnel asymmetry: as metafor and meta, and with the warnings that belong to them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_values import load

import hccmeta as hm

SETS = load("small_study.json", "sets")
QUIET = pytest.mark.filterwarnings("ignore::hccmeta.MetaWarning")
COUNTS = pd.DataFrame({"events_1": [3, 9, 12, 20, 7], "n_1": [25, 30, 40, 45, 60], "events_2": [5, 9, 15, 30, 4],
                       "n_2": [24, 33, 40, 44, 58]})  # fmt: skip


def table_of(record):
    return pd.DataFrame({"yi": record["yi"], "vi": record["vi"], "measure": record["measure"], **record["counts"]})


def cases(kind):
    return [pytest.param(table_of(record), record[kind], id=record["id"]) for record in SETS if kind in record]


def wide(k=12, seed=1, measure="GEN"):
    rng = np.random.default_rng(seed)
    vi = np.exp(rng.uniform(-4, 0, k))
    return pd.DataFrame({"yi": rng.normal(0.3, np.sqrt(0.05 + vi)), "vi": vi, "measure": measure})


@QUIET
@pytest.mark.parametrize(("df", "want"), cases("egger"))
def test_egger_as_metafor_on_every_predictor(df, want):
    for predictor, values in want.items():
        got = hm.small_study_test(df, test="egger", predictor=predictor)
        assert (got.statistic, got.df) == (pytest.approx(values["stat"], rel=1e-7, abs=1e-9), values["df"])
        assert got.p_value == pytest.approx(values["pval"], rel=1e-6, abs=1e-12)
        if "limit_est" in values:
            limits = (got.limit, got.limit_low, got.limit_high)
            assert limits == pytest.approx((values["limit_est"], *values["limit_ci"]), rel=1e-8)
        else:
            assert np.isnan(got.limit)


@QUIET
@pytest.mark.parametrize(("df", "want"), cases("ranktest"))
def test_begg_as_metafor(df, want):
    got = hm.small_study_test(df, test="begg")
    assert got.statistic == pytest.approx(want["tau"], rel=1e-9)
    assert got.p_value == pytest.approx(want["pval"], rel=1e-9)


@QUIET
@pytest.mark.parametrize(("df", "want"), cases("meta"))
def test_thompson_harbord_peters_macaskill_as_meta(df, want):
    for test, values in want.items():
        got = hm.small_study_test(df, test=test)
        assert (got.statistic, got.df) == (pytest.approx(values["statistic"], rel=1e-7), values["df"])
        assert got.p_value == pytest.approx(values["pval"], rel=1e-7)


@QUIET
@pytest.mark.parametrize(("df", "want"), cases("lfk"))
def test_lfk_index_as_metasens_and_never_with_a_p_value(df, want):
    got = hm.small_study_test(df, test="lfk")
    assert got.statistic == pytest.approx(want, rel=1e-9)
    assert np.isnan(got.p_value)
    assert any("false positives" in note for note in got.notes)


def test_the_reference_is_complete():
    assert {kind: len(cases(kind)) for kind in ("egger", "ranktest", "meta", "lfk")} == {
        "egger": 13, "ranktest": 13, "meta": 12, "lfk": 9,
    }  # fmt: skip
    assert {test for case in cases("meta") for test in case.values[1]} == {"thompson", "harbord", "peters", "macaskill"}


@pytest.mark.parametrize("test", ["egger", "begg", "lfk"])
def test_few_studies_and_proportions_warn(test):
    with pytest.warns(hm.MetaWarning, match=r"below 10 studies \(k = 9\)") as caught:
        result = hm.small_study_test(wide(9), test=test)
    assert caught[0].filename == __file__
    assert any("funnel alone" in note for note in result.notes)
    with pytest.warns(hm.MetaWarning, match="proportions"):
        hm.small_study_test(wide(12, measure="PLO"), test=test)


def test_ten_studies_of_a_ratio_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hm.small_study_test(wide(10, measure="OR")).notes == ()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([-1e-6, -1.0, 1e6]), st.sampled_from(["egger", "thompson", "begg"]))
def test_a_change_of_unit_changes_nothing_and_a_mirror_the_sign(seed, unit, test):
    df = wide(11, seed)
    one = hm.small_study_test(df, test=test)
    other = hm.small_study_test(pd.DataFrame({"yi": df["yi"] * unit, "vi": df["vi"] * unit**2}), test=test)
    assert other.statistic == pytest.approx(np.sign(unit) * one.statistic, rel=1e-6, abs=1e-9)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)


def test_the_lfk_index_has_no_unit():
    one, other = (hm.small_study_test(pd.DataFrame({"yi": wide()["yi"] * u, "vi": wide()["vi"] * u**2}), test="lfk")
                  for u in (1.0, 1e6))  # fmt: skip
    assert other.statistic == pytest.approx(one.statistic)


@QUIET
@pytest.mark.parametrize("test", ["harbord", "peters"])
def test_double_zero_trials_say_nothing(test):
    silent = pd.DataFrame({"events_1": [0, 50], "n_1": [20, 50], "events_2": [0, 40], "n_2": [22, 40]})
    with_silent = hm.effects_two_arm(pd.concat([COUNTS, silent], ignore_index=True))
    one = hm.small_study_test(hm.effects_two_arm(COUNTS), test=test)
    other = hm.small_study_test(with_silent, test=test)
    assert (other.statistic, other.df, other.k) == (pytest.approx(one.statistic), one.df, 5)


@QUIET
def test_harbord_of_the_risk_ratio_has_its_own_score():
    odds = hm.small_study_test(hm.effects_two_arm(COUNTS, measure="OR"), test="harbord")
    risk = hm.small_study_test(hm.effects_two_arm(COUNTS, measure="RR"), test="harbord")
    assert odds.statistic != pytest.approx(risk.statistic, rel=1e-3)
    with pytest.raises(hm.MethodError, match="'RR'"):
        hm.small_study_test(hm.effects_two_arm(COUNTS, measure="RD"), test="harbord")


@QUIET
def test_equal_effects_leave_nothing_to_test():
    df = pd.DataFrame({"yi": [0.25] * 7, "vi": [0.1, 0.2, 0.3, 0.15, 0.25, 0.4, 0.5]})
    for test in ("egger", "begg", "lfk"):
        result = hm.small_study_test(df, test=test)
        assert np.isnan(result.p_value)
        assert any("no variation" in note for note in result.notes)


@QUIET
@pytest.mark.parametrize(("change", "error", "words"), [
    (dict(test="Egger"), hm.MethodError, "'egger'"),
    (dict(test="begg", predictor="ni"), hm.MethodError, "egger and thompson"),
    (dict(test="peters"), hm.DataError, "events_1"),
    (dict(predictor="ninv"), hm.DataError, "n_1"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        hm.small_study_test(wide(), **change)


@QUIET
def test_equal_precision_and_two_studies_are_refused():
    with pytest.raises(hm.MethodError, match="same precision"):
        hm.small_study_test(wide().assign(vi=0.1))
    with pytest.raises(hm.TooFewStudies, match="three"):
        hm.small_study_test(wide(2))


@QUIET
def test_missing_counts_are_listed_by_row():
    df = hm.effects_two_arm(COUNTS).assign(n_2=[24, 33, np.nan, 44, np.nan])
    with pytest.raises(hm.DataError) as caught:
        hm.small_study_test(df, test="peters")
    assert [(p["row"], p["column"]) for p in caught.value.problems] == [(2, "n_2"), (4, "n_2")]


@QUIET
def test_to_frame_is_one_row():
    frame = hm.small_study_test(wide(8)).to_frame()
    assert frame[["test", "k"]].values.tolist() == [["egger", 8]]
    assert "funnel alone" in frame.loc[0, "notes"]
