"""From a path in pixels to a step function with fractions of pixels."""

from __future__ import annotations

import numpy as np

TRIALS = np.linspace(-1.25, 1.25, 11)
SWEEPS = (1.0, 0.24)
LONGEST_WINDOW = 40
ALIGNED = 0.75
CENTRED = 0.2


def steps_of_path(path: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Levels (one more than drops) and positions of the drops: pixel centres, or edges for a pen of even width."""
    drops = np.flatnonzero(np.diff(path)) + 1
    centre = 0.5 * (max(1, round(width)) % 2)
    return path[np.append(0, drops)] + centre, drops + centre


def refine(own, weight, levels, drops, width: float, end: float):
    """Move each drop and each level by fractions of a pixel to where the drawn line fits the coverage best.

    The line is a square pen of the line's width along the steps; the misfit is the sum of |coverage - drawn|, in which
    pixels under other ink have no weight.
    """
    levels, drops = levels.copy(), drops.copy()
    for scale in SWEEPS:
        for i in range(len(drops)):
            low = drops[i - 1] if i else 0.0
            high = drops[i + 1] if i + 1 < len(drops) else end
            places = np.clip(drops[i] + scale * TRIALS, low, high)
            window = _window(own, drops[i] - width, drops[i] + width, levels[i] - width, levels[i + 1] + width)
            pieces = _pieces(levels, drops, width, end, window)
            misfit = _misfit(own, weight, window, pieces, _moved_drop(levels, drops, width, end, i, places))
            drops[i] = places[misfit.argmin()]
        for i in range(len(levels)):
            low = levels[i - 1] if i else -np.inf
            high = levels[i + 1] if i + 1 < len(levels) else np.inf
            places = np.clip(levels[i] + scale * TRIALS, low, high)
            left, right = drops[i - 1] if i else 0.0, drops[i] if i < len(drops) else end
            if right - left > LONGEST_WINDOW:
                left, right = (left + right - LONGEST_WINDOW) / 2, (left + right + LONGEST_WINDOW) / 2
            window = _window(own, left - width / 2, right + width / 2, levels[i] - width, levels[i] + width)
            pieces = _pieces(levels, drops, width, end, window)
            misfit = _misfit(own, weight, window, pieces, _moved_level(levels, drops, width, end, i, places))
            levels[i] = places[misfit.argmin()]
    return levels, drops


def drawn_pieces(levels, drops, width: float, end: float) -> np.ndarray:
    """Rectangles (left, right, top, bottom) that the pen covers: flat pieces first, then drops."""
    edges, half = np.concatenate([[-width], drops, [end]]), width / 2
    flat = np.column_stack([edges[:-1] - half, edges[1:] + half, levels - half, levels + half])
    stem = np.column_stack([drops - half, drops + half, levels[:-1] - half, levels[1:] + half])
    return np.vstack([flat, stem])


def _pieces(levels, drops, width, end, window):
    """(rectangles in the window, their numbers)."""
    rows, columns = window
    pieces = drawn_pieces(levels, drops, width, end)
    near = (pieces[:, 1] > columns[0]) & (pieces[:, 0] < columns[-1] + 1)
    near &= (pieces[:, 3] > rows[0]) & (pieces[:, 2] < rows[-1] + 1)
    return pieces[near], np.flatnonzero(near)


def _moved_drop(levels, drops, width, end, i, places):
    """{piece number: rectangles, one per place} of the pieces that change when drop i moves."""
    flats = len(levels)
    base = drawn_pieces(levels, drops, width, end)
    before, after, stem = (np.repeat(base[[k]], len(places), axis=0) for k in (i, i + 1, flats + i))
    before[:, 1] = places + width / 2
    after[:, 0] = places - width / 2
    stem[:, 0], stem[:, 1] = places - width / 2, places + width / 2
    return {i: before, i + 1: after, flats + i: stem}


def _moved_level(levels, drops, width, end, i, places):
    """The same for level i."""
    flats = len(levels)
    base = drawn_pieces(levels, drops, width, end)
    moved = {i: np.repeat(base[[i]], len(places), axis=0)}
    moved[i][:, 2], moved[i][:, 3] = places - width / 2, places + width / 2
    if i:
        moved[flats + i - 1] = np.repeat(base[[flats + i - 1]], len(places), axis=0)
        moved[flats + i - 1][:, 3] = places + width / 2
    if i < flats - 1:
        moved[flats + i] = np.repeat(base[[flats + i]], len(places), axis=0)
        moved[flats + i][:, 2] = places - width / 2
    return moved


def _window(own, left, right, top, bottom):
    """Rows and columns of the image around a rectangle."""
    rows = np.arange(max(int(top - 2.5), 0), min(int(bottom + 3.5), own.shape[0]))
    columns = np.arange(max(int(left - 2.5), 0), min(int(right + 3.5), own.shape[1]))
    return rows, columns


def _misfit(own, weight, window, pieces, moved):
    """Sum of |coverage - drawn| in the window for each place of the moved pieces."""
    rows, columns = window
    if not len(rows) or not len(columns):
        return np.zeros(len(TRIALS))
    rectangles, numbers = pieces
    still = rectangles[~np.isin(numbers, list(moved))]
    drawn = _covered(still, rows, columns).max(axis=0, initial=0)[None]
    for places in moved.values():
        drawn = np.maximum(drawn, _covered(places, rows, columns))
    box = np.ix_(rows, columns)
    return (np.abs(own[box] - drawn) * weight[box]).sum(axis=(1, 2))


def _covered(rectangles, rows, columns):
    """Share of each pixel that each rectangle covers."""
    left, right, top, bottom = (side[:, None] for side in rectangles.T)
    across = np.clip(np.minimum(columns + 1, right) - np.maximum(columns, left), 0, 1)
    down = np.clip(np.minimum(rows + 1, bottom) - np.maximum(rows, top), 0, 1)
    return down[:, :, None] * across[:, None, :]


def off_grid(levels, drops, end: float, width: float, start_row: float):
    """Undo the rounding of a drawing whose lines were moved onto whole pixels.

    Renderers that fit lines to the pixel grid move a line of odd width from anywhere in a pixel to half a pixel beyond
    its rounded place: half a pixel right and down on average. A first level above that of survival 1 shows that this
    one did not.
    """
    clear = np.diff(np.concatenate([[0.0], drops, [end]])) > 2 * width + 2
    turn = np.exp(2j * np.pi * levels[clear]).mean() if clear.sum() >= 4 else 0.0
    if abs(turn) < ALIGNED:
        return levels, drops
    part = np.angle(turn) / (2 * np.pi) % 1
    centred = -1.2 < levels[0] - start_row < -0.15
    shift = 0.5 if abs(part - 0.5) < CENTRED and not centred else 0.0
    return np.round(levels - part) + part - shift, np.round(drops - part) + part - shift
