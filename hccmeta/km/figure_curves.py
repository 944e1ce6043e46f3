"""Step curves among the lines of a vector figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hccmeta.km.figure_axes import Axes
from hccmeta.km.figure_paths import Figure, Line

SLACK = 0.1
START_GAP = 0.06
LEFT_OF_AXIS = 1.0
FRAME = 0.9
DASH_GAP = 8
SHORT = 3
SHORTEST = 0.1
SLANTED = 0.1
LEVEL = 1e-3


@dataclass(frozen=True, eq=False)
class Curve:
    """A step curve: its look, and time and survival at its start, at the foot of each drop, at its end."""

    colour: str
    ink: str
    dashed: bool
    width: float
    corners: np.ndarray

    @property
    def look(self) -> str:
        return f"{self.colour} {'dashed' if self.dashed else 'solid'}"


def step_curves(figure: Figure, axes: Axes) -> list[Curve]:
    """All lines that start near time 0 and survival 1 and run right and down, without confidence limits.

    Lines of one look whose ends meet are joined first.
    """
    curves = []
    for (colour, ink, dashed, width), lines in _by_look(figure).items():
        for points in _joined(lines, axes, width):
            corners = _corners(points, axes)
            if corners is not None and np.ptp(points[:, 0]) > SHORTEST * (axes.box[1] - axes.box[0]):
                curves.append(Curve(colour, ink, dashed, width, corners))
    return _without_limits(_without_copies(curves))


def _by_look(figure: Figure) -> dict[tuple, list[Line]]:
    looks: dict[tuple, list[Line]] = {}
    for line in figure.lines:
        if not line.closed:
            look = line.colour, line.ink, line.dashed, round(float(line.width), 2)
            looks.setdefault(look, []).append(line)
    return looks


def _joined(lines: list[Line], axes: Axes, width: float) -> list[np.ndarray]:
    """Chains of pieces that run right and down from near (0, 1), each piece starting where the one before ends."""
    pieces = [p for p in (_right_and_down(line.points) for line in lines) if p is not None]
    if not pieces:
        return []
    starts, ends = (np.array([p[i] for p in pieces]) for i in (0, -1))
    size = np.array([axes.box[1] - axes.box[0], axes.box[3] - axes.box[2]])
    frame = np.array([len(p) == 2 for p in pieces]) & (ends - starts > FRAME * size).any(axis=1)
    corner = np.array([axes.time.position(0), axes.survival.position(1)])
    short = np.array([len(p) <= SHORT for p in pieces])
    first = (np.abs(starts - corner) < START_GAP * size).all(axis=1)
    first &= ~short | (starts[:, 0] > corner[0] - LEFT_OF_AXIS)
    chains: list[np.ndarray] = []
    for i in sorted(np.flatnonzero(first), key=lambda i: (-len(pieces[i]), *np.abs(starts[i] - corner))):
        if chains and short[i]:
            break
        chain, used = [pieces[i]], frame.copy()
        used[i] = True
        while not frame[i] and (found := _next(chain[-1], starts, ends, used, width)) is not None:
            used[found] = True
            chain.append(pieces[found])
        chains.append(np.concatenate(chain))
    return chains


def _next(piece, starts, ends, used, width: float):
    """Index of the piece that starts where this one ends; after a short piece, also one a dash's gap further on."""
    gap = starts - piece[-1]
    meets = ~used & (np.abs(gap) < SLACK).all(axis=1) & ((ends - piece[-1]).max(axis=1) > SLACK)
    if not meets.any() and len(piece) <= SHORT:
        meets = ~used & (gap > -SLACK).all(axis=1) & (gap.max(axis=1) < DASH_GAP * width)
    return int(np.flatnonzero(meets)[np.abs(gap[meets]).sum(axis=1).argmin()]) if meets.any() else None


def _right_and_down(points):
    """The points from left to right and downwards, or None where they turn back."""
    for order in (points, points[::-1]):
        if (np.diff(order, axis=0) > -SLACK).all():
            return order
    return None


def _corners(points, axes: Axes):
    """Start, foot of each drop and end as (time, survival); None for axes and lines that are no steps.

    A slanted piece is a flat one and a drop that were merged when the file was written.
    """
    steps = np.diff(points, axis=0)
    slanted = (steps > 1.0).all(axis=1)
    if np.abs(steps[slanted]).sum() > SLANTED * np.abs(steps).sum():
        return None
    feet = points[np.flatnonzero(steps[:, 1] > LEVEL) + 1]
    feet = feet[np.append(np.diff(feet[:, 0]) > LEVEL, True)[: len(feet)]]
    placed = axes.place(np.vstack([points[:1], feet, points[-1:]]))
    falls_at_once = len(feet) and placed[1, 1] < 0.02 and placed[1, 0] - placed[0, 0] < 1e-9
    return None if falls_at_once or abs(placed[0, 1] - 1) > START_GAP else placed


def _without_copies(curves: list[Curve]) -> list[Curve]:
    """A curve drawn twice counts once; of several chains through the same piece the longest stays."""
    kept: list[Curve] = []
    for curve in sorted(curves, key=lambda c: -len(c.corners)):
        ends = [c.corners[-1] for c in kept if c.colour == curve.colour and c.dashed == curve.dashed]
        if not any(np.allclose(curve.corners[-1], end, atol=1e-6) for end in ends):
            kept.append(curve)
    return kept


def _without_limits(curves: list[Curve]) -> list[Curve]:
    """Drop the confidence limits: two curves of a colour that enclose a third and step only where it does."""
    limits = set()
    for i, middle in enumerate(curves):
        others = [j for j, c in enumerate(curves) if j != i and c.colour == middle.colour and _steps_with(c, middle)]
        above = [j for j in others if _side(curves[j], middle) > 0]
        below = [j for j in others if _side(curves[j], middle) < 0]
        if above and below:
            limits |= {*above, *below}
    return [curve for i, curve in enumerate(curves) if i not in limits]


def _steps_with(curve: Curve, other: Curve) -> bool:
    times = curve.corners[1:-1, 0]
    gaps = np.abs(times[:, None] - other.corners[1:-1, 0][None, :])
    return len(times) > 1 and gaps.size > 0 and bool((gaps.min(axis=1) < 1e-3 * other.corners[-1, 0]).mean() > 0.9)


def _side(curve: Curve, other: Curve) -> int:
    """1 where a curve lies above another at all its steps, -1 where below, 0 otherwise."""
    time = other.corners[1:-1, 0]
    gap = survival_at(curve.corners, time) - survival_at(other.corners, time)
    return int((gap > -1e-6).all()) - int((gap < 1e-6).all())


def survival_at(corners, time):
    """Survival of a step curve (rows time, survival) from each time on."""
    last = np.searchsorted(corners[:, 0], time, side="right") - 1
    return np.where(last >= 0, corners[np.maximum(last, 0), 1], 1.0)
