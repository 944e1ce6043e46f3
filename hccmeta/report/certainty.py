"""Certainty of the evidence: judgements from `certainty.csv` beside the results, with absolute effects."""

from __future__ import annotations

from functools import partial
from math import isnan, nan

from ..effects.ratio import effects_ratio_ci
from ..effects.scales import RATIOS
from ..effects.two_arm import effects_two_arm
from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.pairs import contrast_hazard_ratios, pair_responses
from ..evidence.safety import select_adverse_events
from ..evidence.select import select_responses
from ..evidence.sieve import RT_ICI
from ..paths import project_root
from ..pooling.inverse_variance import pool
from ..pooling.result import PooledResult
from .response import as_rows, pool_rates, summarised
from .safety import GRADES
from .sentences import FEWEST, RATIO_WORDS, estimate_text, result_text, studies_side_by_side, studies_text

PER = 1000
EVIDENCE = {
    "all rows": ("full_text", "abstract", "secondary"),
    "without secondary sources": ("full_text", "abstract"),
    "full texts only": ("full_text",),
}
EVENTS = {
    "ORR with v without RT": "with a response", "OS": "dead at 12 months", "PFS": "progressed or dead at 12 months",
}  # fmt: skip


def risk_with(risk: float, effect: float, measure: str) -> float:
    """Risk with radiotherapy, from the risk without: by an odds ratio, or by a hazard ratio (proportional hazards)."""
    return effect * risk / (1 - risk + effect * risk) if measure == "OR" else 1 - (1 - risk) ** effect


@takes(results={"outcome": PooledResult})
def absolute_effects(results: dict):
    """Patients per 1,000 with the event more or fewer with radiotherapy, at plausible risks without it.

    Parameters
    ----------
    results : dict
        As `headline_results` gives them; those with a risk in `config/absolute_effects.yaml` are used.

    Returns
    -------
    DataFrame
        outcome, risk_without, difference, difference_low, difference_high (per 1,000; negative = fewer with RT).
    """
    import pandas as pd
    import yaml

    risks = yaml.safe_load((project_root() / "config" / "absolute_effects.yaml").read_text(encoding="utf-8"))
    rows = []
    for outcome in EVENTS:
        result = results.get(outcome)
        if result is None or isnan(result.estimate):
            continue
        shown = result.display
        for risk in risks.get(outcome, []):
            ends = [risk_with(risk, at, result.measure) for at in (shown.estimate, shown.ci_low, shown.ci_high)]
            rows.append([outcome, risk, *(PER * (end - risk) for end in ends)])
    return pd.DataFrame(rows, columns=["outcome", "risk_without", "difference", "difference_low", "difference_high"])


def _difference_text(row) -> str:
    """`128 fewer (32 to 192)`, or `10 fewer (50 fewer to 30 more)` where the interval holds no difference."""
    mid, low, high = row["difference"], row["difference_low"], row["difference_high"]
    words = "fewer" if mid < 0 else "more"
    if low < 0 < high:
        return f"{abs(mid):.0f} {words} ({-low:.0f} fewer to {high:.0f} more)"
    least, most = sorted((abs(low), abs(high)))
    return f"{abs(mid):.0f} {words} ({least:.0f} to {most:.0f})"


@needs_tables
@takes(results={"outcome": PooledResult})
def summary_of_findings(tables, results: dict):
    """Summary of findings: result, absolute effects, studies, certainty and its reasons, one row per outcome.

    Parameters
    ----------
    tables : Tables
    results : dict
        Outcome as in `certainty.csv` -> PooledResult.

    Returns
    -------
    DataFrame
        question, outcome, result, without_per_1000 (patients with the event without radiotherapy, as
        `config/absolute_effects.yaml` assumes), difference_per_1000 (with radiotherapy, at each of these risks),
        studies, certainty, reasons (domains with a concern).
    """
    import pandas as pd

    absolute = dict(list(absolute_effects(results).groupby("outcome")))
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
            shown = _measured(result, shown)
        without = difference = ""
        if outcome in absolute:
            at = absolute[outcome]
            without = "; ".join(f"{PER * risk:.0f}" for risk in at["risk_without"]) + f" {EVENTS[outcome]}"
            difference = "; ".join(_difference_text(row) for row in at.to_dict("records"))
        rows.append({
            "question": question, "outcome": outcome, "result": shown, "without_per_1000": without,
            "difference_per_1000": difference, "studies": studies_text(k),
            "certainty": overall.iloc[0].replace("_", " ") if len(overall) else "not judged", "reasons": reasons,
        })  # fmt: skip
    columns = ["question", "outcome", "result", "without_per_1000", "difference_per_1000", "studies", "certainty",
               "reasons"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


@needs_tables
def headline_results(tables, *, level: float = 0.95) -> dict:
    """The results that `certainty.csv` judges, by its outcomes; contrasts without a study are left out."""
    return {
        outcome: pooled(rows)
        for outcome, (rows, pooled) in headline_pools(tables, level=level).items()
        if len(rows) or "experimental_arm" not in rows
    }


def headline_pools(tables, *, level: float = 0.95) -> dict:
    """Outcome of `certainty.csv` -> (its rows, the function that pools such rows)."""
    severe = select_adverse_events(tables, grade="ge3", where=RT_ICI)
    one_cause = severe["attribution"].nunique() <= 1  # counts of different attribution are shown, not pooled
    related = select_adverse_events(tables, grade="3-4", where=RT_ICI, attribution=("treatment_related",))
    rates = partial(pool_rates, level=level)

    def ratios(rows):
        effects = effects_two_arm(rows) if "events_1" in rows else effects_ratio_ci(rows)
        return summarised(pool(effects, level=level))

    return {
        "ORR": (select_responses(tables, where=RT_ICI), rates),
        "adverse events ge3": (severe, partial(rates, min_k=FEWEST if one_cause else len(severe) + 1)),
        "adverse events 3-4": (related, rates),
        "ORR with v without RT": (pair_responses(tables), ratios),
        "OS": (contrast_hazard_ratios(tables, endpoint="OS"), ratios),
        "PFS": (contrast_hazard_ratios(tables, endpoint="PFS"), ratios),
    }


@takes(summary=("outcome", "result", "studies", "certainty"))
def certainty_sentence(summary) -> str:
    """How certain each headline result is."""
    if summary.empty:
        return "No certainty has been judged."
    parts = [
        f"{outcome_words(row['outcome'])}: {row['result']}, {row['studies']}, certainty {row['certainty']}"
        for row in summary.to_dict("records")
    ]
    return f"Certainty of the evidence (GRADE) - {'; '.join(parts)}."


@needs_tables
def results_by_grade(tables, *, level: float = 0.95) -> dict:
    """Headline results from all rows and from what was read better: name of the rows -> outcome -> PooledResult.

    Rows are left out before selection, so that of an overlapping cohort the largest of the rest steps in.
    """
    found = {}
    for words, grades in EVIDENCE.items():
        kept = {name: getattr(tables, name) for name in ("responses", "hazard_ratios", "adverse_events")}
        kept = {name: rows[rows["evidence_grade"].isin(grades)] for name, rows in kept.items()}
        found[words] = headline_results(tables.replace(**kept), level=level)
    return found


@takes(results={"rows": {"outcome": PooledResult}})
def grade_table(results: dict):
    """Every headline result by what was read, with its move from the result of all rows.

    Parameters
    ----------
    results : dict
        As `results_by_grade` gives them.

    Returns
    -------
    DataFrame
        outcome, group (which rows), study (group with k, or the studies one by one), k, measure, events, n, yi, vi,
        estimate, ci_low, ci_high (reported scale), move (difference of shares, or factor between ratios; empty where
        nothing is pooled).
    """
    import pandas as pd

    first, frames = next(iter(results.values())), []
    for outcome in first:
        chosen = {words: one[outcome] for words, one in results.items() if outcome in one}
        moves = {words: _move(first[outcome], one) for words, one in chosen.items()}
        rows = as_rows(chosen)
        heading = outcome_words(outcome).partition(",")[0]  # a figure cuts longer headings
        frames.append(rows.assign(outcome=heading, move=rows["group"].map(moves)))
    table = pd.concat(frames, ignore_index=True)
    return table[["outcome", *[name for name in table if name != "outcome"]]]


@takes(results={"rows": {"outcome": PooledResult}})
def grade_sentence(results: dict) -> str:
    """What each headline result rests on, and how far it moves without secondary sources and with full texts alone."""
    first, parts = next(iter(results.values())), []
    for outcome, whole in first.items():
        if not whole.k:
            continue
        shown = [_measured(whole, result_text(whole))]
        for words, one in list(results.items())[1:]:
            text = _measured(one[outcome], result_text(one[outcome])) if outcome in one else "no study"
            same = text == shown[0]
            shown.append(f"{words} {'the same' if same else text + _move_text(whole, one.get(outcome))}")
        parts.append(f"{outcome_words(outcome)}: {', '.join(shown)}")
    return f"Headline results by what was read - {'; '.join(parts)}." if parts else "No headline result to compare."


def _measured(result, shown: str) -> str:
    """`odds ratio 3.14 (95 % CI ...)`: a ratio says which it is, a share needs no word."""
    return f"{RATIO_WORDS[result.measure]} {shown}" if result.k and result.measure in RATIO_WORDS else shown


def _move(whole, result) -> float:
    """Difference of shares, or factor between ratios; missing where one of the two has no estimate."""
    one, two = whole.display.estimate, result.display.estimate
    return two / one if whole.measure in RATIOS else two - one


def _move_text(whole, result) -> str:
    move = nan if result is None else _move(whole, result)
    if isnan(move):
        return ""
    return f" (times {move:.2f})" if whole.measure in RATIOS else f" ({100 * move:+.1f} points)"


def outcome_words(outcome: str) -> str:
    """Outcome of `certainty.csv` in words, with the cause of the events that `headline_results` selects."""
    causes = {"ge3": "any cause or treatment-related", "3-4": "treatment-related"}
    words = {f"adverse events {grade}": f"adverse events {GRADES[grade]}, {cause}" for grade, cause in causes.items()}
    return words.get(outcome, outcome)
