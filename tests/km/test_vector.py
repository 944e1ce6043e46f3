"""Vector figures: every drop, from typed positions and from tick marks alone."""

import numpy as np
import pytest
from drawn_trials import BLACK, BLACK_GREY, GREEN_PURPLE, at_risk_table, draw, rmse

from hccmeta import DataError, MethodError, digitise_vector, read_at_risk, reconstruct_ipd

STYLES = {
    "plain": {},
    "marks and legend": {"marks": "|", "legend": "upper right", "colours": GREEN_PURPLE},
    "crosses, grid, per cent": {"marks": "+", "grid": "#cccccc", "percent": True},
    "grey dashed": {"colours": BLACK_GREY, "dashed": True, "legend": "upper right"},
    "one colour": {"colours": BLACK, "dashed": True, "marks": "|"},
    "bands": {"band": 0.2, "n": 300},
}


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_every_drop_is_found(tmp_path, suffix, style):
    drawn = draw(tmp_path, f"figure.{suffix}", seed=len(str(style)), **style)
    from_labels = drawn.ticks | {"ticks": None}
    for given, largest in ((drawn.typed, 1e-4), (drawn.ticks, 1e-5), (from_labels, 1e-5)):
        curves = digitise_vector(drawn.path, **given)
        for arm, (time, event) in drawn.patients.items():
            curve = curves[curves["curve"] == arm]
            assert rmse(curve, time, event) <= largest
            assert len(curve) == len(np.unique(time[event == 1])) + 2
            assert curve["time"].iloc[-1] == pytest.approx(time.max(), abs=0.02)
    np.testing.assert_allclose(curve["time"].iloc[1:-1], np.unique(time[event == 1]), atol=1e-3)


def test_curves_without_colours_are_named_by_colour_and_style(tmp_path):
    two = draw(tmp_path, "two.pdf", marks="+", legend="lower left")
    assert sorted(digitise_vector(two.path)["curve"].unique()) == ["#1f77b4", "#d62728"]
    one = draw(tmp_path, "one.svg", colours=BLACK, dashed=True, marks="|")
    assert sorted(digitise_vector(one.path)["curve"].unique()) == ["#000000 dashed", "#000000 solid"]


def svg(folder, lines):
    """An SVG with these lines and its calibration: time 0 to 12, survival 1 to 0, both from 10 to 90 points."""
    size = 'width="100pt" height="100pt" viewBox="0 0 100 100"'
    drawn = "".join(f'<path d="{line}" style="fill:none;stroke:#d62728"/>' for line in lines)
    (folder / "figure.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{drawn}</svg>')
    points = (("x", 0, 10), ("x", 12, 90), ("y", 0, 90), ("y", 1, 10))
    axes = [{"axis": axis, "value": value, "pixel": pixel} for axis, value, pixel in points]
    return {"path": folder / "figure.svg", "calibration": axes}


def test_a_curve_drawn_twice_is_one_curve(tmp_path):
    curves = digitise_vector(**svg(tmp_path, ["M 10 10 H 30 V 50 H 90"] * 2))
    assert curves.to_numpy().tolist() == [["#d62728", 0, 1], ["#d62728", 3, 0.5], ["#d62728", 12, 0.5]]


def test_a_typed_position_is_not_moved_onto_a_censoring_mark(tmp_path):
    curve = digitise_vector(**svg(tmp_path, ["M 10 10 H 30 V 50 H 90", "M 90.3 48 V 52"]))
    assert curve["time"].tolist() == [0, 3, 12]


@pytest.mark.parametrize("line", ["M 10 10 H 30 L 60 50 H 90", "M 10 10 V 90 H 90"], ids=["slanted", "axes"])
def test_a_line_that_is_no_curve(tmp_path, line):
    with pytest.raises(DataError, match="No step curve among the 1 lines"):
        digitise_vector(**svg(tmp_path, [line]))


def test_a_drop_at_the_end_is_not_behind_the_follow_up_where_the_file_rounds(tmp_path):
    """Drawn up to 10.0004 months, 76.6693 points, which the file gives as 76.67."""
    curve = digitise_vector(**svg(tmp_path, ["M 10 10 H 30 V 50 H 76.67 V 90"]))
    assert curve["time"].iloc[-2] <= 10.0004 < curve["time"].iloc[-1]
    assert curve["survival"].iloc[-2:].tolist() == [0, 0]


def test_a_curve_that_starts_below_one_starts_with_a_drop_at_its_first_point(tmp_path):
    curve = digitise_vector(**svg(tmp_path, ["M 11 13 H 30 V 50 H 90"]))
    np.testing.assert_allclose(curve[["time", "survival"]], [[0, 1], [0.15, 0.9625], [3, 0.5], [12, 0.5]], atol=1e-4)


def test_a_typed_position_off_the_ticks_is_kept(tmp_path):
    drawn = draw(tmp_path, "figure.svg")
    moved = [dict(point, pixel=point["pixel"] + 2.0 * (point["axis"] == "x")) for point in drawn.typed["calibration"]]
    exact = digitise_vector(drawn.path, **drawn.typed)
    shifted = digitise_vector(drawn.path, **(drawn.typed | {"calibration": moved}))
    per_month = (moved[1]["pixel"] - moved[0]["pixel"]) / 42
    np.testing.assert_allclose(exact["time"][5:20] - shifted["time"][5:20], 2.0 / per_month, atol=0.02)


def test_curve_to_patients(tmp_path):
    drawn = draw(tmp_path, "figure.pdf", marks="|", n=80)
    curves = digitise_vector(drawn.path, **drawn.typed)
    for arm, (time, event) in drawn.patients.items():
        curve, risk = curves.loc[curves["curve"] == arm, ["time", "survival"]], at_risk_table(time)
        ipd = reconstruct_ipd(curve, risk, n=len(time), total_events=int(event.sum())).ipd
        assert ipd["event"].sum() == event.sum()
        assert [(ipd["time"] >= t - 1e-9).sum() for t in risk["time"]] == risk["n_at_risk"].tolist()


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_numbers_at_risk_are_read_from_the_text(tmp_path, suffix):
    drawn = draw(tmp_path, f"figure.{suffix}", table=True, legend="upper right")
    table = read_at_risk(drawn.path)
    for arm, (time, _) in drawn.patients.items():
        got, truth = table[table["curve"] == arm], at_risk_table(time)
        assert got["time"].tolist() == truth["time"].tolist()
        assert got["n_at_risk"].tolist() == truth["n_at_risk"].tolist()


def test_no_table_is_an_error_that_says_so(tmp_path):
    with pytest.raises(DataError, match="No row of whole numbers"):
        read_at_risk(draw(tmp_path, "figure.pdf").path)


def test_a_colour_that_is_not_there_names_those_that_are(tmp_path):
    drawn = draw(tmp_path, "figure.svg", colours=GREEN_PURPLE)
    with pytest.raises(DataError, match=r"'drug'.*#ff00ff.*#2ca02c solid, #9467bd solid"):
        digitise_vector(drawn.path, colours={"drug": "#ff00ff", "control": "#2ca02c"})


def test_one_colour_needs_line_styles(tmp_path):
    drawn = draw(tmp_path, "figure.pdf", colours=BLACK, dashed=True)
    with pytest.raises(DataError, match="line_styles"):
        digitise_vector(drawn.path, colours=drawn.typed["colours"])


def test_all_problems_of_the_calibration_at_once(tmp_path):
    path = draw(tmp_path, "figure.svg").path
    wrong = [
        {"axis": "x", "value": 0, "pixel": 10},
        {"axis": "z", "value": 1, "pixel": 10},
        {"axis": "y", "value": "one", "pixel": 10},
    ]
    with pytest.raises(DataError) as error:
        digitise_vector(path, calibration=wrong)
    assert "point 2" in str(error.value) and "point 3" in str(error.value)
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[:3], "axis y needs two points"),
        (lambda c: [dict(p, value=p["value"] * (100 if p["axis"] == "y" else 1)) for p in c], "y_scale=100"),
        (lambda c: [dict(p, pixel=300 - p["pixel"] if p["axis"] == "y" else p["pixel"]) for p in c], "runs backwards"),
        (lambda c: [*c, {"axis": "x", "value": 21, "pixel": 30}], "not on one line"),
        (lambda c: "typed", "must be a list"),
    ],
)
def test_calibration_is_refused(tmp_path, change, message):
    drawn = draw(tmp_path, "figure.svg")
    with pytest.raises(DataError, match=message):
        digitise_vector(drawn.path, calibration=change(drawn.typed["calibration"]))


def test_options_outside_their_lists(tmp_path):
    drawn = draw(tmp_path, "figure.svg")
    with pytest.raises(MethodError, match="'solid', 'dashed'"):
        digitise_vector(drawn.path, colours={"a": "#1f77b4"}, line_styles={"a": "dotted"})
    with pytest.raises(DataError, match="not #rrggbb.*|line_styles names 'b'"):
        digitise_vector(drawn.path, colours={"a": "blue"}, line_styles={"b": "solid"})
    with pytest.raises(DataError, match="y_scale"):
        digitise_vector(drawn.path, y_scale=0)
    with pytest.raises(DataError, match="axis x: no row of 3 tick marks fits"):
        digitise_vector(drawn.path, ticks={"x": [0, 1, 2], "y": drawn.ticks["ticks"]["y"]})
