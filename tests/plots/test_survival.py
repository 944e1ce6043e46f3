"""Survival figure: steps, bands, numbers at risk, printed values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm

from .conftest import artists, texts
from .gallery import curve

IPD = pd.DataFrame({"time": [2.0, 3, 3, 6, 6, 9, 12, 14], "event": [1, 1, 0, 1, 0, 1, 0, 0]})


def test_curves_are_steps_to_the_right_and_start_at_one():
    ax = hm.plot_survival({"A": pd.DataFrame({"time": [4.0, 9.0], "survival": [0.7, 0.4]})})
    line = artists(ax, "curve")[0]
    assert line.get_drawstyle() == "steps-post"
    assert line.get_xydata().tolist() == [[0, 1], [4, 0.7], [9, 0.4]]


def test_numbers_at_risk_count_those_with_time_at_least_t():
    ax = hm.plot_survival(hm.kaplan_meier(IPD))
    ticks = ax.get_xticks()
    assert texts(ax, "at risk") == [str(int((IPD["time"] >= tick).sum())) for tick in ticks]
    assert 6 in ticks


def test_printed_numbers_at_risk_keep_their_own_times():
    printed = pd.DataFrame({"time": [0, 5, 10], "n_at_risk": [20, 11, 3]})
    ax = hm.plot_survival({"A": curve()}, at_risk={"A": printed})
    drawn = [(text.get_position()[0], text.get_text()) for text in ax.texts if text.get_gid() == "at risk"]
    assert drawn == [(0, "20"), (5, "11"), (10, "3")]


def test_no_numbers_at_risk_when_not_wanted_or_not_known():
    assert texts(hm.plot_survival({"A": curve()}, at_risk=False), "at risk") == []
    assert texts(hm.plot_survival({"A": curve()[["time", "survival"]]}), "at risk") == []


def test_one_table_is_split_by_arm():
    both = pd.concat([IPD.assign(arm="RT"), IPD.assign(arm="no RT", time=IPD["time"] / 2)])
    ax = hm.plot_survival(hm.kaplan_meier(both))
    assert [text for text in texts(ax, "key") if text] == ["RT", "no RT"]
    first, second = artists(ax, "curve")
    assert first.get_color() != second.get_color()
    assert first.get_linestyle() != second.get_linestyle()


def test_bands_are_those_of_the_curve_or_the_ones_given_or_none():
    given = pd.DataFrame({"time": [0.0, 10.0], "low": [0.2, 0.1], "high": [1.0, 0.6]})
    own = artists(hm.plot_survival({"A": curve()}), "band")[0].get_paths()[0].vertices
    ensemble = artists(hm.plot_survival({"A": curve()}, bands={"A": given}), "band")[0].get_paths()[0].vertices
    assert own[:, 1].max() <= 1
    assert {0.2, 0.1, 0.6} <= set(ensemble[:, 1].round(6))
    assert artists(hm.plot_survival({"A": curve()}, bands=False), "band") == []


def test_a_fan_is_one_band_per_share_the_widest_below():
    fan = pd.DataFrame({"share": [0.5, 0.5, 0.95, 0.95], "time": [0.0, 10, 0, 10], "low": [0.6, 0.4, 0.2, 0.1],
                        "high": [0.8, 0.6, 1.0, 0.9]})  # fmt: skip
    bands = artists(hm.plot_survival({"A": curve()}, bands={"A": fan}), "band")
    lowest = [band.get_paths()[0].vertices[:, 1].min() for band in bands]
    assert lowest == pytest.approx([0.1, 0.4])


def test_a_look_keeps_the_colour_of_an_arm_in_another_company():
    first = artists(hm.plot_survival({"A": curve(), "B": curve()}), "curve")[1]
    alone = artists(hm.plot_survival({"B": curve().assign(look=1)}), "curve")[0]
    assert (first.get_color(), first.get_linestyle()) == (alone.get_color(), alone.get_linestyle())
    late = pd.DataFrame({"time": [4.0], "survival": [0.7], "look": [1]})  # starts after 0: a first row is added
    assert artists(hm.plot_survival({"B": late}), "curve")[0].get_color() == first.get_color()


def test_a_pooled_curve_among_studies_is_dark_and_thick_and_counts_patients_at_the_ticks():
    pooled = pd.DataFrame({"time": np.arange(2.0, 25, 2), "survival": np.linspace(0.9, 0.3, 12), "n_studies": 3,
                           "n_at_risk": range(90, 30, -5)})  # fmt: skip
    study = pd.DataFrame({"time": [0.0, 40], "survival": [1, 0.2]})
    ax = hm.plot_survival({"A": study, "pooled": pooled})
    thin, thick = artists(ax, "curve")
    assert thick.get_linewidth() > 2 * thin.get_linewidth() and thick.get_color() != thin.get_color()
    shown = {text.get_position()[0]: text.get_text() for text in ax.texts if text.get_gid() == "at risk"}
    assert set(ax.get_xticks()) >= {0, 6, 12, 18} and shown == {0: "90", 6: "75", 12: "60", 18: "45"}


def test_printed_values_stand_where_they_were_printed_with_their_rounding():
    printed = pd.DataFrame({
        "curve": ["A", "A"], "time": [12, 18.7], "survival": [0.58, 0.5], "low": [0.575, np.nan],
        "high": [0.585, np.nan], "time_low": [np.nan, 18.65], "time_high": [np.nan, 18.75],
    })  # fmt: skip
    ax = hm.plot_survival({"A": curve(), "B": curve(scale=20)}, printed=printed)
    assert artists(ax, "printed")[0].get_xydata().tolist() == [[12, 0.58], [18.7, 0.5]]
    lines = [segment for marks in artists(ax, "printed interval") for segment in marks.get_segments()]
    assert len(lines) == 2
    ends = np.vstack(lines)
    assert {0.575, 0.585} <= set(ends[:, 1])
    assert {18.65, 18.75} <= set(ends[:, 0])


def test_digitised_points_and_censored_patients_are_drawn_on_demand():
    points = {"A": pd.DataFrame({"time": [1.0, 2.0], "survival": [0.95, 0.9]})}
    km = hm.kaplan_meier(IPD)
    ax = hm.plot_survival({"A": km}, points=points, censored=True)
    assert artists(ax, "points")[0].get_xydata().tolist() == [[1, 0.95], [2, 0.9]]
    assert artists(ax, "censored")[0].get_xdata().tolist() == [3, 6, 12, 14]
    assert artists(hm.plot_survival({"A": km}), "censored") == []


def test_a_pooled_curve_is_joined_by_lines_and_has_a_prediction_band():
    pooled = pd.DataFrame({
        "time": [6, 12], "survival": [0.8, 0.5], "ci_low": [0.7, 0.4], "ci_high": [0.9, 0.6], "pi_low": [0.5, 0.2],
        "pi_high": [0.95, 0.8], "n_studies": 4, "n_at_risk": [200, 120],
    })  # fmt: skip
    ax = hm.plot_survival({"Pooled": pooled})
    assert artists(ax, "curve")[0].get_drawstyle() == "default"
    assert len(artists(ax, "band")) == len(artists(ax, "prediction band")) == 1
    drawn = [(text.get_position()[0], text.get_text()) for text in ax.texts if text.get_gid() == "at risk"]
    assert drawn == [(0, "200"), (6, "120")]


def test_the_key_stands_above_the_plot_and_covers_no_curve():
    ax = hm.plot_survival({"A": curve(), "B": curve(scale=30)}, title="Title")
    ax.figure.canvas.draw()
    top = ax.get_window_extent().y1
    assert all(text.get_window_extent().y0 > top for text in ax.texts if text.get_gid() in ("key", "title"))


@pytest.mark.parametrize(
    ("curves", "options", "message"),
    [
        ({}, {}, "at least one curve"),
        ({"A": pd.DataFrame({"time": [1.0]})}, {}, "survival"),
        ({"A": pd.DataFrame({"time": [1.0], "survival": [58.0]})}, {}, "0-1"),
        ({"A": curve()}, {"points": {"B": curve()}}, "labels without a curve: B"),
        ({"A": curve(), "B": curve()}, {"printed": curve()}, "needs a column `curve`"),
    ],
)
def test_bad_input_is_refused(curves, options, message):
    with pytest.raises(hm.DataError, match=message):
        hm.plot_survival(curves, **options)
