"""Bad input: one error that lists every problem."""

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm

ARMS = {"events_1": [1], "n_1": [10], "events_2": [2], "n_2": [10]}


def problems(function, columns, **options):
    with pytest.raises(hm.DataError) as error:
        function(pd.DataFrame(columns), **options)
    assert all(str(problem["column"]) in str(error.value) for problem in error.value.problems)
    return [(problem["row"], problem["column"]) for problem in error.value.problems]


def test_counts():
    bad = {"events": [1, 5, "a", 2.5, -1, None], "n": [10, 3, 4, 9, 0, 3]}
    found = problems(hm.effects_proportion, bad)
    assert found == [(2, "events"), (3, "events"), (4, "events"), (4, "n"), (1, "events")]


def test_rows_are_named_by_the_index():
    df = pd.DataFrame({"events": [1, 5], "n": [10, 3]}, index=["Pan 2024", "Su 2022"])
    with pytest.raises(hm.DataError, match="row Su 2022, events = 5"):
        hm.effects_proportion(df)


@pytest.mark.parametrize(
    ("function", "columns", "found"),
    [
        (hm.effects_proportion, {"events": [1]}, [("", "n")]),
        (hm.effects_two_arm, {"events_1": [1], "n_1": [3]}, [("", "events_2"), ("", "n_2")]),
        (hm.effects_two_arm, ARMS | {"events_2": [11]}, [(0, "events_2")]),
        (hm.effects_rate, {"events": [1, -1], "time": [0, 5]}, [(1, "events"), (0, "time")]),
        (hm.effects_ratio_ci, {"estimate": [0], "ci_low": [2], "ci_high": [1]}, [(0, "estimate"), (0, "ci_low")]),
        (hm.effects_median, {"estimate": [9], "ci_low": [-2], "ci_high": [12]}, [(0, "ci_low")]),
        (hm.effects_ratio_p, {"estimate": [1, 2], "p_value": [0.5, 0]}, [(0, "estimate"), (1, "p_value")]),
        (hm.effects_o_minus_e, {"o_minus_e": [1], "v": [0]}, [(0, "v")]),
        (
            hm.effects_logrank,
            {"p_value": [0.1], "favours": ["left"], "events": [9], "n_1": [0], "n_2": [5]},
            [(0, "n_1"), (0, "favours")],
        ),
    ],
)
def test_every_problem_is_listed(function, columns, found):
    assert problems(function, columns) == found


def test_level_of_an_interval_is_a_fraction():
    columns = {"estimate": [0.5], "ci_low": [0.3], "ci_high": [0.8], "ci_level": [95]}
    assert problems(hm.effects_ratio_ci, columns) == [(0, "ci_level")]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: hm.effects_proportion(pd.DataFrame({"events": [1], "n": [2]}), measure="PR"), "'PRAW'"),
        (lambda: hm.effects_proportion(pd.DataFrame({"events": [1], "n": [2]}), to="always"), "'if0all'"),
        (lambda: hm.effects_two_arm(pd.DataFrame(ARMS), measure="HR"), "'OR', 'RR', 'RD'"),
        (lambda: hm.effects_two_arm(pd.DataFrame(ARMS), add=-1), "0 or more"),
        (lambda: hm.effects_two_arm(pd.DataFrame(ARMS), drop00="yes"), "True or False"),
        (lambda: hm.proportion_ci(1, 2, method="exact"), "'clopper-pearson'"),
        (lambda: hm.proportion_ci(1, 2, level=1.0), "between 0 and 1"),
        (lambda: hm.back_transform(0.1, "logit"), "'PLO'"),
        (lambda: hm.back_transform(0.1, "PFT"), "needs n"),
    ],
)
def test_options_are_closed_lists(call, said):
    with pytest.raises(hm.MethodError, match=said):
        call()


def test_interval_of_impossible_counts():
    for events, n in ((5, 3), (-1, 4), (1.5, 4), (0, 0), ("a", 3), ([1, 2], [3, 4, 5])):
        with pytest.raises(hm.DataError):
            hm.proportion_ci(events, n)
    assert np.isnan(hm.proportion_ci(np.nan, 10)).all()


def test_input_tables_are_left_alone():
    df = pd.DataFrame({"study": ["a", "b"], "events": [1, None], "n": [9, 10], "line": [1, 2]})
    before = df.copy()
    table = hm.effects_proportion(df)
    pd.testing.assert_frame_equal(df, before)
    assert list(table.columns) == ["study", "events", "n", "line", "yi", "vi", "measure"]
    assert table["yi"].isna().tolist() == [False, True]
