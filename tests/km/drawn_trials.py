"""Simulated trials drawn with matplotlib in many styles, with what a user would type and the truth."""

from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

RED_BLUE, GREEN_PURPLE, BLACK_GREY, BLACK = (
    ("#1f77b4", "#d62728"),
    ("#2ca02c", "#9467bd"),
    ("#000000", "#808080"),
    ("#000000", "#000000"),
)


@dataclass
class Drawn:
    path: Path
    typed: dict
    ticks: dict
    patients: dict = field(default_factory=dict)


def simulate(rng, n, longest):
    """Times (three decimals) and events of an arm with staggered entry."""
    time = longest * 0.4 * rng.weibull(1.1, n)
    time[rng.random(n) < 0.2] = np.inf
    censored = rng.uniform(0.4 * longest, longest, n)
    return np.round(np.maximum(np.minimum(time, censored), 0.02), 3), (time <= censored).astype(int)


def kaplan_meier(time, event, at):
    """Survival from each of the times `at` on."""
    when = np.unique(time[event == 1])
    at_risk = (time[None, :] >= when[:, None]).sum(axis=1)
    events = ((time[None, :] == when[:, None]) & (event == 1)).sum(axis=1)
    survival = np.append(1.0, np.cumprod(1 - events / at_risk))
    return survival[np.searchsorted(when, at, side="right")]


def at_risk_table(time, every=6.0):
    import pandas as pd

    at = np.arange(0, time.max(), every)
    return pd.DataFrame({"time": at, "n_at_risk": [(time >= t).sum() for t in at]})


def rmse(curve, time, event):
    """Of the digitised step curve against the patients', over 501 times up to the longest follow-up."""
    at = np.linspace(0, time.max(), 501)
    last = np.searchsorted(curve["time"].to_numpy(), at, side="right") - 1
    return float(np.sqrt(np.mean((curve["survival"].to_numpy()[last] - kaplan_meier(time, event, at)) ** 2)))


def saved(pixels, folder):
    """Path and calibration of an image: time 0 to 10 in columns 50 to 350, survival 1 to 0 in rows 50 to 250."""
    Image.fromarray(pixels).save(folder / "figure.png")
    points = (("x", 0, 50), ("x", 10, 350), ("y", 0, 250), ("y", 1, 50))
    axes = [{"axis": axis, "value": value, "pixel": pixel} for axis, value, pixel in points]
    return {"path": folder / "figure.png", "calibration": axes}


@mpl.rc_context({"path.simplify": False, "svg.fonttype": "none", "pdf.fonttype": 42})
def draw(folder, name, *, seed=1, n=60, colours=RED_BLUE, dpi=150, width=1.4, dashed=False, marks=None, percent=False,
         legend=None, box=False, grid=None, band=0.0, paper="white", table=False, snap=None, size=(5.2, 4.0), jpeg=75,
         patients=None, lowest=0.0, dashes="--", over=False):  # fmt: skip
    """A figure of two arms; `typed` and `ticks` are keyword arguments for the digitise functions."""
    rng = np.random.default_rng(seed)
    patients = patients or {arm: simulate(rng, n, 36.0) for arm in ("control", "experimental")}
    scale, top = (100.0 if percent else 1.0), 42.0
    figure = Figure(figsize=size, dpi=dpi)
    FigureCanvasAgg(figure)
    ax = figure.add_axes([0.13, 0.30, 0.83, 0.64] if table else [0.13, 0.14, 0.83, 0.80])
    ax.set_facecolor(paper)
    if grid:
        ax.grid(color=grid, lw=0.8)
        ax.set_axisbelow(True)
    for number, (arm, (time, event)) in enumerate(patients.items()):
        x = np.append(np.append(0.0, np.unique(time[event == 1])), time.max())
        y = kaplan_meier(time, event, x) * scale
        look = dict(color=colours[number], lw=width, ls=dashes if dashed and number else "-")
        ax.step(x, y, where="post", label=f"{arm} (n={len(time)})", snap=snap, **look)
        if band:
            low, high = (np.clip(y / scale + shift, 0, 1) * scale for shift in (-0.12, 0.12))
            ax.fill_between(x, low, high, step="post", color=colours[number], alpha=band, lw=0, zorder=3 if over else 1)
        if marks:
            at = time[event == 0]
            ax.plot(at, kaplan_meier(time, event, at) * scale, ls="", marker=marks, ms=6, mew=1, color=colours[number])
        if table:
            risk = at_risk_table(time)
            for t, count in zip(risk["time"], risk["n_at_risk"], strict=True):
                ax.text(t, -(0.34 + 0.1 * number) * scale, str(count), ha="center", fontsize=8)
            ax.text(-2.5, -(0.34 + 0.1 * number) * scale, arm, ha="right", fontsize=8)
    steps = {"x": np.arange(0, top + 1, 6).tolist(), "y": (np.linspace(lowest, 1, 6) * scale).tolist()}
    ax.set(xlim=(0, top), ylim=(lowest * scale, 1.05 * scale), xticks=steps["x"], yticks=steps["y"], xlabel="Months")
    ax.set_ylabel("Survival")
    if legend:
        ax.legend(loc=legend, fontsize=8, frameon=box)
    path = Path(folder) / name
    figure.savefig(path, dpi=dpi, **({"pil_kwargs": {"quality": jpeg}} if path.suffix == ".jpg" else {}))
    per = 72 / dpi if path.suffix in (".pdf", ".svg") else 1.0
    corners = ax.transData.transform([[0, lowest * scale], [top, scale]]) * per
    height = figure.bbox.height * per
    typed = [
        {"axis": "x", "value": 0.0, "pixel": round(corners[0, 0], 1)},
        {"axis": "x", "value": top, "pixel": round(corners[1, 0], 1)},
        {"axis": "y", "value": lowest * scale, "pixel": round(height - corners[0, 1], 1)},
        {"axis": "y", "value": scale, "pixel": round(height - corners[1, 1], 1)},
    ]
    given = {"colours": dict(zip(patients, colours, strict=False)), "y_scale": scale}
    if dashed:
        given["line_styles"] = {"control": "solid", "experimental": "dashed"}
    return Drawn(path, given | {"calibration": typed}, given | {"calibration": "ticks", "ticks": steps}, patients)
