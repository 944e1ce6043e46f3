"""Curves that others digitised and patients that others published: hazard ratios beside the printed ones.

The coordinates belong to public repositories (SOURCES) and are not kept here. They are read from ../shared/km_public
where that folder exists; elsewhere the figures stored by the last measurement stay as they are.

Cleaning: survival in per cent is divided by 100. Nothing else: reconstruct_ipd itself clips points up to 5 % beyond 0-1
and up to 2 % of the axis before time 0, and fits a curve that never rises.

Run: OMP_NUM_THREADS=1 python -m benchmarks.public_curves (two minutes)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import hccmeta as hm
from benchmarks.km_clicks import along_the_line

FOLDER = Path(__file__).parents[2] / "shared" / "km_public"
SOURCES = {
    "Bonner 2006": "NaLiuStat/IPDfromKM 8eaeab1c, data/Radiationdata.rda; printed: abstract, 10.1056/NEJMoa053422",
    "KEYNOTE-189": "ryanrsun/reconstructKM b054431e, data/pembro_*.RData, pbo_*.RData; printed: PMID 29658856",
    "EF-14": "ryanrsun/reconstructKM b65809f, data/TTfields_pfs_*.rda; printed: PMC5820703, Key Points",
    "IMpower150": "hugaped/BristolTAG 71331120, inst/extdata/IMpower150_ABCP_OS_*.csv",
    "CheckMate 067": "raredd/kmdata 8972d41b, inst/etc/init/Checkmate_067_*.csv",
    "survHE example": "giabaio/survHE 76c8bee, inst/extdata/survival.txt, nrisk.txt",
    "47 figures": "raredd/kmdata 8972d41b, data/*.rda; printed hazard ratios: kmdata_key of the same package",
}
TRIALS = (
    dict(
        trial="Bonner 2006", endpoint="locoregional control", folder="ipdfromkm_radiationdata", scale=100,
        arms=("radiotherapy_plus_cetuximab", "radiotherapy"), hr=0.68, median=(24.4, 14.9), year=None,
    ),
    dict(
        trial="KEYNOTE-189", endpoint="OS", folder="reconstructkm_keynote189_os", scale=1,
        arms=("pembrolizumab_chemo", "placebo_chemo"), hr=0.49, median=None, year=(0.692, 0.494),
    ),
    dict(
        trial="EF-14", endpoint="PFS", folder="reconstructkm_ef14_ttfields_pfs", scale=1,
        arms=("ttfields_temozolomide", "temozolomide_alone"), hr=0.63, median=(6.7, 4.0), year=None,
    ),
)  # fmt: skip
SINGLE = (
    ("IMpower150", "bristoltag_impower150_abcp_os", "TCIC123", 100),
    ("IMpower150", "bristoltag_impower150_abcp_os", "TCIC0", 100),
    ("IMpower150", "bristoltag_impower150_abcp_os", "TCIC3", 1),
    ("CheckMate 067", "kmdata_checkmate067_nivolumab_raw", "nivolumab", 1),
    ("survHE example", "survhe_digitise_example", "arm1", 1),
)
DRAWS, OTHER_EVENTS = 200, 0.02
SEED, CLICKS, NOISE, COUNTS = 1, 100, 0.005, 7


def measure():
    """Two-arm figures, single arms and the round trips as records; None where the folder is absent."""
    if not FOLDER.is_dir():
        print("  the public curves are not here (../shared/km_public); the stored figures are kept")
        return None
    return dict(
        sources=SOURCES, two_arms=[two_arms(**trial) for trial in TRIALS], single=[single(*arm) for arm in SINGLE],
        round_trips=list(round_trips()), clicks=CLICKS, noise=NOISE, counts=COUNTS,
    )  # fmt: skip


def two_arms(trial, endpoint, folder, scale, arms, hr, median, year):
    """Hazard ratio, medians and 12-month survival of both arms beside the printed ones.

    Also 95 % of the ratios of random data sets, and the ratio with total events moved apart by OTHER_EVENTS per arm.
    """
    made = [reconstruct(folder, arm, scale) for arm in arms]
    fit = ratio([one.ipd for one in made])
    moved = []
    for more in (OTHER_EVENTS, -OTHER_EVENTS):
        totals = [round(one.total_events * (1 + sign * more)) for sign, one in zip((1, -1), made, strict=True)]
        pairs = zip(arms, totals, strict=True)
        moved.append(ratio([reconstruct(folder, arm, scale, total).ipd for arm, total in pairs])["hr"])
    found = [hm.survival_summary(one.ipd, times=[12]).set_index("statistic")["value"] for one in made]
    draws = [[draw for _, draw in one.sample(DRAWS, seed=seed).groupby("draw")] for seed, one in enumerate(made)]
    drawn = [ratio(pair)["hr"] for pair in zip(*draws, strict=True)]
    return dict(
        trial=trial, endpoint=endpoint, printed=hr, hr=fit["hr"], distance=abs(fit["log_hr"] - np.log(hr)),
        low=np.quantile(drawn, 0.025), high=np.quantile(drawn, 0.975), moved=sorted(moved),
        ph_p=fit["ph_p"],
        n=[one.n for one in made], events=[one.total_events for one in made], counts_met=all(map(counts_met, made)),
        median_printed=median, median=[arm["median"] for arm in found] if median else None,
        year_printed=year, year=[arm["landmark"] for arm in found] if year else None,
    )  # fmt: skip


def single(trial, folder, arm, scale):
    """A curve without printed results: counts and the distance of the clicks from the patients' curve."""
    made = reconstruct(folder, arm, scale)
    distance = made.accuracy.set_index("item").loc["click_distance_rms", "made"]
    return dict(
        trial=trial, arm=arm, n=made.n, events=made.total_events, counts_met=counts_met(made), distance=distance
    )


def round_trips():
    """Patients of 47 published figures, drawn, clicked with noise and reconstructed, with and without total events."""
    folder, rng = FOLDER / "kmdata_selected_ipd", np.random.default_rng(SEED)
    for row in pd.read_csv(folder / "summary_and_cox_check.csv").itertuples():
        patients = pd.read_csv(folder / f"{row.name.replace('(', '_').replace(')', '_')}.csv")
        arms = [patients[patients["arm"] == arm] for arm in (row.arm_b, row.arm_a)]
        clicks = [click(arm, rng) for arm in arms]
        tables = [at_risk(arm, patients["time"].max()) for arm in arms]
        totals = [int(arm["event"].sum()) for arm in arms]
        truth = ratio(arms)["log_hr"]
        printed = np.log(row.published_hr) * (1 if row.published_hr_matches == "b_vs_a" else -1)
        record = dict(figure=row.name, n=len(patients), printed=row.published_hr, patients=abs(truth - printed))
        for known, events in (("counts", (None, None)), ("events", totals)):
            made = [hm.reconstruct_ipd(*pair, total_events=total).ipd
                    for *pair, total in zip(clicks, tables, events, strict=True)]  # fmt: skip
            log_hr = ratio(made)["log_hr"]
            record |= {f"{known}_truth": abs(log_hr - truth), f"{known}_printed": abs(log_hr - printed)}
        yield record


def reconstruct(folder, arm, scale, total_events=None):
    """Patients behind the stored clicks and risk table."""
    curve = pd.read_csv(FOLDER / folder / f"curve_{arm}.csv").set_axis(["time", "survival"], axis=1)
    risk = pd.read_csv(FOLDER / folder / "number_at_risk.csv").set_axis(["arm", "time", "n_at_risk"], axis=1)
    curve = curve.assign(survival=curve["survival"] / scale)
    return hm.reconstruct_ipd(curve, risk[risk["arm"] == arm], total_events=total_events)


def ratio(arms):
    """Cox hazard ratio of the first arm against the second."""
    both = pd.concat([arm.assign(arm=number) for number, arm in enumerate(arms)])
    return hm.hazard_ratio(both, experimental=0, control=1).iloc[0]


def counts_met(made):
    """Whether every printed number at risk is met."""
    table = made.accuracy.set_index("item")
    return bool((table.loc["n_at_risk", "difference"] == 0).all())


def click(ipd, rng):
    """Noisy clicks evenly along the drawn line."""
    km = hm.kaplan_meier(ipd)
    time, survival = along_the_line(km["time"].to_numpy(), km["survival"].to_numpy(), CLICKS, NOISE, rng)
    return pd.DataFrame({"time": time, "survival": survival})


def at_risk(ipd, longest):
    """Numbers at risk at evenly spaced times of the figure."""
    at = np.arange(COUNTS) * longest / COUNTS
    at = at[at < ipd["time"].max()]
    return pd.DataFrame({"time": at, "n_at_risk": [int((ipd["time"] >= t - 1e-12).sum()) for t in at]})


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1, default=float))
