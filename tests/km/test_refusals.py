"""Files, calibrations and options that no figure can be read with: one error of ours, and what to do."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hccmeta as hm

AXES = [{"axis": "x", "value": 0, "pixel": 10}, {"axis": "x", "value": 12, "pixel": 90},
        {"axis": "y", "value": 0, "pixel": 90}, {"axis": "y", "value": 1, "pixel": 10}]  # fmt: skip
SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="100pt" viewBox="0 0 100 100">
<path d="M 10 10 H 30 V 50 H 90" style="fill:none;stroke:#d62728"/></svg>"""
CURVE = pd.DataFrame({"curve": ["a"], "time": [0.0], "survival": [1.0]})
IMAGE = {"calibration": AXES, "colours": {"a": "#d62728"}}
READERS = {
    "digitise_image": lambda path, **o: hm.digitise_image(
        path, **{"calibration": AXES, "colours": {"a": "#d62728"}} | o
    ),
    "digitise_vector": lambda path, **o: hm.digitise_vector(path, **{"calibration": AXES} | o),
    "read_at_risk": lambda path, **o: hm.read_at_risk(path, **{"calibration": AXES} | o),
    "plot_digitised": lambda path, **o: hm.plot_digitised(path, CURVE, **{"calibration": AXES} | o),
}
NO_FIGURES = (
    "none.png", "none.svg", "folder.png", "folder.pdf", "half.png", "half.jpg", "bomb.png", "large.png", "text.png",
    "text.pdf", "text.svg", "empty.png", "infinite.svg", "whole.docx", "x" * 5000 + ".png", "a\0b.svg",
)  # fmt: skip
readers = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


def png(width, height):
    """A PNG that promises more pixels than it holds."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def figures(tmp_path):
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[9:11, 10:31] = pixels[9:51, 29:31] = pixels[49:51, 29:91] = (214, 39, 40)
    Image.fromarray(pixels).save(tmp_path / "whole.png")
    Image.fromarray(pixels).save(tmp_path / "whole.jpg")
    (tmp_path / "whole.svg").write_text(SVG)
    for name in ("whole.png", "whole.jpg"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name.replace("whole", "half")).write_bytes(content[: len(content) // 2])
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000))
    (tmp_path / "large.png").write_bytes(png(9_000, 9_000))
    for name in ("text.png", "text.pdf", "text.svg"):
        (tmp_path / name).write_text("hello")
    for name in ("folder.png", "folder.pdf"):
        (tmp_path / name).mkdir()
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "infinite.svg").write_text(SVG.replace("H 30", "H 1e999"))
    (tmp_path / "exponent.svg").write_text(SVG.replace('viewBox="0 0 100 100"', 'viewBox="e - . +"'))
    return tmp_path


@readers
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NO_FIGURES)
def test_a_file_that_holds_no_figure_is_refused(figures, read, name):
    with pytest.raises(hm.DataError):
        read(f"{figures}/{name}")


@pytest.mark.parametrize(("name", "told"), [("folder.png", "is a folder"), ("none.png", "no file"),
                         ("bomb.png", "pixel"), ("large.png", "cut out the figure"), ("half.png", "cannot be read"),
                         ("whole.svg", "digitise_vector")])  # fmt: skip
def test_the_refusal_says_what_is_wrong(figures, name, told):
    with pytest.raises(hm.DataError, match=told):
        READERS["digitise_image"](figures / name)


def test_a_view_box_without_numbers_is_left_aside(figures):
    axes = [point | {"pixel": 0.75 * point["pixel"]} for point in AXES]
    curve = hm.digitise_vector(figures / "exponent.svg", calibration=axes)
    assert curve["time"].tolist() == [0, 3, 12] and curve["survival"].tolist() == pytest.approx([1, 0.5, 0.5])


@readers
@pytest.mark.parametrize("path", [None, 5, b"figure.png", ["figure.png"]], ids=lambda value: type(value).__name__)
def test_what_is_no_path_is_refused(read, path):
    with pytest.raises(hm.DataError, match="text or a Path"):
        read(path)


@pytest.mark.parametrize("ticks", [5, {"x": 5, "y": 3}, {"x": [0, 1], "y": ["a", "b"]}, {"x": [0], "y": [0, 1]},
                         {"x": [0, 0], "y": [0, 1]}, {"x": [0, np.inf], "y": [0, 1]}])  # fmt: skip
def test_tick_values_are_lists_of_numbers(figures, ticks):
    for name, read in (("whole.png", READERS["digitise_image"]), ("whole.svg", READERS["digitise_vector"])):
        with pytest.raises(hm.DataError, match="ticks"):
            read(figures / name, calibration="ticks", ticks=ticks)


@pytest.mark.parametrize("styles", ["dashed", 5, ["dashed"], True], ids=str)
def test_line_styles_are_a_dict(figures, styles):
    for name, read in (("whole.png", READERS["digitise_image"]), ("whole.svg", READERS["digitise_vector"])):
        with pytest.raises(hm.DataError, match="dict from curve to style"):
            read(figures / name, colours={"a": "#d62728"}, line_styles=styles)


def test_names_of_curves_are_no_mathematics_in_the_key(figures):
    ax = hm.plot_digitised(figures / "whole.svg", CURVE.assign(curve="$\\frac{"), calibration=AXES)
    ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["$\\frac{"]


CLICKS = pd.DataFrame({"time": [0, 2, 5, 7, 12], "survival": [1, 0.9, 0.8, 0.6857, 0.6857]})
RISK = pd.DataFrame({"time": [0, 6], "n_at_risk": [10, 7]})
PRINTED = pd.DataFrame([("n", None, 30), ("median", None, 18.7), ("landmark", 12, 0.58)],
                       columns=["statistic", "time_months", "value"])  # fmt: skip


@pytest.mark.parametrize("wrong", ["x", "", [1], {}, -1, 1.5, np.nan, np.inf, 10**12], ids=str)
def test_totals_of_a_reconstruction_are_whole_numbers(wrong):
    for name in ("n", "total_events"):
        with pytest.raises(hm.DataError, match=f"{name} = .*a whole number from"):
            hm.reconstruct_ipd(CLICKS, RISK, **{name: wrong})


@pytest.mark.parametrize("wrong", ["x", None, [1], -1, np.nan, np.inf, True], ids=str)
def test_the_noise_of_time_is_a_number(wrong):
    with pytest.raises(hm.MethodError, match="time_noise"):
        hm.reconstruct_ipd(CLICKS, RISK, time_noise=wrong)


@pytest.mark.parametrize("wrong", ["x", None, 0, -1, 1.5, np.nan, np.inf, True, [2], 10**12], ids=str)
def test_the_number_of_draws_is_a_whole_number(wrong):
    with pytest.raises(hm.MethodError, match="n_imputations"):
        hm.reconstruct_from_statistics(PRINTED, n_imputations=wrong)
    with pytest.raises(hm.MethodError, match="seed"):
        hm.reconstruct_from_statistics(PRINTED, n_imputations=10, seed="x")


@pytest.mark.parametrize(("row", "value"), [(0, 1e300), (1, 1e300), (1, -1), (0, 0)])
def test_printed_numbers_beyond_any_study_are_named(row, value):
    table = PRINTED.copy()
    table.loc[row, "value"] = value
    with pytest.raises(hm.DataError, match=f"row {row}, value"):
        hm.reconstruct_from_statistics(table, n_imputations=10)


@pytest.mark.parametrize("given", ["x", 5, [1], {}], ids=str)
def test_a_check_needs_tables(given):
    patients = pd.DataFrame({"time": [2.0, 4.0], "event": [1, 0]})
    for name in ("curve", "at_risk", "published"):
        with pytest.raises(hm.DataError, match=f"{name} is a table"):
            hm.check_reconstruction(patients, **{name: given})
