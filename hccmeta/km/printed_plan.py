"""What printed items demand of the patients: bounds on S(t), bounds on the events, and soft information."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from hccmeta.km.printed_interval import log_s_error
from hccmeta.km.printed_items import Item

HALF = 0.5 + 1e-9
COMPONENTS = {
    "": ("deaths",),
    "OS": ("deaths",),
    "PFS": ("progressions", "deaths"),
    "RFS": ("relapses", "deaths"),
    "TTP": ("progressions",),
    "IRFS": ("relapses",),
    "ORFS": ("relapses",),
}
TIMES_ARE_FOLLOW_UP = ("", "OS")
COUNTS_DEATH = ("", "OS", "PFS", "RFS", "DOR", "DMFS")


@dataclass(frozen=True)
class Reading:
    """How the printed items are to be read: endpoint, definition of the median follow-up, scale of the interval."""

    endpoint: str = ""
    follow_up: str = "reverse KM"
    ci: str = "log-log"


@dataclass(frozen=True)
class Bound:
    """low <= S(time) <= high; `crossing` marks the two ends of the window in which S passes a level."""

    name: str
    time: float
    low: float
    high: float
    crossing: str = ""


@dataclass(frozen=True)
class Information:
    """A quantity at `time` that weighs a draw: expected at least (side 1) or at most (side -1) `value`."""

    name: str
    kind: str
    time: float
    value: float
    sd: float
    side: int = 0


@dataclass(frozen=True)
class Plan:
    """Everything the sampler needs; times in months.

    `first_seen` and `last_time`: what prints as the shortest and the longest follow-up; `follow_up`: the same for the
    median, and the share not censored by then, where that is known; `usual_time`: a rough median follow-up.
    """

    n: int
    events: int | None
    events_low: int
    events_high: int
    first_seen: tuple[float, float]
    last_time: tuple[float, float] | None
    last_seen: bool
    bounds: tuple[Bound, ...]
    at_end: tuple[float, float]
    information: tuple[Information, ...]
    event_times: tuple[float, ...]
    follow_up: tuple[tuple[float, float], float] | None
    usual_time: float
    rmst: tuple[Item, ...]
    deaths_censored: bool
    base: tuple[np.ndarray, np.ndarray]


def make_plan(items: tuple[Item, ...], reading: Reading) -> Plan:
    """Bounds and information from the items that stand; they are taken to agree with each other."""
    n, endpoint = int(_one(items, "n").value), reading.endpoint
    exact = exact_events(items, endpoint)
    low, high = event_range(items, endpoint, n)
    shortest, middle, longest = (_one(items, f"follow_up_{k}") for k in ("min", "median", "max"))
    first = _range(shortest) if shortest and endpoint in TIMES_ARE_FOLLOW_UP else (0.0, 0.0)
    bounds = envelope([b for item in items for b in bounds_of(item, items)])
    held = [_level(i, items) + 1e-9 for i in items if i.statistic in ("median", "quartile") and not i.reached]
    over = [i for i in items if level_at_end(i, items)]
    base = _base_knots(items, n, first[0])
    known = None
    if middle and middle.reached and endpoint in COUNTS_DEATH:
        alive = np.exp(-np.interp(middle.value, *base)) if reading.follow_up == "all patients" else 1.0
        known = _range(middle), float(min(0.5 / alive, 0.98))
    return Plan(
        n=n,
        events=int(exact.value) if exact else None,
        events_low=low,
        events_high=high,
        first_seen=first,
        last_time=_last_time(longest, over, bounds, items) if longest else None,
        last_seen=longest is not None and endpoint in TIMES_ARE_FOLLOW_UP,
        bounds=bounds,
        at_end=(max(held, default=0.0), min([level_at_end(i, items) for i in over], default=1.0)),
        information=tuple(x for item in items for x in _information(item, reading)),
        event_times=tuple(sorted(i.value for i in items if i.statistic == "event_time")),
        follow_up=known,
        usual_time=middle.value if middle and middle.reached else 0.6 * longest.value if longest else 0.0,
        rmst=tuple(i for i in items if i.statistic == "rmst"),
        deaths_censored=endpoint not in COUNTS_DEATH,
        base=base,
    )


def _last_time(longest, over, bounds, items) -> tuple[float, float]:
    """What prints as the longest follow-up: not before any landmark or event, not after what it must have reached."""
    reached = max([b.time for b in bounds] + [i.value for i in items if i.statistic == "event_time"], default=0.0)
    low, high = _range(longest)
    latest = [i.time if i.statistic == "landmark" else i.value + i.half for i in over]
    return max(low, reached), max(min([high, *latest]), low, reached)


def exact_events(items, endpoint: str) -> Item | None:
    """The item that fixes the number of events: `events`, or the count of an endpoint's only component (OS: deaths)."""
    parts = COMPONENTS.get(endpoint, ())
    return _one(items, "events") or (_one(items, parts[0]) if len(parts) == 1 else None)


def event_range(items, endpoint: str, n: int) -> tuple[int, int]:
    """Least and largest number of events that the counts of their components allow."""
    parts = [_one(items, kind) for kind in COMPONENTS.get(endpoint, ())]
    at_least = [int(i.value) for i in [*parts, _one(items, "events_min")] if i]
    both = len(parts) == 2 and all(parts)
    low = max([*at_least, sum(i.statistic == "event_time" for i in items)])
    return low, min(n, int(sum(i.value for i in parts))) if both else n


def bounds_of(item: Item, items) -> list[Bound]:
    """Bounds on S(t) that hold exactly where the item was rounded from a Kaplan-Meier curve."""
    over = level_at_end(item, items)
    if item.statistic == "landmark" and not over:
        slack = item.half * (1 + 1e-6)
        return [Bound(item.name, item.time, max(0.0, item.value - slack), min(1.0, item.value + slack))]
    if item.statistic in ("median", "quartile") and item.reached:
        level = _level(item, items)
        before, after = item.value - item.half, item.value + item.half
        held = _held(level, items)
        if any(t <= before for t in held) and any(t >= after for t in held) and _is_flat(items):
            return [Bound(item.name, before, level - 1e-9, 1.0), Bound(item.name, after, 0.0, level + 1e-9)]
        edge = -1e-9 if any(t <= before for t in held) else 1e-9
        above = [Bound(item.name, before, level + edge, 1.0, "above")] if before > 0 else []
        return above if over else [*above, Bound(item.name, after, 0.0, level + edge, "below")]
    return []


def level_at_end(item: Item, items) -> float | None:
    """Level that S has reached by the end: of a quantile printed like the longest follow-up, of 0 % then or later."""
    longest = _one(items, "follow_up_max")
    if longest is None:
        return None
    end = longest.value - longest.half
    if item.statistic == "landmark" and item.value <= item.half and item.time >= end:
        return item.value + item.half
    if item.statistic in ("median", "quartile") and item.reached and item.value + item.half >= end:
        return _level(item, items) + 1e-9
    return None


def _level(item, items) -> float:
    return 0.5 if item.statistic == "median" else quartile_level(item, items)


def _held(level, items) -> list[float]:
    """Times at which a landmark may lie at the level itself: a quantile after one is where S falls below the level."""
    return [i.time for i in items if i.statistic == "landmark" and abs(i.value - level) <= i.half]


def _is_flat(items) -> bool:
    """Whether one event moves S by more than the rounding: between two equal landmarks the quantile is a middle."""
    n, half = _one(items, "n").value, min(i.half for i in items if i.statistic == "landmark")
    return 1 / n > 2 * half


def quartile_level(item: Item, items) -> float:
    """As given with the item; else 0.75 for the time by which a quarter had the event, 0.25 for the later one."""
    if isfinite(item.probability):
        return item.probability
    others = [i.value for i in items if i.statistic in ("quartile", "median") and i is not item and isfinite(i.value)]
    return 0.75 if all(item.value <= other for other in others) else 0.25


def envelope(bounds) -> tuple[Bound, ...]:
    """Bounds in time order, tightened because S(t) never rises."""
    ordered = sorted(bounds, key=lambda b: (b.time, b.crossing == "below"))
    low = np.maximum.accumulate([b.low for b in ordered][::-1])[::-1] if ordered else []
    high = np.minimum.accumulate([b.high for b in ordered]) if ordered else []
    return tuple(
        Bound(b.name, b.time, float(lo), float(hi), b.crossing) for b, lo, hi in zip(ordered, low, high, strict=True)
    )


def _information(item: Item, reading: Reading) -> list[Information]:
    if item.statistic == "median_interval":
        z = float(ndtri(0.5 + item.level / 2))
        limits = [(t, q) for t, q in ((item.low, z), (item.high, -z)) if isfinite(t)]
        return [x for t, q in limits for x in _crossing(item, reading.ci, t, q, 0.15)]
    if item.statistic == "landmark_interval" and (implied := log_s_error(item)):
        return [Information(item.name, "width", item.time, float(np.log(implied[0])), implied[1])]
    if item.statistic == "follow_up_median" and item.reached and reading.endpoint in COUNTS_DEATH:
        sd = 0.01 if reading.endpoint in TIMES_ARE_FOLLOW_UP else 0.05
        return _crossing(item, reading.follow_up, item.value, 0.5, sd)
    return []


def _crossing(item, kind, time, value, sd):
    """The quantity passes `value` inside the rounding of `time`."""
    return [
        Information(item.name, kind, max(time - item.half, 1e-9), value, sd, 1),
        Information(item.name, kind, time + item.half, value, sd, -1),
    ]


def survival_at_limit(n_effective: float, z: float) -> float:
    """S where the log-log limit (lower for z > 0, upper for z < 0) has just reached one half, without censoring."""
    s = np.linspace(0.002, 0.998, 999)
    q = (np.log(np.log(2)) - np.log(-np.log(s))) * -np.log(s) / np.sqrt((1 - s) / (n_effective * s))
    return float(s[np.argmin(np.abs(q - z))])


def _base_knots(items, n, start):
    """Times and -log S through which the smooth base curve goes, limits of the median's interval included."""
    knots = {0.0: 1.0, start: 1.0}
    for item in items:
        if item.statistic == "landmark":
            knots[item.time] = item.value
        elif item.statistic in ("median", "quartile") and item.reached:
            knots[item.value] = _level(item, items)
        elif item.statistic == "median_interval":
            z = float(ndtri(0.5 + item.level / 2))
            for time, sign in ((item.low, z), (item.high, -z)):
                if isfinite(time) and all(abs(time - known) > item.half for known in knots):
                    knots[time] = survival_at_limit(0.8 * n, sign)
    if len(knots) == 1 + (start > 0):
        knots |= {item.time: _exponential_at_end(item) for item in items if item.statistic == "rmst"}
    times = np.array(sorted(knots))
    survival = np.minimum.accumulate([knots[t] for t in times])
    hazard = -np.log(np.maximum(survival, 0.3 / n))
    windows = [i.value + i.half for i in items if i.statistic in ("median", "quartile") and i.reached]
    more = max(windows, default=0.0) - times[-1]
    if more > 0:
        slope = (hazard[-1] - hazard[-2]) / (times[-1] - times[-2])
        times, hazard = np.append(times, times[-1] + more), np.append(hazard, hazard[-1] + slope * more)
    return times, hazard


def _exponential_at_end(rmst: Item) -> float:
    """S at the horizon of an exponential curve with this restricted mean."""
    share = min(max(rmst.value / rmst.time, 0.01), 0.99)
    return float(np.exp(-brentq(lambda x: -np.expm1(-x) / x - share, 1e-9, 200)))


def _range(item: Item) -> tuple[float, float]:
    """Times that print as the item; never 0, where nobody is lost yet."""
    return max(item.value - item.half, item.half / 2), item.value + item.half


def _one(items, statistic: str) -> Item | None:
    return next((i for i in items if i.statistic == statistic), None)
