"""Funnel plot: effects against their standard errors, with contours of significance where there is a null value."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ..effects.inputs import label_rows
from ..effects.scales import SCALES
from ..errors import DataError, check_choice
from . import heading, style
from .axis import X_LABELS, null_value, set_model_axis
from .point_labels import label_points
from .tables import read_table

CONTOURS = ((0.10, "#ffffff", "p > 0.10"), (0.05, "#e9edf0", "0.05 < p < 0.10"), (0.01, "#d3dae0", "0.01 < p < 0.05"),
            (0.0, "#bcc6ce", "p < 0.01"))  # fmt: skip


def _read(result):
    """Effects table, measure, pooled estimate or None."""
    pooled = result.estimate if hasattr(result, "display") else None
    table = result.studies if hasattr(result, "display") else result
    table = read_table(table, numbers=("yi", "vi"), caller="plot_funnel", what="the effects table")
    if "included" in table.columns:
        table = table[table["included"].astype(bool)]
    yi, vi = table["yi"].to_numpy(float), table["vi"].to_numpy(float)
    known = np.isfinite(yi) & np.isfinite(vi) & (vi > 0)
    measures = set(map(str, table["measure"].dropna())) if "measure" in table.columns else {"GEN"}
    measure = result.measure if hasattr(result, "display") else measures.pop() if len(measures) == 1 else "GEN"
    check_choice("measure", measure, tuple(SCALES))
    if not known.any():
        raise DataError("plot_funnel: no row has a finite yi and vi > 0.")
    names = table["label"].to_numpy() if "label" in table.columns else label_rows(table)
    return yi[known], np.sqrt(vi[known]), names[known], measure, pooled


def plot_funnel(result, *, ax=None, contours: bool = True, filled=None, label_studies: bool = False, title: str = "",
                xlabel: str = ""):  # fmt: skip
    """Contour-enhanced funnel plot.

    Parameters
    ----------
    result : PooledResult or DataFrame
        Effects (yi, vi on the model scale; measure); a PooledResult adds the pooled value and its 95 % funnel.
    ax : Axes, optional
    contours : bool
        Shade two-sided p values around no effect; single-arm measures have none.
    filled : DataFrame, optional
        Studies imputed by `trim_and_fill` (yi, vi), drawn hollow.
    label_studies : bool
        Name the studies, the ones far from the middle first, as far as there is room.
    title, xlabel : str

    Returns
    -------
    Axes

    References
    ----------
    Peters et al. 2008, 10.1016/j.jclinepi.2007.11.010

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> effects = pd.DataFrame({"study": ["A", "B"], "yi": [0.2, 0.5], "vi": [0.04, 0.2], "measure": "OR"})
    >>> hm.plot_funnel(effects).get_ylabel()
    'Standard error'
    """
    yi, sei, names, measure, pooled = _read(result)
    extra = (np.array([]), np.array([]))
    if filled is not None:
        imputed = read_table(filled, numbers=("yi", "vi"), caller="plot_funnel", what="filled")
        imputed = imputed[np.isfinite(imputed["yi"]) & np.isfinite(imputed["vi"]) & (imputed["vi"] > 0)]
        extra = imputed["yi"].to_numpy(), np.sqrt(imputed["vi"].to_numpy())
    shaded = contours and null_value(measure) is not None
    entries = [("study", dict(marker="o", ls="", color=style.STUDY))]
    if len(extra[0]):
        entries.append(("filled in", dict(marker="o", ls="", mfc=style.PAPER, mec=style.POOLED, mew=1.3, color="none")))
    if pooled is not None:
        entries.append(("pooled value with 95 % limits", dict(ls="--", color=style.POOLED, lw=1.2)))
    if shaded:
        entries += [(text, dict(marker="s", ls="", markersize=9, mfc=colour, mec=style.SOFT, mew=0.5, color="none"))
                    for _, colour, text in CONTOURS]  # fmt: skip
    ax, scale = style.frame(ax, 5.6, 4.0, left=0.8, right=0.2, bottom=0.6, top=heading.top_inches(title, entries, 6.4))

    deepest = 1.06 * max(sei.max(), extra[1].max(initial=0.0))
    centre = 0.0 if shaded else pooled if pooled is not None else float(yi.mean())
    away = abs(pooled - centre) if pooled is not None and np.isfinite(pooled) else 0.0
    reach = max(np.abs(np.concatenate([yi, extra[0]]) - centre).max() * 1.1, away + 2.05 * deepest)
    ax.set_xlim(centre - reach, centre + reach)
    ax.set_ylim(deepest, 0)
    if shaded:
        ax.set_facecolor(CONTOURS[-1][1])
        for p, colour, _ in reversed(CONTOURS[:-1]):
            half = -float(ndtri(p / 2)) * deepest
            ax.fill([-half, 0, half], [deepest, 0, deepest], color=colour, lw=0, zorder=0.5, gid="contour")
        ax.axvline(0, color=style.SOFT, lw=0.9 * scale, zorder=1, gid="null line")
    if pooled is not None and np.isfinite(pooled):
        half = float(ndtri(0.975)) * deepest
        ax.plot([pooled - half, pooled, pooled + half], [deepest, 0, deepest], "--", color=style.POOLED, lw=1.2 * scale,
                gid="funnel")  # fmt: skip
        ax.plot([pooled, pooled], [deepest, 0], "--", color=style.POOLED, lw=0.8 * scale)
    ax.plot(yi, sei, "o", ms=6 * scale, color=style.STUDY, mec=style.PAPER, mew=0.7, zorder=3, gid="study")
    ax.plot(*extra, "o", ms=6 * scale, mfc=style.PAPER, mec=style.POOLED, mew=1.3, zorder=3, gid="filled in")
    if label_studies:
        label_points(ax, yi, sei, names, np.abs(yi - centre) / sei, scale=scale)
    set_model_axis(ax.xaxis, measure)
    style.name_axis(ax.xaxis, xlabel or X_LABELS.get(measure, "Effect"))
    ax.set_ylabel("Standard error")
    style.tidy(ax, scale)
    heading.draw_top(ax, title, entries, 6.4, left=0.7, scale=scale)
    return ax
