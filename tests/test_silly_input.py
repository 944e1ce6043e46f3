"""Public functions given what they cannot use: an error of ours with a sentence, never one of pandas or NumPy."""

import inspect

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm

EFFECTS = pd.DataFrame({"yi": [0.1, 0.3, 0.2], "vi": [0.04, 0.05, 0.06], "events": [3, 4, 5], "n": [20, 30, 25]})
NO_TABLES = [None, "abc", pd.DataFrame(), [1, 2], {}]
# `tables` of these is something else: a folder, a dict of tables.
OTHER = {"check_tables", "load_tables", "stack_rows"}


def takes_tables(name):
    function = getattr(hm, name)
    return inspect.isfunction(function) and next(iter(inspect.signature(function).parameters), "") == "tables"


WITH_TABLES = sorted(name for name in hm.__all__ if takes_tables(name) and name not in OTHER)


@pytest.mark.parametrize("name", WITH_TABLES)
@pytest.mark.parametrize("given", NO_TABLES, ids=lambda value: type(value).__name__)
def test_what_is_no_tables_is_refused_by_name(name, given):
    function = getattr(hm, name)
    required = [
        parameter
        for parameter in list(inspect.signature(function).parameters.values())[1:]
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    with pytest.raises(hm.DataError, match=f"{name} needs the tables that load_tables"):
        function(given, *[None] * len(required))


@pytest.mark.parametrize("name", ["pool", "effects_proportion", "pool_proportion", "pool_proportion_by", "pool_by"])
@pytest.mark.parametrize("given", [None, "abc", 5, [1, 2], {}], ids=lambda value: type(value).__name__)
def test_what_is_no_table_of_rows_is_refused(name, given):
    more = ("study",) if name.endswith("_by") else ()
    with pytest.raises(hm.DataError):
        getattr(hm, name)(given, *more)


@pytest.mark.parametrize("by", [["line"], {}, EFFECTS, None, "nope"], ids=lambda value: type(value).__name__)
def test_a_grouping_that_is_no_column_is_refused(by):
    for function in (hm.pool_by, hm.pool_proportion_by, hm.pool_three_level):
        with pytest.raises(hm.DataError, match="there is no column"):
            function(EFFECTS, by)
    with pytest.raises(hm.DataError, match="there is no column"):
        hm.cluster_robust(hm.pool(EFFECTS), by)


@pytest.mark.parametrize("seed", [-1, "x", 1.5, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(hm.MethodError, match="seed"):
        hm.gosh(EFFECTS, seed=seed)
    with pytest.raises(hm.MethodError, match="seed"):
        hm.permutation_test(EFFECTS.assign(x=range(3)), "~ x", seed=seed)


@pytest.mark.parametrize("level", [95, 0, 1, -0.5, "x", None, np.nan])
def test_a_level_is_a_fraction(level):
    for function in (hm.pool, hm.pool_proportion, hm.leave_one_out):
        with pytest.raises(hm.MethodError, match="level"):
            function(EFFECTS, level=level)


def test_negative_variances_are_named():
    with pytest.raises(hm.DataError, match="vi"):
        hm.pool(EFFECTS.assign(vi=[-0.1, 0.1, 0.1]))


@pytest.mark.parametrize("value", [EFFECTS, ["z"], {}], ids=lambda value: type(value).__name__)
def test_an_option_that_is_no_word_is_answered_with_the_choices(value):
    with pytest.raises(hm.MethodError, match="Choose one of"):
        hm.pool(EFFECTS, ci_method=value)


def test_results_of_the_wrong_kind_are_refused():
    with pytest.raises(hm.MethodError, match="meta_regression"):
        hm.predict_effects(hm.pool(EFFECTS), EFFECTS)
    with pytest.raises(hm.MethodError, match="meta_regression"):
        hm.plot_bubble(None, x="yi")
    with pytest.raises(hm.MethodError, match="formula is text"):
        hm.meta_regression(EFFECTS, {})


def test_text_has_no_back_transform():
    with pytest.raises(hm.DataError, match="needs numbers"):
        hm.back_transform("abc", "PLO")


@pytest.mark.parametrize("name", ["p0", "p1", "alpha", "power"])
def test_a_design_needs_numbers(name):
    with pytest.raises(hm.MethodError, match=name):
        hm.single_arm_design(**{"p0": 0.2, "p1": 0.4, "alpha": 0.05, "power": 0.8, name: "x"})


def test_selections_refuse_options_they_do_not_know():
    tables = hm.load_tables()
    for options in ({"grade": "zzz"}, {"phase": "zzz"}, {"where": "setting"}, {"population": None}):
        with pytest.raises(hm.MethodError):
            hm.select_adverse_events(tables, **options)
    for options in ({"settings": None}, {"settings": -1}, {"criteria": None}, {"population": 3}):
        with pytest.raises(hm.MethodError, match="Choose one of"):
            hm.pair_responses(tables, **options)
    with pytest.raises(hm.MethodError, match="RT \\+ ICI"):
        hm.pair_responses(tables, contrast="RT against nothing")
