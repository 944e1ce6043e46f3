"""How much of each pixel a curve's colour covers, and how much other ink may hide it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SPREAD = 14.0
FARTHEST = 60.0
FARTHEST_HUE = 40.0
PALE = 8.0
RINGING = 12.0
BLURRED = 25.0
FULL_LINE = 0.93
WHOLE = 0.985
TOP_ROWS = 3
INK = 0.15
CORE = 0.45
FILLED = 0.85
OFTEN, MARKS = 0.25, 3.0
LIGHTER = 0.35
FAINT, SHADED = 0.06, 0.01
WORST_MIXED = 30.0
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)


def paper_colour(pixels: np.ndarray) -> np.ndarray:
    """The colour on which most of the plot is drawn."""
    return np.median(pixels[::3, ::3].reshape(-1, 3), axis=0).astype(np.float32)


def coverage(pixels: np.ndarray, colours: list[np.ndarray], paper, *, compressed: bool) -> list[np.ndarray]:
    """Share of each pixel (0-1) covered by each of the colours, drawn on paper.

    A pixel belongs to the colours that explain it best as a mixture with paper; the colour of text and frame, black on
    light paper, is always a rival. Of two colours one of which is the other made paler, a pixel is the stronger one
    where a strong core is next to it. In `compressed` images colours are coarser than lightness.
    """
    text = np.zeros(3) if paper @ LUMA > 128 else np.full(3, 255.0)
    inks = [*colours, *([] if any(np.abs(c - text).max() < 1 for c in colours) else [text])]
    mixtures, farthest = [_mixture(pixels, ink, paper) for ink in inks], FARTHEST
    if compressed or _colours_smeared(pixels, paper, np.minimum.reduce([misfit for _, misfit in mixtures])):
        mixtures, farthest = _mixtures_by_hue(pixels, inks, paper), FARTHEST_HUE
    best = np.minimum.reduce([misfit for _, misfit in mixtures])
    shares = []
    for (share, misfit), ink in zip(mixtures[: len(colours)], inks, strict=False):
        own = share * np.exp((best**2 - misfit**2) / (2 * SPREAD**2) - (misfit / farthest) ** 2)
        for (other_share, _), other in zip(mixtures, inks, strict=True):
            own = own * _not_of(ink, other, share, other_share, paper)
        shares.append(own)
    return _under_bands(pixels, shares, inks, paper)


def _under_bands(pixels, shares, inks, paper):
    """The shares, and what of each colour shows through the shaded bands of the others where these lie over the lines.

    A pixel is a mixture of paper, the colour, one other and that of text.
    """
    size = max(9, pixels.shape[0] // 60)
    if len(shares) < 2 or not any((_band(share, size) > FAINT).mean() > SHADED for share in shares):
        return shares
    dark, found = paper - pixels, []
    text = np.zeros(3) if paper @ LUMA > 128 else np.full(3, 255.0)
    no_text = 1 - np.exp(-((_mixture(pixels, text, paper)[1] / SPREAD) ** 2))
    for i, own in enumerate(shares):
        for j in set(range(len(shares))) - {i}:
            parts = np.array([paper - inks[i], paper - inks[j], paper - text], np.float32)
            apart = np.linalg.cond(parts) < WORST_MIXED
            parts = parts if apart else parts[:2]
            mixed = dark @ np.linalg.pinv(parts)
            misfit = np.sqrt(((dark - np.maximum(mixed, 0) @ parts) ** 2).sum(axis=-1))
            through = np.maximum(1 - _band(np.clip(mixed[..., 1], 0, 1), size), 0.25)
            share = np.clip(mixed[..., 0] / through, 0, 1) * np.exp(-((misfit / FARTHEST_HUE) ** 2))
            own = np.maximum(own, share if apart else share * no_text)
        found.append(own)
    return found


def _colours_smeared(pixels, paper, misfit) -> bool:
    """Whether paper beside lines is tinted as compression with coarse colours leaves it (5 %, or 0.5 % where many
    pixels are no mixture of paper with a colour); in the soft edge of a line the tint is that of its lightness.
    """
    ink = any_ink(pixels, paper) > CORE
    light = np.abs((pixels - paper) @ LUMA)
    beside = ndimage.maximum_filter(ink, size=3) & (light < PALE)
    if not beside.any():
        return False
    tint = np.abs((pixels[beside] - paper) @ CHROMA.T).sum(axis=-1)
    tinted = np.mean(tint > 2 * light[beside] + 6)
    return bool(tinted > 0.05 or (tinted > 0.005 and np.mean(misfit[ink] > BLURRED) > 0.25))


def _mixture(pixels, colour, paper):
    """Share of the colour in a mixture with paper, and the distance of the pixel from that mixture."""
    ink, dark = paper - colour.astype(np.float32), paper - pixels
    length = max(float(ink @ ink), 1.0)
    along = dark @ ink
    share = np.clip(along / length, 0, 1)
    square = np.einsum("...k,...k->...", dark, dark) - share * (2 * along - share * length)
    return share, np.sqrt(np.maximum(square, 0))


def _mixtures_by_hue(pixels, inks, paper):
    """The same where compression has smeared the colours: shares by lightness, distances by hue around the pixel and
    by how much the pixel is stronger than the colour.
    """
    dark = (paper - pixels) @ LUMA
    hue = ndimage.uniform_filter((pixels - paper) @ CHROMA.T, size=(3, 3, 1))
    mixtures = []
    for ink in inks:
        full = float((paper - ink) @ LUMA)
        own = CHROMA @ (ink - paper).astype(np.float32)
        part = np.clip(hue @ own / max(float(own @ own), 1.0), 0, 1)
        share = dark / (full if abs(full) > 1 else 1.0)
        too_strong = np.maximum((share - 1) * abs(full) - RINGING, 0)
        misfit = np.sqrt(((hue - part[..., None] * own) ** 2).sum(axis=-1) + too_strong**2)
        mixtures.append((np.clip(share, 0, 1), misfit))
    return mixtures


def _not_of(ink, other, share, other_share, paper):
    """0 where a pixel that fits both inks belongs to the other one, 1 elsewhere."""
    ratio, misfit = _mixture(ink, other, paper)
    if ratio < 0.97 and misfit < BLURRED:
        return ndimage.maximum_filter(other_share, size=3) < ratio + LIGHTER * (1 - ratio)
    ratio, misfit = _mixture(other, ink, paper)
    if ratio < 0.97 and misfit < BLURRED:
        return ndimage.maximum_filter(share, size=3) > ratio + LIGHTER * (1 - ratio)
    return True


def any_ink(pixels: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """How far each pixel is from paper, 0-1."""
    away = np.abs(paper - pixels)
    return np.maximum(np.maximum(away[..., 0], away[..., 1]), away[..., 2]) / 255


def stroke(own: np.ndarray) -> tuple[np.ndarray, float]:
    """Coverage and width of the line; a line so thin or pale that it fills no pixel is made to fill its pixels."""
    line = _without_band(own, max(9, own.shape[0] // 30))
    width, core = _line_width(line), line[line > CORE]
    full = min(float(np.percentile(core, 90)), width) if len(core) else 1.0
    if full < FILLED:
        own, width = np.minimum(own / full, 1), _line_width(np.minimum(line / full, 1))
    return own, max(width, 1.0)


def _without_band(own: np.ndarray, size: int) -> np.ndarray:
    """Coverage above that of a shaded band."""
    band = _band(own, size)
    return np.clip((own - band) / np.maximum(1 - band, 0.25), 0, 1)


def _band(own: np.ndarray, size: int) -> np.ndarray:
    """Coverage in areas at least `size` pixels wide and high."""
    return ndimage.grey_opening(own, size=(size, size), mode="nearest")


def _line_width(own: np.ndarray) -> float:
    """Usual height of the strokes that cross a column: that of the flat pieces of a curve, even where dense censoring
    marks are more frequent.
    """
    columns = own[:, :: max(1, own.shape[1] // 400)]
    core = np.pad(ndimage.maximum_filter1d(columns > CORE, size=3, axis=0), ((1, 1), (0, 0))).astype(np.int8)
    starts, ends = (np.argwhere((np.diff(core, axis=0) == turn).T).T for turn in (1, -1))
    mass = np.pad(np.cumsum(columns, axis=0, dtype=float), ((1, 0), (0, 0)))
    heights = mass[ends[1], ends[0]] - mass[starts[1], starts[0]]
    heights = heights[(heights > 0.5) & (heights < 0.05 * own.shape[0] + 4)]
    if not len(heights):
        return 1.0
    counts, edges = np.histogram(heights, bins=np.arange(0, heights.max() + 1, 0.25))
    smooth = np.convolve(counts, [1, 1, 1], mode="same")
    first = int(np.argmax((smooth > OFTEN * smooth.max()) & (edges[:-1] >= 1)))
    first += int(smooth[first : first + 4].argmax())
    mode = edges[first if edges[smooth.argmax()] > MARKS * edges[first] else smooth.argmax()] + 0.125
    return float(np.median(heights[np.abs(heights - mode) < 0.5]))


def full_lines(ink, own, box: slice, top: float, bottom: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that are drawn over nearly their whole length: frame and grid.

    A row in the curve's own colour is a long flat piece of it unless it is the frame at the top or the bottom.
    """
    drawn = ink[:, box] > INK
    row, column = drawn.mean(axis=1), drawn.mean(axis=0)
    own_rows = own[:, box].mean(axis=1) > 0.5
    at = np.arange(len(row)) + 0.5
    frame = ((at < top + TOP_ROWS) & (row > WHOLE)) | (at > bottom - 2)
    columns = np.zeros(ink.shape[1], bool)
    columns[box] = column > FULL_LINE
    return (row > FULL_LINE) & (~own_rows | frame), columns


def without_lines(own, lines, box: slice) -> np.ndarray:
    """Coverage above that of the frame and grid, whose colour may resemble the curve's."""
    rows, columns = lines
    for which, axis in ((np.ix_(rows, range(own.shape[1])), 1), (np.ix_(range(own.shape[0]), columns), 0)):
        own = own.copy()
        part = own[which]
        if part.size:
            base = np.median(part[:, box] if axis == 1 else part, axis=axis, keepdims=True)
            own[which] = np.clip((part - base) / np.maximum(1 - base, 0.25), 0, 1)
    return own


def drawn_colours(pixels: np.ndarray, paper: np.ndarray, most: int = 6) -> list[str]:
    """The most frequent colours that are not nearly paper, as hex."""
    inked = pixels[any_ink(pixels, paper) > CORE / 2].astype(int)
    if not len(inked):
        return []
    cells, cell, counts = np.unique(inked // 32, axis=0, return_inverse=True, return_counts=True)
    typical = []
    for i in np.argsort(-counts, kind="stable")[:most]:
        typical.append("#" + "".join(f"{int(v):02x}" for v in np.median(inked[cell.ravel() == i], axis=0)))
    return typical
