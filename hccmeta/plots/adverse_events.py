"""Adverse events as a dot plot: percent of patients with exact intervals, by event, arm and grade."""

from __future__ import annotations

import numpy as np

from ..effects.proportion import proportion_ci
from ..errors import DataError, MethodError
from . import heading, style
from .tables import filled, first_column, read_table

GRADES = ("any", "ge2", "ge3", "serious", "not_stated", "1", "2", "1-2", "3", "3-4", "4", "4-5", "5")
WORDS = {"any": "any grade", "ge2": "grade ≥ 2", "ge3": "grade ≥ 3", "serious": "serious",
         "not_stated": "grade not stated"}  # fmt: skip
MARKS = dict(zip(GRADES, "osDP*8pH^vd>X", strict=True))
LABORATORY = {"alt", "ast", "alp", "ggt", "ldh", "tbil", "inr", "tsh", "hbv", "afp", "rfa"}
LINE, GAP = 0.175, 0.12


def grade_text(grade: str) -> str:
    """Grade in words, exactly as printed: 3-4 is not >= 3."""
    return WORDS.get(str(grade), f"grade {grade}")


def event_text(event: str) -> str:
    """Event with a capital letter and laboratory values in capitals."""
    words = [word.upper() if word.lower() in LABORATORY else word for word in event.split()]
    text = " ".join(words)
    return "Any event" if text == "any" else text[:1].upper() + text[1:]


def _look(colour: str, grade: str) -> dict:
    """Line and mark of a series: the mark says the grade, hollow for any grade."""
    face = style.PAPER if grade == "any" else colour
    return dict(color=colour, marker=MARKS.get(grade, "h"), mfc=face, ls="-", lw=1.2, mew=1.3, markersize=6)


def _rows(df, grades) -> list[dict]:
    """One dict per drawn value: event, series (who), grade, events, n."""
    caller, what = "plot_adverse_events", "the adverse-event table"
    if grades is not None and (isinstance(grades, str) or not hasattr(grades, "__iter__")):
        raise MethodError(f'grades = {grades!r}: give a tuple of grades as printed, such as ("any", "ge3"), or None.')
    df = read_table(df, numbers=("events", "n"), texts=("event", "grade"), counts=True, caller=caller, what=what)
    who = first_column(df, ("label", "arm", "arm_id", "study"), caller=caller)
    df = read_table(df, texts=(who,), caller=caller, what=what)
    varying = [name for name in ("phase", "attribution") if name in df.columns and df[name].nunique() > 1]
    rows = []
    for row in df.dropna(subset=["events", "n"]).to_dict("records"):
        if grades is not None and row["grade"] not in grades:
            continue
        parts = [row[who], *[str(row[name]).replace("_", " ") for name in varying if filled(row[name])]]
        rows.append({"event": row["event"], "series": style.one_line(", ".join(map(str, parts))),
                     "grade": row["grade"], "events": int(row["events"]), "n": int(row["n"])})  # fmt: skip
    if not rows:
        raise DataError("plot_adverse_events: no row has events, n and one of the grades asked for.")
    return rows


def plot_adverse_events(df, *, ax=None, grades=None, sort: bool = True, level: float = 0.95, title: str = ""):
    """Dot plot of adverse events: percent of patients with the exact (Clopper-Pearson) interval.

    Parameters
    ----------
    df : DataFrame
        Columns event, grade, events, n and one of label, arm, arm_id, study; phase and attribution split the arms
        where they vary. Rows without events or n are not drawn. Event `any` comes first.
    ax : Axes, optional
    grades : tuple of str, optional
        Grades to show, as written in the table, for example ("any", "ge3"); None shows all. Grades are never added up.
    sort : bool
        Most frequent event first; otherwise the order of the table.
    level : float
        Level of the intervals, as a fraction.
    title : str

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        Counts that cannot be, two rows for the same event, arm and grade, or nothing to draw.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> df = pd.DataFrame({"arm": "RT + ICI", "event": ["any", "rash"], "grade": "any", "events": [27, 2], "n": 30})
    >>> hm.plot_adverse_events(df).get_xlabel()
    'Patients with the event'
    """
    rows = _rows(df, grades)
    order = {grade: i for i, grade in enumerate(grades or GRADES)}
    series = list(dict.fromkeys(row["series"] for row in rows))
    known = sorted(dict.fromkeys(row["grade"] for row in rows), key=lambda g: order.get(g, len(order)))
    cells = {}
    for row in rows:
        key = (row["event"], row["series"], row["grade"])
        if key in cells:
            raise DataError(
                f"plot_adverse_events: two rows for {', '.join(key)}; choose one phase, attribution or scale."
            )
        cells[key] = row
    events = list(dict.fromkeys(row["event"] for row in rows))
    if sort:
        share = dict.fromkeys(((event, grade) for event in events for grade in known), 0.0)
        for (event, _, grade), row in cells.items():
            share[event, grade] = max(share[event, grade], row["events"] / row["n"])
        events.sort(key=lambda event: [-share[event, grade] for grade in known])
    events.sort(key=lambda event: event != "any")

    many = len(series) > 1
    looks = {
        (who, grade): _look(style.PALETTE[(i if many else j) % 8], grade)
        for i, who in enumerate(series) for j, grade in enumerate(known)
    }  # fmt: skip
    drawn = [key for key in looks if any(cell[1:] == key for cell in cells)]
    entries = [
        (f"{who}, {grade_text(grade)}" if many else grade_text(grade), looks[who, grade]) for who, grade in drawn
    ]
    names = {event: event_text(event) for event in events}
    left = min(2.6, style.text_inches(names.values())) + 0.35
    texts = [f"{row['events']}/{row['n']}" for row in rows]
    right = style.text_inches(texts, size=style.FONT - 1) + 0.35
    total = left + 4.6 + right
    lines = {event: [key for key in drawn if (event, *key) in cells] for event in events}
    height = sum(LINE * len(keys) + GAP for keys in lines.values())
    ax, scale = style.frame(ax, 4.6, height, left=left, right=right, bottom=0.62,
                            top=heading.top_inches(title, entries, total - 0.2) + 0.1)  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(-height, 0)
    places = _write_rows(ax, cells, lines, names, left, right, scale)
    counts = np.array([[cells[key]["events"], cells[key]["n"]] for key in places], dtype=float)
    low, high = proportion_ci(counts[:, 0], counts[:, 1], method="clopper-pearson", level=level)
    shares, heights = counts[:, 0] / counts[:, 1], np.array(list(places.values()))
    for key in drawn:
        here = np.array([cell[1:] == key for cell in places])
        look = looks[key] | {"ls": "", "markersize": 6 * scale}
        ax.hlines(heights[here], low[here], high[here], color=look["color"], lw=1.2 * scale, zorder=2, gid="interval")
        ax.plot(shares[here], heights[here], clip_on=False, zorder=3, gid="share", **look)
    ticks = [i / 5 for i in range(6)]
    ax.set_xticks(ticks, [f"{100 * tick:.0f} %" for tick in ticks])
    ax.set_yticks([])
    ax.set_xlabel("Patients with the event")
    style.tidy(ax, scale, sides=("bottom",))
    ax.xaxis.grid(True, color=style.LINE, lw=0.6, zorder=0.5)
    ax.set_axisbelow(True)
    heading.draw_top(ax, title, entries, total - 0.2, left=left - 0.1, scale=scale)
    return ax


def _write_rows(ax, cells, lines, names, left, right, scale) -> dict:
    """Names and counts of the events; the height of every (event, series, grade)."""
    column, at_right = style.beside(ax, 0, scale), style.beside(ax, 1, scale)
    top, places = 0.0, {}
    for number, (event, keys) in enumerate(lines.items()):
        deep = LINE * len(keys) + GAP
        if number % 2 == 0:
            ax.axhspan(top - deep, top, color="#f3f5f7", lw=0, zorder=0)
        style.write(ax, -left + 0.1, top - deep / 2, style.shorten(names[event], 2.6), transform=column, scale=scale,
                    weight="bold" if event == "any" else "normal", gid="event")  # fmt: skip
        for line, key in enumerate(keys):
            y = places[event, *key] = top - GAP / 2 - LINE * (line + 0.5)
            cell = cells[event, *key]
            style.write(ax, right - 0.15, y, f"{cell['events']}/{cell['n']}", transform=at_right, ha="right",
                        size=style.FONT - 1, scale=scale, gid="counts")  # fmt: skip
        top -= deep
    return places
