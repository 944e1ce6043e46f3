"""Cumulative and leave-one-out meta-analysis: one pooled estimate per row."""

from __future__ import annotations

import numpy as np

from ..effects.scales import SCALES, back_transform
from ..errors import DataError, MethodError, check_choice
from . import heading, style
from .axis import null_value, set_value_axis, shown_estimate, shown_interval, value_limits
from .forest_marks import draw_intervals
from .tables import read_table

ROW, PLOT, LABEL, GAP = 0.25, 4.0, 3.3, 0.2


def plot_cumulative(table, *, measure: str = "GEN", ax=None, title: str = "", xlabel: str = "", prefix: str = "+ "):
    """Pooled estimates row by row, from `cumulative` or `leave_one_out`.

    Parameters
    ----------
    table : DataFrame
        study, k, estimate, ci_low, ci_high on the model scale, one row per analysis.
    measure : str
        Measure of the effects, for the scale of the axis, for example "OR" or "PLO".
    ax : Axes, optional
    title, xlabel : str
    prefix : str
        Put before every study: "+ " for a cumulative table, "without " for leave-one-out.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> table = pd.DataFrame({"study": ["A", "B"], "k": [1, 2], "estimate": [-0.4, -0.3], "ci_low": [-0.9, -0.6],
    ...                       "ci_high": [0.1, 0.0]})
    >>> hm.plot_cumulative(table, measure="HR").get_xscale()
    'log'
    """
    table = read_table(
        table, numbers=("k", "estimate", "ci_low", "ci_high"), texts=("study",), caller="plot_cumulative"
    )
    if not isinstance(prefix, str):
        raise MethodError(f'prefix = {prefix!r} must be text, such as "+ " or "without ".')
    check_choice("measure", measure, tuple(SCALES))
    if len(table) == 0:
        raise DataError("plot_cumulative: the table has no rows.")
    if measure == "PFT":
        raise DataError("plot_cumulative: double arcsines (PFT) have no one n to show them with; use PLO or PAS.")
    middle, low, high = (np.asarray(back_transform(table[name].to_numpy(float), measure), float)
                         for name in ("estimate", "ci_low", "ci_high"))  # fmt: skip
    names = [f"{prefix}{study}" for study in table["study"]]
    texts = [f"{shown_estimate(m, measure)} {shown_interval(a, b, measure)}" if m == m else ""
             for m, a, b in zip(middle, low, high, strict=True)]  # fmt: skip
    counts = ["" if k != k else f"{k:.0f}" for k in table["k"]]
    k_width, text_width = style.text_inches([*counts, "k"]), style.text_inches([*texts, "Estimate [CI]"])
    label = min(LABEL, style.text_inches([*names, "Study"]))
    left, right = label + k_width + 2 * GAP + 0.1, text_width + GAP + 0.1
    total, rows = left + PLOT + right, len(names)
    ax, scale = style.frame(ax, PLOT, ROW * (rows + 2), left=left, right=right, bottom=0.6,
                            top=heading.top_inches(title, [], total - 0.2))  # fmt: skip
    limits = value_limits(middle, [*low, *high], measure)
    set_value_axis(ax, measure, limits, xlabel)
    ax.set_ylim(-rows + 0.3, 1.3)
    ax.set_yticks([])
    null = null_value(measure)
    if null is not None:
        ax.axvline(null, color=style.SOFT, lw=0.9 * scale, zorder=0, gid="null line")
    ys = -np.arange(rows, dtype=float)
    known = np.isfinite(middle)
    spans = [(y, a, b, style.STUDY) for y, a, b, ok in zip(ys, low, high, known, strict=True) if ok and a == a]
    draw_intervals(ax, spans, limits, scale=scale, width=1.3, gid="interval")
    ax.plot(middle[known], ys[known], "D", ms=5.5 * scale, color=style.POOLED, zorder=3, clip_on=False, gid="estimate")
    for side, x, align, head, cells, gid in (
        (0, -left + 0.1, "left", "Study", [style.shorten(name, LABEL) for name in names], "label"),
        (0, -GAP, "right", "k", counts, "k"), (1, GAP + text_width, "right", "Estimate [CI]", texts, "text"),
    ):  # fmt: skip
        transform = style.beside(ax, side, scale)
        style.write(ax, x, 1.0, head, transform=transform, ha=align, weight="bold", scale=scale, gid="head")
        for y, cell in zip(ys, cells, strict=True):
            style.write(ax, x, y, cell, transform=transform, ha=align, scale=scale, gid=gid)
    style.tidy(ax, scale, sides=("bottom",))
    heading.draw_top(ax, title, [], total - 0.2, left=left - 0.1, scale=scale)
    return ax
