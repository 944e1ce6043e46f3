"""Times of the survival functions beside lifelines.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.survival
Median of repeated calls on simulated trials from fixed seeds.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

import hccmeta as hm
from hccmeta.survival.draw_effects import draw_effects, log_hr_effects
from hccmeta.survival.one_stage import pool_piecewise_exponential
from hccmeta.survival.pool_draws import pool_draws
from hccmeta.survival.pooled_draws import pool_curves_over_draws


def patients(k, n, m, seed=1):
    """k studies of n patients in two arms, m draws that differ by 5 % in every time."""
    rng, parts = np.random.default_rng(seed), []
    for s in range(k):
        death, censored = rng.exponential(20 * np.exp(rng.normal(0, 0.3)), n), rng.uniform(12, 40, n)
        observed, event = np.minimum(death, censored), (death <= censored).astype(int)
        arm = np.where(np.arange(n) % 2, "RT", "ICI")
        for draw in range(m):
            moved = observed * np.exp(rng.normal(0, 0.05, n)) if m > 1 else observed
            parts.append(pd.DataFrame(dict(study=f"S{s}", imputation=draw, time=moved, event=event, arm=arm)))
    return pd.concat(parts, ignore_index=True)


def lifelines_calls(df):
    """lifelines on the same patients: curve, Cox fit, log-rank test."""
    from lifelines import CoxPHFitter, KaplanMeierFitter
    from lifelines.statistics import logrank_test

    data = df[["time", "event"]].assign(group=(df["arm"] == "RT").astype(int))
    one, two = (data[data["group"] == g] for g in (1, 0))
    return dict(
        curve=lambda: KaplanMeierFitter().fit(df["time"], df["event"]),
        ratio=lambda: (CoxPHFitter().fit(data, "time", "event"),
                       logrank_test(one["time"], two["time"], one["event"], two["event"])),
    )  # fmt: skip


def median_ms(call, repeats=5):
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def measure():
    """One row per task: our time and that of lifelines, in milliseconds."""
    one, arms = patients(1, 300, 1), dict(experimental="RT", control="ICI")
    tables = pd.concat([hm.kaplan_meier(g[["time", "event"]]).assign(study=s) for s, g in
                        patients(7, 100, 1).groupby("study")])  # fmt: skip
    draws, grid = patients(7, 100, 200), [6, 12, 18, 24, 30]
    theirs = lifelines_calls(one)
    tasks = {
        "kaplan_meier with intervals, n = 300": (lambda: hm.kaplan_meier(one[["time", "event"]]), theirs["curve"]),
        "survival_summary, n = 300": (
            lambda: hm.survival_summary(one[["time", "event"]], times=[12], rmst_horizon=24), None),
        "hazard_ratio (Cox, log-rank, PH test), n = 300": (lambda: hm.hazard_ratio(one, **arms), theirs["ratio"]),
        "pool_survival_curves, 7 studies": (lambda: hm.pool_survival_curves(tables), None),
        "landmark, 7 studies x 200 draws": (lambda: pool_draws(draw_effects(draws, effect="loglog", month=12)), None),
        "log HR, 7 studies x 200 draws": (lambda: pool_draws(log_hr_effects(draws, **arms)), None),
        "pooled curve, 7 studies x 200 draws": (lambda: pool_curves_over_draws(draws, times=grid), None),
        "one-stage model, 7 studies x 200 draws": (lambda: pool_piecewise_exponential(draws, cuts=grid), None),
    }  # fmt: skip
    return pd.DataFrame([
        dict(task=name, hccmeta=median_ms(ours), lifelines=median_ms(other) if other else np.nan)
        for name, (ours, other) in tasks.items()
    ])  # fmt: skip


if __name__ == "__main__":
    print(measure().to_string(index=False, float_format=lambda value: f"{value:.1f}"))
