"""Printed items that no set of patients can show together: which, why, and the smallest change that reconciles them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import inf, isfinite

import numpy as np
from scipy.special import ndtri

from hccmeta.km.printed_interval import LEAST_SPREAD, log_s_error
from hccmeta.km.printed_items import Item
from hccmeta.km.printed_plan import (
    COMPONENTS,
    HALF,
    TIMES_ARE_FOLLOW_UP,
    Bound,
    bounds_of,
    event_range,
    exact_events,
    level_at_end,
    survival_at_limit,
)

KEEP_FIRST = (
    "n",
    "landmark",
    "event_time",
    "events",
    "median",
    "quartile",
    "deaths",
    "progressions",
    "relapses",
    "events_min",
    "rmst",
    "landmark_interval",
    "median_interval",
    "follow_up_max",
    "follow_up_min",
    "follow_up_median",
)


@dataclass(frozen=True)
class Conflict:
    """Items that cannot hold together, why, and the smallest change of one of them that would reconcile them."""

    names: tuple[str, ...]
    rule: str
    fix: str

    def __str__(self) -> str:
        return f"{' and '.join(self.names)}: {self.rule}; smallest change: {self.fix}"


def find_conflicts(items: tuple[Item, ...], endpoint: str) -> list[Conflict]:
    """Contradictions that follow from the items alone, without drawing patients."""
    n = int(next(i for i in items if i.statistic == "n").value)
    return [
        *_crossing_bounds(items, n),
        *_outside_own_interval(items),
        *_impossible_counts(items, endpoint, n),
        *_events_against_follow_up(items, endpoint, n),
        *_outside_follow_up(items, endpoint),
        *_interval_too_narrow(items, n),
    ]


def _crossing_bounds(items, n):
    """Survival never rises: no later lower bound above an earlier upper bound."""
    bounds = [(i, b) for i in items for b in [*bounds_of(i, items), *_bounds_of_interval(i, n)]]
    bounds += [(i, Bound(i.name, inf, HALF, 1.0)) for i in items if i.statistic == "median" and not i.reached]
    names = [i.name for i in items]
    found = {}
    for later, b in bounds:
        for earlier, a in bounds:
            own = later.name.removesuffix(" interval") == earlier.name.removesuffix(" interval")
            if not own and b.time >= a.time and b.low > a.high:
                pair = tuple(sorted((earlier.name, later.name), key=names.index))
                found.setdefault(pair, (earlier, a, later, b))
    return [
        Conflict(
            pair,
            f"survival cannot rise from {_side(a, a.high, 'at most')} to {_side(b, b.low, 'at least')}",
            f"{_moved(later, a.high, 'at most', a.time)}, or {_moved(earlier, b.low, 'at least', b.time)}",
        )
        for pair, (earlier, a, later, b) in found.items()
    ]


def _side(bound, value, word):
    when = "" if bound.time == inf else f" at {bound.time:g} months"
    return f"{word} {value:.4g}{when}"


def _moved(item, value, word, time):
    if item.statistic == "landmark":
        return f"{item.name} {word} {value:.4g} (printed {item.value:g})"
    if item.statistic == "median_interval":
        return f"{item.name} moved across {time:g} months (printed {item.low:g} to {item.high:g})"
    if not item.reached:
        return f"{item.name} reached by {time:g} months (printed: not reached)"
    return f"{item.name} {word} {time:g} months (printed {item.value:g})"


def _bounds_of_interval(item, n):
    """Generous bounds on S at the limits of the median's interval: any method, down to a quarter of n at risk."""
    if item.statistic != "median_interval" or n < 10:
        return []
    z, slack = ndtri(0.5 + item.level / 2), 0.04 + 1.5 / n
    quarter = n / 4 if n >= 60 else None
    bounds = []
    if isfinite(item.low):
        most = survival_at_limit(quarter, z) + slack if quarter else 1.0
        bounds += [
            Bound(item.name, item.low - item.half, survival_at_limit(n, z) - slack, 1.0),
            Bound(item.name, item.low + item.half, 0.0, min(most, 1.0)),
        ]
    if isfinite(item.high):
        least = survival_at_limit(quarter, -z) - slack if quarter else 0.0
        bounds += [
            Bound(item.name, item.high - item.half, max(least, 0.0), 1.0),
            Bound(item.name, item.high + item.half, 0.0, survival_at_limit(n, -z) + slack),
        ]
    return bounds


def _outside_own_interval(items):
    by_name = {i.name: i for i in items}
    found = []
    for item in items:
        if item.statistic not in ("median_interval", "landmark_interval"):
            continue
        own = by_name[item.name.removesuffix(" interval")]
        slack = item.half + own.half + 1e-9
        if own.value < item.low - slack or own.value > item.high + slack:
            nearest = item.low if own.value < item.low else item.high
            rule = f"{own.value:g} lies outside its own interval {item.low:g} to {item.high:g}"
            fix = f"{own.name} {nearest:g}, or the interval's limit {own.value:g}"
            found.append(Conflict((own.name, item.name), rule, fix))
    return found


def _impossible_counts(items, endpoint, n):
    found = []
    counts = [i for i in items if i.statistic in ("events", "events_min", "deaths", "progressions", "relapses")]
    for item in counts:
        if item.value > n:
            found.append(Conflict(("n", item.name), f"{item.value:g} of {n} patients", f"{item.name} at most {n}"))
    exact = exact_events(items, endpoint)
    low, high = event_range(items, endpoint, n)
    parts = [i for i in counts if i.name in COMPONENTS.get(endpoint, ())]
    if exact is None:
        return found
    for item in [*parts, *(i for i in counts if i.name == "events_min")]:
        if exact.value < item.value:
            rule = f"{exact.value:g} events cannot include {item.value:g} {item.name}"
            fix = f"{exact.name} at least {item.value:g}, or {item.name} at most {exact.value:g}"
            found.append(Conflict((exact.name, item.name), rule, fix))
    if exact.value > high and high < n:
        rule = f"{exact.value:g} events are more than {' + '.join(f'{i.value:g} {i.name}' for i in parts)}"
        found.append(Conflict((exact.name, *(i.name for i in parts)), rule, f"{exact.name} at most {high}"))
    return found + _events_against_curve(items, exact, n)


def _events_against_curve(items, exact, n):
    open_median = next((i for i in items if i.statistic == "median" and not i.reached), None)
    most = (n - 1) // 2
    found = []
    if open_median and exact.value > most:
        rule = f"with {exact.value:g} events among {n} patients S falls to one half"
        found.append(Conflict((exact.name, "median"), rule, f"{exact.name} at most {most}, or the median reached"))
    if exact.value == 0:
        falling = [i for i in items if any(bound.high < 1 for bound in bounds_of(i, items))]
        fix = f"{exact.name} at least 1"
        found += [Conflict((exact.name, i.name), "S falls without an event", fix) for i in falling]
    return found


def _events_against_follow_up(items, endpoint, n):
    """With G at 1/2 or more until the reverse Kaplan-Meier median, events = n times the integral of G over -dS.

    So a fall to S before it takes n (1 - S) / 2 events; S kept up after it means n S / 2 censorings by then.
    """
    exact = exact_events(items, endpoint)
    middle = next((i for i in items if i.statistic == "follow_up_median" and i.reached), None)
    if not exact or not middle or endpoint not in TIMES_ARE_FOLLOW_UP:
        return []
    bounds = [(i, b) for i in items if i.statistic in ("landmark", "median", "quartile") for b in bounds_of(i, items)]
    found = []
    for item, bound in bounds:
        if bound.time < middle.value - middle.half and bound.high < 1:
            least = int(np.ceil(n * (1 - bound.high) / 2 - 1))
            if exact.value < least:
                rule = f"S down to {bound.high:.4g} by {bound.time:g} months, with over half under observation until "
                rule += f"{middle.value:g}, takes at least {least} events"
                found.append(Conflict((exact.name, item.name, middle.name), rule, f"{exact.name} at least {least}"))
        if bound.time > middle.value + middle.half and bound.low > 0:
            most = n - int(np.floor(n * bound.low / 2))
            if exact.value > most:
                rule = f"half are censored by {middle.value:g} months while S stays at {bound.low:.4g} or more"
                fix = f"{exact.name} at most {most}"
                found.append(Conflict((exact.name, item.name, middle.name), rule, fix))
    return found


def _outside_follow_up(items, endpoint):
    found = []
    by_name = {i.name: i for i in items}
    shortest, middle, longest = (by_name.get(f"follow_up_{k}") for k in ("min", "median", "max"))
    timed = [(i, i.time if i.statistic in ("landmark", "rmst") else i.value) for i in items]
    timed = [(i, t) for i, t in timed if i.statistic in ("landmark", "rmst", "median", "quartile", "event_time")]
    for item, time in timed:
        over = item.statistic == "landmark" and level_at_end(item, items)
        if longest and time - _slack(item) > longest.value + longest.half and not over:
            rule = f"{time:g} months is beyond the longest follow-up of {longest.value:g}"
            found.append(Conflict((item.name, longest.name), rule, f"{longest.name} at least {time:g}"))
        early = item.statistic in ("event_time", "median", "quartile") or item.value + item.half < 1
        if shortest and endpoint in TIMES_ARE_FOLLOW_UP and early and item.statistic != "rmst":
            if time + _slack(item) < shortest.value - shortest.half:
                rule = f"an event by {time:g} months is before the shortest time of {shortest.value:g}"
                found.append(Conflict((item.name, shortest.name), rule, f"{shortest.name} at most {time:g}"))
    for small, large in combinations([i for i in (shortest, middle, longest) if i and i.reached], 2):
        if small.value - small.half > large.value + large.half:
            rule = f"{small.value:g} is above {large.value:g}"
            found.append(Conflict((small.name, large.name), rule, f"{large.name} at least {small.value:g}"))
    return found


def _slack(item):
    return 0.0 if item.statistic in ("landmark", "rmst") else item.half


def _interval_too_narrow(items, n):
    """A landmark's interval cannot be much narrower than that of n patients without censoring."""
    found = []
    for item in items:
        implied = log_s_error(item) if item.statistic == "landmark_interval" else None
        if not implied:
            continue
        needed = (1 - item.value) / item.value * np.exp(-2 * (np.log(implied[0]) + implied[1] - LEAST_SPREAD))
        if needed > 1.3 * n:
            rule = f"an interval of {item.low:g} to {item.high:g} needs about {needed:.0f} patients at risk, n is {n}"
            found.append(Conflict((item.name, "n"), rule, f"the interval wider by {np.sqrt(needed / n) - 1:.0%}"))
    return found


def fewest_to_drop(conflicts, items) -> list[tuple[str, ...]]:
    """Smallest sets of items whose removal ends every conflict, the least precise first; n always stays."""
    rank = {i.name: KEEP_FIRST.index(i.statistic) for i in items}
    names = sorted({name for c in conflicts for name in c.names} - {"n"}, key=lambda name: -rank[name])
    for size in range(1, len(names) + 1):
        sets = [s for s in combinations(names, size) if all(set(s) & set(c.names) for c in conflicts)]
        if sets:
            most = max(tuple(rank[name] for name in s) for s in sets)
            return [s for s in sets if tuple(rank[name] for name in s) == most]
    return [tuple(names)]
