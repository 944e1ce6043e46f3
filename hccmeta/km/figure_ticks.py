"""Tick marks of a vector figure: exact positions of the axes' values."""

from __future__ import annotations

import re

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_paths import Figure

LONGEST_TICK = 15.0
SAME = 0.3
NEAR_TYPED = 0.5
LABEL_ASIDE, LABEL_AWAY = 6.0, 40.0


def on_tick_marks(points: dict[str, np.ndarray], figure: Figure) -> dict[str, np.ndarray]:
    """Typed calibration points (value, pixel), each moved onto the mark or axis line within half a point of it.

    Only lines that reach the axis count, so that censoring marks on the curves are no ticks.
    """
    moved = {}
    edge = {"x": points["y"][:, 1].max(), "y": points["x"][:, 1].min()}
    for axis, found in points.items():
        at, low, high = _straight_lines(figure, axis)
        at = at[high >= edge[axis] - NEAR_TYPED] if axis == "x" else at[low <= edge[axis] + NEAR_TYPED]
        moved[axis] = found.copy()
        for row in moved[axis]:
            near = at[np.abs(at - row[1]) <= NEAR_TYPED]
            if len(near):
                row[1] = near[np.abs(near - row[1]).argmin()]
    return moved


def points_of_ticks(figure: Figure, ticks) -> list[dict]:
    """Calibration points {axis, value, pixel} of all tick marks.

    `ticks` gives the values printed at them ({"x": [...], "y": [...]}); None reads the labels from the figure's text.
    """
    if ticks is not None:
        check_ticks(ticks)
    points, problems = [], []
    for axis in "xy":
        groups = _tick_groups(figure, axis)
        fits = [_labelled(figure, axis, *group) if ticks is None else _given(group[0], ticks[axis], axis)
                for group in groups]  # fmt: skip
        fits = [fit for fit in fits if fit is not None]
        if fits:
            best = max(fits, key=lambda fit: (len(fit[0]), np.ptp(fit[1])))
            points += [{"axis": axis, "value": v, "pixel": p} for v, p in zip(*best, strict=True)]
        elif ticks is None:
            problems.append(f"axis {axis}: no row of tick marks with numbers as text beside them; pass ticks={{...}}")
        else:
            counts = ", ".join(str(len(group[0])) for group in groups) or "no"
            problems.append(f"axis {axis}: no row of {len(ticks[axis])} tick marks fits the values (found: {counts})")
    if problems:
        raise DataError("Tick marks: " + "; ".join(problems) + ". Or type two points per axis as calibration.")
    return points


def check_ticks(ticks) -> None:
    """Raise DataError unless `ticks` gives at least two different numbers for each axis."""
    wrong = DataError(
        'ticks must be {"x": [0, 6, 12], "y": [0, 0.5, 1]}: the values printed at the tick marks, two or more per axis.'
    )
    if not isinstance(ticks, dict) or set(ticks) != {"x", "y"}:
        raise wrong
    for values in ticks.values():
        try:
            numbers = np.asarray(values, float)
        except (TypeError, ValueError):
            raise wrong from None
        if numbers.ndim != 1 or not np.isfinite(numbers).all() or not 1 < len(numbers) == len(set(numbers)):
            raise wrong


def _straight_lines(figure: Figure, axis: str):
    """Position along the axis, and the two ends across it, of all straight lines that cross the axis's direction."""
    along, across = (0, 1) if axis == "x" else (1, 0)
    ends = [
        (line.points[0, along], *np.sort(line.points[:, across])[[0, -1]])
        for line in figure.lines
        if len(line.points) <= 3 and np.ptp(line.points[:, along]) < 0.01 < np.ptp(line.points[:, across])
    ]
    return np.array(ends).reshape(-1, 3).T


def _tick_groups(figure: Figure, axis: str):
    """Rows of short marks with equal ends across the axis: (positions, low, high) of each."""
    at, low, high = _straight_lines(figure, axis)
    short = high - low <= LONGEST_TICK
    at, low, high = at[short], low[short], high[short]
    groups, left = [], np.ones(len(at), bool)
    for i in range(len(at)):
        if left[i]:
            same = left & (np.abs(low - low[i]) < SAME) & (np.abs(high - high[i]) < SAME)
            left &= ~same
            positions = np.unique(np.round(at[same], 4))
            positions = positions[np.append(True, np.diff(positions) > SAME)]
            if len(positions) > 1:
                groups.append((positions, low[i], high[i]))
    return groups


def _given(positions, values, axis: str):
    """(values, positions) if the values lie on one straight line along these marks."""
    values = np.sort(np.asarray(values, float))
    if len(values) != len(positions) or len(values) < 2:
        return None
    return _on_one_line(values if axis == "x" else values[::-1], positions)


def _labelled(figure: Figure, axis: str, positions, low: float, high: float):
    """(values, positions) of the marks with a number below (x) or to the left (y)."""
    found = []
    for position in positions:
        near = []
        for word in figure.words:
            along, away = (word.x, word.y - high) if axis == "x" else (word.y, low - word.x)
            value, aside = _number(word.text), abs(along - position)
            if value is not None and aside < LABEL_ASIDE and 0 < away < LABEL_AWAY:
                near.append((away + 3 * aside, value))
        if near:
            found.append((min(near)[1], position))
    return _on_one_line(*np.array(found).T) if len(found) > 1 else None


def _number(text: str) -> float | None:
    text = text.replace("\N{MINUS SIGN}", "-").rstrip("%")
    return float(text.replace(",", ".")) if re.fullmatch(r"-?\d*[.,]?\d+", text) else None


def _on_one_line(values, positions):
    if len(np.unique(values)) < 2:
        return None
    slope, origin = np.polyfit(values, positions, 1)
    return (values, positions) if np.abs(origin + slope * values - positions).max() < 2 * SAME else None
