"""Which studies make the heterogeneity, and which move the result."""

from __future__ import annotations

import numpy as np

from ..errors import DataError, MethodError
from . import heading, style
from .point_labels import label_points
from .tables import read_table


def plot_baujat(table, *, ax=None, label_top: int = 8, title: str = ""):
    """Baujat plot: studies to the right disagree with the others, studies high up move the pooled estimate.

    Parameters
    ----------
    table : DataFrame
        Output of `baujat` (study, x, y), or of `influence` (study, rstudent, cook_d): then x is the squared studentised
        deleted residual and y Cook's distance.
    ax : Axes, optional
    label_top : int
        Studies named, as far as there is room, the most influential first.
    title : str

    Returns
    -------
    Axes

    References
    ----------
    Baujat et al. 2002, 10.1002/sim.1221

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> influence = pd.DataFrame({"study": ["A", "B"], "rstudent": [0.4, -2.1], "cook_d": [0.05, 0.9]})
    >>> [text.get_text() for text in hm.plot_baujat(influence).texts]
    ['B', 'A']
    """
    if {"x", "y"} <= set(getattr(table, "columns", ())):
        names = ("Contribution to heterogeneity: squared residual", "Influence: squared shift of the estimate")
        table = read_table(table, numbers=("x", "y"), texts=("study",), caller="plot_baujat")
        x, y = table["x"].to_numpy(), table["y"].to_numpy()
    else:
        names = ("Disagreement: squared studentised residual", "Influence: Cook's distance")
        table = read_table(
            table, numbers=("rstudent", "cook_d"), texts=("study",), caller="plot_baujat", what="the influence table"
        )
        with np.errstate(over="ignore"):
            x, y = table["rstudent"].to_numpy() ** 2, table["cook_d"].to_numpy()
    if isinstance(label_top, bool) or not isinstance(label_top, (int, np.integer)) or label_top < 0:
        raise MethodError(f"label_top = {label_top!r} must be a whole number of 0 or more.")
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        raise DataError("plot_baujat: no study has both values.")
    x, y, studies = x[known], y[known], table["study"].to_numpy(object)[known]
    ax, scale = style.frame(ax, 5.4, 3.8, left=0.8, right=0.9, bottom=0.6, top=heading.top_inches(title, [], 6.8))
    ax.plot(x, y, "o", ms=6 * scale, color=style.STUDY, mec=style.PAPER, mew=0.7, zorder=3, clip_on=False, gid="study")
    ax.set_xlim(0, 1.08 * (x.max() or 1.0))
    ax.set_ylim(0, 1.1 * (y.max() or 1.0))
    label_points(ax, x, y, studies, x / (x.max() or 1.0) + y / (y.max() or 1.0), most=label_top, scale=scale)
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    style.tidy(ax, scale)
    heading.draw_top(ax, title, [], 6.8, left=0.7, scale=scale)
    return ax
