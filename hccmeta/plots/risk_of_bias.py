"""Risk of bias as a traffic-light table: studies by domains, one block per tool."""

from __future__ import annotations

from ..errors import DataError
from . import heading, style
from .tables import filled, first_column, read_table

# judgement -> symbol, colour, colour of the symbol, text of the key
LIGHTS = {
    "low": ("+", "#009e73", "white", "low / yes"),
    "moderate": ("−", "#f0e442", style.INK, "moderate / some concerns"),
    "serious": ("×", "#d55e00", "white", "serious / high / no"),
    "critical": ("!", "#7a0019", "white", "critical"),
    "unclear": ("?", "#b9c4cd", style.INK, "unclear / no information"),
    "not_applicable": ("n/a", "white", style.SOFT, "not applicable"),
    "differ": ("≠", "white", style.INK, "assessors differ"),
}
SAME_AS = {"yes": "low", "some_concerns": "moderate", "high": "serious", "no": "serious", "no_information": "unclear"}
NAMES = ("study", "label", "study_id")
CELL, ROW_INCH, LABEL, HEAD = 0.42, 0.36, 2.6, 3.2


def _agreed(judgements: dict[str, str]) -> str:
    """The agreed judgement; without one, what both assessors say, or that they differ."""
    if "agreed" in judgements:
        return judgements["agreed"]
    said = set(judgements.values())
    return said.pop() if len(said) == 1 else "differ"


def _blocks(table) -> dict[str, tuple[list[str], dict[str, dict[str, str]]]]:
    """Tool -> its domains in order and, per row label, domain -> judgement."""
    name = first_column(table, NAMES, caller="plot_risk_of_bias")
    several = {
        key for key, outcomes in table.groupby([name, "tool"], sort=False)["outcome"] if outcomes.nunique() > 1
    } if "outcome" in table.columns else set()  # fmt: skip
    cells: dict = {}
    for row in table.to_dict("records"):
        label = style.one_line(row[name])
        if (row[name], row["tool"]) in several:
            label += f", {style.one_line(row['outcome'])}"
        judgement = SAME_AS.get(row["judgement"], row["judgement"])
        if judgement not in LIGHTS or judgement == "differ":
            raise DataError(f"plot_risk_of_bias: judgement {row['judgement']!r} of {row[name]} is not known. "
                            f"Choose one of: {', '.join([*list(LIGHTS)[:-1], *SAME_AS])}.")  # fmt: skip
        block = cells.setdefault(row["tool"], {})
        assessment = str(row["assessment"]) if filled(row.get("assessment")) else "agreed"
        block.setdefault(label, {}).setdefault(style.one_line(row["domain"]), {})[assessment] = judgement
    blocks = {}
    for tool, rows in cells.items():
        domains = list(dict.fromkeys(domain for row in rows.values() for domain in row))
        domains.sort(key=lambda domain: domain.lower().startswith("overall"))
        blocks[tool] = (domains, {label: {d: _agreed(j) for d, j in row.items()} for label, row in rows.items()})
    return blocks


def plot_risk_of_bias(df, *, ax=None, title: str = ""):
    """Traffic-light table of risk of bias: rows are studies (and outcomes), columns the domains of the tool.

    Parameters
    ----------
    df : DataFrame
        study_id (or `study`, `label`), tool, domain, judgement; optional outcome and assessment (1, 2, agreed). The
        agreed judgement is shown; without one, a difference between the assessors is shown as such.
    ax : Axes, optional
    title : str

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        An unknown judgement.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> df = pd.DataFrame({"study_id": ["a", "b"], "tool": "JBI case series", "domain": "Q1 clear inclusion criteria",
    ...                    "judgement": ["yes", "unclear"]})
    >>> [text.get_text() for text in hm.plot_risk_of_bias(df).texts if text.get_gid() == "judgement"]
    ['+', '?']
    """
    caller, what = "plot_risk_of_bias", "the risk-of-bias table"
    df = read_table(df, texts=("tool", "domain", "judgement"), caller=caller, what=what)
    df = read_table(df, texts=(first_column(df, NAMES, caller=caller),), caller=caller, what=what)
    if len(df) == 0:
        raise DataError("plot_risk_of_bias: the table has no rows.")
    blocks = _blocks(df)
    seen = {judgement for _, rows in blocks.values() for row in rows.values() for judgement in row.values()}
    entries = [
        (f"{symbol}  {text}",
         dict(color=colour, mec=style.SOFT, mew=0.6, marker="o", markersize=9, ls=""))
        for name, (symbol, colour, _, text) in LIGHTS.items() if name in seen
    ]  # fmt: skip
    names = [name for _, rows in blocks.values() for name in rows]
    left = min(LABEL, style.text_inches(names)) + 0.25
    columns = max(len(domains) for domains, _ in blocks.values())
    heads = {tool: 0.35 if domains == [tool] else _head_inches(domains) for tool, (domains, _) in blocks.items()}
    height = sum(heads[tool] + ROW_INCH * len(rows) + 0.15 for tool, (_, rows) in blocks.items())
    lean = max(heads.values())
    width = CELL * columns
    total = max(left + width + lean, 5.5)
    ax, scale = style.frame(ax, width, height, left=left, right=total - left - width, bottom=0.1,
                            top=heading.top_inches(title, entries, total - 0.2))  # fmt: skip
    ax.set_xlim(0, width)
    ax.set_ylim(-height, 0)
    ax.set_axis_off()
    heading.draw_top(ax, title, entries, total - 0.2, left=left - 0.1, scale=scale)
    top = 0.0
    for tool, (domains, rows) in blocks.items():
        top -= heads[tool]
        _draw_block(ax, tool, domains, rows, top, left, scale)
        top -= ROW_INCH * len(rows) + 0.15
    return ax


def _head_inches(domains) -> float:
    longest = min(style.text_inches(domains, size=style.FONT - 1), HEAD)
    return 0.35 + longest * 0.66


def _draw_block(ax, tool, domains, rows, top, left, scale) -> None:
    style.write(ax, -left + 0.1, top + 0.14, tool, weight="bold", scale=scale, gid="tool")
    for column, domain in enumerate(domains if domains != [tool] else []):
        text = style.shorten(domain, HEAD, size=style.FONT - 1)
        style.write(ax, CELL * (column + 0.4), top + 0.06, text, rotation=40, ha="left", va="bottom",
                    rotation_mode="anchor", size=style.FONT - 1, scale=scale, gid="domain")  # fmt: skip
    for number, (label, row) in enumerate(rows.items()):
        y = top - ROW_INCH * (number + 0.5)
        style.write(ax, -left + 0.1, y, style.shorten(label, LABEL), scale=scale, gid="label")
        ax.plot([0, CELL * len(domains)], [y - ROW_INCH / 2] * 2, color=style.LINE, lw=0.6 * scale, zorder=1)
        for column, domain in enumerate(domains):
            if domain in row:
                symbol, colour, ink, _ = LIGHTS[row[domain]]
                x = CELL * (column + 0.5)
                ax.plot([x], [y], "o", ms=17 * scale, color=colour, mec=style.SOFT, mew=0.6 * scale, zorder=2)
                size = style.FONT + (1 if len(symbol) == 1 else -2.5)
                style.write(ax, x, y, symbol, ha="center", va="center_baseline", color=ink, weight="bold", zorder=3,
                            scale=scale, size=size, gid="judgement")  # fmt: skip
