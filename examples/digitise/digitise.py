"""From a published figure to patients: both files of the made-up trial, read, reconstructed, checked, drawn over.

Run: python examples/digitise/digitise.py (prints the checks, writes overlay_pdf.png and overlay_png.png)
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import hccmeta as hm

HERE = Path(__file__).parent

# Typed from the figure. The tick at 0 months covers columns 203 and 204 of the PNG: middle 203.5, plus 0.5 is 204.
COLOURS = {"RT + ICI": "#00468b", "ICI": "#ed0000"}
PIXELS = [
    {"axis": "x", "value": 0, "pixel": 204}, {"axis": "x", "value": 36, "pixel": 1152},
    {"axis": "y", "value": 0, "pixel": 607}, {"axis": "y", "value": 100, "pixel": 43},
]  # fmt: skip
RISK_TIMES = [0, 6, 12, 18, 24, 30, 36]
AT_RISK = {"RT + ICI": [84, 63, 53, 24, 14, 7, 0], "ICI": [82, 53, 32, 15, 7, 1, 0]}
EVENTS = {"RT + ICI": 47, "ICI": 56}


def read_figures(folder=HERE):
    """The curves of the PDF (axes from the tick labels) and of the PNG (axes from the typed pixels)."""
    return {
        "pdf": hm.digitise_vector(folder / "figure.pdf", colours=COLOURS, y_scale=100),
        "png": hm.digitise_image(folder / "figure.png", calibration=PIXELS, colours=COLOURS, y_scale=100),
    }


def reconstruct(curves):
    """Patients of each arm: curve, risk table and number of events."""
    return {
        arm: hm.reconstruct_ipd(
            curves[curves["curve"] == arm],
            pd.DataFrame({"time": RISK_TIMES, "n_at_risk": AT_RISK[arm]}),
            total_events=EVENTS[arm],
        )
        for arm in COLOURS
    }


def check(curves, made, printed):
    """Each arm beside its curve, its risk table and what the paper prints."""
    tables = []
    for arm, result in made.items():
        table = hm.check_reconstruction(
            result,
            curve=curves[curves["curve"] == arm],
            at_risk=pd.DataFrame({"time": RISK_TIMES, "n_at_risk": AT_RISK[arm]}),
            published=printed[printed["arm"] == arm],
            against=made["ICI"],
        )
        tables.append(table.assign(arm=arm))
    return pd.concat(tables, ignore_index=True)


def overlay(figure, calibration, curves, made, target):
    """Left: digitised curves on the figure. Right: reconstructed curves through the digitised points."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    page = Figure(figsize=(12.4, 4.6), dpi=90)
    FigureCanvasAgg(page)
    left, right = page.subplots(1, 2, gridspec_kw=dict(left=0, right=1, bottom=0, top=1, wspace=0))
    hm.plot_digitised(figure, curves, calibration=calibration, y_scale=100, ax=left)
    left.legend(loc="upper center", frameon=False, fontsize=9)
    steps = {arm: hm.kaplan_meier(result.ipd) for arm, result in made.items()}
    hm.plot_survival(steps, points=curves, bands=False, endpoint="OS", ax=right)
    page.savefig(target, metadata={"Software": None})


def main(folder=HERE):
    printed = pd.read_csv(folder / "paper.csv", dtype={"printed": str})
    for kind, curves in read_figures(folder).items():
        made = reconstruct(curves)
        calibration = "ticks" if kind == "pdf" else PIXELS
        overlay(folder / f"figure.{kind}", calibration, curves, made, folder / f"overlay_{kind}.png")
        print(f"figure.{kind}")
        print(check(curves, made, printed).to_string(index=False, float_format="%.4g"), end="\n\n")


if __name__ == "__main__":
    main()
