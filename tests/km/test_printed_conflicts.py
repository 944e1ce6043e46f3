"""Contradictions between printed statistics are named with the smallest change, never averaged away."""

import numpy as np
import pandas as pd
import pytest

from hccmeta import DataError, reconstruct_from_statistics

COLUMNS = ["statistic", "time_months", "value", "ci_low", "ci_high", "status"]
NAN = np.nan
ARM = {
    "n": ("n", NAN, 80, NAN, NAN, None),
    "events": ("events", NAN, 48, NAN, NAN, None),
    "median": ("median", NAN, 19.4, 11.0, 24.4, "reached"),
    "landmark 6": ("landmark", 6, 0.811, NAN, NAN, None),
    "landmark 12": ("landmark", 12, 0.601, NAN, NAN, None),
    "landmark 24": ("landmark", 24, 0.396, NAN, NAN, None),
    "follow_up_median": ("follow_up_median", NAN, 23.1, NAN, NAN, None),
    "follow_up_min": ("follow_up_min", NAN, 0.1, NAN, NAN, None),
    "follow_up_max": ("follow_up_max", NAN, 34.6, NAN, NAN, None),
}


def arm(**changes):
    table = {**ARM, **{name.replace("_at_", " "): row for name, row in changes.items()}}
    return pd.DataFrame([row for row in table.values() if row], columns=COLUMNS)


CONTRADICTIONS = {
    "landmarks rise": ({"landmark_at_12": ("landmark", 12, 0.901, NAN, NAN, None)}, ("landmark 6", "landmark 12")),
    "median after S fell below one half": (
        {"median": ("median", NAN, 28.0, NAN, NAN, "reached")},
        ("median", "landmark 24"),
    ),
    "median outside its interval": (
        {"median": ("median", NAN, 19.4, 21.0, 30.0, "reached")},
        ("median", "median interval"),
    ),
    "not reached although S is below one half": (
        {"median": ("median", NAN, NAN, NAN, NAN, "not_reached")},
        ("median", "landmark 24"),
    ),
    "landmark outside its interval": (
        {"landmark_at_12": ("landmark", 12, 0.601, 0.65, 0.75, None)},
        ("landmark 12", "landmark 12 interval"),
    ),
    "interval of a landmark too narrow for n": (
        {"landmark_at_12": ("landmark", 12, 0.601, 0.58, 0.62, None)},
        ("landmark 12 interval", "n"),
    ),
    "more events than patients": ({"events": ("events", NAN, 90, NAN, NAN, None)}, ("events", "n")),
    "too few events": ({"events": ("events", NAN, 15, NAN, NAN, None)}, ("events", "median")),
    "landmark beyond the longest follow-up": (
        {"follow_up_max": ("follow_up_max", NAN, 20.0, NAN, NAN, None), "follow_up_median": None},
        ("landmark 24", "follow_up_max"),
    ),
    "follow-up out of order": (
        {"follow_up_median": ("follow_up_median", NAN, 36.0, NAN, NAN, None)},
        ("follow_up_median", "follow_up_max"),
    ),
    "event before the shortest time": (
        {"follow_up_min": ("follow_up_min", NAN, 3.0, NAN, NAN, None), "x": ("event_time", NAN, 1.0, NAN, NAN, None)},
        ("event_time 1", "follow_up_min"),
    ),
}


@pytest.mark.parametrize(("changes", "named"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_named_with_the_smallest_change(changes, named):
    with pytest.raises(DataError) as caught:
        reconstruct_from_statistics(arm(**changes), n_imputations=20)
    assert all(name in str(caught.value) for name in named)
    assert "smallest change" in str(caught.value)
    assert caught.value.problems
    assert all({"row", "column", "value", "rule", "fix"} <= set(problem) for problem in caught.value.problems)


def test_consistent_arm_is_drawn():
    assert reconstruct_from_statistics(arm(), n_imputations=20).dropped == ()


def test_drop_leaves_out_the_fewest_and_says_so():
    rising = arm(landmark_at_12=("landmark", 12, 0.901, NAN, NAN, None))
    result = reconstruct_from_statistics(rising, n_imputations=40, on_conflict="drop")
    assert result.dropped == ("landmark 12",)
    assert any("landmark 12" in note for note in result.notes)
    summary = result.summary.set_index("item")
    assert summary.loc["landmark 12", "status"] == "dropped"
    kept = ["n", "events", "median", "landmark 6", "landmark 24"]
    assert (summary.loc[kept, "share"] == 1).all()
    assert summary.loc["landmark 12", "high"] < 0.82


def test_matched_arm_whose_median_lies_outside_its_interval():
    """liu2024 after matching: median PFS 25 months, interval 19-20."""
    table = pd.DataFrame([ARM["n"], ("median", NAN, 25, 19, 20, "reached")], columns=COLUMNS)
    with pytest.raises(DataError, match="median interval"):
        reconstruct_from_statistics(table)
    result = reconstruct_from_statistics(table, n_imputations=20, on_conflict="drop")
    assert result.dropped == ("median interval",)
    assert (result.summary.set_index("item").loc["median", "share"]) == 1


def test_contradiction_that_only_drawing_finds():
    """All 80 patients with the event, yet a third censored before the end: no single pair of rows shows it."""
    table = arm(events=("events", NAN, 80, NAN, NAN, None), landmark_at_24=None)
    with pytest.raises(DataError, match="events"):
        reconstruct_from_statistics(table, n_imputations=20)


def test_bad_rows_are_listed_together():
    table = pd.DataFrame(
        [
            ("landmark", 12, 74.7, NAN, NAN, None),
            ("landmark", NAN, 0.5, NAN, NAN, None),
            ("median", NAN, NAN, NAN, NAN, "reached"),
            ("hazard", NAN, 1, NAN, NAN, None),
        ],
        columns=COLUMNS,
    )
    with pytest.raises(DataError) as caught:
        reconstruct_from_statistics(table)
    rules = [p["rule"] for p in caught.value.problems]
    assert len(rules) == 5
    assert any("fraction" in r for r in rules) and any("missing" in r for r in rules)
    assert "unknown statistic (one of n, events, " in str(caught.value)


def test_n_alone_is_not_enough():
    with pytest.raises(DataError, match="median, landmark"):
        reconstruct_from_statistics(pd.DataFrame([ARM["n"], ARM["events"]], columns=COLUMNS))


def test_two_arms_at_once_are_refused():
    table = arm().assign(endpoint=["OS", "PFS"] + ["OS"] * 7)
    with pytest.raises(DataError, match="one arm and endpoint"):
        reconstruct_from_statistics(table)
