"""Times of the pooling engine beside PyMARE and statsmodels (run here) and metafor (fixed figures).

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/pooling.py
Median of repeated calls on data from fixed seeds. metafor 5.0-1 under R 4.2.2 was timed once on a machine of the same
class; it is not run here.
"""

from __future__ import annotations

import gc
import time
import warnings

import numpy as np
import pandas as pd

import hccmeta as hm

METAFOR_MS = {"pool, k = 10 (REML)": 3.0, "pool, k = 500 (REML)": 355.0, "1,000 REML fits, k = 10": 3700.0,
              "Q-profile, k = 500": 285.0}  # fmt: skip


def median_ms(call, repeats, budget=3.0):
    """Median time of `call` in milliseconds, after one call that does not count."""
    call()
    times, end = [], time.perf_counter() + budget
    gc.disable()
    while len(times) < repeats and (len(times) < 3 or time.perf_counter() < end):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    gc.enable()
    return 1e3 * float(np.median(times))


def studies(k, seed=1):
    rng = np.random.default_rng(seed)
    vi = np.exp(rng.uniform(np.log(0.01), np.log(0.3), k))
    yi = rng.normal(0.3, np.sqrt(0.04 + vi))
    return pd.DataFrame({"study": [f"Study {i}" for i in range(k)], "yi": yi, "vi": vi})


def batch(n, seed):
    rng = np.random.default_rng(seed)
    vi = np.exp(rng.uniform(np.log(0.01), np.log(0.3), (n, 10)))
    return rng.normal(0.3, np.sqrt(0.04 + vi)), vi


def pymare_reml(df):
    from pymare import meta_regression

    y, v = df["yi"].to_numpy(), df["vi"].to_numpy()
    return lambda: meta_regression(y=y, v=v, method="REML")


def statsmodels_pm(df):
    from statsmodels.stats.meta_analysis import combine_effects

    y, v = df["yi"].to_numpy(), df["vi"].to_numpy()
    return lambda: combine_effects(y, v, method_re="iterated")


def measure():
    """One row per task: our time and the others', in milliseconds."""
    small, middle, large = studies(10), studies(100), studies(500)
    thousand, many = batch(1000, 3), batch(100_000, 4)
    tasks = {
        "pool, k = 10 (REML)": (lambda: hm.pool(small), 200, pymare_reml(small)),
        "pool, k = 10 (PM)": (lambda: hm.pool(small, tau2_method="PM"), 200, None),
        "pool, k = 100 (REML)": (lambda: hm.pool(middle), 100, pymare_reml(middle)),
        "pool, k = 500 (REML)": (lambda: hm.pool(large), 50, pymare_reml(large)),
        "Q-profile, k = 500": (lambda: hm.tau2_interval(large), 100, None),
        "1,000 REML fits, k = 10": (lambda: hm.pool_many(*thousand), 30, None),
        "100,000 DL fits, k = 10": (lambda: hm.pool_many(*many, tau2_method="DL"), 7, None),
    }
    statsmodels_of = {"pool, k = 10 (PM)": statsmodels_pm(small)}
    rows = []
    for name, (ours, repeats, pymare) in tasks.items():
        rows.append(
            dict(
                task=name,
                hccmeta=median_ms(ours, repeats),
                pymare=median_ms(pymare, 20) if pymare else np.nan,
                statsmodels=median_ms(statsmodels_of[name], 100) if name in statsmodels_of else np.nan,
                metafor=METAFOR_MS.get(name, np.nan),
            )
        )
    return pd.DataFrame(rows)


def markdown(table):
    """Table of times with the others' time as a multiple of ours."""
    lines = ["| task | hccmeta (ms) | PyMARE | statsmodels | metafor |", "|---|---|---|---|---|"]
    for row in table.itertuples(index=False):
        others = (f"{time:,.3g} ms ({time / row.hccmeta:,.3g} x)" if time == time else "-"
                  for time in (row.pymare, row.statsmodels, row.metafor))  # fmt: skip
        lines.append(f"| {row.task} | {row.hccmeta:,.3g} | {' | '.join(others)} |")
    fits = table.set_index("task").loc["100,000 DL fits, k = 10", "hccmeta"]
    lines += ["", f"DerSimonian-Laird fits a second: {100_000 / fits * 1e3:,.0f}."]
    lines += ["statsmodels returns the moment and iterated estimates without tau2 interval or study table."]
    return "\n".join(lines)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(markdown(measure()))
