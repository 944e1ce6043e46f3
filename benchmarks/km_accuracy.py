"""Accuracy of clicks to patients on digitised curves with known patients, beside IPDfromKM and reconstructKM.

Run: OMP_NUM_THREADS=1 python -m benchmarks.km_accuracy (two to five minutes)
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.comparison import load
from hccmeta.errors import DataError
from hccmeta.km.clicks import reconstruct_ipd
from hccmeta.survival.risk_sets import efron_fit, efron_terms, risk_sets

INFORMATION = ("at risk, events", "at risk", "events", "n")
BAND_POINTS, BAND_DRAWS = 200, 200


def measure():
    """Summaries as records: errors by information, errors by clicks and noise, clicks without noise, band."""
    made = {information: _rebuild_all(information) for information in INFORMATION}
    full = made["at risk, events"]
    return dict(
        by_information=[_summary("hccmeta", i, made[i], _log_hr_errors(made[i])) for i in INFORMATION]
        + [_baseline(method, i) for method in ("IPDfromKM", "reconstructKM") for i in INFORMATION
           if (method, i) != ("reconstructKM", "at risk, events") and _has(method, i)],
        by_clicks=[_cell(full, clicks, noise) for clicks in (30, 60, 150) for noise in (0, 0.005, 0.01)],
        exact=_every_drop_clicked(full), band=_band(full),
    )  # fmt: skip


def survival(time, event, at):
    """Kaplan-Meier survival at `at`."""
    time, event = np.asarray(time), np.asarray(event)
    when = np.unique(time[event == 1])
    at_risk = (time[:, None] >= when).sum(axis=0)
    events = ((time[:, None] == when) & (event[:, None] == 1)).sum(axis=0)
    return np.append(1, np.cumprod(1 - events / at_risk))[np.searchsorted(when, at, side="right")]


def _cases():
    for trial in load("km_baselines.json", "trials"):
        for number, arm in enumerate(trial["arms"]):
            for clicks in arm["clicks"]:
                yield trial, number, arm, clicks


def _rebuild_all(information):
    """One record per click file: errors of the curve, whether counts hold, and the reconstruction itself."""
    out = []
    for trial, number, arm, clicks in _cases():
        n, total = len(arm["time"]), sum(arm["event"])
        curve = pd.DataFrame({"time": clicks["time"], "survival": clicks["survival"]})
        counts = pd.DataFrame(arm["at_risk"]) if "at risk" in information else None
        try:
            result = reconstruct_ipd(curve, counts, n=n, total_events=total if "events" in information else None)
        except DataError:
            result = None
        one = dict(trial=trial, number=number, arm=arm, clicks=clicks, ipd=result and result.ipd)
        wanted = result and clicks["style"] == "trace" and information == INFORMATION[0]
        band = _in_band(arm, result) if wanted else None
        out.append(one | _errors(arm, result) | dict(in_band=band))
    return out


def _errors(arm, result):
    if result is None:
        return dict(rmse=np.nan, events=np.nan, counts=False)
    at = np.linspace(0, max(arm["time"]), 1001)
    gap = survival(result.ipd.time, result.ipd.event, at) - survival(arm["time"], arm["event"], at)
    made = [(result.ipd.time >= t).sum() for t in arm["at_risk"]["time"]]
    return dict(rmse=float(np.sqrt((gap**2).mean())), events=result.total_events,
                counts=made == arm["at_risk"]["n_at_risk"])  # fmt: skip


def _log_hr_errors(records):
    """|log HR - truth| of every pair of arms clicked alike."""
    pairs = {}
    for one in records:
        clicks = one["clicks"]
        key = one["trial"]["id"], clicks["style"], clicks["clicks"], clicks["noise"]
        pairs.setdefault(key, {})[one["number"]] = one
    errors = []
    for pair in pairs.values():
        if len(pair) == 2 and all(one["ipd"] is not None for one in pair.values()):
            both = [pair[number]["ipd"] for number in (0, 1)]
            time, event = (np.concatenate([ipd[name] for ipd in both]) for name in ("time", "event"))
            group = np.repeat([0, 1], [len(ipd) for ipd in both])
            beta = efron_fit(efron_terms(risk_sets(time, event, group)))[0]
            errors.append(abs(beta - pair[0]["trial"]["log_hr"]))
    return errors


def _summary(method, information, records, log_hr):
    rmse = np.array([one["rmse"] for one in records])
    exact = [one["events"] == sum(one["arm"]["event"]) for one in records]
    counts = [one["counts"] for one in records] if "at risk" in information and method == "hccmeta" else None
    return dict(method=method, information=information, files=len(records), failures=int(np.isnan(rmse).sum()),
                rmse_median=float(np.nanmedian(rmse)), rmse_p90=float(np.nanpercentile(rmse, 90)),
                events_exact=float(np.mean(exact)), counts_exact=None if counts is None else float(np.mean(counts)),
                log_hr_median=float(np.median(log_hr)), log_hr_p90=float(np.percentile(log_hr, 90)))  # fmt: skip


def _has(method, information):
    return any(f"{method}, {information}" in clicks["baseline"] for *_, clicks in _cases())


def _baseline(method, information):
    key = f"{method}, {information}"
    records = []
    for _, _, arm, clicks in _cases():
        rmse, events = clicks["baseline"].get(key, (np.nan, np.nan))
        records.append(dict(rmse=rmse, events=events, arm=arm))
    log_hr = [abs(value - trial["log_hr"]) for trial in load("km_baselines.json", "trials")
              for m, i, *_, value in trial["log_hr_baseline"] if (m, i) == (method, information)]  # fmt: skip
    return _summary(method, information, records, log_hr)


def _cell(records, clicks, noise):
    """Traced clicks at one number and noise: median errors of us, IPDfromKM, the bare clicks; coverage of our band."""
    chosen = [
        one
        for one in records
        if one["clicks"]["style"] == "trace" and (one["clicks"]["clicks"], one["clicks"]["noise"]) == (clicks, noise)
    ]
    theirs = [one["clicks"]["baseline"]["IPDfromKM, at risk, events"][0] for one in chosen]
    return dict(
        clicks=clicks, noise=noise, hccmeta=float(np.median([one["rmse"] for one in chosen])),
        ipdfromkm=float(np.median(theirs)), bare=float(np.median([_bare(one) for one in chosen])),
        coverage=_band(chosen)["coverage"],
    )  # fmt: skip


def _bare(one):
    """Error of the clicks joined by straight lines."""
    arm, clicks = one["arm"], one["clicks"]
    order = np.argsort(clicks["time"], kind="stable")
    time, level = np.array(clicks["time"])[order], np.array(clicks["survival"])[order]
    at = np.linspace(0, max(arm["time"]), 1001)
    return float(np.sqrt(((np.interp(at, time, level) - survival(arm["time"], arm["event"], at)) ** 2).mean()))


def _every_drop_clicked(records):
    """Corner clicks without noise that hold every drop: arms, and how many come back exactly."""
    errors = []
    for one in records:
        when = np.unique(np.array(one["arm"]["time"])[np.array(one["arm"]["event"]) == 1])
        missing = np.abs(np.array(one["clicks"]["time"])[:, None] - when).min(axis=0).max()
        if one["clicks"]["style"] == "corner" and one["clicks"]["noise"] == 0 and missing < 1e-3:
            errors.append(one["rmse"])
    return dict(arms=len(errors), exact=int((np.array(errors) < 1e-9).sum()), largest=float(max(errors)))


def _in_band(arm, result):
    """Share of the true curve inside the 95 % band of the draws."""
    at = np.linspace(0, max(arm["time"]), BAND_POINTS + 2)[1:-1]
    curves = [survival(draw.time, draw.event, at) for _, draw in result.sample(BAND_DRAWS, seed=3).groupby("draw")]
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    truth = survival(arm["time"], arm["event"], at)
    return float(((truth >= low - 1e-9) & (truth <= high + 1e-9)).mean())


def _band(records):
    """Coverage of the band over all traced clicks."""
    inside = [one["in_band"] for one in records if one["in_band"] is not None]
    return dict(curves=len(inside), draws=BAND_DRAWS, coverage=float(np.mean(inside)))


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
