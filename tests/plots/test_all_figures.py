"""What every figure must keep: the given axes, quiet state, whole and readable text, the same bytes twice."""

from __future__ import annotations

import inspect

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import hccmeta as hm

from .conftest import HOSTILE, cut_off, overlapping, svg
from .gallery import FIGURES

PLAIN = ["Pan 2024", "Zhai 2025", "Liu 2024"]
many = pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
OVERLAYS = ("plot_digitised",)  # drawn over a figure of the user, tested with the figures in tests/km
PLOTS = [name for name, module in hm._MODULE_OF.items() if module.startswith("plots.") and name not in OVERLAYS]


@many
def test_it_returns_the_axes_it_was_given_and_stays_in_its_place(draw):
    figure = Figure(figsize=(14, 10))
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    ax = axes[0, 1]
    slot = ax.get_window_extent().frozen()
    assert draw(PLAIN, ax=ax, title="Title") is ax
    figure.canvas.draw()
    box = ax.get_tightbbox()
    assert box.x0 > slot.x0 - 12
    assert box.x1 < slot.x1 + 12
    assert box.y0 > slot.y0 - 12
    assert box.y1 < slot.y1 + 12
    assert overlapping(ax) == []


@many
def test_hostile_labels_are_drawn_whole_and_apart(draw):
    ax = draw(list(HOSTILE), title="A $title$ that is <b>long</b> " * 6)
    assert overlapping(ax) == []
    assert cut_off(ax) == []


@many
@pytest.mark.parametrize("k", [1, 2, 60])
def test_one_to_sixty_rows(draw, k):
    ax = draw([f"Study {i + 1}" for i in range(k)])
    assert overlapping(ax) == []
    assert cut_off(ax) == []


@many
def test_the_title_stands_above_everything_else(draw):
    ax = draw(PLAIN, title="Title")
    ax.figure.canvas.draw()
    tops = [text.get_window_extent().y1 for text in ax.texts if text.get_gid() != "title"]
    (title,) = (text for text in ax.texts if text.get_gid() == "title")
    assert title.get_window_extent().y0 > max(tops, default=ax.get_window_extent().y1) - 1.5


@many
def test_no_text_is_read_as_mathematics(draw):
    ax = draw(["$a$", "$b^2$", "$c$"], title="$t$")
    assert not any(text.get_parse_math() for text in ax.texts if "$" in text.get_text())
    assert [text for text in (ax.xaxis.label, ax.yaxis.label) if "$" in text.get_text() and text.get_parse_math()] == []


@many
def test_the_same_input_gives_the_same_bytes(draw):
    assert svg(draw(PLAIN, title="Title")) == svg(draw(PLAIN, title="Title"))


@pytest.mark.parametrize("name", PLOTS)
def test_few_options_all_by_name(name):
    parameters = list(inspect.signature(getattr(hm, name)).parameters.values())
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert len(options) <= 8
    assert "ax" in [p.name for p in options]
    assert len(parameters) - len(options) <= 2


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_in_the_gallery(name):
    drawn = " ".join(inspect.getsource(draw) for draw in FIGURES.values())
    assert f"hm.{name}(" in drawn
