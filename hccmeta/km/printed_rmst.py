"""Printed restricted means: times moved between the printed points until the area under the curve fits."""

from __future__ import annotations

import numpy as np

from hccmeta.km.ensemble import restricted_mean

MOST_BENT = np.log(20.0)
USUAL_BEND = 0.5
STEPS = 20


def meet_restricted_means(times, events, plan, rng):
    """(times, log plausibility, name of an item that no data set meets); the order of patients stays as it is.

    Between fixed times a and b, a time a + (b - a) u becomes a + (b - a) u^bend; what is printed at a and b holds on.
    """
    horizons = sorted(plan.rmst, key=lambda item: item.time)
    fixed = {0.0, plan.first_seen[0], *plan.event_times, *(item.time for item in horizons)}
    fixed |= {b.time for b in plan.bounds} | {x.time for x in plan.information}
    fixed = np.array(sorted(fixed))
    fit, start = np.zeros(len(times)), 0.0
    for item in horizons:
        goal = item.value + item.half * rng.uniform(-0.95, 0.95, len(times))
        times, bend = _bent(times, events, start, item.time, goal, fixed)
        off = np.abs(restricted_mean(times, events, item.time) - item.value) > item.half
        fit = np.where(off, -np.inf, fit - 0.5 * (bend / USUAL_BEND) ** 2)
        if np.isneginf(fit).all():
            return times, fit, item.name
        start = item.time
    return times, fit, None


def _bent(times, events, start, end, goal, fixed):
    """Times with the log bend of each data set that brings the restricted mean at `end` to the goal."""
    cell = np.searchsorted(fixed, times, side="left").clip(1, len(fixed) - 1)
    low, width = fixed[cell - 1], fixed[cell] - fixed[cell - 1]
    part = ((times - low) / width).clip(0, 1)
    moves = (times > start) & (times <= end)

    def moved(log_bend):
        return np.where(moves, low + width * part ** np.exp(log_bend)[:, None], times)

    least, most = np.full(len(times), -MOST_BENT), np.full(len(times), MOST_BENT)
    for _ in range(STEPS):
        middle = (least + most) / 2
        too_large = restricted_mean(moved(middle), events, end) > goal
        least, most = np.where(too_large, middle, least), np.where(too_large, most, middle)
    middle = (least + most) / 2
    return moved(middle), middle
