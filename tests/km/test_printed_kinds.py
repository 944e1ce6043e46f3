"""Reports of many kinds: consistent ones are drawn and print the same again, others are refused by name."""

import numpy as np
import pandas as pd
import pytest

from hccmeta import DataError, reconstruct_from_statistics
from hccmeta.km import ensemble
from hccmeta.km.printed_gap import EVENT, encode
from hccmeta.km.printed_information import log_likelihood
from hccmeta.km.printed_interval import log_s_error
from hccmeta.km.printed_items import Item, read_items
from hccmeta.km.printed_plan import Information
from hccmeta.km.printed_sampler import Particles

COLUMNS = ["statistic", "time_months", "value", "printed"]
AML_INTERVALS = {
    "log": (0.362, 0.941, 0.268, 0.883),
    "plain": (0.304, 0.862, 0.196, 0.776),
    "log-log": (0.270, 0.801, 0.192, 0.730),
}


def report(*items, endpoint="OS", **columns):
    """Rows of statistic, time, value, printed text; further columns by the row's position."""
    table = pd.DataFrame([(*item, None)[:4] for item in items], columns=COLUMNS).assign(endpoint=endpoint)
    return table.assign(**{name: pd.Series(by_row) for name, by_row in columns.items()})


def drawn(table, n=40, **options):
    result = reconstruct_from_statistics(table, n_imputations=n, **options)
    return result, *result.patients()


@pytest.mark.parametrize("scale", AML_INTERVALS)
def test_interval_of_a_landmark_on_any_scale(scale):
    """R, survfit of aml, nonmaintained: 58.3 % at 12 weeks and 48.6 % at 23, conf.type log, plain and log-log."""
    low_1, high_1, low_2, high_2 = AML_INTERVALS[scale]
    limits = {"ci_low": {1: low_1, 2: low_2}, "ci_high": {1: high_1, 2: high_2}}
    table = report(("n", None, 12), ("landmark", 12, 0.583), ("landmark", 23, 0.486), **limits)
    summary = drawn(table)[0].summary.set_index("item")["share"]
    assert summary["landmark 12"] == summary["landmark 23"] == summary["landmark 12 interval, lower limit"] == 1
    at_risk = (12, 11, 10, 9, 8, 6)
    for s, low, high, events in ((0.583, low_1, high_1, 5), (0.486, low_2, high_2, 6)):
        greenwood = np.sqrt(sum(1 / (r * (r - 1)) for r in at_risk[:events]))
        error, spread = log_s_error(Item("landmark interval", "landmark_interval", s, 0.0005, low=low, high=high))
        assert error == pytest.approx(greenwood, rel=0.03)
        assert spread < 0.15


def test_limit_cut_off_at_one_says_nothing():
    """95.8 % of 24 patients, plain scale, 87.8 to 100: the upper side ends at 1."""
    item = Item("landmark interval", "landmark_interval", 23 / 24, 0.0005, low=0.878, high=1.0)
    assert log_s_error(item)[0] == pytest.approx(np.sqrt(1 / (24 * 23)), rel=0.1)
    assert log_s_error(Item("landmark interval", "landmark_interval", 0.96, 0.005, low=0.0, high=1.0)) is None


def test_times_in_whole_months_leave_room_around_the_landmarks():
    """First event at 11.6 and last patient at 24.4 print as 12 and 24: the curve falls before 12 and goes on at 24."""
    whole = [("follow_up_median", None, 18, "18"), ("follow_up_min", None, 12, "12"), ("follow_up_max", None, 24, "24")]
    landmarks = [("landmark", 12, 0.92, "92%"), ("landmark", 24, 0.69, "69%")]
    table = report(("n", None, 25), ("events", None, 6), *landmarks, *whole)
    result, times, events = drawn(table)
    assert result.summary.set_index("item").loc[["events", "landmark 12", "landmark 24"], "share"].eq(1).all()
    assert np.abs(ensemble.survival_at(times, events, [12.0, 24.0]) - [0.92, 0.69]).max() <= 0.005 + 1e-6
    assert ((times[:, 0] >= 11.5) & (times[:, 0] <= 12)).all() and np.ptp(times[:, 0]) > 0.1
    assert ((times[:, -1] >= 24) & (times[:, -1] <= 24.5)).all() and np.ptp(times[:, -1]) > 0.1


def test_everybody_followed_to_the_same_day():
    """Administrative censoring: half of the patients or more leave at the longest follow-up."""
    table = report(
        ("n", None, 120), ("events", None, 48), ("landmark", 12, 0.80, "80.0%"), ("landmark", 24, 0.65, "65.0%"),
        ("follow_up_median", None, 30.0, "30.0"), ("follow_up_max", None, 30.0, "30.0"),
    )  # fmt: skip
    result, times, events = drawn(table, 100)
    assert np.mean(np.abs(ensemble.follow_up_median(times, events) - 30) <= 0.1) > 0.8
    assert not any("strained" in note for note in result.notes)


def test_restricted_means_hold_in_every_draw():
    """Areas of an exponential curve with median 12 months, the only points of the curve."""
    rate = np.log(2) / 12
    areas = [("rmst", h, round(-np.expm1(-rate * h) / rate, 2)) for h in (12, 30)]
    table = report(("n", None, 90), ("events", None, 70), *areas, ("follow_up_max", None, 45.0))
    _, times, events = drawn(table, 100)
    for _, horizon, area in areas:
        assert np.abs(ensemble.restricted_mean(times, events, horizon) - area).max() <= 0.005 + 1e-6
    s = ensemble.survival_at(times, events, [12.0])[:, 0]
    assert np.quantile(s, 0.025) < 0.5 < np.quantile(s, 0.975) and s.std() > 0.02


def test_restricted_mean_that_no_curve_through_the_landmarks_has():
    table = report(("n", None, 90), ("landmark", 12, 0.5, "50%"), ("rmst", 12, 4.2, "4.2"))
    with pytest.raises(DataError, match="rmst 12.*smallest change"):
        reconstruct_from_statistics(table, n_imputations=20)


def test_quartile_says_which_one_it_is():
    """A single late quartile: a quarter survives beyond 20 months."""
    table = report(("n", None, 60), ("quartile", None, 20.0), probability={1: 0.25})
    _, times, events = drawn(table)
    assert np.abs(ensemble.quantile_time(times, events, 0.25) - 20).max() <= 0.05 + 1e-6


def test_lower_limit_of_a_median_not_reached_is_enough():
    table = report(("n", None, 60), ("median", None, None), status={1: "not_reached"}, ci_low={1: 14.2})
    _, times, events = drawn(table, 100)
    assert np.isnan(ensemble.quantile_time(times, events)).all()
    assert 0.6 < ensemble.survival_at(times, events, [14.2]).mean() < 0.75


def test_median_alone_leaves_the_length_of_follow_up_open():
    _, times, _ = drawn(report(("n", None, 60), ("median", None, 10.0)), 200)
    assert np.quantile(times[:, -1], 0.1) < 14 and np.quantile(times[:, -1], 0.9) > 25


def test_same_number_with_two_roundings_is_no_contradiction():
    coarse = report(("n", None, 60), ("landmark", 12, 0.58, "58%"), ("landmark", 12, 0.583, "58.3%"))
    assert [i.half for i in read_items(coarse) if i.statistic == "landmark"] == pytest.approx([0.0005])
    other = report(("n", None, 60), ("landmark", 12, 0.58, "58%"), ("landmark", 12, 0.593, "59.3%"))
    with pytest.raises(DataError, match="landmark 12 is given twice and differs"):
        reconstruct_from_statistics(other)


def test_landmarks_are_never_rounded_to_tenths():
    """A fraction of 0.6 stands for 60 %: the float has lost its zero."""
    assert read_items(report(("n", None, 60), ("landmark", 12, 0.6)))[1].half == pytest.approx(0.005)


def test_median_in_the_middle_of_a_flat_half():
    """18 patients, half of them dead from month 30 to month 66, and some packages print the middle as the median."""
    table = report(
        ("n", None, 18), ("events", None, 10), ("median", None, 48.0, "48.0"),
        ("landmark", 36, 0.5, "50.0%"), ("landmark", 60, 0.5, "50.0%"),
    )  # fmt: skip
    _, times, events = drawn(table)
    assert ensemble.survival_at(times, events, [36.0, 60.0]) == pytest.approx(0.5)


def test_hazard_ratio_the_wrong_way_round_is_pointed_out():
    shared = ("n", None, 80), ("events", None, 60), ("follow_up_max", None, 40.0)
    arms = [report(*shared, ("median", None, m), ("landmark", 12, s)) for m, s in ((18.0, 0.66), (9.0, 0.38))]
    with pytest.raises(DataError, match="control against this arm"):
        reconstruct_from_statistics(arms[0], against=arms[1], hr="2.00", n_imputations=40)


def test_windows_of_whole_months_may_overlap():
    """Quartile 2, median 3 and an area to 2 months that keeps S near 1 until late in the quartile's window."""
    table = report(
        ("n", None, 120), ("events", None, 63), ("quartile", None, 2, "2"), ("median", None, 3, "3"),
        ("landmark", 1, 1.0, "100%"), ("rmst", 2, 1.94, "1.94"), ("follow_up_max", None, 6, "6"),
        probability={2: 0.75},
    )  # fmt: skip
    result, times, events = drawn(table)
    assert (result.summary["share"] == 1).all()
    assert ensemble.survival_at(times, events, [1.5]).mean() > 0.85


def test_median_in_whole_months_may_lie_anywhere_in_its_window():
    _, times, events = drawn(report(("n", None, 200), ("events", None, 150), ("median", None, 10, "10")), 100)
    median = ensemble.quantile_time(times, events)
    assert median.min() < 9.8 and median.max() > 10.2


def test_everybody_dead_before_a_landmark_of_zero():
    table = report(
        ("n", None, 30), ("events", None, 30), ("median", None, 8.0), ("landmark", 12, 0.2, "20%"),
        ("landmark", 24, 0.0, "0%"), ("follow_up_max", None, 22.0),
    )  # fmt: skip
    result, _, events = drawn(table)
    assert (result.summary["share"] == 1).all() and (events[:, -1] == 1).all()
    with pytest.raises(DataError, match="landmark 24 and follow_up_max"):
        reconstruct_from_statistics(table.replace({"value": {0.0: 0.1}, "printed": {"0%": "10%"}}))


def test_quantiles_printed_like_the_longest_follow_up():
    """12 patients, all seen for 8 months or less; an event then makes the lower quartile, the others are censored."""
    curve = [("landmark", 2, 0.833, "83.3%"), ("quartile", None, 8, "8")]
    ends = [("follow_up_median", None, 8, "8"), ("follow_up_max", None, 8, "8")]
    table = report(("n", None, 12), ("events", None, 9), *curve, *ends, probability={3: 0.25})
    result, times, events = drawn(table)
    hard = ["events", "landmark 2", "quartile 25%", "follow_up_max"]
    assert result.summary.set_index("item").loc[hard, "share"].eq(1).all()
    assert (ensemble.survival_at(times, events, [8.5])[:, 0] <= 0.25 + 1e-9).all()


def test_quartile_not_reached_keeps_the_curve_up():
    not_reached = {"status": {2: "not_reached"}, "probability": {2: 0.25}}
    table = report(("n", None, 60), ("median", None, 14.0), ("quartile", None, None), **not_reached)
    _, times, events = drawn(table)
    assert ensemble.survival_steps(events)[:, -1].min() > 0.25


def test_steep_fall_at_the_first_scan_shows_in_the_interval():
    """Median 2.1 months (2.0 to 2.2) of 120 patients: a sixth of them progress within a week."""
    table = report(
        ("n", None, 120), ("events", None, 100), ("median", None, 2.1), ("landmark", 6, 0.25, "25%"),
        endpoint="PFS", ci_low={2: 2.0}, ci_high={2: 2.2},
    )  # fmt: skip
    _, times, events = drawn(table, 100)
    low, high = ensemble.median_interval(times, events)
    assert np.mean(np.abs(low - 2.0) <= 0.05) > 0.5 and np.mean(np.abs(high - 2.2) <= 0.05) > 0.4


def test_restricted_mean_alone():
    _, times, events = drawn(report(("n", None, 310), ("rmst", 78, 44.0, "44.00")))
    assert np.abs(ensemble.restricted_mean(times, events, 78) - 44).max() <= 0.005 + 1e-6
    assert np.mean(times[:, -1] >= 78) > 0.8


def test_quartiles_of_the_same_month_are_two_items():
    """Times in whole months: three quarters have the event between 2.5 and 3.5."""
    quartile = ("quartile", None, 3, "3")
    table = report(("n", None, 40), quartile, quartile, probability={1: 0.75, 2: 0.25})
    result, times, events = drawn(table)
    assert list(result.summary["item"]) == ["n", "quartile 75%", "quartile 25%"]
    early, late = ensemble.survival_at(times, events, [2.5, 3.5]).T
    assert (early > 0.75).all() and (late <= 0.25 + 1e-9).all()


def test_progression_not_reached_with_a_follow_up_of_all_deaths():
    """For time to progression the median follow-up is not that of the times, yet says how long they may be."""
    rows = ("n", None, 40), ("median", None, None), ("follow_up_median", None, 18.0)
    table = report(*rows, endpoint="TTP", status={1: "not_reached"})
    _, times, _ = drawn(table, 100)
    assert 12 < np.median(times[:, -1]) < 60

def test_options_of_the_reading_hold_for_the_summary():
    """Plain median of all times, and an interval of the median on the plain scale."""
    rows = ("n", None, 60), ("events", None, 40), ("median", None, 12.0), ("follow_up_median", None, 11.0)
    table = report(*rows, ("follow_up_max", None, 40.0), ci_low={2: 9.0}, ci_high={2: 16.0})
    plain, times, events = drawn(table, 200, follow_up="all patients", ci="plain")
    shown = plain.summary.set_index("item")["reconstructed"]
    assert shown["follow_up_median"] == pytest.approx(np.median(np.median(times, axis=1)), abs=0.1)
    low, high = ensemble.median_interval(times, events, 0.95, "plain")
    assert shown["median interval, lower limit"] == pytest.approx(np.median(low), abs=0.1)
    assert shown["median interval, upper limit"] == pytest.approx(np.nanmedian(high), abs=0.3)
    n = times.shape[1]
    s, se = ensemble.survival_steps(events)[0, n // 4], ensemble.log_s_se(events)[0, n // 4]
    limits = [limit[0, n // 4] for limit in ensemble.limits(events, 0.95, "plain")]
    assert limits == pytest.approx([s - 1.959964 * s * se, min(s + 1.959964 * s * se, 1)])


def test_limits_and_follow_up_where_the_curve_ends_at_zero():
    """Censored at 3 and 4, events at 5 and 8: half are followed to 4, and S and both its limits are 0 from 8 on."""
    times, events = np.array([[3.0, 4.0, 5.0, 8.0]]), np.array([[0, 0, 1, 1]])
    codes = np.where(events == 1, encode(times, EVENT), encode(times, 0))
    zero, at_risk = np.zeros(1), np.arange(4, 0, -1)
    start = Particles(np.array([4]), zero, zero, zero, None, zero, zero, zero)
    log_step = np.where(events == 1, np.log(np.maximum(1 - 1 / at_risk, 1e-300)), 0.0)
    greenwood = np.where(events == 1, 1 / np.maximum(at_risk * (at_risk - 1), 1e-9), 0.0)
    passed = [Information("", "reverse KM", 8.5, 0.5, 0.01, -1), Information("", "log-log", 8.5, -1.96, 0.15, -1)]
    for info in passed:
        assert log_likelihood(info, start, codes, log_step, greenwood, 4) == 0
    still_above = Information("", "reverse KM", 8.5, 0.9, 0.001, 1)
    assert log_likelihood(still_above, start, codes, log_step, greenwood, 4) < -0.5


def test_only_the_comparison_that_does_not_fit_is_named():
    """Medians of 18 and 9 months among 80 patients each: a ratio near 0.5, and a p value far below 0.6."""
    shared = ("n", None, 80), ("events", None, 60), ("follow_up_max", None, 40.0)
    arms = [report(*shared, ("median", None, m), ("landmark", 12, s)) for m, s in ((18.0, 0.66), (9.0, 0.38))]
    options = dict(against=arms[1], n_imputations=60)
    with pytest.raises(DataError) as caught:
        reconstruct_from_statistics(arms[0], hr="2.00", logrank_p="<0.001", **options)
    assert "hr and the two arms" in str(caught.value) and "logrank_p" not in str(caught.value)
    with pytest.raises(DataError, match="logrank_p and hr: no pair of draws shows both; .* logrank_p between 0.000"):
        reconstruct_from_statistics(arms[0], hr="0.50", logrank_p="0.60", **options)
    for printed, dropped in ((("2.00", "<0.001"), "hr"), (("0.50", "0.60"), "logrank_p")):
        result, *_ = drawn(arms[0], hr=printed[0], logrank_p=printed[1], on_conflict="drop", against=arms[1])
        assert result.dropped == (dropped,)
        shares = result.summary.set_index("item")["share"]
        assert shares["hr" if dropped == "logrank_p" else "logrank_p"] == 1
