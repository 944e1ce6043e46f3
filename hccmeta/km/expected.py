"""Numbers of events and censorings to expect between clicks, and the stages of the lattice built from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hccmeta.km.denoise import Path, time_step
from hccmeta.km.events_ahead import EventsAhead
from hccmeta.km.lattice import SQRT_2PI, Stages

FEW_TIES = 6
LEAST_SURVIVAL = 1e-3


@dataclass(frozen=True)
class Counts:
    """Numbers at risk (time >= t) from time 0 on; `printed` False where they are only expected."""

    time: np.ndarray
    n_at_risk: np.ndarray
    end: float
    printed: bool

    @property
    def losses(self) -> np.ndarray:
        return self.n_at_risk - np.append(self.n_at_risk[1:], 0)


def expected_counts(path: Path, n: int, total_events: int | None, *, times: int = 10) -> Counts:
    """Numbers at risk n S(t) G(t) with uniform censoring on [a, end] solved from the total number of events.

    The events are n times the integral of G(-dS). Without the total, a is 0.3 end. Where even a = -3 end leaves too
    many events, censoring is (1 - t/end)^p instead.
    """
    end = path.end
    grid = np.linspace(0, end, 20 * times + 1)
    survival = np.interp(grid, path.time, path.survival)
    middle, drop = (grid[1:] + grid[:-1]) / 2, -np.diff(survival)

    def uniform(start):
        return np.clip((end - middle) / (end - start), 0, 1)

    def power(p):
        return (1 - middle / end) ** p

    def events(uncensored):
        return n * float((uncensored * drop).sum())

    if total_events is None:
        uncensored = uniform(0.3 * end)
    elif total_events >= events(uniform(0.999 * end)):
        uncensored = np.ones_like(middle)
    elif total_events >= events(uniform(-3 * end)):
        uncensored = uniform(_bisect(lambda a: events(uniform(a)) - total_events, -3 * end, 0.999 * end))
    else:
        uncensored = power(_bisect(lambda p: total_events - events(power(p)), 1.0, 60.0))
    at = grid[: -1 : 20]
    return Counts(at, n * survival[:-1:20] * np.interp(at, np.append(0, middle), np.append(1, uncensored)), end, False)


def expected_events(counts: Counts, path: Path, total_events: int | None) -> np.ndarray:
    """Events expected in every at-risk interval, within 0 and its losses, adding up to the total where it is known.

    With the number at risk falling evenly from a to b, -log q = d log(a/b)/(a - b) gives d for conditional survival q.
    """
    start, losses = counts.n_at_risk.astype(float), counts.losses.astype(float)
    stop = start - losses
    stop[-1] = 0.3 * start[-1]
    survival = np.minimum.accumulate(np.interp(np.append(counts.time, counts.end), path.time, path.survival))
    hazard = -np.log(np.maximum(survival[1:] / np.maximum(survival[:-1], LEAST_SURVIVAL), LEAST_SURVIVAL))
    stop = np.maximum(stop, 0.5)
    falls = start > stop + 1e-9
    mean = np.where(falls, (start - stop) / np.log(np.where(falls, np.maximum(start, 0.5) / stop, 2.0)), start)
    events = np.clip(hazard * mean, 0, losses)
    if total_events is None:
        return events
    for _ in range(50):
        missing = total_events - events.sum()
        if abs(missing) < 1e-9:
            break
        if missing < 0:
            return events * total_events / events.sum()
        share = np.where(losses > events, events + 0.02 * (losses - events) + 1e-12, 0)
        if not share.any():
            break
        events = np.minimum(losses, events + share * missing / share.sum())
    return events


def build_stages(
    path: Path,
    counts: Counts,
    n: int,
    total_events: int | None,
    *,
    style: str,
    sigma: float,
    every_drop: bool,
) -> Stages:
    """Clicks and printed counts in time order with the numbers expected in every gap.

    Events are expected at the rate of a window of about eight events, censorings evenly within an at-risk interval.
    Censorings of a gap count half before and half after its events (corner clicks: all before the drop).
    """
    end, corner = counts.end, style == "corner"
    clicks = len(path.time) - 1
    printed_at = counts.time[1:] if counts.printed else np.zeros(0)
    edges = np.append(counts.time, end)
    censored = counts.losses - expected_events(counts, path, total_events)
    censoring_rate = np.maximum(censored, 0.3) / np.maximum(np.diff(edges), 1e-9 * end)

    def expected_censorings(time):
        middle = np.append(0, time[:-1]) / 2 + time / 2
        interval = np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, len(censoring_rate) - 1)
        return censoring_rate[interval] * np.diff(time, prepend=0)

    seen_at = np.sort(np.append(printed_at, path.time[1:]))
    between = np.append(printed_at, _long_gaps(seen_at, counts, expected_censorings))
    rows, gaps = len(printed_at), len(between)
    time = np.concatenate([between, printed_at, path.time[1:]])
    kind = np.repeat([0, 1, 2], [gaps, rows, clicks])
    order = np.lexsort((np.arange(len(time)), kind, time))
    time, kind = time[order], kind[order]
    survival = np.concatenate([np.full(gaps + rows, np.nan), path.raw_survival[1:]])[order]
    n_at_risk = np.concatenate([np.full(gaps, -1), counts.n_at_risk[1:] if rows else [], np.full(clicks, -1)])
    n_at_risk = n_at_risk[order].astype(int)
    start, width = np.append(0, time[:-1]), np.diff(time, prepend=0)
    censorings = expected_censorings(time) + 1e-4 * (kind != 1)
    if not corner:
        censorings = censorings / 2 + np.append(0, censorings[:-1]) / 2

    at_risk = _at_risk_between(counts, np.append(0, time))
    level = np.interp(np.append(0, time), path.time, path.survival)
    happened = np.append(0, np.cumsum(_events_between(level, at_risk)))
    ahead = None
    if total_events is not None:
        ahead = _events_ahead(path, counts, time, happened[1:], level[1:], at_risk[1:], total_events, sigma)
        happened = happened * total_events / max(happened[-1], 1e-9)
    total = max(happened[-1], 1e-9)
    half_window = np.clip(4 / max(total, 1), 0.02, 0.12) * end
    knots = np.append(0, time) + 1e-9 * end * np.arange(len(time) + 1)
    low, high = np.maximum(start - half_window, 0), np.minimum(time + half_window, end)
    rate = (np.interp(high, knots, happened) - np.interp(low, knots, happened)) / (high - low)
    jitter = path.time_noise * sigma * end
    events = np.where(kind == 1, 0.0, rate * np.hypot(width, jitter) + 0.003)

    clicked = kind == 2
    on_drop, same_drop, at_click = np.zeros(len(time)), np.zeros(len(time)), None
    if corner:
        binned = np.diff(np.interp(np.linspace(0, end, 11), knots, happened))
        heads = head_share(path, counts)
        missed, ties = _drops_not_clicked(total, (clicks - 1) * (1 - heads), binned, path, every_drop)
        events = np.maximum(events * missed, 1e-4 * (kind != 1))
        highest = int(np.ceil((-np.diff(level) / np.maximum(level[:-1], LEAST_SURVIVAL) * at_risk[:-1]).max()))
        most = max(FEW_TIES, highest) if every_drop else FEW_TIES
        at_click = _events_at_clicks(clicked, ties, max(heads, 0.02), most)
    else:
        slope = rate * level[1:] / np.maximum(at_risk[1:], 1) * end
        on_drop = np.where(clicked, slope / (1 + slope), 0.0)
        height = (level[1:] / np.maximum(at_risk[1:], 1))[clicked]
        same_drop[clicked] = _same_drop_weight(path, end, max(jitter / end, 1e-5), height)
        same_drop[1:][~clicked[:-1]] = 0
    least = np.maximum.accumulate(n_at_risk[::-1])[::-1]
    coming = least >= 0
    coming[:-1] &= least[1:] >= 0
    coming[-1:] = False
    on_course = np.where(coming & (n_at_risk < 0), np.maximum(at_risk[1:], least), np.nan)
    seen = (on_drop, same_drop, at_click, on_course, ahead, None if counts.printed else at_risk[1:])
    return Stages(time, survival, n_at_risk, np.maximum(least, 0), events, censorings, *seen)


def _events_ahead(path, counts, time, happened, level, at_risk, total_events, sigma):
    """Events still to come after every stage, read from the path.

    Printed counts leave open where in its interval a censoring falls: the later, the more are at risk and the more
    events the path needs. If any share of an interval is as likely, the variance is (hazard * censorings)^2 / 12. What
    the total leaves over is expected in proportion to it. Half an event and a quarter of the click noise come on top.
    Without counts, a state with fewer at risk expects fewer.
    """
    coming, survival = happened[-1] - happened, np.maximum(level, LEAST_SURVIVAL)
    if not counts.printed:
        coming = coming * total_events / max(happened[-1], 1e-9)
        return EventsAhead(coming, np.zeros(len(time)), coming / at_risk, survival, at_risk, 2 * (1 + coming))
    reached = np.interp(np.append(counts.time, counts.end), path.time, path.survival)
    reached = np.log(np.maximum(np.minimum.accumulate(reached), LEAST_SURVIVAL))
    censored = counts.losses - expected_events(counts, path, None)
    censored[-1] = counts.losses[-1]
    variance = np.cumsum((((reached[:-1] - reached[1:]) * censored) ** 2 / 12)[::-1])[::-1]
    interval = np.searchsorted(counts.time, time, side="right") - 1
    hazard = np.maximum(np.log(survival) - reached[interval + 1], 0)
    left_over = (total_events - happened[-1]) * variance[interval] / max(variance[0], 1e-9)
    variance = variance[interval] + 0.5**2 + (0.25 * sigma * at_risk / survival) ** 2
    return EventsAhead(coming + left_over, at_risk / survival, hazard / 2, survival, at_risk, variance)


def _long_gaps(time, counts, expected_censorings):
    """Times that cut gaps in which a fifth of the patients at risk or more is censored, in up to eight parts."""
    at_risk = _at_risk_between(counts, np.append(0, time[:-1]))
    parts = np.clip(np.ceil(expected_censorings(time) / np.maximum(0.2 * at_risk, 2)), 1, 8).astype(int)
    gap = np.repeat(np.arange(len(time)), parts - 1)
    place = np.arange(len(gap)) - np.repeat(np.cumsum(parts - 1) - parts + 1, parts - 1) + 1
    start = np.append(0, time[:-1])[gap]
    return start + (time[gap] - start) * place / parts[gap]


def clicked_drops(path: Path, counts: Counts) -> float:
    """Number of drops that corner clicks show: all clicks but the start, the end and the heads of drops."""
    return (len(path.time) - 2) * (1 - head_share(path, counts))


def drops_may_all_be_clicked(path: Path, counts: Counts, total: float) -> bool:
    """Whether events beyond the number of clicked drops are few enough to be ties."""
    clicks = max(clicked_drops(path, counts), 1.0)
    drops = np.diff(np.interp(np.linspace(0, path.end, 11), path.time, np.linspace(0, clicks, len(path.time))))
    tied = _tied(drops, path) * (total / clicks) ** 2
    return total - clicks <= max(0.12 * total, tied + 3 * np.sqrt(tied + 1))


def head_share(path: Path, counts: Counts) -> float:
    """Share of corner clicks that show the head of a drop, not its foot; 0 unless about every other one does."""
    height = path.survival[:-1] / _at_risk_between(counts, path.time[:-1])
    visible = height > 3 * (path.rounding if path.exact else max(path.sigma, 0.003))
    visible[-1] = False
    flat = float(np.mean(-np.diff(path.survival)[visible] < 0.5 * height[visible])) if visible.any() else 0.0
    return flat if 0.33 < flat < 0.67 else 0.0


def _tied(binned, path):
    """Ties among the numbers in ten equal parts of the time: h/2 times the integral of the squared rate, h the step of
    the times.
    """
    return (binned**2).sum() * time_step(path.raw_time[:-1]) / (0.2 * path.end)


def _drops_not_clicked(total, drops, binned, path, every_drop):
    """Share of the drops that was not clicked, and chance of one more event at a clicked drop."""
    lost = max(total - drops, 0.0) / max(total, 1.0)
    tied = _tied(binned, path) / max(total, 1.0)
    ties = max(tied, lost) if every_drop else tied
    return (0.0 if every_drop else lost), float(np.clip(ties, 0.03, 0.9 if every_drop else 0.3))


def _events_at_clicks(clicked, ties, none, most):
    """Chances of 0, 1, 2, ... events at each click; the last click is often no drop but the end of the curve."""
    chances = np.append(none, (1 - none) * (1 - ties) * ties ** np.arange(most))
    last = chances.copy()
    last[0] = 1.0
    final = np.flatnonzero(clicked)[-1]
    return [last / last.sum() if i == final else chances / chances.sum() for i in range(len(clicked))]


def _same_drop_weight(path, end, noise, height):
    """Weight of a click lying on the drop of the click before, from the time between the two."""
    step = (1 + 1 - path.survival[-1]) / max(len(path.time) - 1, 1)
    apart = np.diff(path.raw_time) / end
    likelihood = np.exp(-0.25 * (apart / noise) ** 2) / (SQRT_2PI * np.sqrt(2) * noise) * step
    return 0.5 * np.maximum(0, 1 - 0.5 * step / np.maximum(height, 1e-9)) * likelihood


def _at_risk_between(counts, time):
    """Expected number at risk: straight lines between the counts, down to 30 % in the last interval."""
    last = counts.n_at_risk[-1]
    return np.maximum(np.interp(time, np.append(counts.time, max(counts.end, counts.time[-1] * (1 + 1e-12))),
                                np.append(counts.n_at_risk, 0.3 * last)), 0.5)  # fmt: skip


def _events_between(level, at_risk):
    hazard = -np.diff(np.log(np.maximum(level, LEAST_SURVIVAL)))
    return np.minimum(hazard * (at_risk[1:] + at_risk[:-1]) / 2, at_risk[:-1])


def _bisect(function, low, high):
    """Root of an increasing function."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return middle
