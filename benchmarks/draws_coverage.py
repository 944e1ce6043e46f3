"""Coverage of pooled landmarks and medians from reconstructed arms, beside the same from the true patients.

Run as `python benchmarks/draws_coverage.py` (half an hour); prints the table of docs/methods.md. Five studies each:
three print numbers (n, events, median with interval, survival at 12 and 24 months, follow-up), two are clicked.
"""

import sys
import warnings

import numpy as np
import pandas as pd

import hccmeta as hm
from hccmeta.survival.draw_effects import draw_effects
from hccmeta.survival.pool_draws import pool_draws
from hccmeta.survival.pooled_draws import pool_curves_over_draws
from hccmeta.survival.product_limit import at_risk

DRAWS, PRINTED, CLICKED = 100, 3, 2
MONTHS, GRID = (6, 12, 24), (3, 6, 9, 12, 15, 18, 21, 24)
MEDIAN, SHAPE = 14.0, 1.2


def cumulative_hazard(month):
    return np.log(2) * (month / MEDIAN) ** SHAPE


def study(rng, tau):
    """Patients with staggered entry; the log hazard of the study is off by a normal amount."""
    n = int(rng.integers(25, 111))
    death = MEDIAN * (rng.exponential(size=n) / np.log(2) / np.exp(rng.normal(0, tau))) ** (1 / SHAPE)
    censored = np.minimum(rng.uniform(15, 42, n), rng.exponential(120, n))
    time = np.maximum(np.round(np.minimum(death, censored), 2), 0.01)
    return pd.DataFrame({"time": time, "event": (death <= censored).astype(int)})


def printed(patients, seed):
    """Draws from what a paper would print of these patients."""
    longest = patients["time"].max()
    rows = hm.survival_summary(patients, times=[m for m in (12, 24) if m < longest])
    rows["value"] = rows["value"].where(rows["statistic"] != "landmark", rows["value"].round(3))
    months = rows["statistic"].isin(["median", "follow_up_median"])
    for name in ("value", "ci_low", "ci_high"):
        rows[name] = rows[name].where(~months, rows[name].round(1))
    rows.loc[rows["statistic"] != "median", ["ci_low", "ci_high"]] = np.nan
    rows = rows[rows["statistic"] != "quartile"].assign(endpoint="OS")
    rows["status"] = np.where(rows["value"].isna(), "not_reached", "reached")
    ends = pd.DataFrame({"statistic": "follow_up_max", "value": [round(longest, 1)], "endpoint": "OS"})
    rows = pd.concat([rows[rows["value"].notna() | (rows["statistic"] == "median")], ends], ignore_index=True)
    made = hm.reconstruct_from_statistics(rows.drop(columns=["probability", "se"]), n_imputations=DRAWS, seed=seed)
    return made.imputations


def clicked(rng, patients, seed):
    """Draws from 40 clicks along the curve (noise 0.01 of its height) and numbers at risk every 6 months."""
    km = hm.kaplan_meier(patients)
    at = np.linspace(0, patients["time"].max(), 40)
    on_line = km["survival"].to_numpy()[np.searchsorted(km["time"], at, side="right") - 1]
    clicks = pd.DataFrame({
        "time": np.clip(at + rng.normal(0, 0.003 * at[-1], 40), 0, at[-1]),
        "survival": np.clip(on_line + rng.normal(0, 0.01, 40), 0, 1),
    })  # fmt: skip
    table = pd.DataFrame({"time": np.arange(0, at[-1], 6.0)})
    table["n_at_risk"] = at_risk(patients, table["time"])
    made = hm.reconstruct_ipd(clicks, table, style="trace")
    return made.sample(DRAWS, seed=seed)


def one(rng, tau):
    """Limits of every quantity: by true patients, with and without the uncertainty of the reconstruction."""
    cohorts, drawn = [], []
    while len(drawn) < PRINTED + CLICKED:
        cohort, seed = study(rng, tau), int(rng.integers(2**31))
        try:
            drawn.append(printed(cohort, seed) if len(drawn) < PRINTED else clicked(rng, cohort, seed))
            cohorts.append(cohort)
        except hm.DataError as error:  # another study in its place
            print(error, file=sys.stderr)
    true, made = (
        pd.concat([p.assign(study=f"S{i}") for i, p in enumerate(parts)], ignore_index=True)
        for parts in (cohorts, drawn)
    )
    rows = []
    for month in MONTHS:
        known, open_ = (pool_draws(draw_effects(p, effect="loglog", month=month)) for p in (true, made))
        if open_.k == known.k == len(cohorts):
            rows.append((month, known.ci_low, known.ci_high, open_.ci_low, open_.ci_high, open_.ci_low_without,
                         open_.ci_high_without))  # fmt: skip
    known, open_ = (pool_curves_over_draws(p, times=GRID) for p in (true, made))
    rows.append((0, known.median_low, known.median_high, open_.median_low, open_.median_high, open_.median_low_without,
                 open_.median_high_without))  # fmt: skip
    return rows


def main():
    warnings.simplefilter("ignore")
    print("| tau | quantity | runs | true patients | with | without |\n|---|---|---|---|---|---|")
    for tau, replicates in ((0.0, 120), (0.3, 200)):
        rng, rows = np.random.default_rng(1), []
        for done in range(replicates):
            rows += one(rng, tau)
            print(done + 1, end="\r", file=sys.stderr)
        found = pd.DataFrame(rows)
        for month, part in found.groupby(0):
            truth = np.log(cumulative_hazard(month)) if month else MEDIAN
            limits = part.iloc[:, 1:].to_numpy().reshape(len(part), 3, 2)
            upper = np.nan_to_num(limits[..., 1], nan=np.inf)
            cover = ((limits[..., 0] <= truth) & (upper >= truth)).mean(axis=0)
            width = np.nanmedian(limits[..., 1] - limits[..., 0], axis=0)
            cells = [f"{100 * c:.1f} %, {w:.2f}" for c, w in zip(cover, width, strict=True)]
            name = f"survival at {month} months, log(-log)" if month else "median, months"
            print(f"| {tau} | {name} | {len(part)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
