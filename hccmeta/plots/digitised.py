"""Digitised curves drawn over the figure that they come from."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from ..km.figure_image import read_image
from ..km.figure_paths import Figure, figure_path, read_figure
from ..km.raster import calibrate_image
from ..km.vector import calibrate
from . import style
from .tables import read_table

FADED = 0.45


def plot_digitised(path, curves, *, calibration="ticks", page=0, y_scale=1, ticks=None, ax=None):
    """Digitised curves over their figure: they should lie on the drawn lines.

    Parameters
    ----------
    path : path-like
        The figure: PDF, SVG or image.
    curves : DataFrame
        curve, time, survival (fraction), as digitise_vector and digitise_image return them.
    calibration, page, y_scale, ticks
        As they were given to that function.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        In points (PDF, SVG) or pixels from the top left.

    Examples
    --------
    >>> import tempfile, pathlib, pandas as pd, hccmeta as hm
    >>> figure = pathlib.Path(tempfile.mkdtemp()) / "figure.svg"
    >>> _ = figure.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="90pt" '
    ...                       'viewBox="0 0 90 90"><path d="M 10 10 H 30 V 50 H 80" stroke="#d62728"/></svg>')
    >>> axes = [{"axis": "x", "value": 0, "pixel": 10}, {"axis": "x", "value": 7, "pixel": 80},
    ...         {"axis": "y", "value": 0, "pixel": 90}, {"axis": "y", "value": 1, "pixel": 10}]
    >>> curves = hm.digitise_vector(figure, calibration=axes)
    >>> hm.plot_digitised(figure, curves, calibration=axes).lines[-1].get_label()
    '#d62728'
    """
    curves = read_table(curves, numbers=("time", "survival"), texts=("curve",), caller="plot_digitised")
    if not len(curves):
        raise DataError("plot_digitised: the table of curves is empty.")
    if figure_path(path).suffix.lower() in (".pdf", ".svg"):
        figure = read_figure(path, page)
        axes, width, height = calibrate(figure, calibration, y_scale, ticks), figure.width, figure.height
    else:
        figure = read_image(path)
        axes, (height, width) = calibrate_image(figure, calibration, y_scale, ticks), figure.shape[:2]
    ax, scale = style.frame(ax, 7.0, 7.0 * height / width, left=0.1, right=0.1, bottom=0.1, top=0.1)
    if isinstance(figure, Figure):
        _draw_lines(ax, figure)
    else:
        ax.imshow(figure, extent=(0, width, height, 0), alpha=FADED, interpolation="nearest")
    for number, (name, table) in enumerate(curves.groupby("curve", sort=False)):
        x, y = axes.time.position(table["time"]), axes.survival.position(table["survival"])
        look = dict(color=style.PALETTE[number % 8], lw=1.0 * scale, marker=".", ms=4 * scale)
        ax.step(x, y, where="post", label=name, gid="digitised", **look)
    legend = ax.legend(loc="lower left", frameon=False, fontsize=style.FONT * scale)
    for text in legend.get_texts():
        shown, fonts = style.lettering(text.get_text())
        text.set(text=shown, parse_math=False, **fonts)
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[])
    style.tidy(ax, scale, sides=())
    return ax


def _draw_lines(ax, figure: Figure) -> None:
    """The figure's own lines and words, pale, below the curves."""
    for line in figure.lines:
        points = np.vstack([line.points, line.points[:1]]) if line.closed else line.points
        ax.plot(*points.T, color=line.colour, lw=2 * max(line.width, 0.5), alpha=FADED, gid="figure")
    for word in figure.words:
        style.write(ax, word.x, word.y, word.text, size=style.FONT / 2, color=style.SOFT, ha="center")
