"""GOSH: the pooled estimate and heterogeneity of every subset of the studies."""

from __future__ import annotations

import numpy as np

from ..effects.scales import SCALES, back_transform
from ..errors import DataError, check_choice
from . import heading, style
from .axis import null_value, set_value_axis, value_limits
from .tables import read_table


def plot_gosh(table, *, measure: str = "GEN", y: str = "I2", ax=None, title: str = "", xlabel: str = ""):
    """Graphical display of study heterogeneity: density of subsets by estimate and I² (or tau²).

    Parameters
    ----------
    table : DataFrame
        Output of `gosh`: k, estimate (model scale), tau2, I2 (0-1), one row per subset.
    measure : str
        Measure of the effects, for the scale of the axis, for example "OR" or "PLO".
    y : str
        "I2" or "tau2".
    ax : Axes, optional
    title, xlabel : str

    Returns
    -------
    Axes

    References
    ----------
    Olkin, Dahabreh, Trikalinos 2012, 10.1002/jrsm.1053

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> table = pd.DataFrame({"k": [2, 2, 3], "estimate": [0.1, 0.4, 0.3], "tau2": [0, 0.1, 0.1], "I2": [0, 0.4, 0.3]})
    >>> hm.plot_gosh(table, measure="OR").get_ylabel()
    'I²'
    """
    check_choice("y", y, ("I2", "tau2"))
    check_choice("measure", measure, tuple(SCALES))
    table = read_table(table, numbers=("estimate", y), caller="plot_gosh", what="the output of gosh")
    if measure == "PFT":
        raise DataError("plot_gosh: double arcsines (PFT) have no one n to show them with; use PLO or PAS.")
    model, height = table["estimate"].to_numpy(), table[y].to_numpy()
    x = np.asarray(back_transform(model, measure))
    known = np.isfinite(model) & np.isfinite(x) & np.isfinite(height)
    if not known.any():
        raise DataError(f"plot_gosh: no subset has both an estimate and {y}.")
    x, height = x[known], height[known]
    if (height < 0).any() or (y == "I2" and (height > 1).any()):
        raise DataError(f"plot_gosh: {y} must lie in {'0-1' if y == 'I2' else '0 and above'}.")
    ax, scale = style.frame(ax, 5.4, 3.8, left=0.8, right=0.3, bottom=0.8, top=heading.top_inches(title, [], 6.2))
    set_value_axis(ax, measure, value_limits(x, x, measure), xlabel)
    low, high = x.min(), x.max()
    top = 1.0 if y == "I2" else 1.05 * (height.max() or 1.0)
    log = ax.get_xscale() == "log"
    ends = (np.log10([low, high]) if log else np.array([low, high])) + (np.array([-1e-9, 1e-9]) if low < high else
                                                                       np.array([-1e-3, 1e-3]))  # fmt: skip
    ax.hexbin(x, height, gridsize=(60, 36), bins="log", mincnt=1, cmap="viridis_r", linewidths=0.1,
              xscale="log" if log else "linear", extent=(*ends, 0, top), gid="subsets")  # fmt: skip
    set_value_axis(ax, measure, value_limits(x, x, measure), xlabel)
    null = null_value(measure)
    if null is not None:
        ax.axvline(null, color=style.SOFT, lw=0.9 * scale, zorder=0, gid="null line")
    ax.set_ylim(0, top)
    ax.set_ylabel("I²" if y == "I2" else "τ²")
    if y == "I2":
        ax.set_yticks(np.linspace(0, 1, 6), [f"{v:.0f} %" for v in np.linspace(0, 100, 6)])
    style.tidy(ax, scale)
    foot = [f"{len(x):,} subsets of the studies; darker: more of them (logarithmic)"]
    heading.draw_foot(ax, foot, 6.2, start=0.55, left=0.7, scale=scale)
    heading.draw_top(ax, title, [], 6.2, left=0.7, scale=scale)
    return ax
