"""One gap between printed points: how many events and censorings, when, and in which order."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, pdtrc

from hccmeta.km.printed_plan import Bound

PAD = np.float64(np.inf).view(np.int64)
EVENT = np.int64(1)


def events_to_bound(n, survival, censored, bound: Bound, expected, window, rng):
    """Numbers of events that may lead to the bound, and the log weight of that choice.

    The hazard is unknown, so numbers are drawn flat around the one expected to hit the target, wide enough for every
    order of events and censorings. Before the window in which S must cross a level the target is what the events
    expected in it (share `window` of the patients) may cross; inside, a Poisson number, cut below at what crosses.
    """
    if bound.crossing == "below":
        mean, least = _to_cross(n, survival, bound.high, expected)
        return _poisson_from(least, mean, rng), chance_to_cross(n, survival, bound.high, expected)
    low, high = bound.low, bound.high
    if bound.crossing == "above":
        left = np.maximum(n * low / survival - 0.7 * censored, 1)
        high = np.minimum(high, low * (1 + 1.3 / left + 2 * window))
    target = low + (high - low) * rng.random(len(n))
    middle = _events_for(np.clip(target / survival, 0, 1), n, censored)
    order_sd = np.sqrt(middle * censored * (middle + censored + 1) / 12) / np.maximum(n - (middle + censored) / 2, 1)
    spread = 2 * order_sd + 0.5
    return np.rint(middle + spread * rng.uniform(-1, 1, len(n))).astype(int), np.zeros(len(n))


def chance_to_cross(n, survival, level: float, expected):
    """Log probability that S falls to the level in a short window with `expected` events per patient."""
    mean, least = _to_cross(n, survival, level, expected)
    return np.log(np.where(least > 0, pdtrc(np.maximum(least - 1, 0), mean), 1.0) + 1e-300)


def _to_cross(n, survival, level, expected):
    least = np.maximum(np.ceil(n * (1 - level / survival) - 1e-9), 0)
    return np.maximum(n * expected, 0.05), least


def _events_for(ratio, n, censored):
    """Solve ratio = (n_end / n)^(d / (d + c)) for d: events and censorings spread alike over the gap."""
    low, high = np.zeros(len(n)), np.maximum(n - censored, 0).astype(float)
    goal = np.log(np.maximum(ratio, 1e-12))
    for _ in range(20):
        d = (low + high) / 2
        end = np.maximum(n - censored - d, 1e-9)
        value = d / np.maximum(d + censored, 1e-9) * np.log(end / np.maximum(n, 1))
        too_few = value > goal
        low, high = np.where(too_few, d, low), np.where(too_few, high, d)
    return (low + high) / 2


def _poisson_from(least, mean, rng):
    k = least[:, None] + np.arange(40 + int(2 * mean.max()))
    log_p = k * np.log(mean)[:, None] - gammaln(k + 1)
    cumulative = np.cumsum(np.exp(log_p - log_p.max(1, keepdims=True)), axis=1)
    u = rng.random((len(mean), 1)) * cumulative[:, -1:]
    return (least + (cumulative < u).sum(1)).astype(int)


def ordered_times(start, stop, events, censored, cells, event_share, censor_share, event_times, rng):
    """Sorted times in (start, stop) as integers whose last bit says event, padded with infinity.

    `event_share`, `censor_share`: weights of the parts of the gap between the edges `cells`; `event_times`: printed
    times of single events.
    """
    parts = []
    for number, share, bit in ((events, event_share, EVENT), (censored, censor_share, 0)):
        width = int(number.max(initial=0))
        times = _random_times(start, stop, cells, share, width, rng)
        if bit:
            times[:, : len(event_times)] = event_times[:width]
        codes = encode(times, bit)
        codes[np.arange(width) >= number[:, None]] = PAD
        parts.append(codes)
    return np.sort(np.concatenate(parts, axis=1), axis=1)


def encode(times, bit):
    """Positive floats sort as the integers of their bits; the last bit is free to say event."""
    return (np.asarray(times, float).view(np.int64) & ~EVENT) | bit


def _random_times(start, stop, edges, share, width, rng):
    """Random times whose density is flat inside each cell."""
    share = share / share.sum(1, keepdims=True)
    before = np.cumsum(share, axis=1) - share
    slope = 1 / np.maximum(share, 1e-12)
    u = rng.random((len(share), width))
    part, inside = np.zeros_like(u), np.empty_like(u)
    for k in range(share.shape[1]):
        np.subtract(u, before[:, k, None], out=inside)
        np.multiply(inside, slope[:, k, None], out=inside)
        np.maximum(inside, 0, out=inside)
        np.minimum(inside, 1, out=inside)
        part += np.multiply(inside, edges[k + 1] - edges[k], out=inside)
    part = np.clip(part, 1e-7, 1 - 1e-7)
    return start + (stop - start)[:, None] * part


def put_last_at_end(codes, n, end):
    """The longest follow-up belongs to the last patient; False where nobody is left to have it."""
    rows = np.flatnonzero((n > 0) & (codes.shape[1] > 0))
    last = n[rows] - 1
    codes[rows, last] = encode(end[rows], codes[rows, last] & EVENT)
    return n > 0
