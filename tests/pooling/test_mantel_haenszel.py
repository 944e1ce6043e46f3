"""Mantel-Haenszel, Peto and the tests of 2 x 2 tables against metafor 5.0-1."""

import numpy as np
import pandas as pd
import pytest
from metafor_values import CLOSED_FORM, agree, load

import hccmeta as hm

RECORDS = {record["id"]: record for record in load("effects.json", "sets")}
METAFOR = {
    "estimate": "estimate", "se": "se", "stat": "zval", "p_value": "pval", "Q": "Q", "Q_p": "Qp", "cmh": "MH",
    "cmh_p": "MHp", "breslow_day": "BD", "breslow_day_p": "BDp", "tarone": "TA", "tarone_p": "TAp", "k": "k",
}  # fmt: skip
CASES = [(name, measure) for name, record in RECORDS.items() for measure in record.get("mantel_haenszel", {})]


@pytest.mark.parametrize(("name", "measure"), CASES)
def test_mantel_haenszel(name, measure):
    record = RECORDS[name]
    want = record["mantel_haenszel"][measure]
    result = hm.pool_mantel_haenszel(pd.DataFrame(record["data"]), measure=measure)
    _same(result, want)


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "peto" in record])
def test_peto(name):
    _same(hm.pool_peto(pd.DataFrame(RECORDS[name]["data"])), RECORDS[name]["peto"])


def _same(result, want):
    for ours, theirs in METAFOR.items():
        if want.get(theirs) is not None:
            agree(getattr(result, ours), want[theirs], 10 * CLOSED_FORM, CLOSED_FORM * want["se"] / 100)
    agree([result.ci_low, result.ci_high], want["ci"], CLOSED_FORM, CLOSED_FORM * want["se"])
    if want.get("I2") is not None:
        assert pytest.approx(want["I2"] / 100, rel=1e-8, abs=1e-10) == result.I2


def test_sets_are_complete():
    assert len(CASES) == 46
    assert sum("peto" in record for record in RECORDS.values()) == 15


BCG = pd.DataFrame(RECORDS["bin_bcg"]["data"])


def test_greenland_robins_variance_of_the_risk_difference():
    """Weighted sum of the binomial variances, as RevMan and R's meta have it."""
    result = hm.pool_mantel_haenszel(BCG, measure="RD", variance="greenland-robins")
    n1, n2 = BCG["n_1"], BCG["n_2"]
    weight = n1 * n2 / (n1 + n2)
    p1, p2 = BCG["events_1"] / n1, BCG["events_2"] / n2
    variance = (weight**2 * (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)).sum() / weight.sum() ** 2
    assert result.se == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert result.se != pytest.approx(hm.pool_mantel_haenszel(BCG, measure="RD").se, rel=1e-6)


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_swapping_the_arms_turns_the_sign(measure):
    other = BCG.rename(columns=lambda name: name.translate(str.maketrans("12", "21")))
    one, two = hm.pool_mantel_haenszel(BCG, measure=measure), hm.pool_mantel_haenszel(other, measure=measure)
    assert (one.estimate, one.se, one.ci_low) == pytest.approx((-two.estimate, two.se, -two.ci_high))
    assert one.studies["weight"].sum() == pytest.approx(1)
    assert hm.pool_peto(BCG).estimate == pytest.approx(-hm.pool_peto(other).estimate)


def test_trials_without_events_add_nothing_to_a_ratio():
    silent = pd.DataFrame({"events_1": [0], "n_1": [50], "events_2": [0], "n_2": [60]})
    more = pd.concat([BCG, silent], ignore_index=True)
    for pooled in (hm.pool_mantel_haenszel, hm.pool_peto):
        assert pooled(more).estimate == pytest.approx(pooled(BCG).estimate, rel=1e-12)
        assert any("add nothing" in note for note in pooled(more).notes)
    assert hm.pool_mantel_haenszel(more, measure="RD").estimate != hm.pool_mantel_haenszel(BCG, measure="RD").estimate


def test_not_estimable_is_said():
    df = pd.DataFrame({"events_1": [0, 0], "n_1": [10, 20], "events_2": [1, 2], "n_2": [10, 20]})
    result = hm.pool_mantel_haenszel(df)
    assert np.isnan([result.estimate, result.se, result.Q]).all()
    assert "Not estimable" in result.notes[0]


def test_missing_counts_and_refusals():
    gap = BCG.astype(float)
    gap.loc[0, "events_2"] = np.nan
    result = hm.pool_mantel_haenszel(gap)
    assert result.k == len(BCG) - 1
    assert result.estimate == pytest.approx(hm.pool_mantel_haenszel(BCG.iloc[1:]).estimate)
    assert result.studies["reason"].iloc[0] == "counts missing"
    with pytest.raises(hm.DataError, match="events_1 <= n_1|expected events_1"):
        hm.pool_mantel_haenszel(BCG.assign(events_1=10**6))
    with pytest.raises(hm.MethodError, match="'OR', 'RR', 'RD'"):
        hm.pool_mantel_haenszel(BCG, measure="HR")
    with pytest.raises(hm.TooFewStudies):
        hm.pool_peto(gap.iloc[:1])


def test_rates_without_events_do_not_enter_Q():
    """metafor 3.8-1: rma.mh(x1i, t1i, x2i, t2i, measure = "IRR"); the second study has no events in either arm."""
    rates = pd.DataFrame({"events_1": [4, 0, 7, 0], "time_1": [120, 80, 200, 50], "events_2": [9, 0, 5, 3],
                          "time_2": [110, 90, 180, 60]})  # fmt: skip
    result = hm.pool_mantel_haenszel(rates, measure="IRR")
    assert result.Q_df == 2
    assert result.estimate == pytest.approx(-0.508084651715, rel=1e-10)
    assert [result.Q, result.Q_p, result.I2] == pytest.approx([2.704217547640, 0.258694157577, 0.26041453220164])


@pytest.mark.parametrize(("counts", "measure"), [
    (dict(events_1=[31, 0], n_1=[31, 42], events_2=[43, 0], n_2=[77, 73]), "RD"),
    (dict(events_1=[3], n_1=[31], events_2=[4], n_2=[77]), "OR"),
])  # fmt: skip
def test_one_study_with_an_effect_has_no_heterogeneity(counts, measure):
    """metafor 3.8-1: QE = 0, QEp = 1, I2 = 0 where one study alone has an effect."""
    result = hm.pool_mantel_haenszel(pd.DataFrame(counts), measure=measure)
    assert (result.Q, result.Q_df, result.Q_p, result.I2, result.H2) == (0, 0, 1, 0, 1)
