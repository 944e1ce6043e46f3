"""What stands above and below a plot area: title, key of the marks, lines of small print."""

from __future__ import annotations

from . import style

TITLE, SMALL = style.FONT + 2, style.FONT - 1
ROW, SAMPLE = 0.21, 0.34


def key_rows(entries, width: float) -> list[list]:
    """Entries of the key (label, look) broken into rows of at most `width` inches."""
    rows, used = [], width
    for label, look in entries:
        text = style.shorten(label, width - SAMPLE - 0.1)
        need = SAMPLE + 0.25 + style.text_inches([text])
        if not rows or used + need > width + 0.25:
            rows.append([])
            used = 0.0
        rows[-1].append((used, text, look))
        used += need
    return rows


def top_inches(title: str, entries, width: float) -> float:
    """Height of title and key above the plot area."""
    titles = len(style.wrap(title, width, size=TITLE, weight="bold"))
    return 0.12 + 0.24 * titles + (0.06 if titles else 0) + ROW * len(key_rows(entries, width))


def draw_top(ax, title: str, entries, width: float, *, left=0.0, above=0.0, scale: float = 1.0) -> None:
    """Draw title and key above the axes, `above` inches higher and `left` inches further left.

    `look` of an entry are properties of a Line2D, for example dict(color=..., marker="s", ls="").
    """
    rows, corner = key_rows(entries, width), style.inches(ax, (0, 1), scale)
    up = above + 0.16 + ROW * len(rows)
    for row in rows:
        up -= ROW
        for across, text, look in row:
            x = across - left
            size = look.get("markersize", 6) * scale
            ax.plot([x, x + 0.14, x + 0.28], [up] * 3, transform=corner, clip_on=False, markevery=[1], gid="key",
                    scalex=False, scaley=False, **look | {"markersize": size})  # fmt: skip
            style.write(ax, x + SAMPLE, up, text, transform=corner, scale=scale, gid="key")
    up = above + 0.2 + ROW * len(rows)
    for line in reversed(style.wrap(title, width, size=TITLE, weight="bold")):
        style.write(ax, -left, up, line, transform=corner, scale=scale, size=TITLE, weight="bold", gid="title")
        up += 0.24


def foot_inches(lines, width: float) -> float:
    """Height of the small print."""
    return 0.17 * sum(len(style.wrap(line, width, size=SMALL)) for line in lines)


def draw_foot(ax, lines, width: float, *, start: float, left: float = 0.0, scale: float = 1.0) -> None:
    """Small print below the axes, from `start` inches below their lower edge."""
    corner = style.inches(ax, (0, 0), scale)
    down = start
    for line in lines:
        for part in style.wrap(line, width, size=SMALL):
            down += 0.17
            style.write(ax, -left, -down + 0.08, part, transform=corner, scale=scale, size=SMALL, color=style.SOFT,
                        gid="foot")  # fmt: skip
