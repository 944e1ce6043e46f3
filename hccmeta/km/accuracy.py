"""What a reconstruction was asked for and what it made."""

from __future__ import annotations

import numpy as np


def accuracy_table(ipd, km, path, *, n, total_events, at_risk, noise):
    """Asked and made: patients, events, every printed count; distance of the clicks to the curve.

    Returns
    -------
    DataFrame
        item (n, total_events, n_at_risk, click_distance_rms, click_distance_max, click_noise), time, asked, made,
        difference. Distances are in units of survival; a click's distance counts its time error at the same scale.
    """
    import pandas as pd

    rows = [("n", np.nan, n, len(ipd)), ("total_events", np.nan, total_events, int(ipd["event"].sum()))]
    if at_risk is not None:
        made = len(ipd) - np.searchsorted(ipd["time"], np.asarray(at_risk["time"], float) - 1e-9, side="left")
        asked = np.asarray(at_risk["n_at_risk"], float)
        rows += [("n_at_risk", *row) for row in zip(np.asarray(at_risk["time"], float), asked, made, strict=True)]
    distance = click_distance(path, km["time"].to_numpy(), km["survival"].to_numpy())
    rows += [
        ("click_distance_rms", np.nan, None, float(np.sqrt(np.mean(distance**2)))),
        ("click_distance_max", np.nan, None, float(distance.max())),
        ("click_noise", np.nan, None, float(noise)),
    ]
    table = pd.DataFrame(rows, columns=["item", "time", "asked", "made"]).astype({"asked": float, "made": float})
    return table.assign(difference=table["made"] - table["asked"])


def click_distance(path, time, survival):
    """Distance of every click to the step curve (time, survival), in units of survival."""
    scale = path.time_noise * path.end
    x, y = path.raw_time[1:, None] / scale, path.raw_survival[1:, None]
    start, stop = time / scale, np.append(time[1:], max(path.raw_time.max(), time[-1])) / scale
    flat = np.hypot(np.maximum(np.maximum(start - x, x - stop), 0), y - survival)
    drop = np.hypot(x - start[1:], np.maximum(np.maximum(survival[1:] - y, y - survival[:-1]), 0))
    return np.minimum(flat.min(axis=1), drop.min(axis=1, initial=np.inf))
