"""Times of the binomial-normal model, beside metafor 5.0-1 (rma.glmm) on the same class of machine, one thread.

Run: OMP_NUM_THREADS=1 python -m benchmarks.glmm
"""

from time import perf_counter

import numpy as np
import pandas as pd

import hccmeta as hm

METAFOR_MS = {"pool_proportion k=10, z": 31.0, "pool_proportion_many 1,000 x k=10, z": 33_000.0}
GOAL_MS = {
    "pool_proportion k=10, z": 3.0,
    "pool_proportion k=10, profile": 6.0,
    "pool_proportion_many 1,000 x k=10, z": 300.0,
}


def median_ms(call, times=50, seconds=5.0):
    """Median wall time in milliseconds after one call to warm up."""
    call()
    taken, end = [], perf_counter() + seconds
    while len(taken) < times and (perf_counter() < end or len(taken) < 3):
        start = perf_counter()
        call()
        taken.append(1e3 * (perf_counter() - start))
    return float(np.median(taken))


def proportions(fits, k, seed):
    """Counts of `fits` meta-analyses: n 20-200, logits N(-0.6, 0.6^2)."""
    rng = np.random.default_rng(seed)
    n = rng.integers(20, 201, (fits, k))
    return rng.binomial(n, 1 / (1 + np.exp(-rng.normal(-0.6, 0.6, (fits, k))))), n


def two_arm(k, seed):
    """2x2 tables of k trials: baseline logits N(-1, 0.5^2), log odds ratios N(-0.4, 0.3^2)."""
    rng = np.random.default_rng(seed)
    n = rng.integers(30, 150, k)
    base, effect = rng.normal(-1, 0.5, k), rng.normal(-0.4, 0.3, k)
    return pd.DataFrame({
        "events_1": rng.binomial(n, 1 / (1 + np.exp(-base - effect / 2))), "n_1": n,
        "events_2": rng.binomial(n, 1 / (1 + np.exp(-base + effect / 2))), "n_2": n,
    })  # fmt: skip


def jobs():
    """Name and call of every job."""
    x, n = proportions(1000, 10, seed=2)
    ten = pd.DataFrame({"events": x[0], "n": n[0]})
    many_studies = pd.DataFrame(dict(zip(("events", "n"), (a[0] for a in proportions(1, 200, seed=3)), strict=True)))
    reversed_ = pd.DataFrame({"events": [0, 0, 15, 8, 6, 20, 0], "n": [11, 19, 15, 16, 12, 40, 7]})
    arms = two_arm(10, seed=4)
    return {
        "pool_proportion k=10, z": lambda: hm.pool_proportion(ten, ci_method="z"),
        "pool_proportion k=10, profile": lambda: hm.pool_proportion(ten),
        "pool_proportion k=200, profile": lambda: hm.pool_proportion(many_studies),
        "pool_proportion 0 and 100 % mixed, profile": lambda: hm.pool_proportion(reversed_),
        "pool_proportion_many 1,000 x k=10, z": lambda: hm.pool_proportion_many(x, n),
        "pool_proportion_many 1,000 x k=10, profile": lambda: hm.pool_proportion_many(x, n, ci_method="profile"),
        "pool_two_arm k=10, UM.FS": lambda: hm.pool_two_arm(arms, method="UM.FS"),
        "pool_two_arm k=10, CM.EL": lambda: hm.pool_two_arm(arms, method="CM.EL"),
        "pool_two_arm k=10, UM.RS": lambda: hm.pool_two_arm(arms, method="UM.RS"),
    }


def measure():
    """One row per job: our time and metafor's, in milliseconds."""
    return pd.DataFrame([
        dict(task=name, hccmeta=median_ms(call), metafor=METAFOR_MS.get(name, np.nan)) for name, call in jobs().items()
    ])  # fmt: skip


if __name__ == "__main__":
    for row in measure().itertuples():
        goal = f"goal {GOAL_MS[row.task]:g} ms" if row.task in GOAL_MS else ""
        beside = f"metafor {row.metafor:,.0f} ms, {row.metafor / row.hccmeta:,.0f} x" if row.metafor > 0 else ""
        print(f"{row.task:<44} {row.hccmeta:9.2f} ms   {goal:<14} {beside}".rstrip())
