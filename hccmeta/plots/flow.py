"""Flow of records: from the records supplied to the studies used, with the reasons on the way."""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from . import heading, style
from .tables import filled, need_columns, read_table

BOXES = {"supplied": "Records supplied", "read": "Reports read", "included": "Studies included"}
SIDE = {"not_read": ("supplied", "Not read"), "excluded": ("read", "Excluded after reading"),
        "other": ("read", "Read, not in the synthesis"), "used": ("included", "Used for")}  # fmt: skip
WIDE, GAP, LINE, PAD = 2.3, 0.45, 0.19, 0.12


def _from_records(table) -> list[tuple[str, str, int]]:
    """Counts of a screening table with one row per record; `stage` is the furthest stage it reached."""
    stage = table["stage"]
    counts = [("supplied", "", len(table)), ("read", "", int((stage != "supplied").sum())),
              ("included", "", int((stage == "included").sum()))]  # fmt: skip
    for name, side in (("supplied", "not_read"), ("read", "other"), ("excluded", "excluded")):
        reasons = table.loc[stage == name, "reason"] if "reason" in table.columns else []
        listed: dict[str, int] = {}
        for reason in reasons:
            text = style.one_line(reason) if filled(reason) else "no reason given"
            listed[text] = listed.get(text, 0) + 1
        counts += [(side, reason, n) for reason, n in sorted(listed.items(), key=lambda item: -item[1])]
    used: dict[str, int] = {}
    for purposes in table.loc[stage == "included", "used_for"] if "used_for" in table.columns else []:
        for purpose in str(purposes).split(";") if filled(purposes) else []:
            used[purpose.strip()] = used.get(purpose.strip(), 0) + 1
    return counts + [("used", purpose, n) for purpose, n in sorted(used.items(), key=lambda item: -item[1])]


def _read(table) -> list[tuple[str, str, int]]:
    need_columns(table, ("stage",), caller="plot_flow", what="the screening table")
    known = {*BOXES, *SIDE} if "n" in table.columns else {"supplied", "read", "included", "excluded"}
    unknown = sorted({str(stage) for stage in table["stage"]} - known)
    if unknown or len(table) == 0:
        raise DataError(f"plot_flow: stage must be one of {', '.join(sorted(known))}; "
                        f"found {', '.join(unknown) or 'an empty table'}.")  # fmt: skip
    if "n" not in table.columns:
        return _from_records(table)
    table = read_table(table, numbers=("n",), caller="plot_flow", what="the table of counts")
    wrong = ~((table["n"] >= 0) & (table["n"] == table["n"].round()) & np.isfinite(table["n"]))
    if wrong.any():
        raise DataError(f"plot_flow: n must be a count of 0 or more; found {', '.join(map(str, table['n'][wrong]))}.")
    reasons = table["reason"] if "reason" in table.columns else [""] * len(table)
    return [
        (stage, style.one_line(reason) if filled(reason) else "", int(n))
        for stage, reason, n in zip(table["stage"], reasons, table["n"], strict=True)
    ]


def _side_lines(counts, side: str, head: str, width: float) -> list[str]:
    rows = [(reason, n) for stage, reason, n in counts if stage == side]
    if not rows:
        return []
    lines = [head if side == "used" else f"{head}: {sum(n for _, n in rows)}"]
    for reason, n in rows:
        if reason:
            lines += style.wrap(f"{reason}: {n}", width - 2 * PAD - 0.3, size=style.FONT - 0.5)
    return lines


def plot_flow(counts, *, ax=None, title: str = ""):
    """Flow diagram of the records, in the manner of PRISMA, from 'records supplied' down.

    Parameters
    ----------
    counts : DataFrame
        The screening table (one row per record: stage, reason, used_for), or counts: stage (supplied, not_read, read,
        other, excluded, included, used), n, and reason, one row per reason.
    ax : Axes, optional
    title : str

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        A stage outside the list.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> counts = pd.DataFrame({"stage": ["supplied", "read", "excluded", "included"], "n": [9, 9, 4, 5],
    ...                        "reason": ["", "", "protocol without results", ""]})
    >>> [text.get_text() for text in hm.plot_flow(counts).texts][:2]
    ['Records supplied', 'n = 9']
    """
    rows = _read(counts)
    totals = {stage: n for stage, _, n in rows if stage in BOXES}
    side_width = 3.4
    stages = [stage for stage in BOXES if stage in totals]
    sides = {stage: [lines for side, (at, head) in SIDE.items() if at == stage
                     and (lines := _side_lines(rows, side, head, side_width))] for stage in stages}  # fmt: skip
    box = 2 * LINE + 2 * PAD
    heights = [
        max(box, sum(LINE * len(lines) + 2 * PAD + 0.12 for lines in sides[stage]) - 0.12) for stage in stages
    ]
    width, height = WIDE + GAP + side_width, sum(heights) + GAP * (len(stages) - 1)
    top = heading.top_inches(title, [], width)
    ax, scale = style.frame(ax, width, height, left=0.1, right=0.1, bottom=0.1, top=top)
    ax.set_xlim(0, width)
    ax.set_ylim(-height, 0)
    ax.set_axis_off()
    heading.draw_top(ax, title, [], width, scale=scale)

    top, arrows = 0.0, dict(arrowstyle="-|>", color=style.SOFT, lw=1.1 * scale, shrinkA=0, shrinkB=0)
    for number, (stage, tall) in enumerate(zip(stages, heights, strict=True)):
        middle = top - box / 2
        _draw_box(ax, 0, top, WIDE, box, style.STUDY if stage == "included" else style.SOFT, scale)
        for line, (text, weight) in enumerate(((BOXES[stage], "bold"), (f"n = {totals[stage]}", "normal"))):
            style.write(ax, WIDE / 2, middle + LINE * (0.5 - line), text, ha="center", weight=weight, scale=scale)
        if number + 1 < len(stages):
            ax.annotate("", (WIDE / 2, top - tall - GAP), (WIDE / 2, top - box), arrowprops=arrows)
        down = top
        for lines in sides[stage]:
            deep = LINE * len(lines) + 2 * PAD
            _draw_box(ax, WIDE + GAP, down, side_width, deep, style.LINE, scale)
            at = down - box / 2 if down == top else down - deep / 2
            ax.annotate("", (WIDE + GAP, at), (WIDE if down == top else WIDE / 2, at), arrowprops=arrows)
            for line, text in enumerate(lines):
                style.write(ax, WIDE + GAP + PAD + (0.12 if line else 0), down - PAD - LINE * (line + 0.5), text,
                            size=style.FONT - (0.5 if line else 0), scale=scale)  # fmt: skip
            down -= deep + 0.12
        top -= tall + GAP
    return ax


def _draw_box(ax, left, top, width, height, colour, scale) -> None:
    from matplotlib.patches import Rectangle

    look = dict(fc=style.PAPER, ec=colour, lw=1.2 * scale, clip_on=False)
    ax.add_patch(Rectangle((left, top - height), width, height, **look))
