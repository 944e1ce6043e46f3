"""Times for whole numbers of events and censorings: from counts along the curve to one row per patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hccmeta.km.expected import Counts

JUST_BEFORE = 2e-6


@dataclass(frozen=True)
class Order:
    """Order of the losses: censorings before every event, and both counts at every printed time after the first."""

    n: int
    censored_before: np.ndarray
    events_at_counts: np.ndarray
    censored_at_counts: np.ndarray

    @property
    def survival(self) -> np.ndarray:
        """Survival after every event."""
        at_risk = self.n - np.arange(len(self.censored_before)) - self.censored_before
        return np.cumprod(1 - 1 / at_risk)

    @property
    def interval(self) -> np.ndarray:
        """At-risk interval of every event."""
        return np.searchsorted(self.events_at_counts, np.arange(1, len(self.censored_before) + 1), side="left")


def order_of_path(events, censored, counted, n: int) -> Order:
    """Order of losses on a lattice path; `counted` marks the stages with a printed count."""
    before = censored[np.searchsorted(events, np.arange(1, events[-1] + 1), side="left")]
    return Order(n, before, events[counted], censored[counted])


def order_of_intervals(expected: np.ndarray, counts: Counts, n: int, total_events: int | None) -> Order:
    """Order with the events of every interval rounded from their expectation and censorings spread among them.

    Rounding the cumulative sums keeps every interval within 0 and its losses, so printed counts hold exactly.
    """
    happened = np.floor(np.cumsum(expected) + 0.5 + 1e-9).astype(int)
    if total_events is not None:
        happened[-1] = total_events
    lost = n - np.append(counts.n_at_risk[1:], 0).astype(int) if counts.printed else np.array([n])
    happened = happened if counts.printed else happened[-1:]
    before, done, gone = [], 0, 0
    for events, losses in zip(happened, lost, strict=True):
        d, c = events - done, losses - events - gone
        before.append(gone + np.floor(c * (np.arange(d) + 0.5) / max(d, 1)).astype(int))
        done, gone = events, gone + c
    return Order(n, np.concatenate(before), happened[:-1], (lost - happened)[:-1])


def times_on_curve(order: Order, counts: Counts, time, survival) -> np.ndarray:
    """Every event where the curve crosses the middle of its drop, within its at-risk interval.

    Among step functions with these levels this one is nearest to the curve in squared distance.
    """
    after = order.survival
    middle = (after + np.append(1.0, after[:-1])) / 2
    return within_intervals(np.interp(-middle, 1e-13 * np.arange(len(survival)) - survival, time), order, counts)


def within_intervals(times, order: Order, counts: Counts) -> np.ndarray:
    low, high = _limits(counts)
    return np.maximum.accumulate(np.clip(times, low[order.interval], high[order.interval]))


def patients(event_times, order: Order, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Time and event (1/0) of all patients, by time; censorings lie evenly between the events around them.

    The last patient censored after the last event leaves at the end of follow-up.
    """
    low, high = _limits(counts)
    inner = low[1:]
    last = np.array([high[-1]])
    time = np.concatenate([[0.0], event_times, inner, last])
    censored = np.concatenate([[0], order.censored_before, order.censored_at_counts, [order.n - len(event_times)]])
    count = np.repeat([0, 0, 1, 2], [1, len(event_times), len(inner), 1])
    by_time = np.lexsort((censored, -(count == 1).astype(int), time))
    time, censored, count = time[by_time], np.maximum.accumulate(censored[by_time]), count[by_time]
    number = np.diff(censored)
    stop = np.where(count[1:] == 1, np.maximum(time[1:] - JUST_BEFORE * counts.end, time[:-1]), time[1:])
    gap = np.repeat(np.arange(len(number)), number)
    place = np.arange(len(gap)) - np.repeat(np.cumsum(number) - number, number)
    final = gap == len(number) - 1
    share = np.where(final, (place + 1) / np.maximum(number[gap], 1), (place + 0.5) / np.maximum(number[gap], 1))
    times = np.concatenate([event_times, time[gap] + (stop - time[:-1])[gap] * share])
    events = np.repeat([1, 0], [len(event_times), len(gap)])
    by_time = np.lexsort((-events, times))
    return times[by_time], events[by_time]


def _limits(counts: Counts):
    """First and last time allowed in every at-risk interval."""
    start = counts.time if counts.printed else np.zeros(1)
    return start, np.append(start[1:] - JUST_BEFORE * counts.end, counts.end)
