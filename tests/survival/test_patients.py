"""Edges and refusals of the functions that take patients."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hccmeta.errors import DataError, MetaWarning, MethodError
from hccmeta.survival.cox import hazard_ratio
from hccmeta.survival.curves import kaplan_meier, survival_summary
from hccmeta.survival.product_limit import at_risk
from hccmeta.survival.risk_sets import efron_fit, efron_terms, log_likelihood, risk_sets
from hccmeta.survival.rmst import rmst_difference


def table(time, event, **more):
    return pd.DataFrame(dict(time=time, event=event, **more))


SEPARATED = table([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], arm=list("AAABBB"))

cohorts = st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), min_size=4, max_size=40)


@given(cohorts)
@settings(max_examples=60, deadline=None)
def test_kaplan_meier_keeps_count_of_every_patient(rows):
    df = table([float(t) for t, _, _ in rows], [int(e) for _, e, _ in rows])
    km = kaplan_meier(df)
    assert km["events"].sum() == df["event"].sum()
    assert km["censored"].sum() == (1 - df["event"]).sum()
    assert (np.diff(km["survival"]) <= 1e-15).all()
    assert at_risk(df, km["time"]).tolist() == km["n_at_risk"].tolist()
    inside = km.dropna(subset=["ci_low"])
    assert ((inside["ci_low"] <= inside["survival"]) & (inside["survival"] <= inside["ci_high"])).all()


@given(cohorts)
@settings(max_examples=60, deadline=None)
def test_swapping_the_arms_inverts_the_ratio_and_the_estimate_is_a_maximum(rows):
    time, event, group = (np.array(c, float) for c in zip(*rows, strict=True))
    terms = efron_terms(risk_sets(time, event, group))
    beta, se = efron_fit(terms)
    swapped, swapped_se = efron_fit(efron_terms(risk_sets(time, event, 1 - group)))
    if np.isfinite(beta):
        assert swapped == pytest.approx(-beta, abs=1e-9) and swapped_se == pytest.approx(se, rel=1e-7)
        assert all(log_likelihood(terms, beta + step) <= log_likelihood(terms, beta) for step in (-0.01, 0.01))
    else:
        assert np.isnan(beta) == np.isnan(swapped) and (np.isnan(beta) or swapped == -beta)


def test_ties_of_rounding_are_one_time():
    km = kaplan_meier(table([0.1 + 0.2, 0.3, 1.0], [1, 1, 0]))
    assert km["events"].tolist() == [0, 2, 0]


@pytest.mark.parametrize(("gap", "n_risk"), [(1.495e-8, [3, 2, 1]), (1.485e-8, [3, 1])])
def test_what_rounding_is(gap, n_risk):
    """survival 3.5-3: survfit(Surv(c(0.5, 0.5 + gap, 0.6), c(1, 1, 1)) ~ 1)$n.risk."""
    assert kaplan_meier(table([0.5, 0.5 + gap, 0.6], [1, 1, 1]))["n_at_risk"].tolist()[1:] == n_risk


def test_events_come_before_censorings_of_the_same_time():
    assert kaplan_meier(table([5, 5], [1, 0]))["survival"].tolist() == [1, 0.5]


def test_median_is_the_middle_of_a_piece_flat_at_one_half():
    rows = survival_summary(table([1, 2, 6, 8], [1, 1, 1, 1])).set_index("statistic")
    assert rows.loc["median", "value"] == 4


def test_infinite_ratio_has_one_limit_and_says_so():
    with pytest.warns(MetaWarning, match="infinite"):
        row = hazard_ratio(SEPARATED, experimental="A", control="B").iloc[0]
    with pytest.warns(MetaWarning, match="ratio is 0"):
        inverse = hazard_ratio(SEPARATED, experimental="B", control="A").iloc[0]
    assert row["hr"] == np.inf and row["ci_high"] == np.inf and inverse["hr"] == 0
    assert row["ci_low"] == pytest.approx(1 / inverse["ci_high"], rel=1e-9)
    terms = efron_terms(risk_sets(SEPARATED["time"], SEPARATED["event"], SEPARATED["arm"] == "A"))
    fall = log_likelihood(terms, 40.0) - log_likelihood(terms, np.log(row["ci_low"]))
    assert 2 * fall == pytest.approx(3.841458820694124, rel=1e-9)
    assert 0 < row["logrank_p"] < 0.05


def test_no_event_to_compare_gives_an_empty_ratio():
    with pytest.warns(MetaWarning, match="no hazard ratio"):
        row = hazard_ratio(SEPARATED.assign(event=0), experimental="A", control="B").iloc[0]
    assert row[["hr", "ci_low", "ci_high", "p_value", "logrank_p"]].isna().all() and row["events"] == 0


def test_nothing_is_estimated_beyond_a_censored_end():
    with pytest.warns(MetaWarning, match="ends at 6 months"):
        rows = survival_summary(table([2, 6], [1, 0]), times=[5, 7], rmst_horizon=7).set_index("statistic")
    assert rows.loc["landmark", "value"].tolist()[0] == 0.5
    assert np.isnan(rows.loc["landmark", "value"].tolist()[1]) and np.isnan(rows.loc["rmst", "value"])
    with pytest.raises(DataError, match="that of B ends at 6"):
        rmst_difference(SEPARATED, experimental="A", control="B", rmst_horizon=8)


def test_every_problem_is_in_one_error():
    with pytest.raises(DataError) as error:
        kaplan_meier(table([1, -2, None, "x"], [1, 2, 0, None], arm=["A", None, "A", "A"]))
    found = {(p["row"], p["column"]) for p in error.value.problems}
    assert found == {(1, "time"), (2, "time"), (3, "time"), (1, "event"), (3, "event"), (1, "arm")}


def test_stacked_draws_are_refused():
    with pytest.raises(DataError, match="one imputation"):
        kaplan_meier(table([1, 2, 1, 2], [1, 0, 1, 0], imputation=[1, 1, 2, 2]))


def test_unknown_arm_strata_interval_and_empty_table():
    with pytest.raises(MethodError, match="'A', 'B'"):
        hazard_ratio(SEPARATED, experimental="C", control="B")
    with pytest.raises(MethodError, match="strata"):
        hazard_ratio(SEPARATED, experimental="A", control="B", strata="study")
    with pytest.raises(MethodError, match="log-log"):
        kaplan_meier(SEPARATED, ci="loglog")
    with pytest.raises(MethodError, match="months"):
        survival_summary(SEPARATED, times=["twelve"])
    with pytest.raises(DataError, match="at least one patient"):
        kaplan_meier(SEPARATED.iloc[:0])
