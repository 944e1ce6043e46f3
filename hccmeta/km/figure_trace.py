"""The path of a curve through an image: from the left to the right it never rises."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

DROP_COST = 0.4
END_COST = {"solid": 0.6, "dashed": 0.8}
HIDDEN_COST = 0.35
CROSSING = {"solid": 0.9, "dashed": 0.45}
BREAK_COST = 2.0
BROKEN = 0.3
SEEN = 0.4
LONGEST_GAP = {"solid": 0.0, "dashed": 6.0}
FOLLOWS = 3
STROKE = 6
CROSSED = 2.0
LONG = 0.15
THINNEST, THICKEST, ALONG = 0.6, 2.8, 0.7


def trace_path(own, hidden, lines, width: float, start_row: float, style: str, *, unbroken: bool) -> np.ndarray:
    """Row of the curve in each column, from the first column to where the curve ends.

    The cheapest path: a column on paper costs 1 (3 if it is `unbroken`: not another, dashed line of its colour), on the
    curve's own colour nothing, under other ink as much as after the end of the curve, 0.6 (dashed 0.8); a row of a drop
    costs 0.9 (dashed 0.45) on paper, a third of that under other ink, nothing on its own colour; each drop 0.4. A curve
    crosses the `lines` of frame and grid, which are rows and columns, but does not follow them.
    """
    size = max(1, round(width))
    flat_hidden, stem_hidden = (0.98 - END_COST[style]) * hidden, (1 - HIDDEN_COST) * hidden
    flat_hidden[lines[0]] = 0
    stem_hidden[:, np.append(0, np.flatnonzero(lines[1]))] = 0
    flat = 1 - _filled(np.maximum(own, flat_hidden), (size, 1), width)
    flat += BREAK_COST * unbroken * (flat > 1 - BROKEN)
    stem = CROSSING[style] * (1 - _filled(np.maximum(own, stem_hidden), (1, size), width))
    rows, columns = own.shape
    at = np.arange(rows, dtype=np.int32)
    down = np.zeros((columns, rows), np.float32)
    np.cumsum(stem[:-1].T, axis=1, out=down[:, 1:])
    flat = np.ascontiguousarray(flat.T)
    total = np.where(np.abs(at + 0.5 - start_row) <= 1.5 + width / 2, 0.0, np.inf)
    came_from = np.empty((columns, rows), np.int32)
    best = (np.inf, 0, 0)
    for x in range(columns):
        relative = total - down[x]
        lowest = np.minimum.accumulate(relative)
        source = np.maximum.accumulate(at * (relative <= lowest))
        dropped = lowest[:-1] + down[x, 1:] + DROP_COST
        falls = dropped < total[1:]
        came_from[x] = at
        came_from[x, 1:][falls] = source[:-1][falls]
        total[1:][falls] = dropped[falls]
        total += flat[x]
        row = int(total.argmin())
        best = min(best, (total[row] + END_COST[style] * (columns - 1 - x), x, row))
    _, last, row = best
    path = np.empty(last + 1, int)
    for x in range(last, -1, -1):
        path[x] = row
        row = came_from[x, row]
    return path


def _filled(seen, size, width: float):
    """Share of the line's width that is seen."""
    pixels = max(size)
    return np.minimum(ndimage.uniform_filter(seen, size=size, mode="nearest") * pixels / min(pixels, width), 1.0)


def to_its_end(path: np.ndarray, own, hidden, width: float, style: str) -> np.ndarray:
    """The path up to its last piece in its own colour that is long beside the paper before it.

    Behind its end a path may have followed other ink, or fallen to another line.
    """
    reach = max(1, round(width / 2))
    rows = np.clip(path[:, None] + np.arange(-reach, reach + 1), 0, own.shape[0] - 1)
    around = rows, np.arange(len(path))[:, None]
    seen, paper = own[around].max(axis=1) > SEEN, hidden[around].max(axis=1) <= SEEN
    longest = max(longest_gap(width, style), 2 * width) + 2
    for x in np.flatnonzero(np.diff(path) > longest):
        stem = slice(path[x], path[x + 1]), slice(max(x - 1, 0), x + 3)
        blank = ((own[stem] < SEEN) & (hidden[stem] < SEEN)).all(axis=1)
        empty = np.diff(np.flatnonzero(~np.pad(blank, 1))).max() - 1
        if empty > longest and seen[x + 1 :].sum() < FOLLOWS * empty:
            seen[x + 1 :] = False
            break
    drawn = seen + _stems(path, own)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], seen.astype(int), [0]])))
    starts, ends = edges[::2], edges[1::2]
    last = len(starts) - 1
    while last > 0:
        gap = paper[ends[last - 1] : starts[last]]
        white, under = gap.sum(), (~gap).sum()
        enough = max(white * (white > longest_gap(width, style)), min(under, STROKE * width))
        if drawn[starts[last] : ends[last]].sum() >= min(enough, LONG * own.shape[1]):
            break
        last -= 1
    return path[: ends[last]] if len(ends) else path[:0]


def _stems(path: np.ndarray, own) -> np.ndarray:
    """Rows of its drops in its own colour, in each column."""
    stems = np.zeros(len(path), int)
    for x in np.flatnonzero(np.diff(path)) + 1:
        stems[x] = (own[path[x - 1] + 1 : path[x], x - 1 : x + 1].max(axis=1) > SEEN).sum()
    return stems


def longest_gap(width: float, style: str) -> float:
    """Longest white stretch within a line of this style, in pixels."""
    return LONGEST_GAP[style] * width


def past_last_drop(path: np.ndarray, own, hidden, lines, width: float, style: str):
    """(path, foot): the path with a drop at its end and what follows on it; (column, row) of the drop that ends it."""
    while foot := _last_drop(path, own, hidden, width, style):
        column, row = round(foot[0]), max(round(foot[1] + 0.5 - width / 2), path[-1] + 1)
        near, behind = slice(max(row - 1, 0), row + 2), column + round(width / 2) + 1
        more = _reach(own[near, behind:].max(axis=0), hidden[near, behind:].max(axis=0), longest_gap(width, style))
        if more <= 2 * width + 2 or lines[0][max(row - 1, 0) : row + round(width) + 2].any():
            return path, foot
        level = np.append(path, np.full(max(column + 1 - len(path), 0), path[-1]))[: column + 1]
        path = np.append(level, np.full(behind + more - column - 1, row))
    return path, None


def _last_drop(path: np.ndarray, own, hidden, width: float, style: str):
    """(column, row) of the foot of a drop at the end of the path or where it comes out of other ink behind it, or None.

    A censoring mark reaches as far up as down.
    """
    gap, level = max(longest_gap(width, style), CROSSED), path[-1]
    under = np.maximum(own, hidden)[max(level - 1, 0) : level + 2, len(path) :].max(axis=0)
    columns = np.arange(max(len(path) - round(width) - 2, 0), min(len(path) + 1 + _run(under), own.shape[1]))
    sides = slice(level, None), slice(level, None, -1)
    down, up = np.array([[_reach(own[rows, x], hidden[rows, x], gap) for x in columns] for rows in sides])
    further = np.where(columns > len(path), down - up - (STROKE - 1) * width, down - up)
    if further.max() <= max(2.0, width):
        return None
    stem = further > further.max() - max(2.0, width)
    return columns[stem].mean(), level + down[stem].max() - 1


def _reach(own, hidden, gap: float) -> int:
    """Number of pixels up to the last one in the own colour before a gap on paper."""
    seen = np.flatnonzero(own > SEEN)
    white = np.cumsum((own <= SEEN) & (hidden <= SEEN))[seen]
    apart = np.flatnonzero(np.diff(white, prepend=0) > gap)
    reached = seen[: apart[0]] if len(apart) else seen
    return int(reached[-1]) + 1 if len(reached) else 0


def outermost(path: np.ndarray, own, width: float) -> bool:
    """Whether another line of the colour and width runs along the curve on one side of it and none on the other."""
    rows, away, columns = np.arange(own.shape[0])[:, None], 2 * width + 2, own[:, : len(path)]
    thick = [
        np.where(side & (columns > SEEN), columns, 0).sum(axis=0) / width
        for side in (rows < path - away, rows > path + away)
    ]
    less, more = sorted(np.mean((mass > THINNEST) & (mass < THICKEST)) for mass in thick)
    return bool(more > ALONG and less < 1 - ALONG)


def end_of_curve(path: np.ndarray, own, width: float, style: str) -> float:
    """Where the curve ends: in the middle of a cross or disc at its end, else half a solid line's width before the
    stroke's end.
    """
    end = len(path)
    near = np.arange(max(end - round(6 * width + 8), 0), end)
    rows = np.clip(path[-1] + np.arange(-1, 2), 0, own.shape[0] - 1)
    level = rows[own[np.ix_(rows, near)].sum(axis=1).argmax()]
    reach = np.array([min(_run(own[level::-1, x]), _run(own[level:, x])) for x in near]) - 0.5
    arm, half_pen = reach.max(), width / 2 if style == "solid" else 0
    if arm <= 1.5 * width + 1:
        return end - half_pen
    high = np.flatnonzero(reach > 0.85 * arm)
    beside_end = len(reach) - 1 - high[-1] <= max(half_pen, 0.3 * arm)
    centred = np.abs(high + arm - len(reach)).min() <= 2
    return end - (arm if centred and not beside_end else half_pen)


def _run(coverage) -> int:
    """Number of covered pixels before the first that is not."""
    gaps = np.flatnonzero(coverage < SEEN)
    return int(gaps[0]) if len(gaps) else len(coverage)
