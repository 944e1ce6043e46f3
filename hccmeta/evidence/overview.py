"""What is in the tables, counted: studies, who reports what, who the patients are."""

from __future__ import annotations

from hccmeta.errors import takes
from hccmeta.evidence.load import needs_tables
from hccmeta.evidence.sieve import NO_RATE, arm_table

REPORTED = {
    "responses": {"ORR": "response", "PCR": "pathology", "MPR": "pathology", "PCR_OR_MPR": "pathology"},
    "survival": {"OS": "OS", "PFS": "PFS", "RFS": "relapse", "IRFS": "in-field control", "ORFS": "relapse",
                 "LC": "in-field control", "LF": "in-field control", "TTP": "PFS"},
    "hazard_ratios": {"OS": "hazard ratio", "PFS": "hazard ratio"},
}  # fmt: skip
KINDS = ("response", "pathology", "OS", "PFS", "relapse", "in-field control", "hazard ratio", "adverse events")


@needs_tables
def study_table(tables):
    """One row per arm: study, design, setting, treatment, patients, radiotherapy, what was read."""
    arms = arm_table(tables).sort_values(["year", "study_id"], kind="stable")
    grade = tables.studies.set_index("study_id")["evidence_grade"]
    columns = [
        "study",
        "design",
        "setting",
        "arm_label",
        "treatment",
        "n_arm",
        "line",
        "rt_modality",
        "rt_bed10",
        "timing",
    ]
    return arms[columns].assign(evidence_grade=arms["study_id"].map(grade)).reset_index(drop=True)


@needs_tables
def evidence_matrix(tables):
    """Studies x kinds of result: number of usable rows per kind (0 = the study does not report it)."""
    import pandas as pd

    studies = tables.studies.sort_values(["year", "study_id"], kind="stable")
    study_of = tables.arms.set_index("arm_id")["study_id"]
    counts = pd.DataFrame(0, index=studies["study_id"], columns=list(KINDS))
    for table, kinds in REPORTED.items():
        rows = getattr(tables, table)
        owner = rows["study_id"] if "study_id" in rows else rows["arm_id"].map(study_of)
        for study_id, endpoint in zip(owner, rows["endpoint"], strict=True):
            if endpoint in kinds:
                counts.loc[study_id, kinds[endpoint]] += 1
    for study_id, number in tables.adverse_events["arm_id"].map(study_of).value_counts().items():
        counts.loc[study_id, "adverse events"] = number
    counts.index = studies["label"].to_list()
    return counts


@needs_tables
@takes(findings=("severity",))
def evidence_sentence(tables, findings) -> str:
    """How much evidence there is, and what the audit of the papers' numbers found, as one sentence."""
    studies, arms = tables.studies, arm_table(tables)
    rt_ici = arms[arms["treatment"] == "RT + ICI"]
    results = rt_ici[~rt_ici["design"].isin(NO_RATE)]
    severity = findings["severity"].value_counts()
    n_results, sized = results["study_id"].nunique(), int(results["n_arm"].notna().sum())
    size = "" if sized == len(results) else f" in the {sized} arms of known size"
    return (
        f"The tables hold {len(studies)} studies with {len(arms)} arms; {n_results} of them give "
        f"results of {len(results)} arms treated with radiotherapy and immune checkpoint inhibitors "
        f"({int(results['n_arm'].sum())} patients{size}, overlaps not removed). The audit of the printed numbers found "
        f"{severity.get('error', 0)} errors and {severity.get('warning', 0)} doubtful numbers in the papers."
    )


@needs_tables
def moderator_shares(tables, variables=("pvtt", "child_pugh", "extrahepatic_metastasis", "hbsag", "etiology", "sex")):
    """Baseline shares as printed, for `plot_baseline`: study, arm_id, characteristic (`variable: level`), events, n."""
    rows = tables.characteristics
    rows = rows[(rows["timepoint"] == "baseline") & (rows["statistic"] == "count") & rows["variable"].isin(variables)]
    rows = rows[rows["population"] == "all"]
    arms = arm_table(tables).set_index("arm_id")
    rows = rows[rows["arm_id"].map(arms["design"]) != "case_report"]
    rows = rows[rows["events"].notna() & rows["n"].notna()]
    return rows.assign(
        study=rows["arm_id"].map(arms["study"]) + ", " + rows["arm_id"].map(arms["arm_label"]),
        characteristic=rows["variable"].str.replace("_", " ") + ": " + rows["level"].fillna(""),
    )[["study", "arm_id", "characteristic", "events", "n"]].reset_index(drop=True)


@needs_tables
def judged(tables):
    """Agreed judgements of bias with the study's label, without designs that no tool fits; then ROB-ME's syntheses."""
    import pandas as pd

    rows = tables.risk_of_bias[tables.risk_of_bias["tool"] != "not applicable"]
    rows = rows.assign(study=rows["study_id"].map(tables.studies.set_index("study_id")["label"]))
    missing = tables.missing_results
    missing = missing.assign(study=missing["synthesis"], outcome=missing["synthesis"], tool="ROB-ME")
    both = pd.concat([rows, missing[[name for name in rows if name in missing]]])
    return both[both["assessment"] == "agreed"].reset_index(drop=True)
