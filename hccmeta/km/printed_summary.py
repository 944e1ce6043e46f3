"""Printed items beside what the drawn patients show: value, rounding, and the share of draws that print the same."""

from __future__ import annotations

import numpy as np

from hccmeta.km import ensemble
from hccmeta.km.printed_interval import scale_of
from hccmeta.km.printed_items import COUNTS, Item
from hccmeta.km.printed_plan import COUNTS_DEATH, TIMES_ARE_FOLLOW_UP, Reading, quartile_level

COLUMNS = ("item", "statistic", "time_months", "printed", "rounding", "reconstructed", "low", "high", "share", "status")


def shown_by(item: Item, items, times, events, reading: Reading) -> np.ndarray:
    """The item's value in each data set; NaN where it is not reached."""
    kind = item.statistic
    if kind in COUNTS:
        return np.full(len(times), float(times.shape[1])) if kind == "n" else events.sum(axis=1).astype(float)
    if kind in ("median", "quartile"):
        level = 0.5 if kind == "median" else quartile_level(item, items)
        return _nearest_convention(ensemble.quantile_conventions(times, events, level), item.value)
    if kind == "landmark":
        return ensemble.survival_at(times, events, item.time)[:, 0]
    if kind == "rmst":
        return ensemble.restricted_mean(times, events, item.time)
    if kind == "event_time":
        nearest = np.where(events == 1, np.abs(times - item.value), np.inf).argmin(axis=1)
        return times[np.arange(len(times)), nearest]
    if kind == "follow_up_median":
        plain = reading.follow_up == "all patients"
        return np.median(times, axis=1) if plain else ensemble.follow_up_median(times, events)
    return times[:, 0] if kind == "follow_up_min" else times[:, -1]


def _nearest_convention(found, printed):
    """Papers differ in the quantile of a curve that stays at the level; NaN where it is not reached."""
    if np.isnan(printed):
        return found[0]
    distance = np.where(np.isnan(found), np.inf, np.abs(found - printed))
    return found[distance.argmin(axis=0), np.arange(found.shape[1])]


def limits_shown_by(item: Item, times, events, ci: str) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the item's interval in each data set (NaN: not reached); of a landmark on the scale that fits."""
    if item.statistic == "median_interval":
        return ensemble.median_interval(times, events, item.level, ci)
    limits = ensemble.limits(events, item.level, scale_of(item))
    return tuple(ensemble.at_times(times, limit, item.time, 1.0)[:, 0] for limit in limits)


def prints_same(item: Item, values, printed: float) -> np.ndarray:
    """Whether each value rounds to what was printed; a lower bound is met by any larger count."""
    if item.statistic in ("events_min", "deaths", "progressions", "relapses"):
        return values >= printed
    if not item.reached or np.isnan(printed):
        return np.isnan(values)
    return np.abs(values - printed) <= item.half * (1 + 1e-6) + 1e-6


def summarise(items, dropped, reading: Reading, times, events):
    """One row per printed number: what the draws show (median, 95 % range) and the share that prints the same.

    `status`: met (in every draw, within the rounding), informed (weighs the draws), bound (the longest follow-up where
    times are not follow-up), not used, dropped.
    """
    import pandas as pd

    rows = []
    for item in items:
        for name, printed, values in shown_values(item, items, times, events, reading):
            share = float(prints_same(item, values, printed).mean())
            status = "dropped" if item.name in dropped else _status(item, reading.endpoint, share)
            low, middle, high = _spread(values)
            rows.append((name, item.statistic, item.time, printed, item.half, middle, low, high, share, status))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def add_comparisons(summary, comparisons, shown):
    """Rows for the hazard ratio and the log-rank p value of the pairs."""
    import pandas as pd

    rows = []
    for c in comparisons:
        values = shown[c.name]
        share = float(((values >= c.low) & (values <= c.high)).mean())
        low, middle, high = _spread(values)
        status = "met" if share == 1 else "dropped"
        rows.append((c.name, c.name, np.nan, c.printed, c.printed - c.low, middle, low, high, share, status))
    return pd.concat([summary, pd.DataFrame(rows, columns=list(COLUMNS))], ignore_index=True)


def _status(item, endpoint, share):
    if item.statistic == "follow_up_min" and endpoint not in TIMES_ARE_FOLLOW_UP:
        return "not used"
    if item.statistic == "follow_up_median" and endpoint not in COUNTS_DEATH:
        return "not used"
    if item.statistic == "follow_up_max" and endpoint not in TIMES_ARE_FOLLOW_UP:
        return "bound"
    return "met" if share == 1 else "informed"


def shown_values(item, items, times, events, reading: Reading) -> list[tuple]:
    """(name, printed, value in each data set) of the item; one for each limit of an interval."""
    if not item.statistic.endswith("_interval"):
        return [(item.name, item.value, shown_by(item, items, times, events, reading))]
    low, high = limits_shown_by(item, times, events, reading.ci)
    limits = (("lower limit", item.low, low), ("upper limit", item.high, high))
    return [(f"{item.name}, {side}", printed, values) for side, printed, values in limits if np.isfinite(printed)]


def _spread(values):
    """2.5 %, 50 % and 97.5 % of the draws, a median that is not reached counted as later than all others."""
    low, middle, high = np.quantile(np.nan_to_num(values, nan=np.inf), (0.025, 0.5, 0.975), method="nearest")
    return tuple(float(x) if np.isfinite(x) else np.nan for x in (low, middle, high))
