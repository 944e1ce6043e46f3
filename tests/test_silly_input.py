"""Public functions given what they cannot use: an error of ours with a sentence, never one of pandas or NumPy."""

import inspect

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm

EFFECTS = pd.DataFrame({"yi": [0.1, 0.3, 0.2], "vi": [0.04, 0.05, 0.06], "events": [3, 4, 5], "n": [20, 30, 25]})
NO_TABLES = [None, "abc", pd.DataFrame(), [1, 2], {}]
# `tables` of these is something else: a folder, a dict of tables.
OTHER = {"check_tables", "load_tables"}


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


def made_of_results(name):
    """Functions of the report whose first argument is a table or results of another one."""
    package, _, module = getattr(hm, name).__module__.rpartition(".")
    if package != "hccmeta.report" or "survival" in module or module == "reconstructions":
        return False
    first = next(iter(inspect.signature(getattr(hm, name)).parameters))
    return first not in ("tables", "result", "ax", "prefix", "name", "plot")


WITH_RESULTS = sorted(name for name in hm.__all__ if made_of_results(name))


@pytest.mark.parametrize("name", WITH_RESULTS)
@pytest.mark.parametrize("given", [None, "abc", 5, [1, 2]], ids=lambda value: type(value).__name__)
def test_what_no_function_of_the_report_returns_is_refused_by_name(name, given):
    parameters = inspect.signature(getattr(hm, name)).parameters.values()
    needed = [one for one in parameters if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    options = {"endpoint": "ORR", "event": "any", "level": 0.95, "outcome": "ORR"}
    with pytest.raises(hm.DataError, match=f"{name} takes a "):
        getattr(hm, name)(**{one.name: options.get(one.name, given) for one in needed})


def test_what_lies_in_a_dict_or_lacks_in_a_table_is_named():
    rows = pd.DataFrame({"study": ["a"], "events": [3]})
    with pytest.raises(hm.DataError, match="a DataFrame with events, n as rows; it was given one without n"):
        hm.pool_rates(rows)
    with pytest.raises(hm.DataError, match="a dict of label -> PooledResult as results; it was given SBRT: int"):
        hm.as_rows({"RT": hm.pool_rates(rows.assign(n=9)), "SBRT": 5})
    for given in (None, rows, [rows, 5]):
        with pytest.raises(hm.DataError, match="stacked takes a list of DataFrames"):
            hm.stacked(given)
    with pytest.raises(hm.DataError, match="draw takes a table"):
        hm.draw(hm.plot_forest, 5)
    with pytest.raises(hm.DataError, match="draw takes a plot"):
        hm.draw(rows, rows)


def test_nothing_stacked_is_a_table_without_rows():
    assert hm.stacked([]).empty
    assert list(hm.stacked([COUNTS.head(0)]).columns) == list(COUNTS.columns)


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


WITH_WHERE = sorted(
    name for name in WITH_TABLES if "where" in inspect.signature(getattr(hm, name)).parameters and name != "explore"
)
NEEDED = {
    "select_survival": {"endpoint": "OS", "statistic": "median"},
    "scope_table": {"endpoint": "ORR", "scopes": ["overall"], "criteria": ["mRECIST"]},
}


@pytest.mark.parametrize("name", WITH_WHERE)
@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("SBRT", "where = 'SBRT': give a dict"),
        ([1], r"where = \[1\]: give a dict"),
        ({"colour": ["red"]}, "'colour' is no column .*Choose from: .*rt_modality"),
        ({"rt_modality": ["SRBT", ["SBRT"]]}, "rt_modality is never SRBT, .*Values that occur: .*SBRT"),
        ({"colour": "red", "line": "seventh"}, "'colour' is no column .* line is never seventh"),
    ],
    ids=str,
)
def test_a_filter_that_cannot_be_is_answered_with_what_can(name, where, told):
    with pytest.raises(hm.MethodError, match=told):
        getattr(hm, name)(hm.load_tables(), where=where, **NEEDED.get(name, {}))


COUNTS = pd.DataFrame({
    "study": list("abcdefgh"), "events": [3, 5, 9, 1, 0, 8, 4, 7], "n": [20, 30, 25, 40, 11, 33, 21, 28],
    "dose": [30.0, 35, 40, 45, 50, 55, 60, 70], "line": list("uvuvuvuv"),
})  # fmt: skip
MANY = hm.effects_proportion(COUNTS)


@pytest.mark.parametrize("min_k", ["x", None, -1, 0, 1.5, np.nan, np.inf, True, [2]], ids=str)
def test_the_fewest_studies_of_a_group_are_a_whole_number(min_k):
    with pytest.raises(hm.MethodError, match="min_k"):
        hm.pool_proportion_by(COUNTS, "line", min_k=min_k)
    with pytest.raises(hm.MethodError, match="min_k"):
        hm.pool_by(MANY, "line", min_k=min_k)


def test_numbers_in_a_column_of_objects_are_numbers_and_not_levels():
    loose = COUNTS.astype({"dose": object})
    for fit, table in ((hm.proportion_regression, loose), (hm.meta_regression, hm.effects_proportion(loose))):
        assert fit(table, "~ dose").coefficients["term"].tolist() == ["Intercept", "dose"]
        plain = fit(table.astype({"dose": float}), "~ dose")
        pd.testing.assert_frame_equal(fit(table, "~ dose").coefficients, plain.coefficients)


@pytest.mark.parametrize("formula", [{}, None, ["dose"], 5, "y ~ dose", "~ dose +"], ids=str)
def test_a_formula_is_text_with_a_right_side(formula):
    for fit, table in ((hm.proportion_regression, COUNTS), (hm.meta_regression, MANY)):
        with pytest.raises((hm.MethodError, hm.DataError), match="formula"):
            fit(table, formula)


@pytest.mark.parametrize("change", [{"n": 1e300}, {"n": np.inf}, {"events": np.inf}], ids=str)
def test_counts_beyond_mankind_are_refused(change):
    for function in (hm.pool_proportion, hm.effects_proportion):
        with pytest.raises(hm.DataError, match=next(iter(change))):
            function(COUNTS.assign(**change))


@pytest.mark.parametrize("change", [{"yi": 1e300}, {"yi": -1e200}, {"vi": 1e300}, {"vi": 1e-300}], ids=str)
def test_effects_beyond_what_can_be_squared_are_refused(change):
    for function in (hm.pool, hm.tau2_interval, hm.leave_one_out):
        with pytest.raises(hm.DataError, match=f"{next(iter(change))} = .*that a study can have"):
            function(MANY.assign(**change))


@pytest.mark.parametrize("name", ["study", "yi", "dose"])
def test_columns_of_the_same_name_are_named(name):
    with pytest.raises(hm.DataError, match=f"same name: {name}"):
        hm.pool(pd.concat([MANY, MANY[[name]]], axis=1))


def test_a_study_without_a_name_is_called_by_its_row():
    nameless = MANY.astype({"study": object}).assign(study=["a", None, np.nan, pd.NA, "e", "f", "g", "h"])
    assert hm.pool(nameless).studies["label"].tolist() == ["a", "Row 2", "Row 3", "Row 4", "e", "f", "g", "h"]


@pytest.mark.parametrize("dtype", ["category", object, "Int64"])
def test_counts_of_any_dtype_give_the_same_conventions_and_multiverse(dtype):
    loose = COUNTS.astype({"events": dtype, "n": dtype})
    pd.testing.assert_frame_equal(hm.compare_conventions(loose), hm.compare_conventions(COUNTS))
    few = {"measure": ["PLO"], "tau2_method": ["REML"], "ci_method": ["z"]}
    got, want = (hm.multiverse(table, few, backend="serial") for table in (loose, COUNTS))
    pd.testing.assert_frame_equal(got, want)


def test_an_order_that_cannot_be_sorted_is_refused():
    with pytest.raises(hm.DataError, match="cannot be sorted"):
        hm.cumulative(MANY.assign(year=[2020, "in press", *range(6)]))
    with pytest.raises(hm.DataError, match="no column"):
        hm.cumulative(MANY, order=["year"])


@pytest.mark.parametrize(
    "change", [{"n": "x"}, {"r": None}, {"logit_mean": [1]}, {"logit_se": np.nan}, {"tau2": "0"}], ids=str
)
def test_a_predictive_success_needs_numbers(change):
    with pytest.raises(hm.MethodError, match=f"{next(iter(change))} = .* must be a finite number"):
        hm.predictive_success(**({"n": 30, "r": 10, "logit_mean": 0.0} | change))
