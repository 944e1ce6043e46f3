"""Kaplan-Meier curves of a vector figure (PDF, SVG), read from its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_axes import Axes, fit_axes, read_calibration
from hccmeta.km.figure_curves import step_curves
from hccmeta.km.figure_paths import Figure, read_figure
from hccmeta.km.figure_style import assign_curves, named_by_colour
from hccmeta.km.figure_ticks import on_tick_marks, points_of_ticks

if TYPE_CHECKING:
    import pandas as pd

STARTS_AT_ONE = 0.01
FILE_PRECISION = 1e-4
WRITTEN = 0.005


def digitise_vector(
    path, *, page=0, calibration="ticks", colours=None, line_styles=None, y_scale=1, ticks=None
) -> pd.DataFrame:
    """Kaplan-Meier curves of a PDF or SVG figure, exact as far as the file is.

    Parameters
    ----------
    path : path-like
        A .pdf or .svg file.
    page : int
        Page of a PDF; the first is 0.
    calibration : list of dict, or "ticks"
        {axis: x or y, value, pixel}, two or more per axis, in points (1/72 inch; a px of an SVG is 3/4 point) from the
        top left. Positions within half a point of a tick mark are moved onto it. "ticks" uses all tick marks, with
        the numbers beside them or those of `ticks`.
    colours : dict of curve -> hex colour, optional
        None finds all curves and names them by colour.
    line_styles : dict of curve -> "solid" or "dashed", optional
        Decides between curves of one colour.
    y_scale : float
        100 where the axis is in per cent.
    ticks : dict of axis -> values, optional
        Values at the tick marks where their labels are not text: {"x": [0, 6, 12], "y": [0, 0.5, 1]}.

    Returns
    -------
    DataFrame
        curve, time (in units of the axis, to about 1e-4 points), survival (fraction): start, foot of each drop, end.

    Raises
    ------
    DataError
        File, page, calibration or curves that cannot be read; says what was found instead.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> svg = '''<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="100pt" viewBox="0 0 100 100">
    ... <path d="M 10 10 H 30 V 50 H 90" style="fill:none;stroke:#d62728"/></svg>'''
    >>> figure = pathlib.Path(tempfile.mkdtemp()) / "figure.svg"
    >>> _ = figure.write_text(svg)
    >>> axes = [{"axis": "x", "value": 0, "pixel": 10}, {"axis": "x", "value": 12, "pixel": 90},
    ...         {"axis": "y", "value": 0, "pixel": 90}, {"axis": "y", "value": 1, "pixel": 10}]
    >>> digitise_vector(figure, calibration=axes)
         curve  time  survival
    0  #d62728   0.0       1.0
    1  #d62728   3.0       0.5
    2  #d62728  12.0       0.5
    """
    figure = read_figure(path, page)
    axes = calibrate(figure, calibration, y_scale, ticks)
    curves = step_curves(figure, axes)
    if colours is None:
        chosen = named_by_colour(curves)
        if not chosen:
            raise DataError(
                f"No step curve among the {len(figure.lines)} lines: none starts near time 0 and survival 1 and runs "
                "right and down. Check the calibration; a figure stored as an image needs digitise_image."
            )
    else:
        chosen = assign_curves(curves, colours, line_styles)
    digits = -int(np.ceil(np.log10(FILE_PRECISION * axes.time.slope)))
    early = WRITTEN * axes.time.slope
    table = curve_table({name: _ended(curve.corners, early) for name, curve in chosen.items()})
    return table.assign(time=table["time"].round(digits))


def _ended(corners: np.ndarray, early: float) -> np.ndarray:
    """Corners where a drop at the very end of a curve is not behind its follow-up through rounding in the file."""
    at_end = corners[:, 0] > corners[-1, 0] - early
    at_end[[0, -1]] = False
    return np.where(at_end[:, None] & [True, False], corners[-1:, :] - early, corners)


def calibrate(figure: Figure, calibration, y_scale, ticks) -> Axes:
    """Axes from typed points moved onto the tick marks, or from the tick marks alone."""
    if isinstance(calibration, str) and calibration == "ticks":
        return fit_axes(read_calibration(points_of_ticks(figure, ticks), y_scale))
    points = read_calibration(calibration, y_scale)
    fit_axes(points)
    return fit_axes(on_tick_marks(points, figure))


def curve_table(corners: dict[str, np.ndarray]) -> pd.DataFrame:
    """Rows curve, time, survival of curves that start at (0, 1), clipped to survival 0-1 and never rising."""
    import pandas as pd

    tables = []
    for name, points in corners.items():
        time, survival = np.maximum(points[:, 0], 0), np.clip(points[:, 1], 0, 1)
        if abs(points[0, 1] - 1) < STARTS_AT_ONE:
            survival[0] = 1.0
            time[0] = 0.0
        else:
            time, survival = np.append(0.0, time), np.append(1.0, survival)
        tables.append(pd.DataFrame({"curve": name, "time": time, "survival": np.minimum.accumulate(survival)}))
    return pd.concat(tables, ignore_index=True)
