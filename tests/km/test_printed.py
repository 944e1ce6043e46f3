"""Patients from printed statistics: what is printed holds in every draw, and the truth lies inside the band."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import median_survival_times

from hccmeta import DataError, MethodError, reconstruct_from_statistics
from hccmeta.km import ensemble
from hccmeta.km.printed_pairs import compare_arms

COLUMNS = ["statistic", "time_months", "value", "ci_low", "ci_high", "status", "printed"]


def rows(endpoint, *items):
    """Each item: statistic, time or None, value, and where given the printed text and further columns."""
    records = []
    for statistic, time, value, *rest in items:
        printed, more = [*rest, None, None][:2]
        record = {"statistic": statistic, "time_months": time, "value": value, "printed": printed}
        records.append(record | (more or {}))
    return pd.DataFrame(records, columns=COLUMNS).assign(endpoint=endpoint)


FOLLOW_UP = (("follow_up_median", None, 18.8), ("follow_up_min", None, 4.3), ("follow_up_max", None, 62.6))
ZHAI_2025 = {
    "OS": rows(
        "OS",
        ("n", None, 108),
        ("deaths", None, 49),
        ("median", None, 17.0, "17.0 (95%CI 15.6-18.0)", {"ci_low": 15.6, "ci_high": 18.0}),
        ("landmark", 12, 0.747, "74.7%"),
        ("landmark", 24, 0.362, "36.2%"),
        *FOLLOW_UP,
    ),
    "PFS": rows(
        "PFS",
        ("n", None, 108),
        ("progressions", None, 63),
        ("deaths", None, 49),
        ("median", None, 12.6, "12.6(95%CI 10.8-14.5)", {"ci_low": 10.8, "ci_high": 14.5}),
        ("landmark", 12, 0.515, "51.5%"),
        ("landmark", 24, 0.209, "20.9%"),
        *FOLLOW_UP,
    ),
    "IRFS": rows(
        "IRFS",
        ("n", None, 108),
        ("relapses", None, 1),
        ("median", None, None, None, {"status": "not_reached"}),
        ("landmark", 12, 1.0, "100%"),
        ("landmark", 24, 0.967, "96.7%"),
        *FOLLOW_UP,
    ),
}
PAN_2024_RFS = rows(
    "RFS",
    ("n", None, 15),
    ("relapses", None, 7),
    ("median", None, None, None, {"status": "not_reached"}),
    ("landmark", 6, 0.67, "67%"),
    ("landmark", 12, 0.60, "60%"),
    ("landmark", 24, 0.53, "53%"),
    ("event_time", None, 0.72, "0.72"),
    ("event_time", None, 2.5, "2.5"),
    ("follow_up_median", None, 21.77, "21.77"),
)


def each_draw(result):
    return [(g["time"].to_numpy(), g["event"].to_numpy()) for _, g in result.imputations.groupby("imputation")]


def kaplan_meier(t, e):
    return KaplanMeierFitter().fit(t, e)


def print_as_paper(t, e, months):
    """The rows a paper would print of these patients, by lifelines: medians to 0.1 month, landmarks to 0.1 %."""
    km, reverse = kaplan_meier(t, e), kaplan_meier(t, 1 - e)
    items = [("n", None, len(t)), ("events", None, int(e.sum()))]
    if np.isfinite(km.median_survival_time_):
        limits = median_survival_times(km.confidence_interval_).to_numpy().ravel()
        low, high = (round(x, 1) if np.isfinite(x) else None for x in limits)
        items.append(("median", None, round(km.median_survival_time_, 1), None, {"ci_low": low, "ci_high": high}))
    else:
        items.append(("median", None, None, None, {"status": "not_reached"}))
    items += [("landmark", m, round(float(km.predict(m)), 3)) for m in months if m < t.max()]
    if np.isfinite(reverse.median_survival_time_):
        items.append(("follow_up_median", None, round(reverse.median_survival_time_, 1)))
    return rows("OS", *items, ("follow_up_min", None, round(t.min(), 1)), ("follow_up_max", None, round(t.max(), 1)))


def simulate(rng, n, *, shape=1.0, scale=14.0, plateau=0.0, delay=0.0, accrual=18.0, longest=36.0):
    survival = delay + scale * rng.weibull(shape, n)
    survival[rng.random(n) < plateau] = np.inf
    censoring = np.minimum(longest - accrual * rng.random(n), rng.exponential(150, n))
    return np.minimum(survival, censoring) + 0.01, (survival <= censoring).astype(int)


@pytest.mark.parametrize("table", [*ZHAI_2025.values(), PAN_2024_RFS], ids=[*ZHAI_2025, "pan2024 RFS"])
def test_founding_papers_hold_in_every_draw(table):
    result = reconstruct_from_statistics(table, n_imputations=50)
    known = table.set_index("statistic")["value"]
    landmarks = table[table["statistic"] == "landmark"]
    for t, e in each_draw(result):
        assert len(t) == known["n"]
        km = kaplan_meier(t, e)
        half = 0.005 if landmarks["printed"].str.fullmatch(r"\d+%").all() else 0.0005
        off = km.predict(landmarks["time_months"]).to_numpy() - landmarks["value"].to_numpy()
        assert np.abs(off).max() <= half + 1e-9
        if np.isfinite(known["median"]):
            assert abs(km.median_survival_time_ - known["median"]) <= 0.05
        else:
            assert km.median_survival_time_ == np.inf
        for printed in table.loc[table["statistic"] == "event_time", "value"]:
            assert e[np.isclose(t, printed, atol=1e-9)].max() == 1


def test_deaths_are_the_events_of_os_and_a_lower_bound_of_pfs():
    os, pfs = (reconstruct_from_statistics(ZHAI_2025[k], n_imputations=50) for k in ("OS", "PFS"))
    assert {e.sum() for _, e in each_draw(os)} == {49}
    found = {int(e.sum()) for _, e in each_draw(pfs)}
    assert min(found) >= 63 and len(found) > 1


def test_one_relapse_needs_thirty_at_risk():
    """S falls from 1 to 0.967 by one relapse only where exactly 30 patients are still at risk."""
    for t, e in each_draw(reconstruct_from_statistics(ZHAI_2025["IRFS"], n_imputations=20)):
        assert e.sum() == 1
        relapse = t[e == 1][0]
        assert 12 < relapse < 24 and (t >= relapse).sum() == 30


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    n=st.sampled_from([15, 24, 60, 150, 400]),
    shape=st.sampled_from([0.7, 1.0, 1.6]),
    plateau=st.sampled_from([0.0, 0.4]),
    delay=st.sampled_from([0.0, 4.0]),
)
def test_everything_printed_is_reproduced(seed, n, shape, plateau, delay):
    t, e = simulate(np.random.default_rng(seed), n, shape=shape, plateau=plateau, delay=delay)
    if e.sum() < 2:
        return
    printed = print_as_paper(t, e, (6, 12, 24))
    summary = reconstruct_from_statistics(printed, n_imputations=20).summary
    met = summary[summary["statistic"].isin(["n", "events", "median", "landmark", "follow_up_min", "follow_up_max"])]
    assert (met["share"] == 1).all(), met


@pytest.mark.parametrize("table", [PAN_2024_RFS, ZHAI_2025["PFS"]], ids=["n15", "n108"])
def test_a_printed_landmark_was_read_off_a_curve_that_reaches_it(table):
    made = reconstruct_from_statistics(table[table["statistic"] != "follow_up_max"], n_imputations=400, seed=1)
    times, _ = made.patients()
    assert times.max(axis=1).min() >= 24


def test_band_covers_the_true_curve_and_is_narrow():
    rng = np.random.default_rng(11)
    cover, width, error = [], [], []
    for n in (20, 30, 50, 80, 120, 200, 300, 40):
        t, e = simulate(rng, n, shape=rng.uniform(0.8, 1.5), plateau=rng.choice([0, 0.3]), delay=rng.choice([0, 3]))
        at = np.linspace(0, np.quantile(t, 0.9), 101)
        band = reconstruct_from_statistics(print_as_paper(t, e, (6, 12, 24)), n_imputations=100).band(at)
        truth = kaplan_meier(t, e).predict(at).to_numpy()
        cover.append(np.mean((band["low"] - 1e-9 <= truth) & (truth <= band["high"] + 1e-9)))
        width.append((band["high"] - band["low"]).mean())
        error.append(np.sqrt(np.mean((band["survival"] - truth) ** 2)))
    assert np.mean(cover) >= 0.92
    assert np.mean(width) <= 0.15
    assert np.median(error) <= 0.032


def test_fewer_items_mean_a_wider_band():
    t, e = simulate(np.random.default_rng(4), 80)
    full = print_as_paper(t, e, (6, 12, 24))
    median_only = full[full["statistic"].isin(["n", "median"])]
    at = np.linspace(1, 20, 40)
    narrow, wide = (reconstruct_from_statistics(x, n_imputations=60) for x in (full, median_only))
    widths = [(b["high"] - b["low"]).mean() for b in (narrow.band(at), wide.band(at))]
    assert widths[1] > 1.5 * widths[0]
    assert any("indicative" in note for note in wide.notes) and any("landmark" in note for note in wide.notes)


def test_deterministic_and_independent_of_row_order():
    table = ZHAI_2025["OS"]
    first, second = (reconstruct_from_statistics(table, n_imputations=10, seed=3).imputations for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    other = reconstruct_from_statistics(table, n_imputations=10, seed=4).imputations
    assert not np.allclose(first["time"], other["time"])
    shuffled = reconstruct_from_statistics(table.sample(frac=1, random_state=1), n_imputations=10, seed=3)
    assert (shuffled.summary.set_index("item").loc[["n", "deaths", "median"], "share"] == 1).all()


def test_digits_of_the_print_set_the_tolerance():
    def landmark(printed):
        table = rows("OS", ("n", None, 400), ("landmark", 12, 0.47, printed), ("follow_up_max", None, 30.0))
        result = reconstruct_from_statistics(table, n_imputations=60)
        return np.array([kaplan_meier(t, e).predict(12) for t, e in each_draw(result)])

    fine, coarse = landmark("47.0%"), landmark("47%")
    assert np.abs(fine - 0.47).max() <= 0.0005 + 1e-9
    assert np.abs(coarse - 0.47).max() <= 0.005 + 1e-9
    assert coarse.std() > 2 * fine.std()


def test_curve_that_stays_at_one_half_is_no_contradiction():
    """S is 0.5 from the 15th of 30 events on, and some packages print the end of that step as the median."""
    table = rows("OS", ("n", None, 30), ("events", None, 20), ("landmark", 12, 0.5, "50.0%"), ("median", None, 12.2))
    result = reconstruct_from_statistics(table, n_imputations=20)
    for t, e in each_draw(result):
        km = kaplan_meier(t, e)
        assert km.predict(12) == pytest.approx(0.5, abs=0.0005)
        assert km.predict(12.26) < 0.5 and km.predict(12.14) >= 0.5 - 1e-9
    assert (result.summary["share"] == 1).all()


def test_restricted_mean_and_quartiles_draw_the_curve():
    t, e = simulate(np.random.default_rng(8), 90)
    km = kaplan_meier(t, e)
    rmst = ensemble.restricted_mean(*ensemble.sort_patients(t, e), 24.0)[0]
    early, late = km.percentile(0.75), km.percentile(0.25)
    shared = (("n", None, 90), ("events", None, int(e.sum())), ("follow_up_max", None, round(t.max(), 1)))
    by_rmst = rows("OS", *shared, ("rmst", 24, round(rmst, 1)))
    by_quartiles = rows("OS", *shared, ("quartile", None, round(early, 1)), ("quartile", None, round(late, 1)))
    for table in (by_rmst, by_quartiles):
        summary = reconstruct_from_statistics(table, n_imputations=40).summary
        assert summary.loc[summary["statistic"].isin(["rmst", "quartile"]), "share"].min() >= 0.8


def test_median_of_all_times_is_another_definition():
    table = rows("OS", ("n", None, 105), ("deaths", None, 75), ("median", None, 16, "16"), *FOLLOW_UP[1:])
    table = pd.concat([table, rows("OS", ("follow_up_median", None, 16, "16"))], ignore_index=True)
    result = reconstruct_from_statistics(table, n_imputations=40, follow_up="all patients")
    assert np.median([np.median(t) for t, _ in each_draw(result)]) == pytest.approx(16, abs=0.7)


def test_pair_shows_the_printed_hazard_ratio():
    def arm(n, deaths, median, low, high, follow_up):
        return rows(
            "OS",
            ("n", None, n),
            ("deaths", None, deaths),
            ("median", None, median, f"{median}", {"ci_low": low, "ci_high": high}),
            ("follow_up_median", None, follow_up, f"{follow_up}"),
            ("follow_up_max", None, 44, "44"),
        )

    liu_2024 = arm(39, 21, 25, 19, None, 20), arm(105, 75, 16, 14, 24, 16)
    options = {"against": liu_2024[1], "n_imputations": 30, "follow_up": "all patients"}
    result = reconstruct_from_statistics(liu_2024[0], hr="0.58", **options)
    for (t1, e1), (t0, e0) in zip(each_draw(result)[:4], each_draw(result.against)[:4], strict=True):
        both = pd.DataFrame({"t": np.r_[t1, t0], "e": np.r_[e1, e0], "arm": np.r_[np.ones(len(t1)), np.zeros(len(t0))]})
        assert CoxPHFitter().fit(both, "t", "e").hazard_ratios_["arm"] == pytest.approx(0.58, abs=0.0052)
    assert result.summary.set_index("item").loc["hr", "share"] == 1
    with pytest.raises(DataError, match="hr"):
        reconstruct_from_statistics(liu_2024[0], hr=2.9, **options)


def test_compared_arms_equal_lifelines():
    rng = np.random.default_rng(2)
    (t1, e1), (t0, e0) = (ensemble.sort_patients(*simulate(rng, n, scale=s)) for n, s in ((40, 20), (50, 12)))
    shown = compare_arms((t1, e1), (t0, e0))
    test = logrank_test(t1[0], t0[0], e1[0], e0[0])
    assert shown["logrank_p"][0] == pytest.approx(test.p_value, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "choice"),
    [({"on_conflict": "ignore"}, "drop"), ({"follow_up": "median"}, "reverse KM"), ({"ci": "wald"}, "log-log")],
)
def test_unknown_option_names_the_choices(options, choice):
    with pytest.raises(MethodError, match=choice):
        reconstruct_from_statistics(ZHAI_2025["OS"], **options)


def test_hazard_ratio_needs_the_other_arm():
    with pytest.raises(MethodError, match="against"):
        reconstruct_from_statistics(ZHAI_2025["OS"], hr=0.6)
