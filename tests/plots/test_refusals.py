"""What cannot be drawn gives one error of ours that names it; odd but right tables are drawn as usual."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

import hccmeta as hm
from hccmeta.plots import style

from .conftest import svg, texts
from .gallery import (
    FIGURES,
    baseline,
    bias,
    curve,
    effects,
    events_of,
    evidence,
    gosh_rows,
    influence_rows,
    multiverse_cells,
    pooled_rows,
    screening,
    timeline,
)  # fmt: skip

LABELS = ["Pan 2024", "Zhai 2025", "Liu 2024"]
COUNTS = pd.DataFrame({"stage": ["supplied", "read", "included"], "n": [9, 8, 5], "reason": ""})
# plot -> (its table, number columns, options)
TABLES = {
    "plot_forest": (effects(LABELS).assign(events=[3, 4, 5], n=20), ("yi", "vi", "events", "n"), {}),
    "plot_survival": (curve(), ("time", "survival", "n_at_risk", "ci_low", "censored"), {"censored": True}),
    "plot_funnel": (effects(LABELS), ("yi", "vi"), {}),
    "plot_baujat": (influence_rows(LABELS), ("rstudent", "cook_d"), {}),
    "plot_gosh": (gosh_rows(LABELS), ("estimate", "I2"), {"measure": "HR"}),
    "plot_cumulative": (pooled_rows(LABELS), ("k", "estimate", "ci_low", "ci_high"), {"measure": "HR"}),
    "plot_multiverse": (multiverse_cells(LABELS), ("estimate", "ci_low", "ci_high"), {"measure": "HR"}),
    "plot_flow": (COUNTS, ("n",), {}),
    "plot_risk_of_bias": (bias(LABELS), (), {}),
    "plot_swimmer": (timeline(LABELS), ("value",), {}),
    "plot_adverse_events": (events_of(LABELS), ("events", "n"), {}),
    "plot_evidence_map": (evidence(LABELS), tuple(LABELS), {}),
    "plot_baseline": (baseline(LABELS), ("events", "n"), {}),
}
NUMBERS = [(name, column) for name, (_, columns, _) in TABLES.items() for column in columns]
tables = pytest.mark.parametrize("name", TABLES)


def draw(name, table):
    return getattr(hm, name)(table, **TABLES[name][2])


@pytest.mark.parametrize(("name", "column"), NUMBERS)
@pytest.mark.parametrize("cell", ["12 %", True, pd.Timestamp("2024-05-01")], ids=["text", "truth", "date"])
def test_a_cell_that_is_no_number_is_named(name, column, cell):
    table = TABLES[name][0].astype({column: object})
    table.iloc[1, table.columns.get_loc(column)] = cell
    with pytest.raises(hm.DataError, match=rf"row 1, {column} = .*a number or empty"):
        draw(name, table)


@tables
@pytest.mark.parametrize("given", [None, "abc", 5, [1, 2], pd.DataFrame()], ids=lambda value: type(value).__name__)
def test_what_is_no_table_is_refused(name, given):
    with pytest.raises(hm.DataError, match=name):
        draw(name, given)


@tables
def test_a_table_without_rows_is_refused(name):
    with pytest.raises(hm.DataError):
        draw(name, TABLES[name][0].head(0))


@tables
def test_columns_of_the_same_name_are_refused(name):
    table = TABLES[name][0]
    with pytest.raises(hm.DataError, match=str(table.columns[0])):
        draw(name, pd.concat([table, table.iloc[:, [0]]], axis=1))


@tables
@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.convert_dtypes(),
        lambda table: table.astype("category"),
        lambda table: table.astype(object),
        lambda table: table.set_axis([0] * len(table)),
        lambda table: table.set_axis(pd.MultiIndex.from_product([["a"], range(len(table))])),
    ],
    ids=["nullable", "category", "object", "one index value", "two index levels"],
)
def test_dtypes_and_index_do_not_matter(name, change):
    table = TABLES[name][0]
    assert svg(draw(name, change(table))) == svg(draw(name, table))


@pytest.mark.parametrize(("name", "column"), [("plot_forest", "study"), ("plot_baujat", "study"),
                         ("plot_adverse_events", "event"), ("plot_swimmer", "item")])  # fmt: skip
@pytest.mark.parametrize("empty", [None, np.nan, pd.NA], ids=str)
def test_an_empty_label_is_not_written_as_a_word(name, column, empty):
    table = TABLES[name][0].astype({column: object})
    table.iloc[0, table.columns.get_loc(column)] = empty
    assert not {"nan", "None", "<NA>", "Nan"} & set(texts(draw(name, table)))


@pytest.mark.parametrize("plot", FIGURES.values(), ids=FIGURES)
@pytest.mark.parametrize("ax", [5, "axes", Figure(), Figure().subplots(2, 2)], ids=lambda value: type(value).__name__)
def test_what_is_no_axes_is_refused(plot, ax):
    with pytest.raises(hm.MethodError, match="one matplotlib Axes"):
        plot(LABELS, ax=ax)


@pytest.mark.parametrize("plot", FIGURES.values(), ids=FIGURES)
def test_no_title_is_no_text(plot):
    assert "None" not in texts(plot(LABELS, title=None))


@pytest.mark.parametrize(
    ("plot", "options", "told"),
    [
        ("plot_forest", {"labels": LABELS[:2]}, "dict study"),
        ("plot_forest", {"favours": ("RT",)}, "two texts"),
        ("plot_forest", {"favours": ("a", "b", "c")}, "two texts"),
        ("plot_forest", {"favours": "RT"}, "two texts"),
        ("plot_baujat", {"label_top": "all"}, "whole number"),
        ("plot_cumulative", {"prefix": None}, "must be text"),
        ("plot_multiverse", {"chosen": [True]}, "each of the 6 rows"),
        ("plot_multiverse", {"chosen": [1.0] * 6}, "True or False"),
        ("plot_multiverse", {"choices": "method"}, "list of columns"),
        ("plot_adverse_events", {"grades": "ge3"}, "tuple of grades"),
        ("plot_survival", {"at_risk": "yes"}, "True, False, or a dict"),
        ("plot_survival", {"endpoint": ["OS"]}, "must be text"),
    ],
)
def test_options_out_of_place_are_answered_with_what_is_expected(plot, options, told):
    with pytest.raises(hm.MethodError, match=told):
        getattr(hm, plot)(TABLES[plot][0], **TABLES[plot][2] | options)


def test_a_grouping_by_column_is_only_for_a_table():
    with pytest.raises(hm.MethodError, match="pool_by"):
        hm.plot_forest(hm.pool(effects(LABELS)), by="study")


@pytest.mark.parametrize(("name", "column", "value"), [
    ("plot_survival", "time", -1.0), ("plot_survival", "time", np.inf), ("plot_flow", "n", 2.5),
    ("plot_flow", "n", None),
    ("plot_baseline", "events", 99), ("plot_adverse_events", "n", 0), ("plot_evidence_map", "Pan 2024", -1),
    ("plot_gosh", "I2", 40.0), ("plot_forest", "measure", "odds"), ("plot_forest", "weight", 40.0),
])  # fmt: skip
def test_numbers_that_cannot_be_are_refused(name, column, value):
    with pytest.raises((hm.DataError, hm.MethodError), match=column if column != "time" else "times"):
        draw(name, TABLES[name][0].assign(**{column: value}))


def test_an_effect_without_measure_of_its_variance_does_not_stretch_the_funnel():
    table = pd.concat([effects(LABELS), effects(["Far 2020"]).assign(vi=np.inf)], ignore_index=True)
    assert hm.plot_funnel(table).get_ylim() == hm.plot_funnel(effects(LABELS)).get_ylim()


@pytest.mark.filterwarnings("error::UserWarning", "default::hccmeta.errors.MetaWarning")
@pytest.mark.parametrize("plot", FIGURES.values(), ids=FIGURES)
def test_every_letter_drawn_is_in_a_font_of_this_computer(plot):
    """Chinese, Korean, Thai and cuneiform: drawn, or shown as □, never as an empty box with a warning per letter."""
    names = ["王小明 2024", "김철수 2025", "ไทย 𒀀"]
    ax = plot(names, title="肝癌 $x$")
    svg(ax)
    for text in (*ax.texts, ax.xaxis.label, ax.yaxis.label):
        fonts = [get_font(findfont(FontProperties(family=[name]))) for name in text.get_fontfamily()]
        for letter in text.get_text().replace("\n", ""):
            assert any(font.get_char_index(ord(letter)) for font in fonts)


def test_missing_letters_are_told_once(monkeypatch):
    monkeypatch.setattr(style, "_told", [])
    with pytest.warns(hm.MetaWarning, match="𒀀") as told:
        assert style.lettering("𒀀 2024")[0] == "□ 2024"
        style.lettering("𒀁 2025")
    assert len(told) == 1


def test_a_screening_table_counts_as_before_with_any_index():
    table = screening(LABELS * 2)
    assert texts(hm.plot_flow(table.set_axis([1] * 6)))[:2] == ["Records supplied", "n = 6"]
