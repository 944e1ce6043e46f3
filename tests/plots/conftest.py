"""Measures of a drawn figure: what is written where, what overlaps, what is cut off."""

from __future__ import annotations

import io

import matplotlib
import pytest

from hccmeta.report.outputs import SVG_STYLE

HOSTILE = (
    "$x$ and $y", "$\\foo$", "<b>bold</b> & \"q\"", "L" * 150, "a very long study name with many words " * 4, "same",
    "same", "line\nbreak\tand tab", "100 % _under_ ^hat^ {curly}", "Müller–Žižek 2024 ≥ µ",
)  # fmt: skip


def texts(ax, gid=None):
    return [text.get_text() for text in ax.texts if gid is None or text.get_gid() == gid]


def artists(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def _tick_texts(ax):
    """Labels of the ticks in view, and of the axes."""
    for axis in (ax.xaxis, ax.yaxis) if ax.axison else ():
        low, high = sorted(axis.get_view_interval())
        yield from (t for t, at in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True) if low <= at <= high)
        yield axis.label


def _boxes(ax):
    figure = ax.figure
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    drawn = [text for text in (*ax.texts, *_tick_texts(ax)) if text.get_text().strip() and text.get_visible()]
    return [(text, text.get_window_extent(renderer)) for text in drawn]


def overlapping(ax):
    """Pairs of upright texts whose boxes share more than 1.5 pixels in both directions."""
    boxes = [(text, box) for text, box in _boxes(ax) if not text.get_rotation()]
    pairs = []
    for i, (one, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            tall = min(a.y1, b.y1) - max(a.y0, b.y0)
            if wide > 1.5 and tall > 1.5:
                pairs.append((one.get_text(), other.get_text()))
    return pairs


def cut_off(ax):
    """Texts that reach over the edge of the figure."""
    page = ax.figure.bbox
    return [
        text.get_text() for text, box in _boxes(ax)
        if box.x0 < page.x0 - 1 or box.y0 < page.y0 - 1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1
    ]  # fmt: skip


def svg(ax) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context(SVG_STYLE):
        ax.figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def no_pyplot_figure():
    """No plot may leave or make a figure in pyplot's state."""
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    yield
    assert plt.get_fignums() == before
