"""Forest plot: one row per study, a diamond per pooled estimate, a bar for the prediction interval."""

from __future__ import annotations

from math import isfinite

from ..errors import MethodError
from . import heading, style
from .axis import null_value, set_value_axis, value_limits
from .forest_marks import draw_rows
from .forest_rows import foot_lines, forest_rows

ROW, PLOT, LABEL, GAP = 0.25, 4.0, 3.3, 0.2
LEFT = (("label", "Study"), ("counts", "Events/n"), ("counts_1", "Experimental"), ("counts_2", "Control"))


def plot_forest(result, *, ax=None, title: str = "", xlabel: str = "", labels: dict | None = None, favours: tuple = (),
                by: str = ""):  # fmt: skip
    """Forest plot of a pooled result, of its subgroups, or of an effects table.

    Parameters
    ----------
    result : PooledResult, SubgroupResult or DataFrame
        Squares have an area that grows with the weight (equal where the model has no weights); hollow squares are
        studies left out, with the reason below; diamond = confidence interval; bar = prediction interval. A DataFrame
        of effects (study, yi, vi; optional measure, events, n, included, reason) is drawn as rows without a diamond;
        estimate, ci_low, ci_high on the reported scale are drawn as they are. Studies with "check" in a column `use`
        carry a dagger.
    ax : Axes, optional
        Where to draw; a new figure of sensible height otherwise. Text columns and plot are fitted into the place of
        a given `ax`, with smaller type where needed; about 8 inches by 0.25 inches a row are comfortable.
    title, xlabel : str
        Texts; `xlabel` follows the measure by default.
    labels : dict, optional
        Study label -> label to show.
    favours : tuple of str
        Texts left and right of the null line, for example ("favours RT", "favours no RT").
    by : str
        Only for a DataFrame: column whose values become headings.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> counts = pd.DataFrame({"study": ["A", "B", "C"], "events": [10, 12, 20], "n": [30, 25, 41]})
    >>> ax = hm.plot_forest(hm.pool_proportion(counts), title="Objective response")
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "label"]
    ['A', 'B', 'C', 'Pooled, k = 3', 'Prediction interval']
    """
    _check_options(labels, favours)
    rows, measure, level, reasons = forest_rows(result, labels or {}, by)
    left_columns, right_columns = _columns(rows, level)
    left = sum(width + GAP for *_, width in left_columns) + 0.1
    right = sum(width + GAP for *_, width in right_columns) + 0.1
    total = left + PLOT + right
    foot = foot_lines(result, rows, level, reasons)
    below = 0.54 + (0.2 if favours else 0)
    ys, deep = _heights(rows)
    ax, scale = style.frame(
        ax, PLOT, ROW * (deep + 1.3), left=left, right=right, top=heading.top_inches(title, [], total - 0.2),
        bottom=below + heading.foot_inches(foot, total - 0.2),
    )  # fmt: skip

    limits = value_limits(
        [v for row in rows for v in ((row["estimate"], row["low"], row["high"]) if row["kind"] == "pooled" else
                                     (row["estimate"],))],
        [v for row in rows if row["kind"] != "pooled" for v in (row["low"], row["high"])], measure,
    )  # fmt: skip
    set_value_axis(ax, measure, limits, xlabel)
    ax.set_ylim(-deep, 1.3)
    ax.set_yticks([])
    null = null_value(measure)
    if null is not None:
        ax.plot([null, null], [-deep, 0.6], color=style.SOFT, lw=0.9 * scale, zorder=0, gid="null line")
    overall = [row["estimate"] for row in rows if row["kind"] == "pooled" and row["overall"]]
    if overall and isfinite(overall[0]):
        ax.plot([overall[0]] * 2, [-deep, 0.6], color=style.POOLED, lw=0.8 * scale, ls=":", zorder=0, gid="pooled line")
    draw_rows(ax, rows, ys, limits, scale)
    _write_columns(ax, rows, ys, left_columns, right_columns, left, right, scale)
    style.tidy(ax, scale, sides=("bottom",))
    if favours:
        ax.xaxis.labelpad = 4 + 13 * scale
        _write_favours(ax, favours, null, limits, left, right, scale)
    heading.draw_top(ax, title, [], total - 0.2, left=left - 0.1, scale=scale)
    heading.draw_foot(ax, foot, total - 0.2, start=below - 0.05, left=left - 0.1, scale=scale)
    return ax


def _check_options(labels, favours) -> None:
    if labels is not None and not isinstance(labels, dict):
        raise MethodError(
            'labels is a dict study -> label to show, such as {"liu2024": "Liu 2024, cohort A"}; studies that it does '
            f"not name keep their own. It was given {type(labels).__name__}."
        )
    sides = favours if isinstance(favours, list | tuple) else [favours]
    if sides and (len(sides) != 2 or not all(isinstance(side, str) for side in sides)):
        raise MethodError(
            f"favours = {favours!r}: give two texts, left and right of the null line, such as "
            '("favours RT", "favours no RT").'
        )


def _columns(rows, level: float):
    """Columns left and right of the plot as (key, head, width in inches); empty ones are left out."""
    def measured(key, head, most):
        texts = [
            row["indent"] * (key == "label") + style.text_inches([_cell(row, key)], weight=_weight(row))
            for row in rows if row[key]
        ]  # fmt: skip
        return key, head, min(most, max([*texts, style.text_inches([head], weight="bold")]))

    left = [measured(key, head, LABEL) for key, head in LEFT if key == "label" or any(row[key] for row in rows)]
    right = [measured("text", f"Estimate [{100 * level:g} % CI]", 9.0)]
    if any(row["weight_text"] for row in rows):
        right.append(measured("weight_text", "Weight", 9.0))
    return left, right


def _cell(row, key: str) -> str:
    return style.one_line(row[key]) + (row["mark"] if key == "label" else "")


def _weight(row) -> str:
    return "bold" if row["kind"] in ("pooled", "heading") else "normal"


def _heights(rows) -> tuple[list[float], float]:
    """Height of each row in rows below the header, and the depth of all."""
    ys, y = [], 1.0
    for row in rows:
        y -= 1.0 + row["above"]
        ys.append(y)
    return ys, (-y if rows else 0.0) + 0.7


def _write_columns(ax, rows, ys, left_columns, right_columns, left, right, scale) -> None:
    places = []
    x = -left + 0.1
    for key, head, width in left_columns:
        places.append((key, head, x if key == "label" else x + width, "left" if key == "label" else "right", 0, width))
        x += width + GAP
    x = GAP
    for key, head, width in right_columns:
        places.append((key, head, x + width, "right", 1, width))
        x += width + GAP
    for key, head, x, align, side, width in places:
        transform = style.beside(ax, side, scale)
        style.write(ax, x, 1.0, head, transform=transform, weight="bold", ha=align, scale=scale, gid="head")
        for row, y in zip(rows, ys, strict=True):
            if not row[key]:
                continue
            indent = row["indent"] if key == "label" else 0.0
            quiet = row["kind"] == "note" or not row["included"]
            mark = row["mark"] if key == "label" else ""
            room = width - indent - style.text_inches([mark]) + 1e-6
            text = style.shorten(row[key], room, weight=_weight(row)) + mark
            style.write(ax, x + indent, y, text, transform=transform, ha=align, weight=_weight(row), scale=scale,
                        color=style.SOFT if quiet else style.INK, gid=key)  # fmt: skip
    corner = style.beside(ax, 0, scale), style.beside(ax, 1, scale)
    for side, ends in ((0, (-left + 0.1, 0.0)), (1, (0.0, right - 0.1))):
        ax.plot(ends, [0.55, 0.55], color=style.LINE, lw=0.9 * scale, transform=corner[side], clip_on=False,
                scalex=False, scaley=False)  # fmt: skip
    ax.axhline(0.55, color=style.LINE, lw=0.9 * scale)


def _write_favours(ax, favours, null, limits, left, right, scale) -> None:
    """Texts under the tick labels on both sides of the null line, or at the ends of an axis without one."""
    from math import log

    column = style.below(ax, scale)
    if null is None:
        share = 0.5
    else:
        value, low, high = (log(v) if ax.get_xscale() == "log" else v for v in (null, *limits))
        share = (value - low) / (high - low)
    middle = null if null is not None else (limits[0] + limits[1]) / 2
    for side, text, room in ((-1, favours[0], share * PLOT + left), (1, favours[1], (1 - share) * PLOT + right)):
        text = style.shorten(text, room - 0.4, size=heading.SMALL)
        text = f"← {text}  " if side < 0 else f"  {text} →"
        style.write(ax, middle, -0.33, text, transform=column, ha="right" if side < 0 else "left", scale=scale,
                    size=heading.SMALL, color=style.SOFT, gid="favours")  # fmt: skip
