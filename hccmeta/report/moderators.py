"""Response by features of the studies: each level pooled apart, never a comparison within patients."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..errors import takes
from ..evidence.load import needs_tables
from ..pooling.glmm_moderators import pool_proportion_by
from ..pooling.result import PooledResult
from .response import as_rows, pool_rates
from .sentences import FEWEST, counts_text, interval_text, p_text, percent, result_text, studies_text

MODERATORS = {
    "modality": "radiotherapy",
    "timing": "timing",
    "with_antiangiogenic": "anti-angiogenic drug",
    "line": "line of treatment",
    "criteria": "response criteria",
    "pvtt_share": "share with portal vein thrombus",
    "evidence_grade": "what was read",
    "counts": "counts",
}
QUESTIONS = {
    "modality": "Does the response rate differ by kind of radiotherapy?",
    "timing": "Does it differ by the timing of radiotherapy and ICI?",
    "with_antiangiogenic": "Does it differ by the anti-angiogenic drug?",
    "line": "Does it differ by line of treatment?",
    "pvtt_share": "Does it differ by the share of patients with portal vein thrombus?",
    "criteria": "Does it differ by the response criteria?",
}
PVTT_CUT = 0.5
ROWS = ("arm_id", "rt_modality", "antiangiogenic", "timing", "line", "criteria", "evidence_grade", "how")
LEVELS = ("feature", "moderator", "group", "study", "k", "events", "n", "estimate", "ci_low", "ci_high", "yi", "vi",
          "measure", "p_between")  # fmt: skip


def _share(tables, variable: str):
    """arm_id -> printed share of patients with a baseline feature (`yes` level or the variable itself)."""
    rows = tables.characteristics
    rows = rows[(rows["variable"] == variable) & (rows["timepoint"] == "baseline") & (rows["population"] == "all")]
    yes = rows["level"].fillna("yes").str.lower().isin(["yes", "present", "positive", ""])
    rows = rows[yes]
    share = rows["events"].astype(float) / rows["n"].astype(float)
    share = share.fillna(rows["printed_pct"].astype(float) / 100).fillna(rows["value"].astype(float) / 100)
    return dict(zip(rows["arm_id"], share, strict=True))


@needs_tables
@takes(rows=ROWS)
def with_classes(tables, rows):
    """Selected rows with the classes of `MODERATORS`; what a report does not state is `not stated`.

    Parameters
    ----------
    tables : Tables
    rows : DataFrame
        As `select_responses` gives them.

    Returns
    -------
    DataFrame
        With modality (external beam, Y-90, ...), timing, line, criteria, with_antiangiogenic, pvtt_share (below or from
        half), evidence_grade and counts (printed, inferred).
    """
    external = {"EBRT": "external beam, other", "IMRT": "external beam, IMRT", "SBRT": "SBRT", "proton": "proton"}
    modality = rows["rt_modality"].map(
        lambda kind: external.get(kind, {"Y90": "Y-90", "I125": "I-125"}.get(kind, kind))
    )
    drug = rows["antiangiogenic"].fillna("not_stated")
    pvtt = rows["arm_id"].map(_share(tables, "pvtt")).astype(float)
    return rows.assign(
        modality=modality.fillna("not stated").str.replace("_", " "),
        timing=rows["timing"]
        .fillna("not stated")
        .replace({"rt_first": "RT first", "ici_first": "ICI first"})
        .str.replace("_", " "),
        line=rows["line"].fillna("not stated").str.replace("_", " "),
        criteria=rows["criteria"].str.replace("_", " "),
        evidence_grade=rows["evidence_grade"].str.replace("_", " "),
        with_antiangiogenic=drug.map({"none": "no", "part": "in part", "not_stated": "not stated"}).fillna("yes"),
        pvtt_share=np.select([pvtt < PVTT_CUT, pvtt >= PVTT_CUT], ["below half", "half or more"], "not stated"),
        counts=rows["how"].map({"printed": "printed", "calculated": "calculated from print"}).fillna("inferred"),
    )


@needs_tables
@takes(rows=ROWS)
def moderator_table(tables, rows, *, level: float = 0.95):
    """Response at each level of each moderator (binomial-normal model), with the test between stated levels.

    Returns
    -------
    DataFrame
        feature (key of `MODERATORS`), moderator (heading with the test), group (level), study (level with k, or level
        and study where fewer than three are not pooled), k, events, n (of a single study), estimate, ci_low, ci_high
        (proportions), yi, vi, measure, p_between (levels of at least three studies).
    """
    import pandas as pd

    classed, found = with_classes(tables, rows), []
    for column, words in MODERATORS.items():
        stated = classed[classed[column] != "not stated"]
        if stated.empty or classed[column].nunique() < 2:
            continue
        between = pool_proportion_by(stated, column, min_k=FEWEST, level=level).p_value
        heading = f"{words} ({p_text(between)})" if isfinite(between) else words
        names = sorted(classed[column].unique(), key=lambda name: (name == "not stated", name))
        levels = as_rows({name: pool_rates(classed[classed[column] == name], level=level) for name in names})
        found.append(levels.assign(feature=column, moderator=heading, p_between=between))
    return pd.concat(found, ignore_index=True)[[*LEVELS]] if found else pd.DataFrame(columns=LEVELS)


@takes(table=("moderator", "p_between"))
def moderator_sentence(table) -> str:
    """Which moderators the test between stated levels separates."""
    if table.empty:
        return "Too few studies state a feature at two levels: response by study features is not shown."
    tests = table.drop_duplicates("moderator")[["moderator", "p_between"]]
    tests = tests[tests["p_between"].map(isfinite)]
    if tests.empty:
        return "No feature of the studies has two levels with three studies each: none is tested."
    small = tests[tests["p_between"] < 0.05]["moderator"]
    what = (
        f"none of {len(tests)} separates"
        if small.empty
        else f"{len(small)} of {len(tests)} separate: {'; '.join(small)}"
    )
    return (
        f"Of the features that at least two levels of three studies state, {what} (p < 0.05, not adjusted). "
        "Studies differ in many ways at once, so no feature is shown to be the cause."
    )


def feature_sentence(table, feature: str) -> str:
    """Response at each level of one feature: pooled from three studies on, study by study below."""
    rows = table[table["feature"] == feature]
    if rows.empty:
        return f"No study of this selection states the {MODERATORS[feature]}, or all state the same."
    parts = []
    for level, part in rows.groupby("group", sort=False):
        first = part.iloc[0]
        if part["n"].isna().all():
            interval = interval_text(first["ci_low"], first["ci_high"], "PLO")
            parts.append(f"{level}: {percent(first['estimate'])} ({interval}), {studies_text(first['k'])}")
        else:
            one_by_one = ", ".join(
                f"{row['study'].removeprefix(f'{level}: ')} {counts_text(row)}" for row in part.to_dict("records")
            )
            parts.append(f"{level}: {one_by_one}")
    between = rows["p_between"].iloc[0]
    test = f"test between the levels of three studies or more: {p_text(between)}" if isfinite(between) else "no test"
    return f"Response by {MODERATORS[feature]} - {'; '.join(parts)}; {test}. Exploratory: other features differ too."


@takes(table=LEVELS)
def feature_answers(table) -> dict:
    """Feature -> (question, sentence), for the front page."""
    return {feature: (question, feature_sentence(table, feature)) for feature, question in QUESTIONS.items()}


@takes(results={"label": PooledResult})
def setting_sentence(results: dict) -> str:
    """Single-arm estimates side by side with the warning that this is no comparison."""
    parts = "; ".join(f"{label}: {result_text(result)}" for label, result in results.items() if result.k)
    return f"Side by side, not a comparison (other patients, other trials) - {parts}." if parts else "Nothing to show."
