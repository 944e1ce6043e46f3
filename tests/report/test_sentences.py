"""Sentences say what the result says, for every number of studies."""

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm


def counts(events, n):
    return pd.DataFrame({"study": [f"S{i}" for i in range(len(n))], "events": events, "n": n})


def test_one_study_is_not_called_pooled():
    text = hm.sentence(hm.pool_proportion(counts([5], [10])), outcome="ORR")
    assert text.startswith("Only one study reports the ORR: 50.0 %")
    assert "nothing is pooled" in text


def test_two_studies_have_no_prediction_interval():
    assert "no prediction interval is given for so few studies" in hm.sentence(
        hm.pool_proportion(counts([5, 9], [10, 30]))
    )


def test_no_study_says_so():
    text = hm.sentence(hm.pool_rates(counts([], [])), outcome="ORR")
    assert text == "No study reports the ORR, so nothing is estimated."


def test_ratio_is_not_in_percent():
    effects = pd.DataFrame({"study": list("ABC"), "yi": np.log([0.5, 0.6, 0.8]), "vi": 0.05, "measure": "HR"})
    text = hm.sentence(hm.pool(effects, model="common"))
    assert text.startswith("The pooled hazard ratio is 0.62 (95 % CI 0.48 to 0.80)")


def test_a_table_has_no_sentence():
    with pytest.raises(hm.MethodError, match="PooledResult"):
        hm.sentence(pd.DataFrame())


@pytest.mark.parametrize(("p", "text"), [(0.0004, "p < 0.001"), (0.0412, "p = 0.041"), (0.5, "p = 0.50")])
def test_p_values_as_journals_print_them(p, text):
    from hccmeta.report.sentences import p_text

    assert p_text(p) == text


def test_two_studies_are_shown_side_by_side_and_not_pooled():
    two = hm.pool_rates(counts([3, 33], [16, 108]))
    text = hm.sentence(two, outcome="grade 3 or more")
    assert text == "2 studies report the grade 3 or more, too few to pool: S0 3/16 (18.8 %), S1 33/108 (30.6 %)."
    assert np.isnan([two.estimate, two.ci_low, two.ci_high]).all()


def test_one_study_keeps_its_estimate_and_three_are_pooled():
    assert hm.pool_rates(counts([5], [10])).display.estimate == pytest.approx(0.5)
    assert hm.pool_rates(counts([5, 9, 7], [10, 30, 20])).estimate == pytest.approx(
        hm.pool_proportion(counts([5, 9, 7], [10, 30, 20])).estimate
    )


def test_a_risk_difference_is_in_percentage_points():
    effects = pd.DataFrame({"study": list("ABC"), "yi": 0.273, "vi": 0.01, "measure": "RD"})
    text = hm.sentence(hm.pool(effects, model="common"), outcome="risk difference")
    assert "27.3 percentage points (95 % CI 16.0 to 38.6)" in text
