"""The marks of a forest plot: squares, intervals cut with an arrow, diamonds, prediction bars."""

from __future__ import annotations

from math import isfinite

from . import style

LARGEST = 105.0  # area of the heaviest square, square points


def draw_intervals(ax, spans, limits, *, scale: float, width: float, gid: str) -> None:
    """Lines (y, low, high, colour) cut at the axis, with an arrow head where the interval goes on."""
    from matplotlib.collections import LineCollection

    seen = [(y, low, high, colour) for y, low, high, colour in spans if low <= limits[1] and high >= limits[0]]
    segments = [[(max(low, limits[0]), y), (min(high, limits[1]), y)] for y, low, high, _ in seen]
    colours = [colour for *_, colour in seen]
    lines = LineCollection(segments, colors=colours, linewidths=width * scale, zorder=2, gid=gid, clip_on=False)
    ax.add_collection(lines, autolim=False)
    for y, low, high, colour in seen:
        for cut, edge, marker in ((low < limits[0], limits[0], "<"), (high > limits[1], limits[1], ">")):
            if cut:
                ax.plot([edge], [y], marker, ms=4.5 * scale, color=colour, clip_on=False, zorder=2.5, gid="arrow")


def draw_squares(ax, marks, scale: float) -> None:
    """Squares (x, y, weight, included): area proportional to weight, equal where there is none, hollow if left out."""
    heaviest = max((weight for _, _, weight, _ in marks if weight is not None), default=0.0)
    for included in (True, False):
        part = [mark for mark in marks if mark[3] is included]
        if not part:
            continue
        colour = style.STUDY if included else style.SOFT
        areas = [LARGEST * weight / heaviest if weight is not None and heaviest > 0 else 0.4 * LARGEST
                 for _, _, weight, _ in part]  # fmt: skip
        xs, ys = [mark[0] for mark in part], [mark[1] for mark in part]
        if included:
            ax.scatter(xs, ys, s=16 * scale**2, marker="|", color=colour, lw=1 * scale, clip_on=False, zorder=3)
        look = dict(color=colour, lw=0) if included else dict(facecolors=style.PAPER, edgecolors=colour, lw=scale)
        ax.scatter(xs, ys, s=[area * scale**2 for area in areas], marker="s", clip_on=False, zorder=4,
                   gid="study" if included else "left out", **look)  # fmt: skip


def draw_rows(ax, rows, ys, limits, scale: float) -> None:
    """All marks of the rows at heights `ys`."""
    spans, squares, bars = [], [], []
    for row, y in zip(rows, ys, strict=True):
        low, middle, high = row["low"], row["estimate"], row["high"]
        if not isfinite(middle):
            continue
        if row["kind"] == "pooled":
            ends = [min(max(value, limits[0]), limits[1]) for value in (low, middle, high)]
            colour = style.POOLED if row["overall"] else style.STUDY
            ax.fill([ends[0], ends[1], ends[2], ends[1]], [y, y + 0.32, y, y - 0.32], color=colour, lw=0, zorder=3,
                    clip_on=False, gid="diamond")  # fmt: skip
        elif row["kind"] == "prediction":
            bars.append((y, low, high, style.PREDICTION))
        else:
            if low == low and high == high:
                spans.append((y, low, high, style.STUDY if row["included"] else style.SOFT))
            if limits[0] <= middle <= limits[1]:
                squares.append((middle, y, row["weight"], row["included"]))
    draw_intervals(ax, spans, limits, scale=scale, width=1.3, gid="interval")
    draw_intervals(ax, bars, limits, scale=scale, width=4.0, gid="prediction interval")
    draw_squares(ax, squares, scale)
