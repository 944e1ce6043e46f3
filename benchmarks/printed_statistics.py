"""Time of `reconstruct_from_statistics`: 200 draws of one arm that prints n, events, median, landmarks, follow-up.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.printed_statistics
"""

from __future__ import annotations

from functools import partial

import pandas as pd

import hccmeta as hm
from benchmarks.pooling import median_ms

SIZES = (30, 100, 200)


def report(n):
    """Printed statistics of an arm of n patients."""
    events = round(0.6 * n)
    rows = [("n", None, n, f"{n}"), ("events", None, events, f"{events}"), ("median", None, 17.3, "17.3"),
            ("landmark", 6, 0.82, "82.0%"), ("landmark", 12, 0.63, "63.0%"), ("landmark", 24, 0.37, "37.0%"),
            ("follow_up_median", None, 26.4, "26.4"), ("follow_up_max", None, 44.0, "44.0")]  # fmt: skip
    return pd.DataFrame(rows, columns=["statistic", "time_months", "value", "printed"]).assign(endpoint="OS")


def measure():
    """One row per size: time of 200 draws in milliseconds."""
    return pd.DataFrame([
        dict(task=f"200 draws of an arm, n = {n}",
             hccmeta=median_ms(partial(hm.reconstruct_from_statistics, report(n)), 5, budget=10.0))
        for n in SIZES
    ])  # fmt: skip


if __name__ == "__main__":
    print(measure().to_string(index=False, float_format=lambda value: f"{value:.0f}"))
