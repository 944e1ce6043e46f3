"""Where curves of pixel figures end; lines that are thin, dotted or hidden; axes that do not start at 0."""

import numpy as np
import pytest
from drawn_trials import BLACK_GREY, draw, kaplan_meier, rmse, saved

from hccmeta import DataError, digitise_image

RED, BLUE = (214, 39, 40), (31, 119, 180)
COLOURS = {"a": "#d62728", "b": "#1f77b4"}


def white():
    return np.full((300, 400, 3), 255, np.uint8)


def last(curves, curve):
    return curves.loc[curves["curve"] == curve, ["time", "survival"]].iloc[-1].tolist()


def test_a_curve_that_comes_out_from_under_another_one_is_followed_to_its_end(tmp_path):
    pixels = white()
    pixels[49:51, 50:101] = pixels[49:151, 99:101] = pixels[149:151, 99:341] = RED
    pixels[49:51, 50:121] = pixels[49:151, 119:121] = pixels[149:151, 119:321] = BLUE
    curves = digitise_image(**saved(pixels, tmp_path), colours=COLOURS)
    assert last(curves, "a") == pytest.approx([(340 - 50) / 30, 0.5], abs=0.05)


def test_a_curve_that_drops_out_from_under_another_one(tmp_path):
    pixels = white()
    pixels[49:51, 50:101] = pixels[49:151, 99:101] = pixels[149:151, 99:251] = pixels[149:221, 249:251] = RED
    pixels[49:51, 50:121] = pixels[49:151, 119:121] = pixels[149:151, 119:321] = BLUE
    curves = digitise_image(**saved(pixels, tmp_path), colours=COLOURS)
    assert last(curves, "a") == pytest.approx([(250 - 50) / 30, 0.15], abs=0.02)


def test_a_late_drop_with_a_short_flat_piece_behind_it(tmp_path):
    pixels = white()
    pixels[49:51, 50:201] = pixels[49:201, 199:201] = pixels[199:201, 199:213] = RED
    curves = digitise_image(**saved(pixels, tmp_path), colours={"a": "#d62728"})
    assert last(curves, "a") == pytest.approx([(212 - 50) / 30, 0.25], abs=0.02)


def test_a_black_curve_that_reaches_0_does_not_go_on_along_the_axis(tmp_path):
    pixels = white()
    pixels[248:252, 48:352] = pixels[30:252, 48:50] = 0
    pixels[49:51, 50:101] = pixels[49:151, 99:101] = pixels[149:151, 99:201] = pixels[149:251, 199:201] = 0
    curves = digitise_image(**saved(pixels, tmp_path), colours={"a": "#000000"})
    assert last(curves, "a") == pytest.approx([5, 0], abs=0.02)


def test_a_curve_without_events(tmp_path):
    pixels = white()
    pixels[49:51, 50:201] = RED
    curves = digitise_image(**saved(pixels, tmp_path), colours={"a": "#d62728"})
    assert last(curves, "a") == pytest.approx([5, 1], abs=0.02)


def test_a_curve_behind_an_opaque_box_goes_on_where_it_comes_out(tmp_path):
    pixels = white()
    pixels[49:51, 50:101] = pixels[49:151, 99:101] = pixels[149:151, 99:321] = RED
    pixels[120:180, 150:250] = 255
    curves = digitise_image(**saved(pixels, tmp_path), colours={"a": "#d62728"})
    assert last(curves, "a") == pytest.approx([9, 0.5], abs=0.02)


def test_a_dotted_curve_is_followed_to_its_end(tmp_path):
    for seed in (1, 2, 3):
        drawn = draw(tmp_path, "figure.png", seed=seed, colours=BLACK_GREY, dashed=True, dashes=":")
        curves = digitise_image(drawn.path, **drawn.typed)
        for arm, (time, event) in drawn.patients.items():
            assert last(curves, arm)[0] == pytest.approx(time.max(), abs=0.3)
            assert rmse(curves[curves["curve"] == arm], time, event) < 0.006


@pytest.mark.parametrize(("dpi", "width"), [(72, 1.0), (150, 1.4), (300, 2.0)])
@pytest.mark.parametrize("dashed", [False, True])
def test_the_last_drop_stands_where_it_was_drawn(tmp_path, dpi, width, dashed):
    """Half of the height of a late drop counts in follow-up, so that its place matters."""
    rng = np.random.default_rng(dpi)
    time = np.sort(np.round(rng.uniform(1, 33, 24), 3))
    event = np.r_[np.ones(18, int), np.zeros(5, int), 1]
    drawn = draw(tmp_path, "figure.png", patients={"control": (time, event), "experimental": (time + 4, event)},
                 dpi=dpi, width=width, dashed=dashed, snap=False)  # fmt: skip
    curves = digitise_image(drawn.path, **drawn.typed)
    for arm, (when, _) in drawn.patients.items():
        assert kaplan_meier(when, event, when.max()) == 0
        pixel = 42 / (0.83 * 5.2 * dpi)
        assert last(curves, arm) == pytest.approx([when.max(), 0], abs=0.7 * pixel)


def test_lines_thinner_than_a_pixel(tmp_path):
    for seed in (1, 2, 3):
        drawn = draw(tmp_path, "figure.png", seed=seed, dpi=72, width=0.7, snap=False)
        curves = digitise_image(drawn.path, **drawn.typed)
        for arm, (time, event) in drawn.patients.items():
            assert rmse(curves[curves["curve"] == arm], time, event) < 0.01


@pytest.mark.parametrize("lowest", [0.2, 0.5])
@pytest.mark.parametrize("colours", [("#1f77b4", "#d62728"), BLACK_GREY])
def test_a_survival_axis_that_does_not_start_at_0(tmp_path, lowest, colours):
    arms = {}
    for seed, arm in enumerate(("control", "experimental")):
        time = np.sort(np.round(np.random.default_rng(seed).uniform(1, 36, 80), 3))
        arms[arm] = (time, (np.arange(80) % (4 + seed) == 0).astype(int) * (time < 30))
    drawn = draw(tmp_path, "figure.png", patients=arms, lowest=lowest, colours=colours, marks="|")
    for given in (drawn.typed, drawn.ticks):
        curves = digitise_image(drawn.path, **given)
        for arm, (time, event) in arms.items():
            assert rmse(curves[curves["curve"] == arm], time, event) < 0.006
            assert last(curves, arm)[0] == pytest.approx(time.max(), abs=0.3)


@pytest.mark.parametrize("shift", [-24, 24])
def test_two_equal_lines_of_one_colour_are_no_single_curve(tmp_path, shift):
    pixels = white()
    for y in (0, shift):
        pixels[49:51, 50:71] = pixels[49 : 151 + y, 69:71] = pixels[149 + y : 151 + y, 69:301] = RED
        pixels[149 + y : 201 + y, 299:301] = pixels[199 + y : 201 + y, 299:341] = RED
    with pytest.raises(DataError, match="another solid line of its colour and width"):
        digitise_image(**saved(pixels, tmp_path), colours={"a": "#d62728"})
