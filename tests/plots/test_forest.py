"""The forest plot draws the numbers of the result: squares, intervals, diamonds, bars, columns, small print."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

import hccmeta as hm

from .conftest import artists, cut_off, overlapping, texts
from .gallery import effects

COUNTS = pd.DataFrame({"study": ["Pan", "Zhai", "Liu"], "events": [11, 52, 24], "n": [30, 108, 39]})


def diamond(ax, number=0):
    """Left, middle and right of a diamond."""
    corners = artists(ax, "diamond")[number].get_xy()
    return corners[0, 0], corners[1, 0], corners[2, 0]


def segments(ax, gid):
    return [segment for lines in artists(ax, gid) for segment in lines.get_segments()]


def squares(ax, gid="study"):
    return np.vstack([marks.get_offsets() for marks in artists(ax, gid)]).tolist() if artists(ax, gid) else []


def test_diamond_and_bar_are_the_intervals_on_the_reported_scale():
    result = hm.pool(effects(["A", "B", "C", "D"]))
    ax = hm.plot_forest(result)
    shown = result.display
    assert diamond(ax) == pytest.approx((shown.ci_low, shown.estimate, shown.ci_high))
    bar = segments(ax, "prediction interval")[0]
    assert bar[:, 0] == pytest.approx([shown.pi_low, shown.pi_high])
    assert np.exp(result.ci_low) == pytest.approx(shown.ci_low)


def test_squares_stand_at_the_effects_and_their_area_is_proportional_to_the_weight():
    table = effects(["A", "B", "C"], "OR")
    result = hm.pool(table)
    ax = hm.plot_forest(result)
    marks = artists(ax, "study")[0]
    assert marks.get_offsets()[:, 0].tolist() == pytest.approx(np.exp(table["yi"]).tolist())
    areas, weights = marks.get_sizes(), result.studies["weight"].to_numpy()
    assert areas / areas.sum() == pytest.approx(weights / weights.sum())
    half = 1.959963984540054 * np.sqrt(table["vi"])
    starts = [segment[0, 0] for segment in segments(ax, "interval")]
    assert starts == pytest.approx(np.exp(table["yi"] - half).tolist())


def test_rows_stand_in_input_order_even_with_equal_names():
    ax = hm.plot_forest(hm.pool(effects(["B", "A", "A"])))
    assert texts(ax, "label") == ["B", "A", "A", "Pooled, k = 3", "Prediction interval"]
    heights = [text.get_position()[1] for text in ax.texts if text.get_gid() == "label"]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 5


def test_ratios_have_a_log_axis_and_a_null_line_at_one():
    ax = hm.plot_forest(hm.pool(effects(["A", "B"], "OR")))
    assert ax.get_xscale() == "log"
    assert list(artists(ax, "null line")[0].get_xdata()) == [1, 1]


def test_proportions_have_0_to_1_in_percent_and_no_null_line():
    ax = hm.plot_forest(hm.pool_proportion(COUNTS))
    assert ax.get_xlim() == (0, 1)
    assert artists(ax, "null line") == []
    assert ax.get_xticklabels()[-1].get_text() == "100 %"
    assert texts(ax, "counts") == ["11/30", "52/108", "24/39"]


def test_counts_have_the_exact_intervals_of_scipy():
    ax = hm.plot_forest(hm.pool_proportion(COUNTS))
    exact = binomtest(11, 30).proportion_ci(method="exact")
    assert segments(ax, "interval")[0][:, 0] == pytest.approx([exact.low, exact.high], abs=1e-9)


def test_the_line_below_names_k_tau2_i2_q_and_method():
    ax = hm.plot_forest(hm.pool(effects(["A", "B", "C"])))
    first, caption = texts(ax, "foot")[0], " ".join(texts(ax, "foot")[1:])
    for part in ("k = 3", "τ² =", "I² =", "Q =", "REML", "HK-adhoc"):
        assert part in first
    assert "diamond" in caption
    assert "bar" in caption


def test_studies_left_out_are_hollow_with_their_reason_below():
    table = effects(["A", "B", "C", "no variance", "no effect"])
    table.loc[3, "vi"], table.loc[4, "yi"] = np.nan, np.nan
    ax = hm.plot_forest(hm.pool(table))
    assert len(squares(ax, "left out")) == 1
    assert texts(ax, "label")[3:5] == ["no variance ¹", "no effect ²"]
    assert "¹ left out: variance missing" in texts(ax, "foot")
    assert "² left out: effect missing" in texts(ax, "foot")


def test_rows_marked_check_carry_a_dagger_that_is_explained_below():
    table = effects(["A", "B", "C", "D"]).assign(use=["ok", "check", None, "check"])
    table.loc[3, "vi"] = np.nan
    ax = hm.plot_forest(hm.pool(table))
    assert texts(ax, "label")[:4] == ["A", "B †", "C", "D ¹ †"]
    assert [line for line in texts(ax, "foot") if line.startswith("† marked check")]
    without = texts(hm.plot_forest(hm.pool(table.drop(columns="use"))))
    assert not any("†" in text for text in without)


def test_long_intervals_are_cut_with_an_arrow_and_every_estimate_stays_in_view():
    table = pd.DataFrame({"study": list("ABCD"), "yi": [0.1, 0.2, 0.3, 0.2], "vi": [0.01, 0.01, 0.02, 40.0],
                          "measure": "OR"})  # fmt: skip
    ax = hm.plot_forest(hm.pool(table))
    low, high = ax.get_xlim()
    assert high < 20
    assert len(artists(ax, "arrow")) == 2
    assert all(low <= x <= high for x, _ in squares(ax))


def test_subgroups_have_headings_own_diamonds_and_the_test_between_them():
    table = effects(["A", "B", "C", "D", "E"]).assign(site=["x", "x", "y", "y", "z"])
    result = hm.pool_by(table, "site")
    ax = hm.plot_forest(result)
    labels = texts(ax, "label")
    assert [label for label in labels if label.startswith("site:")] == ["site: x", "site: y", "site: z"]
    assert "no summary, k = 1" in labels
    assert len(artists(ax, "diamond")) == 3
    assert diamond(ax, 1)[1] == pytest.approx(result.groups["y"].display.estimate)
    assert diamond(ax, 2)[1] == pytest.approx(result.overall.display.estimate)
    assert any(line.startswith("Between groups: Q = ") for line in texts(ax, "foot"))


def test_one_study_has_no_diamond():
    ax = hm.plot_forest(hm.pool_proportion(COUNTS.head(1)))
    assert artists(ax, "diamond") == []
    assert texts(ax, "foot")[0] == "k = 1: nothing is pooled"


def test_all_at_0_percent_draws_half_a_diamond_at_the_edge():
    counts = pd.DataFrame({"study": ["A", "B"], "events": [0, 0], "n": [25, 41]})
    result = hm.pool_proportion(counts)
    ax = hm.plot_forest(result)
    assert diamond(ax) == pytest.approx((0, 0, result.display.ci_high))
    assert not any(marks.get_clip_on() for marks in artists(ax, "study"))


def test_an_effects_table_has_rows_without_a_diamond_and_headings_by_a_column():
    table = pd.DataFrame({"study": ["crude", "adjusted", "matched"], "yi": np.log([0.5, 0.55, 0.48]),
                          "vi": [0.06, 0.08, 0.1], "measure": "HR", "endpoint": ["OS", "OS", "PFS"]})  # fmt: skip
    ax = hm.plot_forest(table, by="endpoint")
    assert texts(ax, "label") == ["OS", "crude", "adjusted", "PFS", "matched"]
    assert artists(ax, "diamond") == []
    assert texts(ax, "text")[0] == "0.50 [0.31, 0.81]"


def test_a_printed_interval_is_drawn_as_it_is():
    table = pd.DataFrame({"study": ["A"], "yi": [-0.5], "vi": [np.nan], "measure": "HR", "estimate": [0.61],
                          "ci_low": [0.36], "ci_high": [0.99]})  # fmt: skip
    ax = hm.plot_forest(table)
    assert texts(ax, "label") == ["A"]
    assert texts(ax, "text") == ["0.61 [0.36, 0.99]"]
    assert segments(ax, "interval")[0][:, 0].tolist() == [0.36, 0.99]


def test_two_arms_show_both_counts():
    table = pd.DataFrame({"study": ["Liu", "Wu"], "events_1": [24, 9], "n_1": [39, 20], "events_2": [40, 5],
                          "n_2": [105, 21]})  # fmt: skip
    ax = hm.plot_forest(hm.pool(hm.effects_two_arm(table)))
    assert texts(ax, "counts_1") == ["24/39", "9/20"]
    assert texts(ax, "counts_2") == ["40/105", "5/21"]


def test_labels_are_replaced_and_favours_stand_on_both_sides_of_the_null_line():
    ax = hm.plot_forest(hm.pool(effects(["a", "b"])), labels={"a": "Study A"}, favours=("RT", "no RT"))
    assert texts(ax, "label")[:2] == ["Study A", "b"]
    left, right = (text for text in ax.texts if text.get_gid() == "favours")
    assert left.get_ha() == "right"
    assert right.get_ha() == "left"
    assert left.get_position()[0] == right.get_position()[0] == 1
    assert overlapping(ax) == []
    assert cut_off(ax) == []


def test_an_effects_table_of_two_measures_is_refused():
    table = effects(["A", "B"]).assign(measure=["OR", "HR"])
    with pytest.raises(hm.DataError, match="one measure per plot"):
        hm.plot_forest(table)


def test_missing_columns_are_named():
    with pytest.raises(hm.DataError, match="vi") as caught:
        hm.plot_forest(pd.DataFrame({"study": ["A"], "yi": [0.1]}))
    assert caught.value.problems[0]["column"] == "vi"
