"""What a reconstruction was asked for and what it made."""

from __future__ import annotations

import numpy as np

DISTANCES = ("click_distance_rms", "click_distance_max", "click_noise")


def accuracy_table(ipd, km, path, *, n, total_events, at_risk, noise):
    """Asked and made: patients, events, every printed count; distance of the clicks to the curve.

    Returns
    -------
    DataFrame
        item (n, total_events, n_at_risk, click_distance_rms, click_distance_max, click_noise), time, asked, made,
        difference. Distances are in units of survival; a click's distance counts its time error at the same scale.
    """
    import pandas as pd

    times, counts = (np.asarray(at_risk[name] if at_risk is not None else (), float) for name in ("time", "n_at_risk"))
    still = len(ipd) - np.searchsorted(ipd["time"], times - 1e-9, side="left")
    distance = click_distance(path, km["time"].to_numpy(), km["survival"].to_numpy())
    found = [np.sqrt(np.mean(distance**2)), distance.max(), noise]
    unknown = [np.nan] * len(found)
    asked = np.concatenate([[n, np.nan if total_events is None else total_events], counts, unknown])
    made = np.concatenate([[len(ipd), ipd["event"].sum()], still, found])
    return pd.DataFrame({
        "item": ["n", "total_events", *["n_at_risk"] * len(times), *DISTANCES],
        "time": np.concatenate([[np.nan, np.nan], times, unknown]),
        "asked": asked, "made": made, "difference": made - asked,
    })  # fmt: skip


def click_distance(path, time, survival):
    """Distance of every click to the step curve (time, survival), in units of survival."""
    scale = path.time_noise * path.end
    x, y = path.raw_time[1:, None] / scale, path.raw_survival[1:, None]
    start, stop = time / scale, np.append(time[1:], max(path.raw_time.max(), time[-1])) / scale
    flat = np.hypot(np.maximum(np.maximum(start - x, x - stop), 0), y - survival)
    drop = np.hypot(x - start[1:], np.maximum(np.maximum(survival[1:] - y, y - survival[:-1]), 0))
    return np.minimum(flat.min(axis=1), drop.min(axis=1, initial=np.inf))
