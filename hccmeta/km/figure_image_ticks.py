"""Tick marks of an image: where they stand along the axis lines."""

from __future__ import annotations

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_ink import any_ink, paper_colour
from hccmeta.km.figure_ticks import check_ticks

DARK = 0.45
AXIS_LINE = 0.3
FARTHEST = 12
BEYOND = 3
OFF_LINE = 1.0
ALIGNED = 0.1


def points_of_image_ticks(pixels: np.ndarray, ticks) -> list[dict]:
    """Calibration points {axis, value, pixel} of the tick marks, whose values `ticks` gives for x and y.

    Marks in the middle of pixels were moved there by the renderer, on average half a pixel right and down.
    """
    if not isinstance(ticks, dict) or set(ticks) != {"x", "y"}:
        raise DataError('An image needs the values at its tick marks: ticks={"x": [0, 6, 12], "y": [0, 0.5, 1]}.')
    check_ticks(ticks)
    pixels = pixels.astype(np.float32)
    dark = any_ink(pixels, paper_colour(pixels))
    dark = np.where(dark > DARK, dark, 0)
    points, problems = [], []
    for axis, turned in (("x", dark), ("y", dark.T[::-1])):
        values = np.sort(np.asarray(ticks[axis], float))[:: 1 if axis == "x" else -1]
        places = _tick_positions(turned, values)
        if places is None:
            problems.append(f"axis {axis}: no axis line with {len(values)} tick marks that fit the values")
        else:
            pairs = zip(values, places, strict=True)
            points += [{"axis": axis, "value": float(value), "pixel": float(place)} for value, place in pairs]
    if problems:
        raise DataError("Tick marks: " + "; ".join(problems) + ". Or type two points per axis as calibration.")
    return points


def _tick_positions(dark: np.ndarray, values: np.ndarray):
    """Positions along the columns of the marks on one side of a long dark row, the outermost such row first."""
    lengths, ends = _longest_run(dark > 0)
    for row in np.flatnonzero(lengths > AXIS_LINE * dark.shape[1])[::-1]:
        first, last = max(ends[row] - lengths[row] - BEYOND, 0), ends[row] + BEYOND
        fits = []
        for at in [*range(row + 1, row + FARTHEST), *range(row - 1, row - FARTHEST, -1)]:
            places = first + _middles(dark[at, first:last]) if 0 <= at < len(dark) else np.zeros(0)
            if len(places) == len(values) > 1:
                fits.append((_off_line(places, values), len(fits), places))
        if fits and min(fits)[0] < OFF_LINE:
            places = min(fits)[2]
            on_grid = (np.abs(places % 1 - 0.5) < ALIGNED).all()
            return places - 0.5 if on_grid else places
    return None


def _longest_run(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length of the longest run of True in each row, and the column behind its end."""
    counted = np.cumsum(mask, axis=1)
    runs = counted - np.maximum.accumulate(np.where(mask, 0, counted), axis=1)
    return runs.max(axis=1), runs.argmax(axis=1) + 1


def _middles(row: np.ndarray) -> np.ndarray:
    """Weighted middle of each run of dark pixels, from the edge of the image."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (row > 0).astype(int), [0]])))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return np.array([np.average(np.arange(a, b) + 0.5, weights=row[a:b]) for a, b in runs])


def _off_line(places: np.ndarray, values: np.ndarray) -> float:
    """Largest distance of the places from a straight line through them and their values."""
    return float(np.abs(np.polyval(np.polyfit(values, places, 1), values) - places).max())
