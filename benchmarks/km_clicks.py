"""Time and memory of `reconstruct_ipd` on simulated clicks: `python benchmarks/km_clicks.py`."""

import time
import tracemalloc

import numpy as np
import pandas as pd

from hccmeta.km.clicks import reconstruct_ipd

SIZES = [(30, 60, 0.005), (60, 60, 0.005), (100, 60, 0.005), (100, 60, 0.0), (300, 150, 0.01), (450, 150, 0.01)]
TRIALS = 7


def trial(n, clicks, noise, rng):
    """Noisy clicks evenly along the line, at-risk counts every 3 months and the number of events."""
    event_time, censored = rng.weibull(1.1, n) * 14, rng.uniform(10, 36, n)
    when, event = np.minimum(event_time, censored), event_time <= censored
    order = np.argsort(when)
    when, event = when[order], event[order]
    level = np.cumprod(np.where(event, 1 - 1 / (n - np.arange(n)), 1.0))
    seen, survival = along_the_line(np.append(0.0, when), np.append(1.0, level), clicks, noise, rng)
    at = np.arange(0, when[-1], 3.0)
    curve = pd.DataFrame({"time": seen, "survival": survival})
    return curve, pd.DataFrame({"time": at, "n_at_risk": n - np.searchsorted(when, at)}), int(event.sum())


def along_the_line(time, level, clicks, noise, rng):
    """Points evenly along the step line from (0, 1), with noise of survival and 0.3 of it of the time axis."""
    corner_time, corner_level = np.append(time[0], np.repeat(time[1:], 2)), np.repeat(level, 2)[:-1]
    along = np.append(0, np.cumsum(np.abs(np.diff(corner_time)) / time[-1] + np.abs(np.diff(corner_level))))
    place = np.linspace(0, along[-1], clicks)
    seen = np.interp(place, along, corner_time) + 0.3 * noise * time[-1] * rng.standard_normal(clicks)
    survival = np.interp(place, along, corner_level) + noise * rng.standard_normal(clicks)
    seen[0], survival[0] = 0, 1
    return seen.clip(0), survival.clip(0, 1)


def measure():
    """One row per size: median and largest time in milliseconds, peak of the memory that Python allocates."""
    rng, rows = np.random.default_rng(1), []
    for n, clicks, noise in SIZES:
        times, peak = [], 0
        for _ in range(TRIALS):
            curve, at_risk, events = trial(n, clicks, noise, rng)
            start = time.perf_counter()
            reconstruct_ipd(curve, at_risk, total_events=events)
            times.append(1e3 * (time.perf_counter() - start))
            tracemalloc.start()
            reconstruct_ipd(curve, at_risk, total_events=events)
            peak = max(peak, tracemalloc.get_traced_memory()[1] / 1e6)
            tracemalloc.stop()
        rows.append(dict(n=n, clicks=clicks, noise=noise, median_ms=float(np.median(times)), largest_ms=max(times),
                         peak_mb=peak))  # fmt: skip
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(measure().to_string(index=False, float_format=lambda value: f"{value:g}"))
