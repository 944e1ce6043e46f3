"""What each study reports, as a heat map."""

from __future__ import annotations

import numpy as np

from ..effects.inputs import Columns
from ..errors import DataError
from . import heading, style
from .tables import NO_NAME, need_columns

CELL, ROW_INCH, LABEL, HEAD = 0.62, 0.32, 2.8, 2.2


def plot_evidence_map(df, *, ax=None, title: str = ""):
    """Heat map of studies by what they report; the number in a cell is the count of rows of evidence.

    Parameters
    ----------
    df : DataFrame
        One row per study (column `study`, or the index), one column per item, counts in the cells; 0 and empty cells
        stay white.
    ax : Axes, optional
    title : str

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> df = pd.DataFrame({"study": ["Pan 2024", "Zhai 2025"], "ORR": [2, 4], "OS": [1, 0]})
    >>> [text.get_text() for text in hm.plot_evidence_map(df).texts if text.get_gid() == "count"]
    ['2', '1', '4']
    """
    import seaborn

    if not hasattr(df, "columns") or df.empty or not len(df.columns):
        raise DataError("plot_evidence_map needs a DataFrame with at least one study and one item.")
    need_columns(df, (), caller="plot_evidence_map")
    names = [style.one_line(name) or NO_NAME for name in (df["study"] if "study" in df.columns else df.index)]
    items = df.drop(columns="study") if "study" in df.columns else df
    if not len(items.columns):
        raise DataError("plot_evidence_map: the table has no column of counts beside `study`.")
    read = Columns(items, tuple(items.columns), caller="plot_evidence_map, whose cells are counts")
    for name in items.columns:
        read.rule((read[name] < 0) | np.isinf(read[name]), name, "a count of 0 or more", "correct the count")
    read.refuse()
    counts = np.nan_to_num(np.column_stack([read[name] for name in items.columns]))
    heads = list(map(style.one_line, items.columns))
    rows, columns = counts.shape
    left = min(LABEL, style.text_inches(names)) + 0.25
    head = min(HEAD, style.text_inches(heads)) * 0.66 + 0.2
    width = CELL * columns
    total = left + width + max(0.2, head)
    ax, scale = style.frame(ax, width, ROW_INCH * rows, left=left, right=total - left - width, bottom=0.12,
                            top=head + heading.top_inches(title, [], total - 0.2))  # fmt: skip
    seaborn.heatmap(
        np.log1p(counts), mask=counts <= 0, ax=ax, cmap="Blues", vmin=0, vmax=1.25 * np.log1p(counts.max()) or 1.0,
        cbar=False, linewidths=1.2 * scale, linecolor="white", xticklabels=False, yticklabels=False,
    )  # fmt: skip
    ax.set_facecolor("#f3f5f7")
    names_at, heads_at = style.beside(ax, 0, scale), style.inches(ax, (0, 1), scale)
    for i, name in enumerate(names):
        style.write(ax, -left + 0.1, i + 0.5, style.shorten(name, LABEL), transform=names_at, scale=scale, gid="study")
    step = ax.get_position().width * ax.figure.bbox.width / ax.figure.dpi / scale / columns
    for j, text in enumerate(heads):
        style.write(ax, step * (j + 0.42), 0.07, style.shorten(text, HEAD), transform=heads_at, rotation=40, ha="left",
                    va="bottom", rotation_mode="anchor", scale=scale, gid="item")  # fmt: skip
    dark = np.log1p(counts) > 0.75 * np.log1p(counts.max())
    for i, j in zip(*np.nonzero(counts > 0), strict=True):
        style.write(ax, j + 0.5, i + 0.5, f"{counts[i, j]:g}", ha="center", scale=scale,
                    color=style.PAPER if dark[i, j] else style.INK, gid="count")  # fmt: skip
    ax.set_xlabel("")
    ax.set_ylabel("")
    heading.draw_top(ax, title, [], total - 0.2, left=left - 0.1, above=head, scale=scale)
    return ax
