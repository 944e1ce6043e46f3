"""Accuracy of curves read from figures: survival curves drawn with matplotlib as PDF, SVG and pixel images.

Run: OMP_NUM_THREADS=1 python -m benchmarks.figure_accuracy
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import hccmeta as hm
from benchmarks.km_accuracy import survival
from benchmarks.pooling import median_ms

SEED = 20261121
TRIALS = 12
HEIGHT = 4.2
TICKS = {"x": list(range(0, 37, 6)), "y": [0, 0.25, 0.5, 0.75, 1]}
COLOURS = {"experimental": "#1f77b4", "control": "#d62728"}
FORMATS = (
    ("PDF, tick marks", dict(suffix=".pdf")), ("SVG, tick marks", dict(suffix=".svg")),
    ("PDF, points typed to 0.1 pt", dict(suffix=".pdf", typed=True)), ("PNG, 200 dpi", dict(suffix=".png", dpi=200)),
    ("PNG, 110 dpi", dict(suffix=".png", dpi=110)), ("PNG, 75 dpi", dict(suffix=".png", dpi=75)),
    ("JPEG, quality 75, 110 dpi", dict(suffix=".jpg", dpi=110)),
)  # fmt: skip


def measure():
    """One record per format: RMSE of S(t) over the arms, drops found in vector figures."""
    with tempfile.TemporaryDirectory() as folder:
        return [_record(name, Path(folder), **options) for name, options in FORMATS]


def _record(name, folder, *, suffix, dpi=None, typed=False):
    errors, found, there = [], 0, 0
    for number, arms in enumerate(_trials()):
        path = folder / f"{number}{suffix}"
        curves = _read(path, draw(arms, path, dpi or 100), dpi, typed)
        for arm, ipd in arms.items():
            curve = curves[curves["curve"] == arm]
            errors.append(_rmse(curve, ipd))
            found, there = found + len(curve) - 2, there + ipd.loc[ipd["event"] == 1, "time"].nunique()
    return dict(
        format=name, arms=len(errors), rmse_median=float(np.median(errors)),
        rmse_p90=float(np.percentile(errors, 90)), rmse_largest=float(max(errors)),
        drops=found / there if dpi is None else None,
    )  # fmt: skip


def times():
    """One row per format: time of a figure with two arms, in milliseconds."""
    rows, arms = [], next(_trials())
    with tempfile.TemporaryDirectory() as folder:
        for name, options in FORMATS:
            dpi, typed = options.get("dpi"), options.get("typed", False)
            path = Path(folder) / f"figure{options['suffix']}"
            call = partial(_read, path, draw(arms, path, dpi or 100), dpi, typed)
            rows.append(dict(task=f"two arms from {name}", hccmeta=median_ms(call, 5, budget=10.0)))
    return pd.DataFrame(rows)


def _trials():
    rng = np.random.default_rng(SEED)
    for _ in range(TRIALS):
        n, median = int(rng.integers(25, 151)), rng.uniform(6, 20)
        arms = {}
        for arm, ratio in (("experimental", rng.uniform(0.5, 0.95)), ("control", 1.0)):
            death, left = rng.exponential(median / np.log(2) / ratio, n), rng.uniform(12, 36, n)
            arms[arm] = pd.DataFrame({"time": np.minimum(death, left), "event": (death <= left).astype(int)})
        yield arms


def draw(arms, path, dpi):
    """Draw both arms; axis points as (axis, value, x, y) in points of 1/72 inch from the bottom left."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, HEIGHT), dpi=72)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.12, 0.14, 0.83, 0.8))
    ax.set(xlim=(0, 36), ylim=(0, 1.02), xticks=TICKS["x"], yticks=TICKS["y"], xlabel="Months", ylabel="Survival")
    with matplotlib.rc_context({"path.simplify": False}):  # else matplotlib merges small drops in the file
        for arm, ipd in arms.items():
            km = hm.kaplan_meier(ipd)
            ax.step(km["time"], km["survival"], where="post", color=COLOURS[arm], linewidth=1.3, label=arm)
        ax.legend(frameon=False, loc="upper right")
        figure.savefig(path, dpi=dpi)
    ends = [("x", value, (value, 0)) for value in (0, 36)] + [("y", value, (0, value)) for value in (0, 1)]
    return [(axis, value, *ax.transData.transform(at)) for axis, value, at in ends]


def _read(path, points, dpi, typed):
    if dpi is None and not typed:
        return hm.digitise_vector(path, colours=COLOURS, ticks=TICKS)
    scale, height = (dpi or 72) / 72, (dpi or 72) * HEIGHT
    calibration = [dict(axis=axis, value=value, pixel=round(scale * x if axis == "x" else height - scale * y, 1))
                   for axis, value, x, y in points]  # fmt: skip
    read = hm.digitise_vector if dpi is None else hm.digitise_image
    return read(path, calibration=calibration, colours=COLOURS)


def _rmse(curve, ipd):
    at = np.linspace(0, ipd["time"].max(), 1001)
    step = np.searchsorted(curve["time"], at, side="right") - 1
    read = curve["survival"].to_numpy()[np.clip(step, 0, None)]
    return float(np.sqrt(((read - survival(ipd["time"], ipd["event"], at)) ** 2).mean()))


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
