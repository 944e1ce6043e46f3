"""Certainty of the evidence: judgements from `certainty.csv` beside the results, with absolute effects."""

from __future__ import annotations

from math import isnan

from ..effects.ratio import effects_ratio_ci
from ..effects.two_arm import effects_two_arm
from ..evidence.load import needs_tables
from ..evidence.pairs import contrast_hazard_ratios, pair_responses
from ..evidence.safety import select_adverse_events
from ..evidence.select import select_responses
from ..paths import project_root
from ..pooling.inverse_variance import pool
from .response import pool_rates, summarised
from .sentences import estimate_text, studies_side_by_side, studies_text

PER = 1000
RT_ICI = {"treatment": ["RT + ICI"]}


def absolute_effect(risk: float, hr: float) -> float:
    """Risk with a hazard ratio, from the risk without: 1 - (1 - risk)^HR (proportional hazards)."""
    return 1 - (1 - risk) ** hr


def absolute_effects(results: dict):
    """Events per 1,000 patients with radiotherapy at plausible risks without it, for hazard ratios.

    Parameters
    ----------
    results : dict
        As `headline_results` gives them; OS and PFS are used.

    Returns
    -------
    DataFrame
        endpoint, risk_without, fewer, fewer_low, fewer_high (per 1,000; negative = more events with radiotherapy).
    """
    import pandas as pd
    import yaml

    risks = yaml.safe_load((project_root() / "config" / "absolute_effects.yaml").read_text(encoding="utf-8"))
    rows = []
    for endpoint in ("OS", "PFS"):
        result = results.get(endpoint)
        if result is None or isnan(result.estimate):
            continue
        shown = result.display
        for risk in risks[endpoint]:
            ends = [PER * (risk - absolute_effect(risk, hr)) for hr in (shown.estimate, shown.ci_high, shown.ci_low)]
            rows.append([endpoint, risk, *ends])
    return pd.DataFrame(rows, columns=["endpoint", "risk_without", "fewer", "fewer_low", "fewer_high"])


@needs_tables
def summary_of_findings(tables, results: dict):
    """Summary of findings: result, studies and patients, certainty and its reasons, one row per question and outcome.

    Parameters
    ----------
    tables : Tables
    results : dict
        Outcome as in `certainty.csv` -> PooledResult.

    Returns
    -------
    DataFrame
        question, outcome, result, studies, certainty, reasons (domains with a concern).
    """
    import pandas as pd

    rows = []
    for (question, outcome), judged in tables.certainty.groupby(["question", "outcome"], sort=False):
        overall = judged.loc[judged["domain"] == "overall", "judgement"]
        concerns = judged[~judged["domain"].isin(["overall", "starting_level"])]
        concerns = concerns[~concerns["judgement"].isin(["no_concern", "undetected", "none"])]
        reasons = "; ".join(
            f"{domain.replace('_', ' ')} {judgement.replace('_', ' ')}: {reason}"
            for domain, judgement, reason in zip(
                concerns["domain"], concerns["judgement"], concerns["reason"], strict=True
            )
        )
        result = results.get(outcome)
        k = 0 if result is None else result.k
        if k == 0:
            shown = "no result"
        else:
            shown = f"not pooled: {studies_side_by_side(result)}" if isnan(result.estimate) else estimate_text(result)
        rows.append({
            "question": question, "outcome": outcome, "result": shown, "studies": studies_text(k),
            "certainty": overall.iloc[0].replace("_", " ") if len(overall) else "not judged", "reasons": reasons,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["question", "outcome", "result", "studies", "certainty", "reasons"])


@needs_tables
def headline_results(tables, *, level: float = 0.95) -> dict:
    """The results that `certainty.csv` judges, by its outcomes; contrasts without a study are left out."""
    pairs = pair_responses(tables)
    hazard = {name: contrast_hazard_ratios(tables, endpoint=name) for name in ("OS", "PFS")}
    related = select_adverse_events(tables, grade="3-4", where=RT_ICI, attribution=("treatment_related",))
    results = {
        "ORR": pool_rates(select_responses(tables, where=RT_ICI), level=level),
        "adverse events ge3": pool_rates(select_adverse_events(tables, grade="ge3", where=RT_ICI), level=level),
        "adverse events 3-4": pool_rates(related, level=level),
    }
    if len(pairs):
        results["ORR with v without RT"] = summarised(pool(effects_two_arm(pairs), level=level))
    for name, rows in hazard.items():
        if len(rows):
            results[name] = summarised(pool(effects_ratio_ci(rows), level=level))
    return results


def certainty_sentence(summary) -> str:
    """How certain each headline result is."""
    if summary.empty:
        return "No certainty has been judged."
    parts = [
        f"{row['outcome']}: {row['result']}, {row['studies']}, certainty {row['certainty']}"
        for row in summary.to_dict("records")
    ]
    return f"Certainty of the evidence (GRADE) - {'; '.join(parts)}."
