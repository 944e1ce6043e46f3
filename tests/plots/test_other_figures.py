"""What the other figures show: values in the right place, order, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

import hccmeta as hm

from .conftest import artists, texts
from .gallery import effects, multiverse_cells, pooled_rows, regression

EVENTS = pd.DataFrame({
    "arm_id": ["rt"] * 6, "event": ["rash", "rash", "alt increased", "alt increased", "any", "any"],
    "grade": ["any", "ge3"] * 3, "events": [2, 0, 9, 1, 27, 3], "n": 30,
})  # fmt: skip


def test_adverse_events_any_first_then_by_frequency():
    ax = hm.plot_adverse_events(EVENTS)
    assert texts(ax, "event") == ["Any event", "ALT increased", "Rash"]
    assert texts(ax, "counts") == ["27/30", "3/30", "9/30", "1/30", "2/30", "0/30"]
    any_grade, severe = (line.get_xdata().tolist() for line in artists(ax, "share"))
    assert any_grade == pytest.approx([0.9, 0.3, 2 / 30])
    assert severe == pytest.approx([0.1, 1 / 30, 0])


def test_adverse_events_have_exact_intervals():
    ax = hm.plot_adverse_events(EVENTS)
    ends = artists(ax, "interval")[1].get_segments()[0][:, 0]
    exact = binomtest(3, 30).proportion_ci(method="exact")
    assert ends == pytest.approx([exact.low, exact.high], abs=1e-9)


def test_adverse_event_grades_are_chosen_never_added_up():
    ax = hm.plot_adverse_events(EVENTS, grades=("ge3",), sort=False)
    assert texts(ax, "event") == ["Any event", "Rash", "ALT increased"]
    assert texts(ax, "counts") == ["3/30", "0/30", "1/30"]
    assert texts(ax, "key") == ["grade ≥ 3"]


def test_adverse_events_split_by_phase_and_refuse_doubles():
    phases = pd.concat([EVENTS.assign(phase="preoperative"), EVENTS.assign(phase="adjuvant")])
    assert len(texts(hm.plot_adverse_events(phases), "counts")) == 12
    with pytest.raises(hm.DataError, match="two rows for rash, rt, any"):
        hm.plot_adverse_events(pd.concat([EVENTS, EVENTS.head(1)]))
    with pytest.raises(hm.DataError, match="events <= n"):
        hm.plot_adverse_events(EVENTS.assign(n=20))
    with pytest.raises(hm.DataError, match="no row"):
        hm.plot_adverse_events(EVENTS, grades=("5",))


def test_flow_counts_a_screening_table():
    table = pd.DataFrame({
        "record_id": list("abcdef"), "stage": ["included", "included", "excluded", "excluded", "read", "supplied"],
        "used_for": ["response; survival", "response", None, None, None, None],
        "reason": [None, None, "protocol", "protocol", None, "not read in time"],
    })  # fmt: skip
    words = texts(hm.plot_flow(table))
    assert words[:2] == ["Records supplied", "n = 6"]
    listed = {"n = 5", "n = 2", "Excluded after reading: 2", "protocol: 2", "Not read: 1", "response: 2", "survival: 1",
              "Read, not in the synthesis: 1"}  # fmt: skip
    assert listed <= set(words)


def test_flow_refuses_an_unknown_stage():
    with pytest.raises(hm.DataError, match="screened"):
        hm.plot_flow(pd.DataFrame({"stage": ["screened"]}))


BIAS = pd.DataFrame({
    "study_id": ["a", "a", "a", "a", "b"], "tool": "T", "outcome": ["OS", "OS", "OS", "ORR", "all"],
    "domain": ["Q1", "Q1", "Overall", "Q1", "Q1"], "assessment": ["1", "2", "agreed", "agreed", "1"],
    "judgement": ["low", "serious", "critical", "moderate", "no_information"],
})  # fmt: skip


def test_risk_of_bias_has_symbols_per_study_and_outcome_and_shows_disagreement():
    ax = hm.plot_risk_of_bias(BIAS)
    assert texts(ax, "label") == ["a, OS", "a, ORR", "b"]
    assert texts(ax, "domain") == ["Q1", "Overall"]
    assert texts(ax, "judgement") == ["≠", "!", "−", "?"]


def test_risk_of_bias_shows_the_agreed_judgement_where_there_is_one():
    agreed = BIAS.iloc[[0, 1]].assign(assessment=["1", "agreed"], judgement=["low", "high"])
    assert texts(hm.plot_risk_of_bias(agreed), "judgement") == ["×"]


def test_risk_of_bias_refuses_unknown_words():
    with pytest.raises(hm.DataError, match="fine"):
        hm.plot_risk_of_bias(BIAS.assign(judgement="fine"))


TIMELINE = pd.DataFrame({
    "study_id": "case", "day": [np.nan, 0, np.nan, np.nan, np.nan],
    "label": ["start", "first cycle", "start", "third cycle", "third cycle"],
    "measure": ["afp", "treatment", "tumour_size", "afp", "response"],
    "item": ["AFP", "atezolizumab", "left lobe", "AFP", "mRECIST"], "value": [654.0, 1200, 14, 326.4, np.nan],
    "unit": ["ng/mL", "mg", "cm", "ng/mL", None], "event": [None, None, None, None, "PR"],
})  # fmt: skip


def test_timeline_without_days_keeps_the_printed_order():
    ax = hm.plot_swimmer(TIMELINE)
    assert texts(ax, "time") == ["start", "first cycle", "third cycle"]
    assert texts(ax, "lane") == ["Atezolizumab", "Response"]
    assert texts(ax, "note") == ["1,200 mg", "PR (mRECIST)"]
    assert texts(ax, "panel") == ["AFP", "Tumour size"]
    assert artists(ax, "afp")[0].get_xdata().tolist() == [0, 2]


def test_timeline_with_days_has_a_time_axis():
    ax = hm.plot_swimmer(TIMELINE.assign(day=[-7, 0, -7, 63, 63]))
    assert artists(ax, "afp")[0].get_xdata().tolist() == [-7, 63]
    assert ax.get_xlabel() == "Days since the first treatment"


def test_timeline_refuses_two_patients():
    with pytest.raises(hm.DataError, match="one study"):
        hm.plot_swimmer(pd.concat([TIMELINE, TIMELINE.assign(study_id="other")]))


def test_funnel_has_effects_against_standard_errors_upside_down():
    table = effects(["A", "B", "C"])
    result = hm.pool(table)
    ax = hm.plot_funnel(result, filled=pd.DataFrame({"yi": [0.4], "vi": [0.09]}))
    assert artists(ax, "study")[0].get_xydata() == pytest.approx(np.column_stack([table["yi"], np.sqrt(table["vi"])]))
    assert artists(ax, "filled in")[0].get_xydata() == pytest.approx(np.array([[0.4, 0.3]]))
    low, high = ax.get_ylim()
    assert low > high == 0
    left, top, right = artists(ax, "funnel")[0].get_xydata()
    assert top == pytest.approx([result.estimate, 0])
    assert (right[0] - left[0]) / 2 / right[1] == pytest.approx(1.959964, abs=1e-6)


def test_funnel_contours_only_where_there_is_a_null_value():
    proportion = hm.effects_proportion(pd.DataFrame({"study": ["A", "B"], "events": [3, 9], "n": [20, 30]}))
    assert artists(hm.plot_funnel(proportion), "contour") == []
    contours = artists(hm.plot_funnel(effects(["A", "B"])), "contour")
    slopes = sorted(abs(patch.get_xy()[0, 0]) / patch.get_xy()[0, 1] for patch in contours)
    assert slopes == pytest.approx([1.644854, 1.959964, 2.575829], abs=1e-6)


def test_cumulative_rows_are_back_transformed_in_order():
    table = pooled_rows(["A", "B", "C"])
    ax = hm.plot_cumulative(table, measure="HR")
    assert texts(ax, "label") == ["+ A", "+ B", "+ C"]
    assert artists(ax, "estimate")[0].get_xdata() == pytest.approx(np.exp(table["estimate"]))
    assert texts(ax, "k") == ["1", "2", "3"]


def test_baujat_places_studies_by_residual_and_cook_distance():
    table = pd.DataFrame({"study": ["A", "B"], "rstudent": [0.5, -2.0], "cook_d": [0.1, 0.9]})
    points = artists(hm.plot_baujat(table), "study")[0].get_xydata()
    assert points.tolist() == [[0.25, 0.1], [4, 0.9]]
    own = hm.baujat(effects(["A", "B", "C", "D"]))
    assert artists(hm.plot_baujat(own), "study")[0].get_xydata() == pytest.approx(own[["x", "y"]].to_numpy())


def test_gosh_counts_every_subset():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"k": 3, "estimate": rng.normal(0, 0.2, 500), "tau2": 0.1, "I2": rng.uniform(0, 0.8, 500)})
    ax = hm.plot_gosh(table, measure="OR")
    assert artists(ax, "subsets")[0].get_array().sum() == 500
    assert ax.get_xscale() == "log"
    with pytest.raises(hm.MethodError, match="'I2', 'tau2'"):
        hm.plot_gosh(table, y="Q")


def test_bubble_line_and_bands_are_the_predictions():
    result = regression(["A", "B"])
    ax = hm.plot_bubble(result, x="dose")
    line = artists(ax, "line")[0]
    expected = hm.predict_effects(result, pd.DataFrame({"dose": line.get_xdata()}))
    assert line.get_ydata() == pytest.approx(expected["estimate"].to_numpy())
    band = artists(ax, "band")[0].get_paths()[0].vertices
    assert np.ptp(band[np.isclose(band[:, 0], line.get_xdata()[0]), 1]) == pytest.approx(
        (expected["ci_high"] - expected["ci_low"]).iloc[0]
    )
    areas = artists(ax, "study")[0].get_sizes() * result.studies["vi"].to_numpy()
    assert areas == pytest.approx(np.full(5, areas[0]))


def test_bubble_with_several_moderators_marks_fitted_values():
    table = regression(["A", "B", "C"]).studies.drop(columns=["label", "included", "reason", "fitted"])
    result = hm.meta_regression(table.assign(year=[2020, 2024, 2021, 2023, 2022, 2021]), "~ dose + year")
    ax = hm.plot_bubble(result, x="dose")
    assert artists(ax, "line") == []
    assert artists(ax, "fitted")[0].get_ydata() == pytest.approx(result.studies["fitted"].to_numpy())
    with pytest.raises(hm.MethodError, match="holds text"):
        hm.plot_bubble(result, x="study")


def test_multiverse_rises_and_marks_the_chosen_analysis():
    table = multiverse_cells(["REML", "DL"]).sample(frac=1, random_state=1)
    ax = hm.plot_multiverse(table, measure="OR", chosen=table["estimate"] > 1.1)
    drawn = artists(ax, "estimate")[0].get_ydata()
    assert list(drawn) == sorted(table["estimate"])
    assert artists(ax, "chosen")[0].get_xdata().tolist() == [4]


def test_multiverse_matrix_marks_the_choices_of_every_rank():
    table = multiverse_cells(["REML", "DL"]).sample(frac=1, random_state=1)
    ax = hm.plot_multiverse(table, measure="OR")
    order = table.sort_values("estimate")
    cells = zip(texts(ax, "level"), artists(ax, "cell"), strict=True)
    marks = {level: line.get_xdata().tolist() for level, line in cells}
    for choice in ("method", "ci_method"):
        for level in order[choice].unique():
            assert marks[level] == [i + 1 for i, value in enumerate(order[choice]) if value == level]


def test_multiverse_takes_the_axis_from_the_measures():
    counts = pd.DataFrame({"events": [3, 9, 12, 20], "n": [25, 30, 40, 45]})
    ax = hm.plot_multiverse(hm.multiverse(counts, backend="serial"))
    assert ax.get_ylim() == (0, 1)
    assert artists(ax, "null line") == []
    assert "measure" in texts(ax, "choice")
    ratios = multiverse_cells(["REML", "DL"]).assign(measure=["OR", "RR", "OR", "RR"])
    ax = hm.plot_multiverse(ratios)
    assert ax.get_yscale() == "log"
    assert artists(ax, "null line")[0].get_ydata() == [1, 1]
    with pytest.raises(hm.DataError, match="OR, RD have no common axis"):
        hm.plot_multiverse(ratios.assign(measure=["OR", "RD", "OR", "RD"]))


def test_evidence_map_writes_counts_and_refuses_text():
    table = pd.DataFrame({"study": ["A", "B"], "ORR": [2, 0], "OS": [None, 3]})
    ax = hm.plot_evidence_map(table)
    assert texts(ax, "study") == ["A", "B"]
    assert texts(ax, "count") == ["2", "3"]
    with pytest.raises(hm.DataError, match="counts"):
        hm.plot_evidence_map(table.assign(OS="yes"))


def test_baseline_shares_and_double_rows():
    table = pd.DataFrame({"study": ["A", "B", "A"], "characteristic": ["PVTT", "PVTT", "HBV"], "events": [15, 69, 29],
                          "n": [30, 108, 30]})  # fmt: skip
    ax = hm.plot_baseline(table)
    assert texts(ax, "characteristic") == ["PVTT", "HBV"]
    offsets = np.vstack([np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets()) == 3])
    assert offsets.tolist() == pytest.approx(np.array([[0.5, 0], [69 / 108, 0], [29 / 30, 1]]))
    with pytest.raises(hm.DataError, match="double"):
        hm.plot_baseline(pd.concat([table, table.head(1)], ignore_index=True))
