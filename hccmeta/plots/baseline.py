"""Patients at baseline, compared between studies."""

from __future__ import annotations

from ..errors import DataError
from . import heading, style
from .tables import read_table

ROW_INCH, PLOT, LABEL = 0.36, 4.8, 2.8


def plot_baseline(df, *, ax=None, title: str = ""):
    """Share of patients with each characteristic, one mark per study.

    Parameters
    ----------
    df : DataFrame
        Columns study, characteristic (text to show, for example "PVTT"), events, n; one row per study and
        characteristic, in the order to show.
    ax : Axes, optional
    title : str

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        Counts that cannot be, or two rows for one study and characteristic.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> df = pd.DataFrame({"study": ["A", "B"], "characteristic": "PVTT", "events": [9, 69], "n": [30, 108]})
    >>> hm.plot_baseline(df).get_xlabel()
    'Patients with the characteristic'
    """
    import seaborn

    df = read_table(df, numbers=("events", "n"), texts=("study", "characteristic"), counts=True, caller="plot_baseline",
                    what="the baseline table")  # fmt: skip
    shown = df.dropna(subset=["events", "n"])
    events, n = shown["events"], shown["n"]
    if shown.empty:
        raise DataError("plot_baseline: no row has events and n.")
    double = shown[shown.duplicated(["study", "characteristic"])]
    if len(double):
        named = "; ".join(f"{row.study}, {row.characteristic}" for row in double.itertuples())
        rule = "one row per study and characteristic"
        problems = [dict(table="", row=index, column="characteristic", value=item, rule=rule, fix="drop the row")
                    for index, item in double["characteristic"].items()]  # fmt: skip
        raise DataError(f"plot_baseline: double rows for {named}; keep {rule}.", problems)
    studies = [style.one_line(name) for name in dict.fromkeys(shown["study"])]
    items = list(dict.fromkeys(shown["characteristic"]))
    colours = {name: style.PALETTE[i % 8] for i, name in enumerate(dict.fromkeys(shown["study"]))}
    marks = {name: style.MARKERS[(i + i // 8) % 8] for i, name in enumerate(colours)}
    entries = [(text, dict(color=colours[name], marker=marks[name], ls="", markersize=7))
               for text, name in zip(studies, colours, strict=True)]  # fmt: skip
    names = [style.one_line(item) for item in items]
    left = min(LABEL, style.text_inches(names)) + 0.25
    total = left + PLOT + 0.3
    ax, scale = style.frame(ax, PLOT, ROW_INCH * len(items), left=left, right=0.3, bottom=0.62,
                            top=heading.top_inches(title, entries, total - 0.2) + 0.08)  # fmt: skip
    places = shown["characteristic"].map({item: float(i) for i, item in enumerate(items)})
    table = shown.assign(share=events / n, place=places)
    seaborn.scatterplot(
        table, x="share", y="place", hue="study", style="study", palette=colours, markers=marks, s=58 * scale**2,
        ax=ax, legend=False, edgecolor="white", linewidth=0.6, alpha=0.9, zorder=3, clip_on=False,
    )  # fmt: skip
    names_at = style.beside(ax, 0, scale)
    for i, (name, item) in enumerate(zip(names, items, strict=True)):
        text = style.shorten(name, LABEL)
        style.write(ax, -left + 0.1, i, text, transform=names_at, scale=scale, gid="characteristic")
        spread = table.loc[table["characteristic"] == item, "share"]
        ax.hlines(i, spread.min(), spread.max(), color=style.LINE, lw=4 * scale, zorder=1, gid="spread")
    ticks = [i / 5 for i in range(6)]
    ax.set_xticks(ticks, [f"{100 * tick:.0f} %" for tick in ticks])
    ax.set_xlim(0, 1)
    ax.set_ylim(len(items) - 0.5, -0.5)
    ax.set_yticks([])
    ax.set_ylabel("")
    ax.set_xlabel("Patients with the characteristic")
    ax.xaxis.grid(True, color=style.LINE, lw=0.6, zorder=0)
    ax.set_axisbelow(True)
    style.tidy(ax, scale, sides=("bottom",))
    heading.draw_top(ax, title, entries, total - 0.2, left=left - 0.1, scale=scale)
    return ax
