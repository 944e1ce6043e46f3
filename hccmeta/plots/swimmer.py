"""Course of one patient: lanes of treatments, responses and adverse events above small panels of measurements."""

from __future__ import annotations

from math import isfinite, log10

from ..errors import DataError
from . import heading, style
from .tables import filled, read_table

LANES = {"treatment": ("Treatment", "s", style.STUDY), "response": ("Response", "D", "#8c6d00"),
         "adverse_event": ("Adverse event", "^", style.POOLED)}  # fmt: skip
PANELS = {"afp": ("AFP", True), "pivka_ii": ("PIVKA-II", True), "tumour_size": ("Tumour size", False),
          "lymph_node": ("Lymph node", False)}  # fmt: skip
SLOT, LANE, PANEL = 1.0, 0.34, 0.78
LABEL = 2.3


def _positions(rows) -> tuple[list[float], list[tuple[float, str]], bool]:
    """x of every row, the ticks (x, printed time), and whether x is days; without all days the order is the axis."""
    days = [float(row["day"]) if filled(row.get("day")) else float("nan") for row in rows]
    labels = [style.one_line(row["label"]) if filled(row.get("label")) else "" for row in rows]
    if all(isfinite(day) for day in days):
        return days, [(day, f"{day:g}") for day in sorted(set(days))], True
    times = [label or f"day {day:g}" if isfinite(day) or label else "time not stated"
             for label, day in zip(labels, days, strict=True)]  # fmt: skip
    order = list(dict.fromkeys(times))
    return [float(order.index(time)) for time in times], list(enumerate(map(str, order))), False


def _value(row) -> str:
    value = float(row["value"]) if filled(row.get("value")) else float("nan")
    return style.one_line(f"{value:,.12g} {row['unit'] if filled(row.get('unit')) else ''}") if isfinite(value) else ""


def _lanes(rows) -> list[tuple[str, str, list[dict]]]:
    """(measure, text of the lane, its rows): one lane per treatment and adverse event, one for all responses."""
    lanes: dict = {}
    for row in rows:
        measure = row["measure"]
        if measure in LANES:
            item = style.one_line(row["item"]) if filled(row.get("item")) else LANES[measure][0]
            lanes.setdefault((measure, "Response" if measure == "response" else item), []).append(row)
    ordered = sorted(lanes, key=lambda key: list(LANES).index(key[0]))
    return [(measure, item[:1].upper() + item[1:], lanes[measure, item]) for measure, item in ordered]


def _panels(rows) -> list[tuple[str, str, list[dict]]]:
    """(measure, item, its values): one panel per lesion or marker; the item is named where a measure has several."""
    found: dict = {}
    for row in rows:
        if row["measure"] in PANELS and _value(row):
            item = style.one_line(row["item"]) if filled(row.get("item")) else ""
            found.setdefault(row["measure"], {}).setdefault(item, []).append(row)
    return [(measure, item if len(found[measure]) > 1 else "", values) for measure in PANELS if measure in found
            for item, values in found[measure].items()]  # fmt: skip


def _note(row) -> str:
    """What stands beside a mark: a response with its criteria, otherwise dose or value, otherwise the words."""
    event = style.one_line(row["event"]) if filled(row.get("event")) else ""
    if row["measure"] == "response":
        return f"{event} ({style.one_line(row['item'])})" if filled(row.get("item")) else event
    return _value(row) or event


def plot_swimmer(timeline, *, ax=None, title: str = ""):
    """Case timeline of one patient: lanes for treatments, responses and adverse events, panels for measurements.

    Parameters
    ----------
    timeline : DataFrame
        Rows of `case_timeline` of one study: measure, item, value, unit, event and day or label. Where every row has a
        day the axis is days; otherwise it is the order of the printed times. AFP and PIVKA-II have log scales.
    ax : Axes, optional
    title : str

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        Several studies, or nothing to draw.

    Examples
    --------
    >>> import pandas as pd, hccmeta as hm
    >>> rows = pd.DataFrame({"label": ["baseline", "cycle 3"], "measure": "afp", "item": "AFP", "value": [654.0, 326.4],
    ...                      "unit": "ng/mL", "event": None})
    >>> [text.get_text() for text in hm.plot_swimmer(rows).texts if text.get_gid() == "value"]
    ['654', '326.4']
    """
    timeline = read_table(
        timeline, texts=("measure",), optional=("day", "value"), caller="plot_swimmer", what="the case timeline"
    )
    if "study_id" in timeline.columns and timeline["study_id"].nunique() > 1:
        raise DataError("plot_swimmer draws one study; keep the rows of one study_id.")
    rows = [row for row in timeline.to_dict("records") if row["measure"] in (*LANES, *PANELS)]
    if not rows:
        raise DataError(f"plot_swimmer: no row has one of the measures {', '.join([*LANES, *PANELS])}.")
    xs, ticks, in_days = _positions(rows)
    rows = [row | {"x": x} for row, x in zip(rows, xs, strict=True)]
    lanes = _lanes(rows)
    panels = _panels(rows)
    left = min(LABEL, max(style.text_inches([text for _, text, _ in lanes]), 1.0)) + 0.3
    width = SLOT * len(ticks) if not in_days else 7.0
    height = LANE * len(lanes) + (PANEL + 0.12) * len(panels) + 0.1
    ax, scale = style.frame(ax, width, height, left=left, right=0.35, bottom=0.35 if in_days else 0.85,
                            top=heading.top_inches(title, [], left + width))  # fmt: skip
    low, high = min(xs), max(xs)
    pad = 0.5 if not in_days else 0.05 * (high - low or 1.0)
    ax.set_xlim(low - pad, high + pad)
    ax.set_ylim(-height, 0)
    names = style.beside(ax, 0, scale)
    step = width / (high - low + 2 * pad)
    for x, _ in ticks:
        ax.axvline(x, color=style.LINE, lw=0.6 * scale, zorder=0)
    y = -LANE / 2
    for measure, text, members in lanes:
        _, marker, colour = LANES[measure]
        style.write(ax, -left + 0.1, y, "\n".join(style.wrap(text, LABEL, lines=2)), transform=names, scale=scale,
                    linespacing=0.95, gid="lane")  # fmt: skip
        ax.axhline(y, color=style.LINE, lw=0.6 * scale, zorder=0)
        for row in members:
            none = style.one_line(row.get("event")).lower().startswith("none")
            ax.plot([row["x"]], [y], marker, ms=7.5 * scale, mec=colour, mfc=style.PAPER if none else colour, zorder=3,
                    gid=measure)  # fmt: skip
        _write_notes(ax, members, y, step, low - pad, high + pad, scale)
        y -= LANE
    top = y + LANE / 2 - 0.1
    for name, item, values in panels:
        _draw_panel(ax, name, item, values, top, left, scale)
        top -= PANEL + 0.12
    ax.set_yticks([])
    if in_days:
        ax.set_xlabel("Days since the first treatment")
    else:
        ax.set_xticks([x for x, _ in ticks], [""] * len(ticks))
        for x, text in ticks:
            lines = "\n".join(style.wrap(text, SLOT - 0.1, size=style.FONT - 1.5, lines=4))
            style.write(ax, x, -0.1, lines, transform=style.below(ax, scale), scale=scale, size=style.FONT - 1.5,
                        ha="center", va="top", gid="time")  # fmt: skip
    style.tidy(ax, scale, sides=("bottom",))
    heading.draw_top(ax, title, [], left + width, left=left - 0.1, scale=scale)
    return ax


def _write_notes(ax, members, y, step, low, high, scale) -> None:
    """Text right of each mark as wide as the room to the next one; left of the last mark where the axis ends."""
    notes: dict[float, list[str]] = {row["x"]: [] for row in sorted(members, key=lambda row: row["x"])}
    for row in members:
        notes[row["x"]] += [_note(row)] if _note(row) else []
    marks, size = list(notes), style.FONT - 1.5
    rooms = [(following - x) * step for x, following in zip(marks, [*marks[1:], high], strict=True)]
    sides = [1] * len(marks)
    need = style.text_inches([style.one_line("; ".join(notes[marks[-1]]))], size=size) + 0.25
    before = rooms[-2] / 2 if len(marks) > 1 else (marks[0] - low) * step
    if rooms[-1] < need and before > rooms[-1]:
        sides[-1], rooms[-1] = -1, before
        rooms[:-1] = [*rooms[:-2], before] if len(marks) > 1 else []
    for x, room, side in zip(marks, rooms, sides, strict=True):
        lines = style.wrap("; ".join(notes[x]), room - 0.25, size=size, lines=2)
        style.write(ax, x + side * 0.11 / step, y, "\n".join(lines), ha="left" if side > 0 else "right", size=size,
                    scale=scale, color=style.SOFT, linespacing=0.95, gid="note",
                    bbox=dict(fc="white", ec="none", pad=0.6))  # fmt: skip


def _draw_panel(ax, name, item, values, top, left, scale) -> None:
    """Measurements on their own scale inside a strip of the axes; every value is written at its point."""
    text, log = PANELS[name]
    numbers = [float(row["value"]) for row in values]
    log = log and min(numbers) > 0
    scaled = [log10(value) if log else value for value in numbers]
    low, high = (min(scaled), max(scaled)) if log else (0.0, max(scaled))
    span = high - low or 1.0
    ys = [top - PANEL + 0.12 + (PANEL - 0.4) * (value - low) / span for value in scaled]
    xs = [row["x"] for row in values]
    unit = style.one_line(values[0]["unit"]) if filled(values[0].get("unit")) else ""
    ax.axhspan(top - PANEL, top, color="#f3f5f7", lw=0, zorder=-1)
    names = style.beside(ax, 0, scale)
    style.write(ax, -left + 0.1, top - PANEL / 2 + 0.09, text, transform=names, scale=scale, weight="bold", gid="panel")
    about = style.shorten(", ".join(filter(None, [unit, "log scale" * log, item])), LABEL, size=style.FONT - 1.5)
    style.write(ax, -left + 0.1, top - PANEL / 2 - 0.09, about, transform=names, scale=scale, size=style.FONT - 1.5,
                color=style.SOFT)  # fmt: skip
    ax.plot(xs, ys, "-o", ms=5 * scale, lw=1.5 * scale, color=style.INK, zorder=3, gid=name)
    for x, y, value in zip(xs, ys, numbers, strict=True):
        style.write(ax, x, y + 0.14, f"{value:,.12g}", ha="center", size=style.FONT - 1.5, scale=scale, gid="value")
