"""Accuracy of patients drawn from printed statistics, on simulated trials whose patients are known.

Run: OMP_NUM_THREADS=1 python -m benchmarks.printed_accuracy (about two minutes)
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

import hccmeta as hm
from benchmarks.km_accuracy import survival
from hccmeta.errors import DataError
from hccmeta.km.printed_pairs import compare_arms
from hccmeta.survival.risk_sets import efron_fit, efron_terms, risk_sets

SEED = 20261121
TRIALS = 20
DRAWS = 200
LANDMARKS = (6, 12, 24)
REPORTS = {
    "n, events, median with interval, landmarks, follow-up": (),
    "the same without the interval of the median": ("interval",),
    "the same without events": ("events",),
    "the same without landmarks": ("landmark",),
    "n and landmarks": ("interval", "events", "median", "follow_up_median", "follow_up_max"),
}


def measure():
    """One record per kind of report: what is met, errors of curve, RMST and log HR, coverage of the band."""
    trials = _trials()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hm.MetaWarning)
        return [_record(name, left_out, trials) for name, left_out in REPORTS.items()]


def _trials():
    """Pairs of arms: 25 to 200 patients, Weibull events with median near 6 to 24 months, staggered entry, drop-out."""
    rng, out = np.random.default_rng(SEED), []
    for _ in range(TRIALS):
        n, shape, median = int(rng.integers(25, 201)), rng.uniform(0.8, 1.5), rng.uniform(6, 24)
        ratio, accrual, follow_up = np.exp(rng.uniform(-0.7, 0.1)), rng.uniform(6, 24), rng.uniform(14, 30)
        out.append([_arm(n, shape, median * (1 if arm == 0 else ratio ** (-1 / shape)), accrual, follow_up, rng)
                    for arm in (0, 1)])  # fmt: skip
    return out


def _arm(n, shape, median, accrual, follow_up, rng):
    event_time = median * (rng.exponential(1, n) / np.log(2)) ** (1 / shape)
    left = np.minimum(follow_up + accrual * rng.random(n), rng.exponential(120, n))
    time = np.maximum(np.round(np.minimum(event_time, left), 1), 0.1)
    return pd.DataFrame({"time": time, "event": (event_time <= left).astype(int)})


def printed_report(ipd, left_out):
    """Rows of a survival table as a paper prints them: percentages and months to one decimal."""
    last = float(ipd["time"].max())
    rows = hm.survival_summary(ipd, times=[t for t in LANDMARKS if t < last]).set_index("statistic")
    median, follow_up = rows.loc["median"], rows.loc["follow_up_median"]
    report = [_row("n", len(ipd), f"{len(ipd)}"), _row("events", ipd["event"].sum(), f"{ipd['event'].sum()}")]
    limits = {} if "interval" in left_out else dict(ci_low=median["ci_low"], ci_high=median["ci_high"])
    report.append(_months("median", median["value"], **limits))
    report += [_row("landmark", round(s, 3), f"{100 * s:.1f}%", time_months=t)
               for t, s in rows.loc[["landmark"], ["time_months", "value"]].to_numpy()]  # fmt: skip
    report += [_months("follow_up_median", follow_up["value"]), _months("follow_up_max", last)]
    return pd.DataFrame([row for row in report if row["statistic"] not in left_out])


def _months(statistic, value, *, ci_low=np.nan, ci_high=np.nan):
    reached = np.isfinite(value)
    limits = dict(ci_low=np.round(ci_low, 1), ci_high=np.round(ci_high, 1))
    return _row(statistic, np.round(value, 1), f"{value:.1f}" if reached else "not reached",
                status="reached" if reached else "not_reached", **limits)  # fmt: skip


def _row(statistic, value, printed, *, time_months=np.nan, status="reached", ci_low=np.nan, ci_high=np.nan):
    return dict(statistic=statistic, time_months=time_months, value=float(value), ci_low=ci_low, ci_high=ci_high,
                ci_level=0.95, status=status, printed=printed, endpoint="OS")  # fmt: skip


def _record(name, left_out, trials):
    arms = [_one_arm(ipd, left_out, 2 * i + j) for i, pair in enumerate(trials) for j, ipd in enumerate(pair)]
    drawn = [arm for arm in arms if arm is not None]
    ratios = [_log_hr_error(pair, arms[2 * i : 2 * i + 2]) for i, pair in enumerate(trials)]
    ratios = [error for error in ratios if error is not None]
    met = pd.concat([arm["summary"] for arm in drawn])
    shares = {item: met.loc[met["statistic"] == item, "share"] for item in ("n", "events", "median", "landmark")}
    return dict(
        report=name, arms=len(arms), failures=len(arms) - len(drawn), draws=DRAWS,
        met={item: float(share.mean()) if len(share) else None for item, share in shares.items()},
        rmse_median=_quantile(drawn, "rmse", 0.5), rmse_p90=_quantile(drawn, "rmse", 0.9),
        rmst_error=float(np.mean([arm["rmst_error"] for arm in drawn])),
        coverage=float(np.mean([arm["coverage"] for arm in drawn])), width=float(np.mean([a["width"] for a in drawn])),
        log_hr_median=float(np.median(ratios)), log_hr_p90=float(np.percentile(ratios, 90)),
    )  # fmt: skip


def _quantile(arms, name, at):
    return float(np.quantile([arm[name] for arm in arms], at))


def _one_arm(ipd, left_out, seed):
    """Errors of one arm's draws; None where the report is refused."""
    report = printed_report(ipd, left_out)
    try:
        result = hm.reconstruct_from_statistics(report, n_imputations=DRAWS, seed=seed)
    except DataError:
        return None
    end = float(ipd["time"].max())
    at = np.linspace(0, end, 1001)
    band, truth = result.band(at), survival(ipd["time"], ipd["event"], at)
    gap = band["survival"].to_numpy() - truth
    inside = (truth >= band["low"] - 1e-9) & (truth <= band["high"] + 1e-9)
    return dict(result=result, summary=result.summary, rmse=float(np.sqrt((gap**2).mean())),
                rmst_error=float(abs(np.trapezoid(gap, at)) / end), coverage=float(inside.mean()),
                width=float((band["high"] - band["low"]).mean()))  # fmt: skip


def _log_hr_error(pair, arms):
    if None in arms:
        return None
    time, event = (np.concatenate([ipd[name] for ipd in pair]) for name in ("time", "event"))
    truth = efron_fit(efron_terms(risk_sets(time, event, np.repeat([0, 1], [len(ipd) for ipd in pair]))))[0]
    shown = compare_arms(arms[1]["result"].patients(), arms[0]["result"].patients())["hr"]
    return float(abs(np.log(shown).mean() - truth))


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
