"""Survival curves: steps, bands, the numbers at risk below, and what the paper printed on top."""

from __future__ import annotations

import numpy as np

from ..errors import MethodError
from . import heading, style
from .survival_tables import at_risk_counts, is_pooled, read_at_risk, read_curves, read_marks

ENDPOINTS = {
    "OS": "Overall survival", "PFS": "Progression-free survival", "RFS": "Relapse-free survival",
    "IRFS": "In-field relapse-free survival", "ORFS": "Out-of-field relapse-free survival",
    "DOR": "Duration of response", "TTP": "Time to progression", "LC": "Local control",
}  # fmt: skip
STEPS = (0.5, 1, 2, 3, 6, 12, 24, 60, 120)


def _ticks(longest: float) -> np.ndarray:
    step = next((step for step in STEPS if longest / step <= 9), longest / 8)
    return np.arange(0, longest + step / 1e6, step)


def _look(table, place: int, mixed: bool) -> dict:
    """Colour and line; among the curves of studies a pooled curve is thick and dark."""
    if mixed and is_pooled(table):
        return dict(color=style.INK, ls="-", lw=2.8)
    number = int(table["look"].iloc[0] if "look" in table.columns else place) % len(style.PALETTE)
    return dict(color=style.PALETTE[number], ls=style.DASHES[number], lw=1.1 if mixed else 1.9)


def _band(ax, table, colour, *, names, alpha, gid) -> None:
    known = table[["time", *names]].ffill().dropna()  # an interval that ends is drawn to the next step
    step = None if is_pooled(table) else "post"
    ax.fill_between(known["time"], known[names[0]], known[names[1]], step=step, color=colour, alpha=alpha, lw=0,
                    zorder=1.5, gid=gid)  # fmt: skip


def _fan(ax, table, colour) -> None:
    """One band, or several inside each other where the table has shares."""
    for _, band in sorted(table.groupby("share"), reverse=True) if "share" in table.columns else [(0, table)]:
        _band(ax, band, colour, names=("low", "high"), alpha=0.17, gid="band")


def _draw_marks(ax, table, colour, scale) -> None:
    """Printed values with the interval or rounding given in survival (low, high) and in time."""
    for low, high in (("low", "high"), ("time_low", "time_high")):
        if low in table.columns and high in table.columns:
            known = table[table[low].notna() & table[high].notna()]
            draw, fixed = (ax.hlines, "survival") if low == "time_low" else (ax.vlines, "time")
            draw(known[fixed], known[low], known[high], color=colour, lw=1.6 * scale, zorder=4, gid="printed interval")
    ax.plot(table["time"], table["survival"], marker="D", ms=5.5 * scale, mfc=style.PAPER, mec=colour, mew=1.4 * scale,
            ls="", zorder=5, clip_on=False, gid="printed")  # fmt: skip


def plot_survival(curves, *, ax=None, bands=None, at_risk=True, points=None, printed=None, censored=False,
                  endpoint: str = "", title: str = ""):  # fmt: skip
    """Survival curves as steps, with bands, numbers at risk and printed values.

    Parameters
    ----------
    curves : dict of label -> DataFrame, or one DataFrame
        Columns time (months) and survival (0-1), one row per step; optional low, high (or ci_low, ci_high), pi_low,
        pi_high, n_at_risk, censored, look (number of its colour and dash; by default its place). Anything with
        `to_frame()` is taken too; one DataFrame is split by `arm`. A pooled curve (column n_studies) is joined by
        straight lines, as its median is read.
    ax : Axes, optional
        Where to draw; plot, table and key are fitted into its place.
    bands : dict of label -> DataFrame, or False
        Columns time, low, high; with a column share a fan, one band per share of the draws. By default the intervals of
        the curves themselves. False draws no band.
    at_risk : bool or dict of label -> DataFrame
        Numbers at risk below the axis: from `n_at_risk` of the curves (patients with time >= t), or as printed (columns
        time, n_at_risk).
    points : dict of label -> DataFrame, optional
        Digitised points (time, survival), drawn under the curve so that a bad fit shows.
    printed : dict of label -> DataFrame, or DataFrame with a column `curve`, optional
        Printed values: time, survival; low, high = rounding or interval of the survival; time_low, time_high = that of
        a median.
    censored : bool
        Ticks where `censored` > 0.
    endpoint, title : str
        Endpoint code (OS, PFS, ...) or text of the y axis; title.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> curve = pd.DataFrame({"time": [0, 4, 9, 14], "survival": [1, 0.8, 0.5, 0.3], "n_at_risk": [20, 20, 12, 6]})
    >>> hm.plot_survival({"RT + ICI": curve}, endpoint="OS").get_xlabel()
    'Months'
    """
    if not isinstance(endpoint, str):
        raise MethodError(f'endpoint = {endpoint!r} must be text: a code such as "OS", or the name of the y axis.')
    tables = read_curves(curves, caller="plot_survival")
    overlay = read_marks(points, tables, ("time", "survival"), "points")
    marks = read_marks(printed, tables, ("time", "survival"), "printed")
    fans = read_marks(None if bands is False else bands, tables, ("time", "low", "high"), "bands")
    risk = read_at_risk(at_risk, tables)
    mixed = len({is_pooled(table) for table in tables.values()}) > 1
    looks = {label: _look(table, place, mixed) for place, (label, table) in enumerate(tables.items())}
    entries = [(label, looks[label]) for label in tables]
    if marks:
        entries.append(("printed in the paper", dict(color=style.SOFT, ls="", marker="D", mfc=style.PAPER, mew=1.4)))
    if overlay:
        entries.append(("digitised points", dict(color=style.SOFT, ls="", marker=".")))
    if bands is not False and any({"pi_low", "pi_high"} <= set(table.columns) for table in tables.values()):
        entries += [("confidence band", dict(color=style.SOFT, lw=6, alpha=0.45, solid_capstyle="butt")),
                    ("prediction band", dict(color=style.SOFT, lw=6, alpha=0.2, solid_capstyle="butt"))]  # fmt: skip
    names = {label: style.shorten(label, 2.6, size=style.FONT - 0.5) for label in risk}
    left = max(0.75, style.text_inches(names.values()) + 0.62 if risk else 0.75)
    total = left + 5.6
    ax, scale = style.frame(
        ax, 5.6, 3.5, left=left, right=0.25, bottom=0.6 + (0.22 + 0.19 * len(risk) if risk else 0),
        top=heading.top_inches(title, entries, total - 0.1),
    )  # fmt: skip

    for label, table in tables.items():
        look = looks[label] | {"lw": looks[label]["lw"] * scale}
        if bands is not False and {"pi_low", "pi_high"} <= set(table.columns):
            _band(ax, table, look["color"], names=("pi_low", "pi_high"), alpha=0.1, gid="prediction band")
        if label in fans:
            _fan(ax, fans[label], look["color"])
        elif bands is None and {"low", "high"} <= set(table.columns):
            _band(ax, table, look["color"], names=("low", "high"), alpha=0.17, gid="band")
        if label in overlay:
            ax.plot(overlay[label]["time"], overlay[label]["survival"], ".", ms=4 * scale, color=style.SOFT, zorder=2,
                    gid="points")  # fmt: skip
        drawn = "default" if is_pooled(table) else "steps-post"
        ax.plot(table["time"], table["survival"], drawstyle=drawn, zorder=3, clip_on=False, gid="curve", **look)
        if censored and "censored" in table.columns:
            at = table[table["censored"] > 0]
            ax.plot(at["time"], at["survival"], "|", ms=7 * scale, mew=1.1 * scale, color=look["color"], zorder=3.5,
                    gid="censored")  # fmt: skip
        if label in marks:
            _draw_marks(ax, marks[label], look["color"], scale)

    longest = max(float(table["time"].max()) for table in tables.values()) or 1.0
    ticks = _ticks(longest)
    ax.set_xlim(0, max(longest, ticks[-1]) * 1.01)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_ylim(0, 1.02)
    ax.set_yticks(np.linspace(0, 1, 6), [f"{v:.0f} %" for v in np.linspace(0, 100, 6)])
    ax.axhline(0.5, color=style.LINE, lw=0.8, zorder=0)
    ax.set_xlabel("Months")
    style.name_axis(ax.yaxis, ENDPOINTS.get(endpoint, endpoint or "Survival"))
    style.tidy(ax, scale)
    heading.draw_top(ax, title, entries, total - 0.1, left=left - 0.1, scale=scale)
    if risk:
        _draw_at_risk(ax, risk, names, looks, ticks, left, scale)
    return ax


def _draw_at_risk(ax, risk, names, looks, ticks, left, scale) -> None:
    corner, column = style.inches(ax, (0, 0), scale), style.below(ax, scale)
    down, small = -0.64, style.FONT - 0.5
    style.write(ax, -left + 0.1, down, "At risk", transform=corner, scale=scale, size=small, weight="bold")
    for label, table in risk.items():
        down -= 0.19
        look = {name: looks[label][name] for name in ("color", "ls")} | {"lw": 1.9 * scale}
        ax.plot([-left + 0.1, -left + 0.28], [down, down], transform=corner, clip_on=False, scalex=False, scaley=False,
                gid="key", **look)  # fmt: skip
        style.write(ax, -left + 0.34, down, names[label], transform=corner, scale=scale, size=small)
        for time, count in at_risk_counts(table, ticks):
            style.write(ax, time, down, f"{count:.0f}", transform=column, scale=scale, size=small, ha="center",
                        gid="at risk")  # fmt: skip
