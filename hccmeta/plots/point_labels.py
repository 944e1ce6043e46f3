"""Names beside points, as many as fit without covering each other."""

from __future__ import annotations

import numpy as np

from . import style

SIZE, HIGH = style.FONT - 1.5, 0.13


def label_points(ax, x, y, names, importance, *, most: int = 99, scale: float = 1.0) -> None:
    """Write `names` right or left of their points, the most important first; a name without room is left out."""
    box = ax.get_position()
    dpi = ax.figure.dpi
    wide, tall = (side / dpi / scale for side in (box.width * ax.figure.bbox.width, box.height * ax.figure.bbox.height))
    shares = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack([x, y])))
    spots = shares * (wide, tall)
    taken = [(across - 0.05, across + 0.05, up) for across, up in spots]
    corner = style.inches(ax, (0, 0), scale)
    for i in np.argsort(-np.asarray(importance, float), kind="stable")[:most]:
        across, up = spots[i]
        text = style.shorten(names[i], 1.8, size=SIZE)
        width = style.text_inches([text], size=SIZE)
        others = taken[:i] + taken[i + 1 :]
        for left in (across + 0.09, across - 0.09 - width):
            inside = 0 <= left and left + width <= wide + 0.1
            if inside and not any(abs(up - v) < HIGH and left < b and left + width > a for a, b, v in others):
                taken.append((left, left + width, up))
                style.write(ax, left, up, text, transform=corner, size=SIZE, scale=scale, gid="label")
                break
