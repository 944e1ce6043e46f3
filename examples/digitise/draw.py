"""Draw the figure of a made-up trial as a journal would, and write down what its paper prints.

Run: python examples/digitise/draw.py (writes figure.pdf, figure.png and paper.csv beside this file)
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import hccmeta as hm

SEED = 18
ARMS = {"RT + ICI": (84, 17.0, "#00468b"), "ICI": (82, 11.0, "#ed0000")}
RISK_TIMES = np.arange(0, 37, 6)
NO_DATES = {"pdf": {"CreationDate": None}, "png": {"Software": None}}


def simulate():
    """Patients per arm: exponential survival, entry over 24 months, drop-out, 36 months from the first patient."""
    rng = np.random.default_rng(SEED)
    arms = {}
    for arm, (n, median, _) in ARMS.items():
        death = rng.exponential(median / np.log(2), n)
        left = np.minimum(36 - rng.uniform(0, 24, n), rng.exponential(90, n))
        time = np.minimum(death, left).round(2).clip(0.03)
        arms[arm] = pd.DataFrame({"time": time, "event": (death <= left).astype(int)})
    return arms


def at_risk(ipd):
    """Patients with time >= t at the times of the risk table."""
    return [int((ipd["time"] >= t).sum()) for t in RISK_TIMES]


def ratio(arms):
    """Hazard ratio of the first arm against the second, as hccmeta.hazard_ratio gives it."""
    experimental, control = arms
    both = pd.concat([ipd.assign(arm=arm) for arm, ipd in arms.items()])
    return hm.hazard_ratio(both, experimental=experimental, control=control).iloc[0]


def paper(arms):
    """What the made-up paper prints, in the columns of data/extracted/survival.csv."""
    rows = []
    for arm, ipd in arms.items():
        found = hm.survival_summary(ipd, times=[12]).set_index("statistic")
        median, year = found.loc["median"], found.loc["landmark"]
        rows += [
            dict(arm=arm, statistic="n", value=len(ipd), printed=f"{len(ipd)}"),
            dict(arm=arm, statistic="events", value=ipd["event"].sum(), printed=f"{ipd['event'].sum()}"),
            dict(arm=arm, statistic="median", value=round(median["value"], 1), ci_low=round(median["ci_low"], 1),
                 ci_high=round(median["ci_high"], 1),
                 printed=f"{median['value']:.1f} ({median['ci_low']:.1f}-{median['ci_high']:.1f})"),
            dict(arm=arm, statistic="landmark", time_months=12, value=round(year["value"], 3),
                 printed=f"{100 * year['value']:.1f}%"),
        ]  # fmt: skip
    hr, arm = ratio(arms), next(iter(arms))
    rows.append(dict(arm=arm, statistic="hr", value=round(hr["hr"], 2), printed=f"{hr['hr']:.2f}"))
    rows.append(dict(arm=arm, statistic="logrank_p", value=round(hr["logrank_p"], 3), printed=f"{hr['logrank_p']:.3f}"))
    return pd.DataFrame(rows, columns=["arm", "statistic", "time_months", "value", "ci_low", "ci_high", "printed"])


@mpl.rc_context({"path.simplify": False, "pdf.fonttype": 42, "font.family": "DejaVu Sans", "font.size": 9})
def draw(arms, folder):
    """figure.pdf and figure.png, the same bytes every time."""
    figure = Figure(figsize=(6, 4.4))
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.17, 0.31, 0.79, 0.66))
    for number, (arm, ipd) in enumerate(arms.items()):
        colour = ARMS[arm][2]
        km = hm.kaplan_meier(ipd)
        ax.step(km["time"], 100 * km["survival"], where="post", color=colour, lw=1.4, label=arm)
        ticks = km[km["censored"] > 0]
        ax.plot(ticks["time"], 100 * ticks["survival"], "|", color=colour, ms=6, mew=0.9)
        row = -36 - 8 * number
        ax.text(-1.6, row, arm, ha="right", va="center", color=colour)
        for time, count in zip(RISK_TIMES, at_risk(ipd), strict=True):
            ax.text(time, row, str(count), ha="center", va="center")
    ax.text(-1.6, -28, "No. at risk", ha="right", va="center", weight="bold")
    found = ratio(arms)
    interval = f"HR {found['hr']:.2f} (95% CI {found['ci_low']:.2f}-{found['ci_high']:.2f})"
    ax.text(1, 8, f"{interval}\nlog-rank p = {found['logrank_p']:.3f}")
    ax.set(xlim=(0, 36), ylim=(0, 103), xticks=RISK_TIMES, yticks=range(0, 101, 20), xlabel="Months")
    ax.set_ylabel("Overall survival (%)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper right", title="Made-up trial")
    for suffix, metadata in NO_DATES.items():
        figure.savefig(Path(folder) / f"figure.{suffix}", dpi=200, metadata=metadata)


def write(folder):
    arms = simulate()
    draw(arms, folder)
    paper(arms).to_csv(Path(folder) / "paper.csv", index=False, float_format="%g")


if __name__ == "__main__":
    write(Path(__file__).parent)
