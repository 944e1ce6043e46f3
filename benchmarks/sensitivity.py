"""Times of the sensitivity analyses and of meta-regression; PyMARE's meta-regression beside ours, run here.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.sensitivity
Median of repeated calls on data from fixed seeds. metafor 5.0-1 under R 4.2.2 was timed once on a machine of the same
class; it is not run here.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

import hccmeta as hm
from benchmarks.pooling import median_ms, studies

METAFOR_MS = {"leave-one-out, k = 500": 113_000.0}


def moderated(k):
    rng = np.random.default_rng(2)
    return studies(k).assign(x=rng.normal(size=k), group=np.resize(["a", "b", "c"], k), trial=np.arange(k) // 3)


def counts(k):
    rng = np.random.default_rng(3)
    n = rng.integers(20, 200, k)
    return pd.DataFrame({"study": [f"Study {i}" for i in range(k)], "events": rng.binomial(n, 0.3), "n": n})


def pymare_regression(df):
    from pymare import meta_regression

    y, v, X = df["yi"].to_numpy(), df["vi"].to_numpy(), df[["x"]].to_numpy()
    return lambda: meta_regression(y=y, v=v, X=X, method="REML")


def measure():
    """One row per task: our time, PyMARE's and metafor's, in milliseconds."""
    ten, fifteen, hundred, large = (moderated(k) for k in (10, 15, 100, 500))
    huge = moderated(5000)
    tasks = {
        "leave-one-out, k = 500": (lambda: hm.leave_one_out(large), 15, None),
        "cumulative, k = 500": (lambda: hm.cumulative(large, order=None), 15, None),
        "influence, k = 500": (lambda: hm.influence(large), 15, None),
        "GOSH, 32,767 subsets of 15": (lambda: hm.gosh(fifteen), 7, None),
        "trim and fill, k = 100": (lambda: hm.trim_and_fill(hundred), 30, None),
        "Egger's test, k = 100": (lambda: hm.small_study_test(hundred), 50, None),
        "meta-regression, k = 10": (lambda: hm.meta_regression(ten, "~ x"), 50, pymare_regression(ten)),
        "meta-regression, k = 500": (lambda: hm.meta_regression(large, "~ x"), 30, pymare_regression(large)),
        "meta-regression, k = 5,000": (lambda: hm.meta_regression(huge, "~ x"), 7, None),
        "permutation test, k = 10, 1,000 orders": (lambda: hm.permutation_test(ten, "~ x"), 3, None),
        "three-level model, k = 100": (lambda: hm.pool_three_level(hundred, "trial"), 10, None),
        "multiverse, 10 proportions": (lambda: hm.multiverse(counts(10)), 7, None),
        "simulation, 1,000 x 12 methods, k = 10": (
            lambda: hm.simulate_meta(k=10, n=(20, 200), tau2=0.2, p=0.3, backend="serial"), 3, None),
    }  # fmt: skip
    return pd.DataFrame([
        dict(task=name, hccmeta=median_ms(ours, repeats), pymare=median_ms(pymare, 10) if pymare else np.nan,
             metafor=METAFOR_MS.get(name, np.nan))
        for name, (ours, repeats, pymare) in tasks.items()
    ])  # fmt: skip


def markdown(table):
    """Table of times with the others' time as a multiple of ours."""
    lines = ["| task | hccmeta (ms) | PyMARE | metafor |", "|---|---|---|---|"]
    for row in table.itertuples(index=False):
        others = (f"{time:,.4g} ms ({time / row.hccmeta:,.3g} x)" if time == time else "-"
                  for time in (row.pymare, row.metafor))  # fmt: skip
        lines.append(f"| {row.task} | {row.hccmeta:,.3g} | {' | '.join(others)} |")
    cells = len(hm.multiverse(counts(10)))
    lines += ["", f"The multiverse of 10 proportions has {cells} analyses.",
              "PyMARE gives coefficients and tau2 without QM, R2, variance inflation or study table."]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(markdown(measure()))
