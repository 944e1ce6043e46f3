"""One small example of every figure, with given labels: what the tests of all figures draw."""

from __future__ import annotations

import numpy as np
import pandas as pd

import hccmeta as hm


def effects(labels, measure="HR"):
    k = len(labels)
    rng = np.random.default_rng(k)
    vi = rng.uniform(0.02, 0.4, k)
    return pd.DataFrame({"study": list(labels), "yi": rng.normal(-0.3, np.sqrt(vi)), "vi": vi, "measure": measure})


def curve(n=20, scale=12.0):
    time = np.round(scale * -np.log((np.arange(n) + 0.5) / n)[::-1], 2)
    at_risk = np.arange(n, 0, -1)
    survival = np.cumprod(1 - 1 / at_risk)
    start = dict(time=0.0, survival=1.0, n_at_risk=n, censored=0, ci_low=np.nan, ci_high=np.nan)
    rows = pd.DataFrame(dict(time=time, survival=survival, n_at_risk=at_risk, censored=0,
                             ci_low=(survival - 0.1).clip(0), ci_high=(survival + 0.1).clip(0, 1)))  # fmt: skip
    return pd.concat([pd.DataFrame([start]), rows], ignore_index=True)


def regression(labels):
    table = effects([*labels, "further 1", "further 2", "further 3"])
    return hm.meta_regression(table.assign(dose=np.linspace(30, 70, len(table)), year=2024), "~ dose")


def pooled_rows(labels):
    k = np.arange(1, len(labels) + 1)
    middle = -0.3 + 0.2 / k
    return pd.DataFrame({"study": list(labels), "k": k, "estimate": middle, "ci_low": middle - 0.6 / np.sqrt(k),
                         "ci_high": middle + 0.6 / np.sqrt(k)})  # fmt: skip


def multiverse_cells(labels):
    rows = [(a, b) for a in dict.fromkeys(labels) for b in ("z", "HK-adhoc")]
    table = pd.DataFrame(rows, columns=["method", "ci_method"])
    middle = np.exp(np.linspace(-0.6, 0.2, len(rows)))
    return table.assign(estimate=middle, ci_low=middle / 1.4, ci_high=middle * 1.4)


def unique(labels):
    return [f"{label} {i}" if label in labels[:i] else label for i, label in enumerate(labels)]


def timeline(labels):
    times = unique(list(labels))
    rows = [dict(label=time, measure="afp", item="AFP", value=10.0 * 3**i % 9000 + 5, unit="ng/mL", event=None)
            for i, time in enumerate(times)]  # fmt: skip
    kinds = ("treatment", "response", "adverse_event")
    rows += [dict(label=time, measure=kinds[i % 3], item=time, value=np.nan, unit=None, event=time)
             for i, time in enumerate(times)]  # fmt: skip
    return pd.DataFrame(rows)


def bias(labels):
    judged = (("Q1 clear inclusion", "yes"), ("Q2 " + labels[0], "unclear"), ("Q3", "no"))
    rows = [(study, "JBI case series", *one) for study in unique(list(labels)) for one in judged]
    return pd.DataFrame(rows, columns=["study_id", "tool", "domain", "judgement"])


def events_of(labels):
    return pd.DataFrame([
        dict(arm=arm, event=event, grade=grade, events=(7 * i) % 30 if grade == "any" else i % 4, n=30)
        for i, event in enumerate(unique(list(labels))) for arm in labels[:2] for grade in ("any", "ge3")
    ])  # fmt: skip


def baseline(labels):
    return pd.DataFrame([
        dict(study=study, characteristic=item, events=(5 * i + 3 * j) % 30, n=30)
        for i, study in enumerate(unique(list(labels))) for j, item in enumerate(("PVTT", "HBV", labels[0]))
    ])  # fmt: skip


def gosh_rows(labels):
    rng = np.random.default_rng(1)
    return pd.DataFrame({"k": 3, "estimate": rng.normal(-0.3, 0.2, 400), "tau2": 0.1, "I2": rng.uniform(0, 0.7, 400)})


def screening(labels):
    stages = ["included", "excluded", "read"] * len(labels)
    return pd.DataFrame({"stage": stages[: len(labels)], "reason": list(labels), "used_for": "response; survival"})


def influence_rows(labels):
    grid = np.linspace(0.1, 2, len(labels))
    return pd.DataFrame({"study": list(labels), "rstudent": grid[::-1], "cook_d": grid**2 / 4})


def evidence(labels):
    table = pd.DataFrame({item: (np.arange(len(labels)) * (j + 2)) % 5 for j, item in enumerate(unique(labels[:4]))})
    return table.assign(study=list(labels))


FIGURES = {
    "forest": lambda labels, **o: hm.plot_forest(hm.pool(effects(labels)), favours=(labels[0], labels[-1]), **o),
    "forest of subgroups": lambda labels, **o: hm.plot_forest(
        hm.pool_by(effects(labels).assign(site=np.arange(len(labels)) % 2), "site"), **o),
    "forest of effects": lambda labels, **o: hm.plot_forest(effects(labels), **o),
    "survival": lambda labels, **o: hm.plot_survival(
        {label: curve(scale=6.0 + 3 * i) for i, label in enumerate(unique(labels[:6]))}, endpoint="OS", **o),
    "funnel": lambda labels, **o: hm.plot_funnel(hm.pool(effects(labels)), label_studies=True, **o),
    "baujat": lambda labels, **o: hm.plot_baujat(influence_rows(labels), **o),
    "gosh": lambda labels, **o: hm.plot_gosh(gosh_rows(labels), measure="HR", **o),
    "cumulative": lambda labels, **o: hm.plot_cumulative(pooled_rows(labels), measure="HR", **o),
    "bubble": lambda labels, **o: hm.plot_bubble(regression(labels), x="dose", **o),
    "multiverse": lambda labels, **o: hm.plot_multiverse(multiverse_cells(labels), measure="HR", **o),
    "flow": lambda labels, **o: hm.plot_flow(screening(labels), **o),
    "risk of bias": lambda labels, **o: hm.plot_risk_of_bias(bias(labels), **o),
    "swimmer": lambda labels, **o: hm.plot_swimmer(timeline(labels), **o),
    "adverse events": lambda labels, **o: hm.plot_adverse_events(events_of(labels), **o),
    "evidence map": lambda labels, **o: hm.plot_evidence_map(evidence(labels), **o),
    "baseline": lambda labels, **o: hm.plot_baseline(baseline(labels), **o),
}  # fmt: skip
