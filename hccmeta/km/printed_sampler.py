"""Draws of whole patients: gap by gap between the printed points, keeping what lands inside the rounding.

Sequential Monte Carlo over patients still at risk. In each gap a particle gets a number of censorings from its
censoring distribution, a number of events aimed at the next bound, and an order of both; it lives on if the
Kaplan-Meier product then lies inside the printed rounding. Softer information weighs the survivors, and so does the
chance that the rest of the patients supply the events still missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hccmeta.km.printed_censoring import Censoring, draw_censoring, likeness
from hccmeta.km.printed_draws import WORST_FIT, Draws, NoPatients, choose, resample
from hccmeta.km.printed_gap import EVENT, PAD, chance_to_cross, events_to_bound, ordered_times, put_last_at_end
from hccmeta.km.printed_information import (
    S_IS_0,
    base_cumulative_hazard,
    events_still_to_come,
    later_events,
    log_likelihood,
    tail_rates,
)
from hccmeta.km.printed_plan import Plan

CELLS = np.linspace(0, 1, 6)
TAIL_CELLS = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.998, 1])
CELL_SHAPE = 4
TREND_SD = 1.0
BATCH = 400_000
MAX_BATCHES = 25
PILOT = 60
NEGLIGIBLE = 20


@dataclass(frozen=True)
class Particles:
    """Patients at risk, events so far, log S, Greenwood sum and censoring of each particle; its past as a chain.

    `outlook`: log chance, part of the weight for now, that what is still to come works out; `favour` its part for
    censoring distributions like those that worked before.
    """

    n: np.ndarray
    events: np.ndarray
    log_s: np.ndarray
    greenwood: np.ndarray
    censoring: Censoring
    log_weight: np.ndarray
    outlook: np.ndarray
    favour: np.ndarray
    past: tuple = ()
    evidence: float = 0.0

    def take(self, index, *, history: bool = False) -> Particles:
        return replace(
            self,
            n=self.n[index],
            events=self.events[index],
            log_s=self.log_s[index],
            greenwood=self.greenwood[index],
            censoring=self.censoring.take(index),
            log_weight=self.log_weight[index],
            outlook=self.outlook[index],
            favour=self.favour[index],
            past=tuple(part[index] for part in self.past) if history else self.past,
        )


def draw_patients(plan: Plan, n_draws: int, rng, *, effort: int = MAX_BATCHES) -> Draws:
    """Data sets that meet the plan; raises NoPatients naming the item that none of `effort` batches met.

    Where few beginnings survive, a second pass favours the kinds of censoring that did, and weighs that out again.
    """
    particles = _run(plan, n_draws, None, effort, rng)
    draws = choose(particles, n_draws, plan, rng)
    if draws.distinct >= n_draws / 3 or effort < MAX_BATCHES:
        return draws
    worked = particles.censoring.take(resample(particles.log_weight, PILOT, rng))
    particles = _run(plan, n_draws, worked, effort, rng)
    return choose(particles, n_draws, plan, rng)


def _run(plan, n_draws, worked, effort, rng):
    wanted = max(4 * n_draws, 400)
    particles = _start(plan, 8 * wanted, worked, rng)
    at = plan.first_seen[0]
    bounds = [b for b in plan.bounds if b.time > at or b.high < 1]
    for bound in (*bounds, None):
        particles = _survivors(particles, at, bound, plan, wanted, effort, rng)
        at = max(at, bound.time) if bound else at
    return particles


def _start(plan, size, worked, rng):
    landmark = max([b.time for b in plan.bounds if not b.crossing] + [item.time for item in plan.rmst], default=0.0)
    known = [b.time for b in plan.bounds] + [x.time for x in plan.information]
    last = max([landmark, *known, *plan.event_times, plan.first_seen[1], plan.usual_time])
    size = size if worked is None else 8 * size
    printed = dict(end=plan.last_time, middle=plan.follow_up, seen=(landmark, last))
    censoring = draw_censoring(size, **printed, deaths_censored=plan.deaths_censored, rng=rng)
    zero = np.zeros(size)
    favour = zero if worked is None else likeness(censoring, worked, last)
    start = Particles(np.full(size, plan.n), np.zeros(size, int), zero, zero, censoring, zero, zero, favour)
    outlook = favour + events_still_to_come(start, plan.first_seen[0], plan)
    return replace(start, log_weight=outlook, outlook=outlook)


def _survivors(particles, at, bound, plan, wanted, effort, rng):
    """Propose batches over one gap until the survivors carry the weight of `wanted` particles."""
    name = bound.name if bound else "events"
    if np.isneginf(particles.log_weight.max()):
        raise NoPatients(name)
    largest = int(np.clip(BATCH / (1 + 0.5 * np.mean(particles.n)), 500, 20_000))
    tables = _step_tables(plan.n)
    kept, strained = [], {}
    size, tried, effective = min(4 * wanted, largest), 0, 0.0
    while tried < effort * largest and effective < wanted and (effective < wanted / 6 or tried < 8 * largest):
        parent = resample(particles.log_weight, size, rng)
        found = _cross(particles.take(parent), parent, at, bound, plan, tables, strained, rng)
        tried += size
        if found is not None:
            kept.append(found)
            weight = np.concatenate([k.log_weight for k in kept])
            level = weight.max()
            relative = np.exp(weight - level)
            effective = relative.sum() ** 2 / (relative**2).sum()
        size = int(np.clip(1.2 * (wanted - effective) * tried / max(effective, 1), 500, largest))
    if not kept:
        raise NoPatients(name)
    for item, best in strained.items():
        if best < WORST_FIT:
            raise NoPatients(item)
    evidence = particles.evidence + level + np.log(relative.sum() / tried)
    return _join(kept, particles.past, evidence)


def _join(kept, past, evidence):
    best = max(k.log_weight.max() for k in kept)
    kept = [k.take(k.log_weight > best - NEGLIGIBLE, history=True) for k in kept]
    width = max(k.past[1].shape[1] for k in kept)
    codes = [np.pad(k.past[1], ((0, 0), (0, width - k.past[1].shape[1])), constant_values=PAD) for k in kept]
    parent = np.concatenate([k.past[0] for k in kept])
    numbers = {
        name: np.concatenate([getattr(k, name) for k in kept])
        for name in ("n", "events", "log_s", "greenwood", "log_weight", "outlook", "favour")
    }
    censoring = Censoring(*(np.concatenate(part) for part in zip(*(k.censoring.parts() for k in kept), strict=True)))
    return Particles(**numbers, censoring=censoring, past=(*past, (parent, np.concatenate(codes))), evidence=evidence)


def _cross(now, parent, at, bound, plan, tables, strained, rng):
    """One batch over the gap up to the bound, or over the tail; None when nothing survives."""
    size, tail = len(now.n), bound is None
    stop = now.censoring.end if tail else np.full(size, max(bound.time, at))
    single = [t for t in plan.event_times if (at < t or at == plan.first_seen[0]) and (tail or t <= bound.time)]
    cells = TAIL_CELLS if tail else _cells(at, stop[0], plan)
    knots = at + (stop - at)[:, None] * cells
    free = now.censoring.survivor(knots)
    free = free / np.maximum(free[:, :1], 1e-12)
    count, rate = _tail_events(now, at, plan, rng) if tail else (None, np.zeros(size))
    hazard = base_cumulative_hazard(plan, knots, rate[:, None])
    alive = np.exp(hazard[:, :1] - hazard)
    event_share = (alive[:, :-1] - alive[:, 1:] + 1e-9) * (free[:, :-1] + free[:, 1:]) / 2
    censor_share = (free[:, :-1] - free[:, 1:] + 1e-12) * (alive[:, :-1] + alive[:, 1:]) / 2
    log_weight = -now.outlook
    if tail:
        censored = now.n - count
    else:
        censored = rng.binomial(now.n, np.clip(censor_share.sum(1), 0, 1))
        expected = 1 - alive[:, -1]
        window, _ = _crossing_ahead(bound, plan)
        count, choice = events_to_bound(now.n, np.exp(now.log_s), censored, bound, expected, window, rng)
        count = np.minimum(count, (plan.events_high if plan.events is None else plan.events) - now.events)
        log_weight = log_weight + choice
        if at == plan.first_seen[0] > 0:
            censored = np.where(count + censored == 0, 1, censored)
    good = (count >= len(single)) & (censored >= 0) & (count + censored <= now.n)
    good &= now.events + count <= plan.events_high
    event_share *= _shape_noise(alive[:, 0] - alive[:, -1], cells, rng)
    codes = ordered_times(at, stop, count * good, censored * good, cells, event_share, censor_share, single, rng)
    if tail and plan.last_seen:
        good &= put_last_at_end(codes, now.n * good, now.censoring.end)
    is_event = (codes & EVENT) == 1
    at_risk = now.n[:, None] - np.arange(codes.shape[1])
    log_step, greenwood_step = (table.take(at_risk, mode="clip") * is_event for table in tables)
    log_s = now.log_s + log_step.sum(1)
    low, high = plan.at_end if tail else (bound.low, bound.high)
    good &= (np.exp(log_s) >= low) & (np.exp(log_s) <= high)
    if not tail and bound.name.startswith("landmark"):  # a curve that is read at a time reaches it
        good &= (count + censored < now.n) | (log_s < S_IS_0)
    if tail:
        good &= now.events + count >= plan.events_low
    until = np.inf if tail else bound.time
    for info in plan.information:
        if at < info.time <= until:
            fit = log_likelihood(info, now, codes, log_step, greenwood_step, plan.n)
            strained[info.name] = max(strained.get(info.name, -np.inf), fit[good].max(initial=-np.inf))
            log_weight = log_weight + fit
    keep = np.flatnonzero(good & np.isfinite(log_weight))
    if not len(keep):
        return None
    after = Particles(
        now.n - count - censored,
        now.events + count,
        log_s,
        now.greenwood + greenwood_step.sum(1),
        now.censoring,
        log_weight,
        now.outlook,
        now.favour,
        (parent[keep], codes[keep]),
    ).take(keep)
    outlook = after.outlook - after.favour if tail else _outlook(after, max(at, bound.time), bound, plan)
    after = replace(after, log_weight=after.log_weight + outlook, outlook=outlook)
    return after.take(np.isfinite(after.log_weight), history=True) if np.isfinite(after.log_weight).any() else None


def _cells(at, stop, plan):
    """Edges of the parts of a gap: five equal ones, cut where the base curve bends."""
    if stop <= at:
        return CELLS
    bends = (plan.base[0] - at) / (stop - at)
    return np.union1d(CELLS, bends[(bends > 0) & (bends < 1)])


def _shape_noise(drop, cells, rng):
    """How the hazard may differ from the smooth base: gamma noise by cell, a trend that grows with the drop in S."""
    trend = TREND_SD * drop * rng.standard_normal(len(drop))
    noise = rng.gamma(CELL_SHAPE, 1 / CELL_SHAPE, (len(drop), len(cells) - 1))
    return noise * np.exp(trend[:, None] * np.linspace(-1, 1, len(cells) - 1))


def _outlook(after, at, bound, plan):
    """Log chance of what is still to come: the missing events, and the crossing of a level right ahead."""
    log_chance = after.favour + events_still_to_come(after, at, plan)
    expected, level = _crossing_ahead(bound, plan)
    if expected:
        log_chance = log_chance + chance_to_cross(after.n, np.exp(after.log_s), level, expected)
    return log_chance


def _crossing_ahead(bound, plan):
    """The level that S must cross in the window after the bound, and the share of patients expected to fall in it."""
    if bound.crossing != "above":
        return 0.0, 1.0
    ends = ((b.time, b.high) for b in plan.bounds if b.name == bound.name and b.crossing == "below")
    time, level = next(ends, None) or (plan.last_time[1], plan.at_end[1])
    ahead = base_cumulative_hazard(plan, np.array([bound.time, time]), 0.0)
    return float(-np.expm1(ahead[0] - ahead[1])), level


def _tail_events(now, at, plan, rng):
    """Events after the last bound: what is missing from the printed number, else at a random hazard."""
    rates = tail_rates(plan)
    p = later_events(now.censoring, at, plan, rates)
    if plan.events is None:
        pick = rng.integers(0, len(rates), len(now.n))
        return rng.binomial(now.n, p[np.arange(len(pick)), pick]), rates[pick]
    count = plan.events - now.events
    nearest = np.argmin(np.abs(p - (count / np.maximum(now.n, 1))[:, None]), axis=1)
    return count, rates[nearest]


def _step_tables(n):
    """log(1 - 1/r) and 1/(r(r - 1)) by the number at risk r; the last patient ends the curve at 0."""
    at_risk = np.arange(n + 1, dtype=float)
    at_risk[:2] = 2
    log_step, greenwood = np.log1p(-1 / at_risk), 1 / (at_risk * (at_risk - 1))
    log_step[:2], greenwood[:2] = -1e3, 1e9
    return log_step, greenwood
