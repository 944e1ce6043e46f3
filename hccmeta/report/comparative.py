"""Tables and sentences behind the notebook of comparative effects."""

from __future__ import annotations

from math import isnan

from ..effects.ratio import effects_ratio_ci
from ..effects.two_arm import effects_two_arm
from ..evidence.load import needs_tables
from ..evidence.pairs import hazard_ratio_rows, pair_responses
from ..pooling.inverse_variance import pool
from .response import summarised
from .sentences import estimate_text, result_text, studies_text

ENDPOINTS = {"OS": "death", "PFS": "progression or death"}
MEASURES = {"OR": "odds ratio", "RR": "risk ratio", "RD": "risk difference"}


@needs_tables
def printed_hazard_ratios(tables, hazard: dict):
    """All printed hazard ratios of the studies that carry a contrast, ready for `plot_forest` (no summary).

    Parameters
    ----------
    tables : Tables
    hazard : dict
        Endpoint -> selected rows (`contrast_hazard_ratios`).

    Returns
    -------
    DataFrame
        study (label of study and analysis), endpoint, model, population, estimate, ci_low, ci_high, yi, vi, ...
    """
    import pandas as pd

    labels = tables.studies.set_index("study_id")["label"]
    frames = []
    for endpoint, rows in hazard.items():
        for study_id in rows["study_id"].unique():
            found = hazard_ratio_rows(tables, study_id, endpoint=endpoint)
            frames.append(found.assign(study=labels[study_id] + ": " + found["study"]))
    if not frames:
        return tables.hazard_ratios.iloc[:0].assign(study="", estimate=float("nan"))
    return effects_ratio_ci(pd.concat(frames, ignore_index=True))


@needs_tables
def scope_pairs(tables, *, endpoint: str):
    """Response of two arms by population and lesions judged: the rows of one study are the same patients."""
    import pandas as pd

    frames = []
    for scope in ("overall", "in_field", "non_irradiated"):
        for population in ("psm", "all"):
            rows = pair_responses(tables, endpoint=endpoint, lesion_scope=scope, population=(population,))
            words = f"{scope.replace('_', ' ')}, " + ("matched" if population == "psm" else "all patients")
            frames.append(rows.assign(study=rows["study"] + f": {words}", lesion_scope=scope))
    found = pd.concat([rows for rows in frames if len(rows)] or frames[:1], ignore_index=True)
    return found.sort_values(["year", "study_id"], kind="stable", ignore_index=True)


def two_arm_table(effects: dict, *, level: float):
    """Odds ratio, risk ratio and risk difference of each row with their intervals, on the reported scale."""
    import pandas as pd

    rows = []
    for measure, table in effects.items():
        for position, row in enumerate(table.to_dict("records")):
            shown = pool(table.iloc[[position]], model="common", level=level).display
            rows.append({
                "study": row["study"], "population": row["population"], "lesion_scope": row["lesion_scope"],
                "measure": measure, "events_1": row["events_1"], "n_1": row["n_1"], "events_2": row["events_2"],
                "n_2": row["n_2"], "estimate": shown.estimate, "ci_low": shown.ci_low, "ci_high": shown.ci_high,
                "use": row["use"], "note": row["note"],
            })  # fmt: skip
    columns = ["study", "population", "lesion_scope", "measure", "events_1", "n_1", "events_2", "n_2"]
    return pd.DataFrame(rows, columns=[*columns, "estimate", "ci_low", "ci_high", "use", "note"])


def pool_contrasts(pairs, hazard: dict, *, endpoint: str, level: float) -> dict:
    """Label -> PooledResult of the response effects and the hazard ratios, one row per independent study."""
    results = {}
    if len(pairs):
        for measure, words in MEASURES.items():
            results[f"{endpoint}, {words}"] = summarised(pool(effects_two_arm(pairs, measure=measure), level=level))
    for name, rows in hazard.items():
        if len(rows):
            results[f"{name}, hazard ratio"] = summarised(pool(effects_ratio_ci(rows), level=level))
    return results


def comparative_sentence(pairs, hazard: dict, *, endpoint: str, level: float) -> str:
    """What the contrast shows for survival and response, with the number of studies behind each."""
    results = pool_contrasts(pairs, hazard, endpoint=endpoint, level=level)
    if not results:
        return "No study in this selection compares RT + ICI with the same drugs without radiotherapy."
    parts = []
    for name, rows in hazard.items():
        if len(rows):
            result = results[f"{name}, hazard ratio"]
            source = f" ({rows['study'].iloc[0]} only, not randomised)" if result.k == 1 else ""
            shown = estimate_text(result) if result.k == 1 else result_text(result)
            parts.append(f"hazard ratio of {ENDPOINTS[name]} {shown}{source}")
    if len(pairs):
        shown = [f"{words} {estimate_text(results[f'{endpoint}, {words}'])}" for words in MEASURES.values()]
        odds = results[f"{endpoint}, odds ratio"]
        source = f"{pairs['study'].iloc[0]} only" if odds.k == 1 else studies_text(odds.k)
        few = isnan(odds.estimate)
        parts.append(f"{endpoint} {result_text(odds)}" if few else f"{endpoint} {', '.join(shown)} ({source})")
    return f"With against without radiotherapy on the same drugs: {'; '.join(parts)}."
