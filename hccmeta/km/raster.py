"""Kaplan-Meier curves of a pixel image, traced by colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_axes import Axes, Axis, fit_axes, read_calibration
from hccmeta.km.figure_image import is_jpeg, read_image
from hccmeta.km.figure_image_ticks import points_of_image_ticks
from hccmeta.km.figure_ink import (
    FULL_LINE,
    INK,
    any_ink,
    coverage,
    drawn_colours,
    full_lines,
    paper_colour,
    stroke,
    without_lines,
)
from hccmeta.km.figure_steps import drawn_pieces, off_grid, refine, steps_of_path
from hccmeta.km.figure_style import read_colours
from hccmeta.km.figure_trace import end_of_curve, longest_gap, outermost, past_last_drop, to_its_end, trace_path
from hccmeta.km.vector import curve_table

if TYPE_CHECKING:
    import pandas as pd

ABOVE, BELOW = 12, 6
SHORTEST = 0.08
MAY_HIDE = 0.3
EARLY = 0.2
TALL = 800


def digitise_image(path, *, calibration, colours, line_styles=None, y_scale=1, ticks=None) -> pd.DataFrame:
    """Kaplan-Meier curves of an image (PNG, JPEG, TIFF, ...), to a fraction of a pixel.

    Parameters
    ----------
    path : path-like
        The image file; curves on white or on any other even background.
    calibration : list of dict, or "ticks"
        {axis: x or y, value, pixel}, two or more per axis, in pixels from the top left edge: the middle of the first
        column is 0.5. "ticks" finds the tick marks, whose values `ticks` gives.
    colours : dict of curve -> hex colour
        Colours of the curves.
    line_styles : dict of curve -> "solid" or "dashed", optional
        Needed where colours are equal; of one colour, at most one of each.
    y_scale : float
        100 where the axis is in per cent.
    ticks : dict of axis -> values, optional
        All values at the tick marks: {"x": [0, 6, 12], "y": [0, 0.5, 1]}.

    Returns
    -------
    DataFrame
        curve, time (units of the axis), survival (fraction): start, foot of each drop, end.

    Raises
    ------
    DataError
        File, calibration or curves that cannot be read; names the colours that were found.

    Notes
    -----
    Each pixel's coverage by the colour; the cheapest path that never rises; then levels and drops are moved by
    fractions of a pixel to where a drawn pen fits the coverage best. Drops less than a pixel apart become one.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np
    >>> from PIL import Image
    >>> pixels = np.full((100, 100, 3), 255, np.uint8)
    >>> pixels[9:11, 10:31] = pixels[9:51, 29:31] = pixels[49:51, 29:91] = (214, 39, 40)
    >>> figure = pathlib.Path(tempfile.mkdtemp()) / "figure.png"
    >>> Image.fromarray(pixels).save(figure)
    >>> axes = [{"axis": "x", "value": 0, "pixel": 10}, {"axis": "x", "value": 12, "pixel": 90},
    ...         {"axis": "y", "value": 0, "pixel": 90}, {"axis": "y", "value": 1, "pixel": 10}]
    >>> digitise_image(figure, calibration=axes, colours={"all": "#d62728"}).round(2)
      curve  time  survival
    0   all   0.0       1.0
    1   all   3.0       0.5
    2   all  12.0       0.5
    """
    pixels = read_image(path)
    axes = calibrate_image(pixels, calibration, y_scale, ticks)
    wanted = read_colours(colours, line_styles)
    looks = [(tuple(colour), style or "solid") for colour, style in wanted.values()]
    alike = [name for name, look in zip(wanted, looks, strict=True) if looks.count(look) > 1]
    if alike:
        raise DataError(f"colours: {', '.join(map(repr, alike))} share colour and style; line_styles must differ.")
    pixels, axes = _reduced(pixels, axes)
    bottom = _lowest_row(pixels, axes)
    pixels, corner = _plot_area(pixels, axes, bottom)
    corners = _trace_all(pixels, corner, axes, bottom, dict(zip(wanted, looks, strict=True)), compressed=is_jpeg(path))
    missing = [f"{name!r} ({colours[name]})" for name in wanted if corners[name] is None]
    if missing:
        found = ", ".join(drawn_colours(pixels, paper_colour(pixels))) or "none"
        raise DataError(
            f"colours: no curve from survival 1 at time 0 was found for {', '.join(missing)}. Colours between the "
            f"axes, most frequent first: {found}. Take the colour from the middle of the line, and check calibration."
        )
    return curve_table(corners)


def calibrate_image(pixels, calibration, y_scale, ticks) -> Axes:
    """Axes from typed points or from the tick marks."""
    if isinstance(calibration, str) and calibration == "ticks":
        calibration = points_of_image_ticks(pixels, ticks)
    return fit_axes(read_calibration(calibration, y_scale))


def _reduced(pixels, axes: Axes):
    """Pixels and axes; of an image finer than any line needs, means over squares of pixels."""
    size = int((axes.box[3] - axes.box[2]) // TALL)
    if size < 2:
        return pixels, axes
    rows, columns = (length // size * size for length in pixels.shape[:2])
    squares = pixels[:rows, :columns].reshape(rows // size, size, columns // size, size, 3)
    coarse = {
        name: Axis(axis.slope * size, axis.origin) for name, axis in (("time", axes.time), ("survival", axes.survival))
    }
    return squares.mean(axis=(1, 3), dtype=np.float32), Axes(box=tuple(edge / size for edge in axes.box), **coarse)


def _lowest_row(pixels, axes: Axes) -> float:
    """Row of survival 0, or of the time axis where the survival axis starts above 0."""
    zero, lowest = float(axes.survival.position(0)), axes.box[3]
    if zero - lowest < 1:
        return zero
    first = max(int(lowest) - 2, 0)
    below = pixels[first : int(zero) + 3, slice(*np.maximum(np.round(axes.box[:2]).astype(int), 0))]
    lines = np.flatnonzero((any_ink(below.astype(np.float32), paper_colour(pixels)) > INK).mean(axis=1) > FULL_LINE)
    return first + lines[-1] + 0.5 if len(lines) else min(zero, float(len(pixels)))


def _plot_area(pixels, axes: Axes, bottom: float):
    """Pixels from the survival axis to the right edge of the image, and their top left corner."""
    height, width = pixels.shape[:2]
    left, top = axes.time.position(0), axes.survival.position(1)
    if left < -1 or top < -1 or bottom > height + 1 or axes.box[1] > width + 1:
        raise DataError(f"calibration: the axes lie partly outside the image ({width} x {height} pixels).")
    x, y = max(int(left), 0), max(int(top) - ABOVE, 0)
    return pixels[y : int(bottom) + BELOW, x:].astype(np.float32), (x, y)


def _trace_all(pixels, corner, axes: Axes, bottom: float, looks: dict, *, compressed: bool) -> dict:
    """Corners (time, survival) of each curve, or None; a dashed curve after a solid one of its colour."""
    paper = paper_colour(pixels)
    inks = list(dict.fromkeys(colour for colour, _ in looks.values()))
    covered = coverage(pixels, [np.array(ink) for ink in inks], paper, compressed=compressed)
    shares = dict(zip(inks, covered, strict=True))
    ink = np.maximum.reduce([any_ink(pixels, paper), *covered])
    taken = {colour: np.zeros(ink.shape, bool) for colour in inks}
    corners = {}
    for name, (colour, style) in sorted(looks.items(), key=lambda item: item[1][1] == "dashed"):
        unbroken = style == "solid" and (colour, "dashed") in looks.values()
        steps = _trace_one(shares[colour], ink, taken[colour], corner, axes, bottom - corner[1], style, unbroken)
        corners[name] = None if steps is None else _placed(*steps, corner, axes)
        if steps is not None:
            levels, drops, end, width = steps
            for piece in drawn_pieces(levels, drops, width + 2, end):
                x0, x1, y0, y1 = (max(int(round(side)), 0) for side in piece)
                taken[colour][y0:y1, x0:x1] = True
    return {name: corners[name] for name in looks}


def _trace_one(share, ink, taken, corner, axes: Axes, bottom: float, style: str, unbroken: bool):
    """Levels, drops, end (in pixels of the plot area) and line width of one curve; None where there is none."""
    start_row = float(axes.survival.position(1)) - corner[1]
    box = slice(0, int(axes.box[1]) - corner[0] + 1)
    lines = full_lines(ink, share, box, start_row, bottom)
    own, width = stroke(without_lines(np.where(taken, 0, share), lines, box))
    hidden = np.where(taken, 1, np.clip(ink - own, 0, 1))
    path = trace_path(own, hidden, lines, width, start_row, style, unbroken=unbroken)
    path = to_its_end(path, own, hidden, width, style)
    if len(path) < max(SHORTEST * (box.stop - box.start), 3):
        return None
    path, foot = past_last_drop(path, own, hidden, lines, width, style)
    if style == "solid" and not unbroken and outermost(path, own, width):
        raise DataError(
            "colours: beside a curve another solid line of its colour and width runs along it: a confidence limit or "
            "another arm. Give the arms line_styles, or paint the limits white and read the image again."
        )
    levels, drops = steps_of_path(path, width)
    end = end_of_curve(path, own, width, style)
    if foot:
        levels = np.append(levels, foot[1] + 1 - width / 2)
        drops, end = np.append(drops, foot[0] + 0.5), max(end, foot[0] + 0.5)
    weight = np.where(hidden > MAY_HIDE, 1 - hidden, 1)
    levels, drops = refine(own, weight, levels, drops, width, end)
    levels, drops = off_grid(levels, drops, end, width, start_row)
    if foot:
        zero = float(axes.survival.position(0)) - corner[1]
        levels, drops, end = _with_last_drop(levels, drops, width, lines[0], zero, longest_gap(width, style))
    return levels, drops, max([end, *drops[-1:]]), width


def _with_last_drop(levels, drops, width, line_rows, zero, gap):
    """A curve that ends with a drop ends there, rather early than after its follow-up; on the axis line it is 0."""
    foot = round(levels[-1] + width / 2)
    on_axis = line_rows[foot : foot + round(gap) + 2].any() and zero < len(line_rows)
    levels = np.append(levels[:-1], zero if on_axis else levels[-1])
    drops = np.append(drops[:-1], max([drops[-1] - EARLY, *drops[-2:-1]]))
    return levels, drops, drops[-1]


def _placed(levels, drops, end, width, corner, axes: Axes):
    """Start, feet of the drops and end as (time, survival)."""
    x = np.concatenate([[axes.time.position(0) - corner[0]], drops, [end]]) + corner[0]
    return axes.place(np.column_stack([x, np.append(levels, levels[-1]) + corner[1]]))
