"""Few, equal or unusable studies; advice; refusals."""

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm

METHODS = ["REML", "DL", "PM", "ML", "EB", "HS", "SJ", "HE"]
THREE = pd.DataFrame({"yi": [0.1, 0.4, 1.2], "vi": [0.04, 0.05, 0.06]})


def table(yi, vi, **more):
    return pd.DataFrame({"yi": yi, "vi": vi, **more})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ci_method", ["z", "t", "HK", "HK-adhoc"])
def test_one_study_stands_for_itself(method, ci_method):
    result = hm.pool(table([0.5], [0.04]), tau2_method=method, ci_method=ci_method)
    assert (result.k, result.estimate, result.se, result.tau2, result.ci_method) == (1, 0.5, 0.2, 0.0, "z")
    assert result.ci_high == pytest.approx(0.5 + 1.959963984540054 * 0.2)
    assert np.isnan([result.pi_low, result.tau2_low]).all()
    assert "One study" in result.notes[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_equal_effects(method, scale):
    df = table([0.7] * 4, np.array([0.1, 0.2, 0.3, 0.4]) * scale)
    result = hm.pool(df, tau2_method=method)
    assert result.tau2 == 0
    assert (result.Q, result.I2, result.I2_Q) == pytest.approx((0, 0, 0), abs=1e-12)
    assert result.se == pytest.approx(hm.pool(df, model="common").se)
    assert (result.tau2_low, result.tau2_high) == (0, 0)


def test_equal_effects_leave_hartung_knapp_without_width():
    result = hm.pool(table([0.7] * 4, [0.1, 0.2, 0.3, 0.4]), ci_method="HK")
    assert result.se == pytest.approx(0, abs=1e-12)
    assert any("prefer HK-adhoc" in note for note in result.notes)


def test_two_studies():
    """REML of two studies with equal variance: tau2 = d^2 / 2 - v."""
    result = hm.pool(table([0.0, 2.0], [0.5, 0.5]))
    assert result.tau2 == pytest.approx(1.5, rel=1e-12)
    assert np.isnan(result.pi_low)
    assert any("hardly estimable" in note for note in result.notes)


def test_rows_that_cannot_count_stay_in_the_table():
    df = table([0.1, np.nan, 0.4, 1.2, 0.3], [0.04, 0.05, np.nan, 0.06, 0.0], study=list("abcde"), year=range(5))
    result = hm.pool(df)
    assert result.k == 2
    assert result.studies["label"].tolist() == list("abcde")
    assert result.studies["included"].tolist() == [True, False, False, True, False]
    assert result.studies["reason"].tolist() == ["", "effect missing", "variance missing", "", "variance is 0"]
    assert result.studies["weight"].tolist()[1] == 0
    assert result.studies["year"].tolist() == list(range(5))
    pd.testing.assert_frame_equal(df, df.copy())
    assert result.estimate == hm.pool(df.iloc[[0, 3]]).estimate


def test_the_result_is_frozen_and_tidy():
    result = hm.pool(THREE.assign(measure="OR"))
    with pytest.raises(AttributeError):
        result.estimate = 0
    frame = result.to_frame()
    assert len(frame) == 1
    assert frame.loc[0, "display_estimate"] == pytest.approx(np.exp(frame.loc[0, "estimate"]))
    assert "studies" not in frame


@pytest.mark.parametrize(
    ("effects", "options", "said"),
    [
        (table([0.1, 0.5, 0.9, 0.2], [0.04] * 4), {"ci_method": "z"}, "z interval with 4 studies"),
        (table([0.1, 0.5, 0.9], [0.001, 0.4, 0.5]), {"model": "common"}, "of the weight"),
        (table([0.1, 0.11, 0.1, 0.12, 0.1], [0.04] * 5), {"ci_method": "HK"}, "of the model's"),
        (table([0.0, 2.0, 4.0], [0.04] * 3), {"model": "common"}, "a common effect does not describe"),
        (table([0.02, 0.01, 0.3], [0.0001, 0.0001, 0.01], measure="PRAW"), {}, "leaves 0 to 1"),
    ],
)
def test_advice(effects, options, said):
    assert any(said in note for note in hm.pool(effects, **options).notes)


def test_advice_on_proportions():
    counts = pd.DataFrame({"events": [1, 2, 50, 400, 3], "n": [10, 90, 60, 1000, 12]})
    notes = " ".join(hm.pool(hm.effects_proportion(counts, measure="PFT")).notes)
    assert "unequal n (10 to 1000)" in notes
    assert "disagree by more than one percentage point" in notes
    alike = pd.DataFrame({"events": [30, 31, 29, 30, 30, 31], "n": [100] * 6})
    assert hm.pool(hm.effects_proportion(alike)).notes == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "fixed"}, "'random', 'common'"),
        ({"tau2_method": "reml"}, "'REML', 'DL', 'PM'"),
        ({"ci_method": "knha"}, "'HK-adhoc'"),
        ({"pi_method": "t"}, "'t_km1'"),
        ({"level": 95}, "between 0 and 1"),
        ({"level": "0.95"}, "between 0 and 1"),
        ({"model": "common", "ci_method": "HK"}, "random-effects model"),
    ],
)
def test_options_are_closed_lists(options, said):
    for function in (hm.pool, lambda df, **o: hm.pool_by(df.assign(g="a"), "g", **o)):
        with pytest.raises(hm.MethodError, match=said):
            function(THREE, **options)


def test_one_refusal_lists_every_problem():
    df = table([0.1, "0.4", 1.2], [-0.04, 0.05, -1], measure=["OR", "RR", "OR"])
    with pytest.raises(hm.DataError) as error:
        hm.pool(df)
    found = [(problem["row"], problem["column"]) for problem in error.value.problems]
    assert found == [(1, "yi"), (0, "vi"), (2, "vi"), ("", "measure")]
    assert all(problem["rule"] and problem["fix"] for problem in error.value.problems)


@pytest.mark.parametrize("bad", [[1, 2], None, pd.DataFrame({"a": [1]}), THREE.assign(measure="XX")])
def test_unusable_tables(bad):
    with pytest.raises(hm.DataError):
        hm.pool(bad)


def test_no_study_at_all():
    with pytest.raises(hm.TooFewStudies):
        hm.pool(table([np.nan], [0.1]))
    with pytest.raises(hm.TooFewStudies):
        hm.tau2_interval(table([0.1], [0.1]))


def test_standard_error_of_tau2_beside_one_very_precise_study():
    """sqrt(2 tr(P V P V)) / tr P in 80 digits (Python's decimal); differences of sums would be rounding here."""
    df = table([0.4, 0.1, 1.2], [1e-8, 0.35, 0.2])
    assert hm.pool(df, tau2_method="DL").se_tau2 == pytest.approx(0.22589654584635964, rel=1e-8)
