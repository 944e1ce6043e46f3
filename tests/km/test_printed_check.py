"""Reconstructions beside the paper: agreement by the printed digits."""

import numpy as np
import pandas as pd
import pytest

from hccmeta import DataError, MethodError, check_reconstruction, reconstruct_from_statistics
from hccmeta.km import ensemble

IPD = pd.DataFrame(
    {"time": [2.0, 4.0, 4.0, 6.0, 8.0, 8.0, 10.0, 12.0], "event": [1, 1, 1, 0, 1, 0, 0, 1]}
)
PUBLISHED = pd.DataFrame(
    [
        ("n", np.nan, 8, None),
        ("events", np.nan, 5, None),
        ("median", np.nan, 8.0, "8.0"),
        ("landmark", 5, 0.625, "62.5%"),
        ("landmark", 9, 0.50, "50%"),
    ],
    columns=["statistic", "time_months", "value", "printed"],
)


def test_each_item_by_its_own_rounding():
    table = check_reconstruction(IPD, published=PUBLISHED).set_index("item")
    assert table["verdict"].to_dict() == {
        "n": "agrees",
        "events": "agrees",
        "median": "agrees",
        "landmark 5": "agrees",
        "landmark 9": "differs",
    }
    assert table.loc["landmark 9", "reconstructed"] == pytest.approx(0.625 * 3 / 4)
    assert table["tolerance"].tolist() == pytest.approx([0, 0, 0.05, 0.0005, 0.005])


def test_at_risk_counts_patients_with_time_at_least_t():
    at_risk = pd.DataFrame({"time": [0, 4, 8, 12], "n_at_risk": [8, 7, 4, 2]})
    table = check_reconstruction(IPD, at_risk=at_risk)
    assert table["reconstructed"].tolist() == [8, 7, 4, 1]
    assert table["verdict"].tolist() == ["agrees", "agrees", "agrees", "differs"]


def test_points_on_a_drop_are_on_the_curve():
    on = pd.DataFrame({"time": [0, 3, 4, 4, 5], "survival": [1, 0.875, 0.8, 0.7, 0.625]})
    assert check_reconstruction(IPD, curve=on)["verdict"].eq("agrees").all()
    off = on.assign(survival=on["survival"] - 0.08)
    assert check_reconstruction(IPD, curve=off)["verdict"].eq("differs").all()


def test_ensembles_are_judged_over_all_draws():
    draws = reconstruct_from_statistics(PUBLISHED.iloc[:4], n_imputations=20)
    table = check_reconstruction(draws, published=PUBLISHED.iloc[:4])
    assert (table["share"] == 1).all()
    wrong = PUBLISHED.iloc[:4].assign(value=[8, 6, 8.0, 0.625])
    assert check_reconstruction(draws, published=wrong).set_index("item").loc["events", "verdict"] == "differs"


def test_hazard_ratio_against_the_control():
    control = IPD.assign(time=IPD["time"] * 0.5 + 0.25)
    between = [("hr", np.nan, 0.9, "0.90"), ("logrank_p", np.nan, 0.3, ">0.05")]
    printed = pd.DataFrame(between, columns=PUBLISHED.columns)
    table = check_reconstruction(IPD, published=printed, against=control).set_index("item")
    assert table.loc["hr", "verdict"] == "differs" and table.loc["hr", "reconstructed"] < 0.9
    with pytest.raises(MethodError, match="against"):
        check_reconstruction(IPD, published=printed)


def test_refusals():
    with pytest.raises(DataError, match="event"):
        check_reconstruction(IPD[["time"]], published=PUBLISHED)
    with pytest.raises(MethodError, match="Nothing to check"):
        check_reconstruction(IPD)


def test_ties_greenwood_and_limits_follow_the_product_limit():
    """Hand values: variance of log S after the tie of 2 among 7, d / (n (n - d)) = 2 / 35, plus 1 / 56 before it."""
    times, events = ensemble.sort_patients(IPD["time"], IPD["event"])
    assert ensemble.log_s_se(events)[0, 2] == pytest.approx(np.sqrt(1 / 56 + 2 / 35))
    assert ensemble.restricted_mean(times, events, 5)[0] == pytest.approx(2 + 2 * 0.875 + 0.625)
