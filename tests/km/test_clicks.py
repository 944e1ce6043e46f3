"""Clicks to patients: round trips, edge cases, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hccmeta.errors import DataError, MethodError
from hccmeta.km.clicks import reconstruct_ipd


def curve(time, survival):
    return pd.DataFrame({"time": time, "survival": survival}, dtype=float)


def along_the_line(time, level, clicks, noise, rng):
    """Noisy points evenly along the drawn step line."""
    corner_time, corner_level = np.append(time[0], np.repeat(time[1:], 2)), np.repeat(level, 2)[:-1]
    along = np.append(0, np.cumsum(np.abs(np.diff(corner_time)) / time[-1] + np.abs(np.diff(corner_level))))
    place = np.linspace(0, along[-1], clicks)
    seen = np.interp(place, along, corner_time) + 0.3 * noise * time[-1] * rng.standard_normal(clicks)
    return seen.clip(0), (np.interp(place, along, corner_level) + noise * rng.standard_normal(clicks)).clip(0, 1)


def distance(result, drops, times):
    """Distance of two curves at the times."""
    made, truth = (known["survival"].to_numpy()[np.searchsorted(known["time"], times, side="right") - 1]
                   for known in (result.km, drops))  # fmt: skip
    return made - truth


def counts(time, n_at_risk):
    return pd.DataFrame({"time": time, "n_at_risk": n_at_risk})


def feet(time, event):
    """Feet of all drops, the start and the end of follow-up."""
    when = np.unique(time[event == 1])
    at_risk = (time[:, None] >= when).sum(axis=0)
    events = ((time[:, None] == when) & (event[:, None] == 1)).sum(axis=0)
    level = np.cumprod(1 - events / at_risk)
    last = level[-1] if len(level) else 1.0
    return curve(np.concatenate([[0], when, [time.max()]]), np.concatenate([[1], level, [last]]))


def table(time, spacing):
    at = np.arange(0, time.max(), spacing)
    return counts(at, (time[:, None] >= at).sum(axis=0))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(5, 60), st.sampled_from([0.0, 0.004, 0.01]), st.booleans())
def test_counts_hold_for_any_trial(seed, n, noise, with_total):
    rng = np.random.default_rng(seed)
    event_time, censored = rng.weibull(1.2, n) * 15, rng.uniform(5, 30, n)
    time, event = np.minimum(event_time, censored) + 0.01, (event_time <= censored).astype(int)
    clicks = feet(time, event)
    moved = clicks + np.c_[0.3 * noise * time.max() * rng.standard_normal(len(clicks)),
                           noise * rng.standard_normal(len(clicks))]  # fmt: skip
    moved = moved.assign(time=moved.time.clip(0), survival=moved.survival.clip(0, 1))
    at_risk = table(time, 4.0)
    result = reconstruct_ipd(moved, at_risk, total_events=int(event.sum()) if with_total else None)
    assert len(result.ipd) == n and result.ipd.time.ge(0).all()
    assert [(result.ipd.time >= t).sum() for t in at_risk.time] == at_risk.n_at_risk.tolist()
    assert not with_total or result.total_events == event.sum()
    assert result.accuracy.set_index("item").difference.dropna().eq(0).all()
    assert result.km.survival.is_monotonic_decreasing


def test_points_just_off_the_axes_are_those_on_them():
    """Clicks of others lie a hair outside the axes and rise by a hair; what is farther out is refused."""
    clicks, at_risk = curve([0, 3, 5, 8, 12], [1, 0.9, 0.8, 0.7, 0.0]), counts([0, 6], [10, 6])
    moved = clicks.assign(time=[-0.2, 3, 5, 8, 12], survival=[1.04, 0.9, 0.8, 0.7, -0.04])
    pd.testing.assert_frame_equal(reconstruct_ipd(moved, at_risk).ipd, reconstruct_ipd(clicks, at_risk).ipd)
    rising = curve([0, 3, 4, 5, 8, 12], [1, 0.9, 0.901, 0.8, 0.7, 0.0])
    assert reconstruct_ipd(rising, at_risk).km.survival.is_monotonic_decreasing
    for far in (moved.assign(survival=[1.06, 0.9, 0.8, 0.7, 0]), clicks.assign(time=[-0.3, 3, 5, 8, 12])):
        with pytest.raises(DataError, match="check the calibration"):
            reconstruct_ipd(far, at_risk)


def test_a_drop_read_a_pixel_before_a_printed_count_contradicts_nothing():
    """The death at 4.001 months was traced at 3.981; at 4 months all 15 are still at risk."""
    clicks = curve([0, 3.981, 9, 14, 20], [1, 14 / 15, 13 / 15, 12 / 15, 12 / 15])
    result = reconstruct_ipd(clicks, counts([0, 4, 8, 12, 16], [15, 15, 14, 13, 12]), total_events=3)
    assert [(result.ipd.time >= t).sum() for t in (0, 4, 8, 12, 16)] == [15, 15, 14, 13, 12]
    np.testing.assert_allclose(result.km.time, [0, 4, 9, 14], atol=0.1)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("with_total", [True, False])
def test_the_search_does_not_lose_a_large_trial(seed, with_total):
    rng = np.random.default_rng(seed)
    death, censored = 33 * rng.weibull(1.3, 900), rng.uniform(8, 33, 900)
    time, event = np.minimum(death, censored), (death <= censored).astype(int)
    drops = feet(time, event)
    seen, level = along_the_line(drops["time"].to_numpy(), drops["survival"].to_numpy(), 100, 0.005, rng)
    result = reconstruct_ipd(
        curve(seen, level), table(time, 4.7), total_events=int(event.sum()) if with_total else None
    )
    at = np.linspace(0, time.max(), 1001)
    assert np.sqrt((distance(result, drops, at) ** 2).mean()) < 0.006
    assert result.total_events == pytest.approx(event.sum(), rel=0.02)


def test_the_search_keeps_events_for_the_tail():
    """Censored early in their interval, many patients hide how few events it needs: the total shows it at the end."""
    rng = np.random.default_rng(12)
    death = 13 * rng.weibull(1.5, 300)
    censored = np.minimum(rng.uniform(12, 36, 300), rng.exponential(60, 300))
    time, event = np.minimum(death, censored).round(1) + 0.1, (death <= censored).astype(int)
    drops = feet(time, event)
    seen, level = along_the_line(drops["time"].to_numpy(), drops["survival"].to_numpy(), 150, 0.005, rng)
    result = reconstruct_ipd(curve(seen, level), table(time, 3.0), total_events=int(event.sum()))
    at = np.linspace(0.85, 1, 151) * time.max()
    assert np.abs(distance(result, drops, at)).mean() < 0.005


@pytest.mark.parametrize("seed, n, shape, last, printed", [(0, 400, 1.0, 3, False), (1, 240, 1.8, 2, True)])
def test_a_search_gone_astray_is_repeated_wider(seed, n, shape, last, printed):
    """A long flat tail that ends with a death among the last two or three patients."""
    rng = np.random.default_rng(seed)
    death, censored = 40 * rng.weibull(shape, n), 12 + 48 * rng.beta(1.0, 1.6, n)
    time, event = np.minimum(death, censored), (death <= censored).astype(int)
    order = np.argsort(time)
    event[order[-last]] = 1
    time[order[-last:]] += np.arange(1, last + 1)
    drops = feet(time, event)
    seen, level = along_the_line(drops["time"].to_numpy(), drops["survival"].to_numpy(), 60, 0, rng)
    at_risk = table(time, 6.0) if printed else None
    result = reconstruct_ipd(curve(seen, level), at_risk, n=n, total_events=int(event.sum()))
    at = np.linspace(0, time.max(), 1001)
    assert np.sqrt((distance(result, drops, at) ** 2).mean()) < 0.005


@pytest.mark.parametrize("seed", [0, 4, 5, 6, 7])
def test_feet_at_even_steps_are_not_a_traced_line(seed):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.permutation(np.linspace(1, 29, 30)) + rng.uniform(-0.2, 0.2, 30))
    event = (rng.random(30) < 0.93).astype(int)
    drops = feet(time, event)
    noise = np.c_[0.3 * time.max() * rng.standard_normal(len(drops)), rng.standard_normal(len(drops))]
    moved = (drops + 0.005 * noise).clip(0).assign(survival=lambda clicks: clicks.survival.clip(upper=1))
    assert reconstruct_ipd(moved, table(time, 3.0), total_events=int(event.sum())).style == "corner"


@pytest.mark.parametrize("step", [1.0, 0.1, 12 / 365.25, 7 * 12 / 365.25])
def test_tied_events_of_coarse_times_come_back(step):
    """Times in months, tenths, days or weeks: where half of the events tie, every drop may still have been clicked."""
    rng = np.random.default_rng(4)
    death, censored = 6 * rng.exponential(1, 60), rng.uniform(6, 24, 60)
    event = (death <= censored).astype(int)
    time = np.maximum(np.round(np.minimum(death, censored) / step), 1) * step
    clicks = feet(time, event).round({"time": 3, "survival": 5})
    result = reconstruct_ipd(clicks, table(time, 3.0), total_events=int(event.sum()))
    expected = feet(time, event).drop_duplicates("survival")
    assert result.km.events.sum() - len(result.km.time) + 1 >= 5
    np.testing.assert_allclose(result.km.survival, expected.survival, atol=1e-9)


@pytest.mark.parametrize("n", [8, 40])
def test_exact_feet_of_a_trial_with_censoring_come_back(n):
    rng = np.random.default_rng(n)
    time, event = np.round(rng.uniform(1, 30, n), 2), (rng.random(n) < 0.6).astype(int)
    clicks = feet(time, event).round(6)
    result = reconstruct_ipd(clicks, table(time, 3.0), total_events=int(event.sum()), style="corner")
    expected = feet(time, event).drop_duplicates("survival")
    np.testing.assert_allclose(result.km.time, expected.time, atol=1e-9)
    np.testing.assert_allclose(result.km.survival, expected.survival, atol=1e-9)


def test_no_censoring_and_a_curve_that_reaches_zero():
    time = np.arange(1.0, 11.0)
    result = reconstruct_ipd(feet(time, np.ones(10, int)), n=10, total_events=10)
    assert result.ipd.event.all()
    np.testing.assert_allclose(result.ipd.time, time, atol=1e-9)
    assert result.km.survival.iloc[-1] == 0


@pytest.mark.filterwarnings("error")
def test_everyone_has_an_event_and_a_drop_is_seen_at_the_start():
    clicks = curve([0, 0, 0.02, 3, 6, 9], [1, 0.93, 0.9, 0.6, 0.3, 0.02])
    result = reconstruct_ipd(clicks, n=8, total_events=8)
    assert result.ipd.event.all() and np.isfinite(result.ipd.time).all()


def test_flat_heavily_censored_tail_has_no_events():
    rng = np.random.default_rng(4)
    time = np.append(rng.uniform(1, 10, 30), rng.uniform(12, 60, 70))
    event = np.repeat([1, 0], [30, 70])
    clicks = feet(time, event)
    tail = curve(np.linspace(11, 60, 25), np.full(25, clicks.survival.min()) + rng.normal(0, 0.004, 25))
    result = reconstruct_ipd(pd.concat([clicks, tail]), table(time, 6.0))
    assert result.ipd[result.ipd.time > 12].event.sum() == 0
    assert abs(result.total_events - 30) <= 1


def test_zero_at_risk_ends_the_follow_up():
    at_risk = counts([0, 6, 12, 18], [20, 14, 5, 0])
    result = reconstruct_ipd(curve([0, 3, 7, 11, 15, 24], [1, 0.9, 0.75, 0.6, 0.6, 0.6]), at_risk)
    assert result.ipd.time.max() < 18


def test_last_count_at_the_last_click_and_one_patient_left():
    at_risk = counts([0, 5, 10], [6, 3, 1])
    clicks = curve([0, 2, 4, 8, 10], [1, 5 / 6, 5 / 6 * 4 / 5, 5 / 6 * 4 / 5 * 2 / 3, 5 / 6 * 4 / 5 * 2 / 3])
    result = reconstruct_ipd(clicks, at_risk, total_events=3, style="corner")
    assert [(result.ipd.time >= t).sum() for t in at_risk.time] == [6, 3, 1]
    assert result.total_events == 3


def test_table_that_starts_late_needs_n():
    clicks, at_risk = curve([0, 4, 8, 12], [1, 0.9, 0.8, 0.7]), counts([6, 12], [16, 9])
    with pytest.raises(DataError, match="give n"):
        reconstruct_ipd(clicks, at_risk)
    assert [(reconstruct_ipd(clicks, at_risk, n=20).ipd.time >= t).sum() for t in (0, 6, 12)] == [20, 16, 9]


def test_all_problems_are_listed_at_once():
    with pytest.raises(DataError) as caught:
        reconstruct_ipd(curve([-3, 4, 8, 12], [1, 0.9, np.nan, 1.3]), counts([0, 6], [20.5, -1]), total_events=-2)
    columns = [problem["column"] for problem in caught.value.problems]
    assert sorted(columns) == ["n_at_risk", "n_at_risk", "survival", "survival", "time", "total_events"]


@pytest.mark.parametrize(
    "clicks, at_risk, options, message",
    [
        (curve([0, 5, 10], [100, 80, 60]), None, {"n": 20}, "divide survival by 100"),
        (curve([0, 5, 10], [1, 0.8, 0.6]), None, {}, "give n"),
        (curve([0, 5, 10], [1, 0.8, 0.6]), counts([0, 5], [20, 25]), {}, "never rise"),
        (curve([0, 5, 10], [1, 0.8, 0.6]), counts([0, 5], [20, 15]), {"n": 22}, "equals n = 22"),
        (curve([0, 5, 10], [1, 0.8, 0.6]), None, {"n": 20, "total_events": 21}, "no more events than n"),
        (curve([0, 5, 10], [1, 0.802, 0.601]), None, {"n": 20, "total_events": 15}, "allow 0 to 9 events"),
        (curve([0, 4, 9], [1, 0.802, 0.401]), counts([0, 5, 10], [20, 18, 16]), {}, "cannot bring the curve"),
        (pd.DataFrame({"time": [0, 1]}), None, {"n": 5}, "a column survival"),
    ],
)
def test_refusals_say_what_to_do(clicks, at_risk, options, message):
    with pytest.raises(DataError, match=message):
        reconstruct_ipd(clicks, at_risk, **options)


def test_conflicts_are_fitted_on_request_and_reported():
    at_risk = counts([0, 5, 8], [20, 12, 14])
    result = reconstruct_ipd(curve([0, 5, 10], [1, 0.8, 0.6]), at_risk, total_events=25, on_conflict="fit")
    assert len(result.notes) == 2
    made = result.accuracy.set_index("item")
    assert made.loc["total_events", "difference"] < 0
    assert made.loc["n_at_risk", "difference"].tolist() == [0, 0, -2]


def test_unknown_options_name_the_choices():
    with pytest.raises(MethodError, match="'trace', 'corner'"):
        reconstruct_ipd(curve([0, 1], [1, 0.5]), n=4, style="line")
    with pytest.raises(MethodError, match="'raise', 'fit'"):
        reconstruct_ipd(curve([0, 1], [1, 0.5]), n=4, on_conflict="ignore")
