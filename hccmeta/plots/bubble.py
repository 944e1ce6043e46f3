"""Bubble plot of a meta-regression: effects against one moderator, with the fitted line."""

from __future__ import annotations

import numpy as np

from ..effects.inputs import label_rows
from ..errors import DataError, MethodError
from ..pooling.regression import predict_effects
from . import heading, style
from .axis import X_LABELS, null_value, set_model_axis
from .point_labels import label_points
from .tables import need_columns, read_table


def plot_bubble(result, effects=None, *, x: str, ax=None, label_studies: bool = True, title: str = "", xlabel: str = "",
                ylabel: str = ""):  # fmt: skip
    """Bubble plot: study effects against the moderator `x`, area by precision, and the regression line with its bands.

    Parameters
    ----------
    result : MetaRegressionResult
        Where `x` is the only moderator: line, confidence band and (lighter) prediction band; otherwise a dash marks
        the fitted value of each study.
    effects : DataFrame, optional
        The table that was fitted (yi, vi, `x`); by default `result.studies`.
    x : str
        Column of the moderator, a number.
    ax : Axes, optional
    label_studies : bool
    title, xlabel, ylabel : str

    Returns
    -------
    Axes

    Raises
    ------
    MethodError
        `x` holds text; draw groups with `plot_forest`.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> df = pd.DataFrame({"yi": [0.1, 0.3, 0.4, 0.8, 0.9], "vi": [0.04, 0.05, 0.04, 0.06, 0.05], "dose": range(5)})
    >>> hm.plot_bubble(hm.meta_regression(df, "~ dose"), x="dose").get_xlabel()
    'dose'
    """
    if not hasattr(result, "coefficients"):
        raise MethodError(f"plot_bubble needs the result of meta_regression; it was given {type(result).__name__}.")
    table = result.studies if effects is None else effects
    need_columns(table, ("yi", "vi", x), caller="plot_bubble", what="the effects table")
    if table[x].map(lambda cell: isinstance(cell, str)).any():
        raise MethodError(f"plot_bubble: {x} holds text; show groups with plot_forest(pool_by(effects, {x!r})).")
    table = read_table(table, numbers=("yi", "vi", x), caller="plot_bubble", what="the effects table")
    across, yi, vi = (table[name].to_numpy() for name in (x, "yi", "vi"))
    known = np.isfinite(across) & np.isfinite(yi) & np.isfinite(vi) & (vi > 0)
    if not known.any():
        raise DataError(f"plot_bubble: no row has {x}, yi and vi > 0.")
    names = (table["label"].to_numpy() if "label" in table.columns else label_rows(table))[known]
    across, yi, vi = across[known], yi[known], vi[known]
    ax, scale = style.frame(ax, 5.6, 3.9, left=0.85, right=0.3, bottom=0.8, top=heading.top_inches(title, [], 6.5))
    areas = 260 * (1 / vi) / (1 / vi).max()
    ax.scatter(across, yi, s=areas * scale**2, color=style.STUDY, alpha=0.45, lw=0, zorder=2, gid="study")
    ax.scatter(across, yi, s=areas * scale**2, facecolors="none", edgecolors=style.STUDY, lw=scale, zorder=2.1)
    pad = 0.06 * (np.ptp(across) or 1.0)
    ax.set_xlim(across.min() - pad, across.max() + pad)
    line = _line(result, x, np.linspace(*ax.get_xlim(), 101))
    if line is not None:
        for kind, alpha, gid in (("pi", 0.06, "prediction band"), ("ci", 0.12, "band")):
            low, high = line[f"{kind}_low"], line[f"{kind}_high"]
            ax.fill_between(line[x], low, high, color=style.POOLED, alpha=alpha, lw=0, zorder=1, gid=gid)
        ax.plot(line[x], line["estimate"], color=style.POOLED, lw=1.6 * scale, zorder=3, gid="line")
    elif "fitted" in result.studies.columns and len(result.studies) == len(known):
        fitted = result.studies["fitted"].to_numpy(float)[known]
        ax.plot(across, fitted, "_", ms=12 * scale, mew=1.8 * scale, color=style.POOLED, zorder=3, gid="fitted")
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    null = null_value(result.measure)
    if null is not None:
        ax.axhline(0, color=style.SOFT, lw=0.9 * scale, zorder=0, gid="null line")
    set_model_axis(ax.yaxis, result.measure)
    if label_studies:
        label_points(ax, across, yi, names, 1 / vi, scale=scale)
    style.name_axis(ax.xaxis, xlabel or x.replace("_", " "))
    style.name_axis(ax.yaxis, ylabel or X_LABELS.get(result.measure, "Effect"))
    style.tidy(ax, scale)
    share = f"R² = {100 * result.R2:.0f} %; " if np.isfinite(result.R2) else ""
    foot = f"k = {result.k}; residual τ² = {result.tau2:.3g}; {share}bubble area by precision"
    heading.draw_foot(ax, [foot], 6.5, start=0.55, left=0.75, scale=scale)
    heading.draw_top(ax, title, [], 6.5, left=0.75, scale=scale)
    return ax


def _line(result, x: str, grid):
    """Predicted effects along the moderator; None where the formula has other moderators too."""
    import pandas as pd

    try:
        return predict_effects(result, pd.DataFrame({x: grid}))
    except DataError:
        return None
