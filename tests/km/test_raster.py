"""Pixel figures in many styles, against the patients that were drawn."""

import numpy as np
import pytest
from drawn_trials import BLACK, BLACK_GREY, GREEN_PURPLE, at_risk_table, draw, rmse, saved
from PIL import Image

from hccmeta import DataError, digitise_image, reconstruct_ipd
from hccmeta.km.figure_image import read_image
from hccmeta.km.raster import calibrate_image

YELLOW_BLUE, RED_TEAL = ("#e7b800", "#2e9fdf"), ("#f8766d", "#00bfc4")
STYLES = {
    "plain": ("png", {}),
    "marks, legend over the curves": ("png", {"marks": "|", "legend": "center", "dpi": 120, "colours": GREEN_PURPLE}),
    "crosses on a grid": ("png", {"marks": "+", "grid": "#cccccc", "dpi": 200, "colours": YELLOW_BLUE}),
    "grey dashed": ("png", {"colours": BLACK_GREY, "dashed": True, "legend": "upper right"}),
    "grey dashed, not on the pixel grid": ("png", {"colours": BLACK_GREY, "dashed": True, "snap": False, "dpi": 80}),
    "one colour": ("png", {"colours": BLACK, "dashed": True, "marks": "|"}),
    "low resolution": ("png", {"dpi": 72, "colours": GREEN_PURPLE}),
    "jpeg": ("jpg", {"dpi": 120, "marks": "|", "colours": YELLOW_BLUE, "legend": "upper right"}),
    "shaded bands": ("png", {"band": 0.2, "colours": YELLOW_BLUE}),
    "shaded bands over the lines": ("png", {"band": 0.3, "over": True, "colours": RED_TEAL, "marks": "+"}),
    "bands over the lines, not opposite in colour": ("png", {"band": 0.3, "over": True, "colours": YELLOW_BLUE}),
    "dark bands": ("png", {"band": 0.65, "colours": GREEN_PURPLE}),
    "thick lines in per cent": ("png", {"dpi": 300, "width": 2.6, "percent": True}),
    "thin lines, not on the pixel grid": ("png", {"width": 0.9, "snap": False, "dpi": 110}),
    "grey paper": ("png", {"paper": "#ebebeb", "grid": "white", "marks": "o", "dpi": 110}),
    "dark paper": ("png", {"paper": "#202020", "colours": ("#ffd23f", "#5bc0eb")}),
    "many patients": ("png", {"n": 300, "marks": "|", "dpi": 110}),
    "a thousand patients, dense marks": ("png", {"n": 1000, "marks": "|", "width": 1.0}),
    "six hundred pixels an inch": ("png", {"dpi": 600}),
    "few patients": ("png", {"n": 9, "marks": "|", "dpi": 100, "snap": False}),
}


def errors(drawn, curves):
    return {arm: rmse(curves[curves["curve"] == arm], *patients) for arm, patients in drawn.patients.items()}


@pytest.mark.parametrize(("suffix", "style"), STYLES.values(), ids=STYLES)
def test_every_style_is_within_a_hundredth(tmp_path, suffix, style):
    drawn = draw(tmp_path, f"figure.{suffix}", seed=len(str(style)), **style)
    curves = digitise_image(drawn.path, **drawn.typed)
    assert list(curves["curve"].unique()) == ["control", "experimental"]
    for arm, (time, event) in drawn.patients.items():
        curve = curves[curves["curve"] == arm]
        assert rmse(curve, time, event) < 0.01
        assert curve[["time", "survival"]].iloc[0].tolist() == [0, 1]
        assert (np.diff(curve["time"]) >= 0).all() and (np.diff(curve["survival"]) <= 0).all()
        assert curve["time"].iloc[-1] == pytest.approx(time.max(), abs=1.0 if "dashed" in style else 0.5)


def test_a_legend_key_below_the_end_is_no_part_of_the_curve(tmp_path):
    pixels = np.full((300, 400, 3), 255, np.uint8)
    red = (214, 39, 40)
    pixels[49:51, 50:201] = pixels[49:151, 199:201] = pixels[149:151, 199:301] = red
    pixels[169:171, 305:350] = red
    curve = digitise_image(**saved(pixels, tmp_path), colours={"all": "#d62728"})
    np.testing.assert_allclose(curve[["time", "survival"]], [[0, 1], [5, 0.5], [8.33, 0.5]], atol=0.05)


def test_a_black_curve_does_not_go_on_along_a_grey_one(tmp_path):
    pixels = np.full((300, 400, 3), 255, np.uint8)
    pixels[52:54, 50:301] = pixels[52:151, 299:301] = pixels[149:151, 299:350] = 128
    pixels[49:51, 50:201] = pixels[49:151, 199:201] = pixels[149:151, 199:299] = 0
    curves = digitise_image(**saved(pixels, tmp_path), colours={"a": "#000000", "b": "#808080"})
    ends = curves.groupby("curve")["time"].last()
    assert ends["a"] == pytest.approx(8.3, abs=0.1) and ends["b"] == pytest.approx(10, abs=0.1)


def test_a_narrow_dark_band_is_not_taken_for_a_thick_line(tmp_path):
    pixels = np.full((300, 400, 3), 255, np.uint8)
    red = np.array([214, 39, 40])
    pixels[44:57, 50:201] = pixels[44:157, 194:207] = pixels[144:157, 199:301] = 0.6 * red + 0.4 * 255
    pixels[49:51, 50:201] = pixels[49:151, 199:201] = pixels[149:151, 199:301] = red
    curve = digitise_image(**saved(pixels, tmp_path), colours={"all": "#d62728"})
    np.testing.assert_allclose(curve[["time", "survival"]], [[0, 1], [5, 0.5], [8.33, 0.5]], atol=0.02)


def test_a_solid_curve_does_not_go_on_along_a_dashed_one_of_its_colour(tmp_path):
    pixels = np.full((300, 400, 3), 255, np.uint8)
    pixels[49:51, 50:201] = pixels[49:141, 199:201] = pixels[139:141, 199:221] = 0
    pixels[49:151, 59:61] = 0
    for start in range(60, 350, 16):
        pixels[149:151, start : start + 10] = 0
    looks = dict(colours={"a": "#000000", "b": "#000000"}, line_styles={"a": "solid", "b": "dashed"})
    last = digitise_image(**saved(pixels, tmp_path), **looks).groupby("curve").last()
    assert last.loc["a"].tolist() == pytest.approx([(220 - 50) / 30, 0.55], abs=0.05)
    assert last.loc["b", "survival"] == pytest.approx(0.5, abs=0.01)


def test_curve_behind_a_legend_box_is_followed_to_its_end(tmp_path):
    drawn = draw(tmp_path, "figure.png", legend="center", box=True, colours=GREEN_PURPLE, marks="|")
    curves = digitise_image(drawn.path, **drawn.typed)
    for arm, (time, event) in drawn.patients.items():
        curve = curves[curves["curve"] == arm]
        assert rmse(curve, time, event) < 0.02
        assert curve["time"].iloc[-1] == pytest.approx(time.max(), abs=0.1)


def test_typical_error_at_print_resolution(tmp_path):
    found = []
    for seed in range(6):
        drawn = draw(tmp_path, "figure.png", seed=seed, dpi=(110, 150, 200)[seed % 3], marks="|")
        found += errors(drawn, digitise_image(drawn.path, **drawn.typed)).values()
    assert np.median(found) < 0.0035


def test_half_pixel_of_lines_fitted_to_the_grid_is_taken_back(tmp_path):
    """Agg moves lines of odd width half a pixel right on average: late drops, unless they are moved back."""
    late = []
    for seed in range(4):
        drawn = draw(tmp_path, "figure.png", seed=seed, dpi=72, n=30)
        curves = digitise_image(drawn.path, **drawn.typed)
        for arm, (time, event) in drawn.patients.items():
            drops = curves.loc[curves["curve"] == arm, "time"].to_numpy()[1:-1]
            gaps = drops - np.unique(time[event == 1])[:, None]
            nearest = gaps[np.arange(len(gaps)), np.abs(gaps).argmin(axis=1)]
            late += nearest[np.abs(nearest) < 0.25].tolist()
    per_pixel = 42 / (0.83 * 5.2 * 72)
    assert len(late) > 60
    assert abs(np.mean(late)) < 0.15 * per_pixel


def test_curve_that_ends_with_a_drop_to_zero(tmp_path):
    rng = np.random.default_rng(3)
    time = np.sort(np.round(rng.uniform(1, 30, 25), 3))
    arms = {"control": (time, np.ones(25, int)), "experimental": (time[:12] + 6, np.ones(12, int))}
    for dashed in (False, True):
        drawn = draw(tmp_path, "figure.png", patients=arms, dashed=dashed)
        curves = digitise_image(drawn.path, **drawn.typed)
        last = curves.groupby("curve").last()
        assert last["survival"].tolist() == pytest.approx([0, 0], abs=1e-3)
        assert last["time"].tolist() == pytest.approx([time.max(), time[11] + 6], abs=0.15)


@pytest.mark.parametrize("mark", ["+", "o", "|"])
def test_a_mark_at_the_end_does_not_lengthen_follow_up(tmp_path, mark):
    drawn = draw(tmp_path, "figure.png", marks=mark, dpi=200)
    last = digitise_image(drawn.path, **drawn.typed).groupby("curve")["time"].last()
    for arm, (time, _) in drawn.patients.items():
        assert last[arm] == pytest.approx(time.max(), abs=0.1)


def test_curve_to_patients_meets_every_count(tmp_path):
    drawn = draw(tmp_path, "figure.png", marks="|", dpi=150)
    curves = digitise_image(drawn.path, **drawn.typed)
    for arm, (time, event) in drawn.patients.items():
        curve, risk = curves.loc[curves["curve"] == arm, ["time", "survival"]], at_risk_table(time)
        ipd = reconstruct_ipd(curve, risk, n=len(time), total_events=int(event.sum())).ipd
        assert ipd["event"].sum() == event.sum()
        assert [(ipd["time"] >= t - 1e-9).sum() for t in risk["time"]] == risk["n_at_risk"].tolist()


@pytest.mark.parametrize("style", [{"dpi": 72}, {"dpi": 110, "grid": "#cccccc"}, {"dpi": 150, "percent": True}])
def test_axes_from_the_tick_marks(tmp_path, style):
    drawn = draw(tmp_path, "figure.png", **style)
    pixels, scale = read_image(drawn.path), drawn.typed["y_scale"]
    typed = calibrate_image(pixels, drawn.typed["calibration"], scale, None)
    found = calibrate_image(pixels, "ticks", scale, drawn.ticks["ticks"])
    for axis, values in (("time", [0, 42]), ("survival", [0, 1])):
        away = getattr(found, axis).position(values) - getattr(typed, axis).position(values)
        assert np.abs(away).max() < 0.6
    for error in errors(drawn, digitise_image(drawn.path, **drawn.ticks)).values():
        assert error < 0.01


def test_tick_values_that_do_not_fit(tmp_path):
    drawn = draw(tmp_path, "figure.png")
    wrong = drawn.ticks | {"ticks": {"x": [0, 10, 20], "y": drawn.ticks["ticks"]["y"]}}
    with pytest.raises(DataError, match="axis x: no axis line with 3 tick marks"):
        digitise_image(drawn.path, **wrong)
    with pytest.raises(DataError, match="values at its tick marks"):
        digitise_image(drawn.path, **(wrong | {"ticks": None}))


def test_transparent_and_grey_images_are_read_like_opaque_ones(tmp_path):
    drawn = draw(tmp_path, "figure.png", colours=BLACK_GREY)
    opaque = digitise_image(drawn.path, **drawn.typed)
    image = Image.open(drawn.path).convert("RGB")
    grey = np.asarray(image.convert("L"))
    for pixels, mode in ((np.dstack([np.zeros_like(grey)] * 3 + [255 - grey]), "RGBA"), (grey, "L")):
        Image.fromarray(pixels, mode=mode).save(tmp_path / "other.png")
        other = digitise_image(tmp_path / "other.png", **drawn.typed)
        for arm, error in errors(drawn, other).items():
            assert error == pytest.approx(errors(drawn, opaque)[arm], abs=2e-3)


def test_a_colour_that_is_not_there_names_those_that_are(tmp_path):
    drawn = draw(tmp_path, "figure.png", colours=GREEN_PURPLE)
    with pytest.raises(DataError, match=r"'drug' \(#d62728\).*#35a435") as error:
        digitise_image(drawn.path, **(drawn.typed | {"colours": {"control": "#2ca02c", "drug": "#d62728"}}))
    assert "'control'" not in str(error.value)


def test_input_that_is_refused(tmp_path):
    drawn = draw(tmp_path, "figure.png", colours=BLACK)
    with pytest.raises(DataError, match="'control', 'experimental' share colour and style"):
        digitise_image(drawn.path, **drawn.typed)
    outside = [dict(p, pixel=p["pixel"] + 400) for p in drawn.typed["calibration"]]
    with pytest.raises(DataError, match="outside the image"):
        digitise_image(drawn.path, calibration=outside, colours={"control": "#000000"})
    vector = draw(tmp_path, "figure.pdf")
    with pytest.raises(DataError, match="digitise_vector"):
        digitise_image(vector.path, **vector.typed)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match="cannot be read as an image"):
        digitise_image(tmp_path / "text.png", **drawn.typed)
    half = drawn.path.read_bytes()
    (tmp_path / "half.png").write_bytes(half[: len(half) // 2])
    with pytest.raises(DataError, match="cannot be read as an image"):
        digitise_image(tmp_path / "half.png", **drawn.typed)


def test_an_image_too_large_to_open_is_refused_from_its_header(tmp_path):
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 200_000
    with pytest.raises(DataError, match="pixels, more than|cannot be read as an image"):
        digitise_image(tmp_path / "bomb.png", calibration=[], colours={})
