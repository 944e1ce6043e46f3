"""Response by features of the studies: each level pooled apart, never a comparison within patients."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..evidence.load import needs_tables
from ..pooling.glmm_moderators import pool_proportion_by
from .sentences import estimate_text, p_text, studies_text

MODERATORS = {
    "modality": "radiotherapy",
    "dose": "dose (BED10)",
    "timing": "timing",
    "with_antiangiogenic": "anti-angiogenic drug",
    "line": "line of treatment",
    "criteria": "response criteria",
    "pvtt_share": "share with portal vein thrombus",
    "evidence_grade": "what was read",
    "counts": "counts",
}
BED_CUT = 70.0
PVTT_CUT = 0.5


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
        With modality (external beam, Y-90, ...), dose (below or from 70 Gy BED10), with_antiangiogenic, pvtt_share
        (below or from half), counts (printed, inferred).
    """
    external = {"EBRT": "external beam, other", "IMRT": "external beam, IMRT", "SBRT": "SBRT", "proton": "proton"}
    modality = rows["rt_modality"].map(
        lambda kind: external.get(kind, {"Y90": "Y-90", "I125": "I-125"}.get(kind, kind))
    )
    bed = rows["rt_bed10"].astype(float)
    drug = rows["antiangiogenic"].fillna("not_stated")
    pvtt = rows["arm_id"].map(_share(tables, "pvtt")).astype(float)
    return rows.assign(
        modality=modality.fillna("not stated").str.replace("_", " "),
        dose=np.select(
            [bed < BED_CUT, bed >= BED_CUT], [f"below {BED_CUT:g} Gy", f"{BED_CUT:g} Gy or more"], "not stated"
        ),
        timing=rows["timing"].fillna("not stated").str.replace("_", " "),
        line=rows["line"].fillna("not stated").str.replace("_", " "),
        criteria=rows["criteria"].str.replace("_", " "),
        evidence_grade=rows["evidence_grade"].str.replace("_", " "),
        with_antiangiogenic=drug.map({"none": "no", "part": "in part", "not_stated": "not stated"}).fillna("yes"),
        pvtt_share=np.select([pvtt < PVTT_CUT, pvtt >= PVTT_CUT], ["below half", "half or more"], "not stated"),
        counts=rows["how"].map({"printed": "printed", "calculated": "calculated from print"}).fillna("inferred"),
    )


@needs_tables
def moderator_table(tables, rows, *, level: float = 0.95):
    """Pooled response at each level of each moderator (binomial-normal model), with the test between stated levels.

    Returns
    -------
    DataFrame
        moderator, study (level with k, for `plot_forest`), k, estimate, ci_low, ci_high (proportions), yi, vi,
        measure, p_between. Levels with one study show that study.
    """
    import pandas as pd

    classed, found = with_classes(tables, rows), []
    for column, words in MODERATORS.items():
        stated = classed[classed[column] != "not stated"]
        if stated[column].nunique() < 2:
            continue
        groups = pool_proportion_by(classed, column, min_k=1, level=level)
        between = pool_proportion_by(stated, column, level=level).p_value if len(stated) > 2 else np.nan
        heading = f"{words} ({p_text(between)})" if isfinite(between) else words
        for name, result in sorted(groups.groups.items(), key=lambda item: (item[0] == "not stated", item[0])):
            shown = result.display
            found.append([heading, f"{name} (k = {result.k})", result.k, shown.estimate,
                          shown.ci_low, shown.ci_high, result.estimate, result.se**2, "PLO", between])  # fmt: skip
    columns = ["moderator", "study", "k", "estimate", "ci_low", "ci_high", "yi", "vi", "measure", "p_between"]
    return pd.DataFrame(found, columns=columns)


def moderator_sentence(table) -> str:
    """Which moderators the test between stated levels separates."""
    if table.empty:
        return "Too few studies state a feature at two levels: response by study features is not shown."
    tests = table.drop_duplicates("moderator")[["moderator", "p_between"]]
    tests = tests[tests["p_between"].map(isfinite)]
    small = tests[tests["p_between"] < 0.05]["moderator"]
    what = (
        "none separates the response rates" if small.empty else f"these separate the response rates: {'; '.join(small)}"
    )
    return (
        f"Of {len(tests)} features of the studies that can be tested, {what} (p < 0.05, not adjusted). "
        "Studies differ in many ways at once, so no feature is shown to be the cause."
    )


def setting_sentence(results: dict) -> str:
    """Single-arm estimates side by side with the warning that this is no comparison."""
    parts = "; ".join(
        f"{label}: {estimate_text(result)}, {studies_text(result.k)}" for label, result in results.items() if result.k
    )
    return f"Side by side, not a comparison (other patients, other trials) - {parts}." if parts else "Nothing to show."
