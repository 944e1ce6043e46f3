"""Specification curve: the estimate of every defensible analysis, and the choices that made it."""

from __future__ import annotations

import numpy as np

from ..effects.scales import PROPORTIONS, RATIOS, SCALES
from ..errors import DataError, MethodError, check_choice
from . import heading, style
from .axis import X_LABELS, null_value, set_value_axis, shown_estimate, value_limits
from .tables import filled, need_columns, read_table

RESULTS = {
    "estimate", "se", "ci_low", "ci_high", "pi_low", "pi_high", "k", "n", "tau2", "I2", "Q", "Q_p", "p_value", "stat",
    "level", "note", "notes", "log_lik",
}  # fmt: skip
WIDE, CURVE, LINE, HEAD = 6.6, 2.8, 0.185, 0.24
CLEAR = "#6f9fbc"


def _levels(table, choices) -> list[tuple[str, list[str]]]:
    """Choices that vary, each with its levels in order of appearance."""
    if choices is not None and (isinstance(choices, str) or not hasattr(choices, "__iter__")):
        raise MethodError(f"choices = {choices!r}: give a list of columns of the table, or None for all choices.")
    names = [name for name in table.columns if name not in RESULTS] if choices is None else list(choices)
    need_columns(table, names, caller="plot_multiverse", what="the multiverse table")
    levels = [(name, list(dict.fromkeys(map(_text, table[name])))) for name in names]
    return [(name, values) for name, values in levels if len(values) > 1]


def _text(value) -> str:
    return style.one_line(str(value).replace("_", " ")) if filled(value) else "does not apply"


def _marked(chosen, count: int):
    """Rows to mark as a boolean array."""
    marked = np.zeros(count, bool) if chosen is None else np.asarray(chosen)
    if marked.dtype != bool or marked.shape != (count,):
        raise MethodError(f"chosen must hold one True or False for each of the {count} rows of the table.")
    return marked


def _measures(table) -> set:
    return set(map(str, table["measure"].dropna()))


def _family(table, measure: str) -> str:
    """The measure that stands for the axis: ratios share one, and proportions another."""
    if measure:
        check_choice("measure", measure, tuple(SCALES))
    found = _measures(table) if "measure" in table.columns and not measure else {measure or "GEN"}
    for family in (PROPORTIONS, RATIOS):
        if found <= set(family):
            return family[0]
    if len(found) > 1:
        raise DataError(f"plot_multiverse: {', '.join(sorted(found))} have no common axis; keep the rows of one kind.")
    check_choice("measure", *found, tuple(SCALES))
    return found.pop()


def plot_multiverse(table, *, choices=None, measure: str = "", ax=None, chosen=None, title: str = "",
                    xlabel: str = ""):  # fmt: skip
    """Specification curve: estimates in rising order with their intervals, above a matrix of the choices.

    Parameters
    ----------
    table : DataFrame
        Output of `multiverse`: one row per analysis with estimate, ci_low, ci_high (reported scale) and a column per
        choice.
    choices : sequence of str, optional
        Columns of the matrix; by default all that are not results. Choices that do not vary are left out.
    measure : str
        What the estimates are, for axis and null line; by default as the column `measure` says, and without such a
        column a plain axis without a null line.
    ax : Axes, optional
    chosen : Series or array of bool, optional
        Rows to mark, for example the analysis of the protocol.
    title, xlabel : str
        `xlabel` names the estimate.

    Returns
    -------
    Axes

    References
    ----------
    Simonsohn, Simmons, Nelson 2020, 10.1038/s41562-020-0912-z

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> table = pd.DataFrame({"model": ["common", "random"], "estimate": [0.7, 0.8], "ci_low": [0.6, 0.5],
    ...                       "ci_high": [0.9, 1.2]})
    >>> [text.get_text() for text in hm.plot_multiverse(table, measure="HR").texts if text.get_gid() == "level"]
    ['common', 'random']
    """
    table = read_table(
        table, numbers=("estimate", "ci_low", "ci_high"), caller="plot_multiverse", what="the multiverse table"
    )
    measure = _family(table, measure)
    marked = _marked(chosen, len(table))
    known = np.isfinite(table["estimate"].to_numpy(float))
    if not known.any():
        raise DataError("plot_multiverse: no row has an estimate.")
    levels = _levels(table, choices)
    left_out = int((~known).sum())
    table, marked = table[known], marked[known]
    order = np.argsort(table["estimate"].to_numpy(float), kind="stable")
    table, marked = table.iloc[order], marked[order]
    middle, low, high = (table[name].to_numpy(float) for name in ("estimate", "ci_low", "ci_high"))
    count, null = len(table), None if measure == "GEN" else null_value(measure)
    ranks = np.arange(1, count + 1)
    deep = sum(HEAD + LINE * len(values) for _, values in levels)
    names = [value for _, values in levels for value in values] + [name for name, _ in levels]
    left = max(1.0, min(2.4, style.text_inches(names, weight="bold"))) + 0.3
    total = left + WIDE + 0.2
    entries = [("estimate", dict(marker="o", ls="", color=style.STUDY, markersize=4))]
    if null is not None:
        entries += [("interval without the null value", dict(ls="-", lw=4, color=CLEAR)),
                    ("interval with it", dict(ls="-", lw=4, color=style.LINE))]  # fmt: skip
    if marked.any():
        entries.append(("chosen analysis", dict(marker="D", ls="", color=style.POOLED)))
    ax, scale = style.frame(ax, WIDE, CURVE, left=left, right=0.2, bottom=deep + 0.55,
                            top=heading.top_inches(title, entries, total - 0.2))  # fmt: skip
    stroke = min(2.4, max(0.25, 0.7 * WIDE * 72 / count))
    many = count > 1500
    ax.vlines(ranks, low, high, color=style.LINE if null is None else [
        CLEAR if (a > null or b < null) else style.LINE for a, b in zip(low, high, strict=True)
    ], lw=stroke * scale, zorder=1, rasterized=many, gid="interval")  # fmt: skip
    ax.plot(ranks, middle, "o", ms=min(4.0, stroke + 1.2) * scale, color=style.STUDY, zorder=2, rasterized=many,
            gid="estimate")  # fmt: skip
    if marked.any():
        ax.plot(ranks[marked], middle[marked], "D", ms=6.5 * scale, color=style.POOLED, zorder=3, gid="chosen")
    if null is not None:
        ax.axhline(null, color=style.SOFT, lw=0.9 * scale, zorder=1.5, gid="null line")
    _set_values(ax, measure, middle, low, high)
    ax.set_xlim(0.5 - 0.01 * count, count + 0.5 + 0.01 * count)
    ax.set_xticks([])
    style.name_axis(ax.yaxis, xlabel or _axis_text(table, measure))
    _draw_matrix(ax, table, levels, ranks, marked, left, stroke, many, scale)
    style.tidy(ax, scale)
    foot = [f"{count:,} analyses, median {shown_estimate(float(np.median(middle)), measure)}, "
            f"from {shown_estimate(middle.min(), measure)} to {shown_estimate(middle.max(), measure)}"
            + (f"; {left_out} without a result" if left_out else "")]  # fmt: skip
    heading.draw_foot(ax, foot, total - 0.2, start=deep + 0.25, left=left - 0.1, scale=scale)
    heading.draw_top(ax, title, entries, total - 0.2, left=left - 0.1, scale=scale)
    return ax


def _axis_text(table, measure: str) -> str:
    """Name of the value axis; ratios of several kinds are called just that."""
    kinds = _measures(table) if "measure" in table.columns else {measure}
    if len(kinds) > 1 and measure in RATIOS:
        return "Ratio"
    return X_LABELS.get(kinds.pop(), "Estimate")


def _set_values(ax, measure, middle, low, high) -> None:
    """The value axis, made for x, turned to y."""
    limits = value_limits(middle, [*low, *high], measure)
    set_value_axis(ax, measure, limits)
    ticks, labels = ax.get_xticks(), [label.get_text() for label in ax.get_xticklabels()]
    if ax.get_xscale() == "log":
        ax.set_xscale("linear")
        ax.set_yscale("log")
        ax.set_yticks(ticks, labels)
        ax.yaxis.minorticks_off()
    elif limits == (0.0, 1.0):
        ax.set_yticks(ticks, labels)
    ax.set_xlabel("")
    ax.set_ylim(*limits)


def _draw_matrix(ax, table, levels, ranks, marked, left, stroke, many, scale) -> None:
    column, corner = style.below(ax, scale), style.inches(ax, (0, 0), scale)
    down, small = -0.05, style.FONT - 1
    for name, values in levels:
        down -= HEAD
        head = style.shorten(_text(name), 2.4, weight="bold")
        style.write(ax, -left + 0.1, down + 0.02, head, transform=corner, scale=scale, size=small, weight="bold",
                    gid="choice")  # fmt: skip
        texts = np.array([_text(value) for value in table[name]], dtype=object)
        for value in values:
            down -= LINE
            here = texts == value
            label = style.shorten(value, 2.2, size=small)
            style.write(ax, -0.12, down, label, transform=corner, scale=scale, size=small, ha="right", gid="level")
            for part, colour in ((here & ~marked, style.INK), (here & marked, style.POOLED)):
                if part.any():
                    ax.plot(ranks[part], np.full(part.sum(), down), "|", ms=9 * scale, mew=stroke * scale, color=colour,
                            transform=column, clip_on=False, scalex=False, scaley=False, rasterized=many,
                            gid="cell")  # fmt: skip
