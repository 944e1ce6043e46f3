"""Axes of a figure: from positions on the page to time and survival."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hccmeta.errors import DataError

CROOKED = 3.0


@dataclass(frozen=True)
class Axis:
    """value = origin + slope * position."""

    slope: float
    origin: float

    def value(self, position):
        return self.origin + self.slope * np.asarray(position, float)

    def position(self, value):
        return (np.asarray(value, float) - self.origin) / self.slope


@dataclass(frozen=True)
class Axes:
    """Time and survival (fraction) of positions on the page; `box` is the rectangle between the calibration points."""

    time: Axis
    survival: Axis
    box: tuple[float, float, float, float]

    def place(self, points):
        """(time, survival) of points (x, y)."""
        points = np.asarray(points, float)
        return np.column_stack([self.time.value(points[:, 0]), self.survival.value(points[:, 1])])


def read_calibration(calibration, y_scale) -> dict[str, np.ndarray]:
    """Points (value, pixel) per axis, survival as a fraction; one DataError lists all that is wrong."""
    problems: list[str] = []
    if not isinstance(y_scale, int | float) or isinstance(y_scale, bool) or not 0 < y_scale < float("inf"):
        raise DataError(f"y_scale = {y_scale!r}: 1 for an axis in fractions, 100 for one in per cent.")
    if not isinstance(calibration, list | tuple):
        raise DataError("calibration must be a list of {axis, value, pixel}, two points or more per axis.")
    points: dict[str, list] = {"x": [], "y": []}
    for number, point in enumerate(calibration, 1):
        try:
            axis, value, pixel = point["axis"], float(point["value"]), float(point["pixel"])
        except (KeyError, TypeError, ValueError):
            problems.append(f"point {number} ({point!r}) needs axis, value and pixel, the last two numbers")
            continue
        if axis not in points or not np.isfinite([value, pixel]).all():
            problems.append(f"point {number} ({point!r}) needs axis x or y and finite numbers")
            continue
        points[axis].append((value / (y_scale if axis == "y" else 1), pixel))
    arrays = {axis: np.array(found, float).reshape(-1, 2) for axis, found in points.items()}
    for axis, found in arrays.items():
        if not problems and (len(np.unique(found[:, 0])) < 2 or len(np.unique(found[:, 1])) < 2):
            problems.append(f"axis {axis} needs two points with different values and pixels")
    if not problems and np.abs(arrays["y"][:, 0]).max() > 2:
        problems.append("the y axis reaches beyond 2: pass y_scale=100 for an axis in per cent")
    if problems:
        raise DataError("calibration: " + "; ".join(problems) + ".", _as_rows(problems))
    return arrays


def fit_axes(points: dict[str, np.ndarray]) -> Axes:
    """Straight line through the calibration points of each axis."""
    axes, problems = {}, []
    for axis, name in (("x", "time"), ("y", "survival")):
        value, pixel = points[axis].T
        slope, origin = np.polyfit(pixel, value, 1)
        off = np.abs(origin + slope * pixel - value) / abs(slope)
        if off.max() > CROOKED:
            worst = value[off.argmax()]
            problems.append(f"the {axis} points are not on one line: {worst:g} is {off.max():.1f} away from the others")
        if slope * (1 if axis == "x" else -1) <= 0:
            problems.append(f"{name} runs backwards along {axis}: pixels count from the top left, y downwards")
        axes[name] = Axis(float(slope), float(origin))
    if problems:
        raise DataError("calibration: " + "; ".join(problems) + ".", _as_rows(problems))
    box = (*np.sort(points["x"][:, 1])[[0, -1]], *np.sort(points["y"][:, 1])[[0, -1]])
    return Axes(box=tuple(float(edge) for edge in box), **axes)


def _as_rows(problems):
    keys = ("table", "row", "column", "value", "rule")
    return [dict.fromkeys(keys) | {"table": "calibration", "fix": problem} for problem in problems]
