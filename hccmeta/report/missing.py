"""Which study gives which headline result: what ROB-ME asks before it judges what is missing."""

from __future__ import annotations

from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.sieve import NO_RATE, arm_table
from ..pooling.result import PooledResult
from .certainty import outcome_words

IN_RESULT, PRINTED, ABSENT = "in the result", "something printed", "nothing where read"


@needs_tables
@takes(results={"outcome": PooledResult})
def results_matrix(tables, results: dict):
    """Studies of RT + ICI by headline result: is the study in it, or is anything printed on the outcome?

    Protocols and case reports are left out: they give no rate.

    Parameters
    ----------
    tables : Tables
    results : dict
        Headline results of `headline_results`.

    Returns
    -------
    DataFrame
        study, read (full text, abstract, secondary), then one column per result: "in the result", "something printed"
        (not usable, or of another population or definition) or "nothing where read"; empty where a contrast asks for
        an arm without radiotherapy that the study does not have.
    """
    import pandas as pd

    arms = arm_table(tables)
    treated = arms[(arms["treatment"] == "RT + ICI") & ~arms["design"].isin(NO_RATE)]
    without = set(arms.loc[arms["treatment"] == "ICI without RT", "study_id"])
    read = tables.studies.set_index("study_id")["evidence_grade"].str.replace("_", " ")
    rows = []
    for (study_id, study), own in treated.groupby(["study_id", "study"], sort=False):
        row = {"study": study, "read": read[study_id]}
        for name, result in results.items():
            studies = result.studies
            if "experimental_arm" in studies and study_id not in without:
                row[name] = ""
            elif study_id in set(studies.loc[studies["included"], "study_id"]):
                row[name] = IN_RESULT
            else:
                row[name] = PRINTED if _something_printed(tables, name, own["arm_id"]) else ABSENT
        rows.append(row)
    return pd.DataFrame(rows)


def _something_printed(tables, name: str, arm_ids) -> bool:
    if name.startswith("adverse events"):
        return bool(tables.adverse_events["arm_id"].isin(arm_ids).any())
    table = tables.survival if name in ("OS", "PFS") else tables.responses
    return bool((table["arm_id"].isin(arm_ids) & (table["endpoint"] == name.split()[0])).any())


@takes(matrix=())
def missing_sentence(matrix) -> str:
    """How many of the studies that could give each headline result do."""
    names = [name for name in matrix.columns if name not in ("study", "read")]
    asked = {name: int((matrix[name] != "").sum()) for name in names}
    parts = [
        f"{outcome_words(name)}: {int((matrix[name] == IN_RESULT).sum())} of {asked[name]}"
        for name in names
        if asked[name]
    ]
    if not parts:
        return "No study of RT + ICI in this selection."
    return (
        f"Studies of RT + ICI behind each result, of all with the arms it asks for - {'; '.join(parts)}. "
        "Not every gap is a missing result: overlapping cohorts count once and perioperative arms stay out. What the "
        "others found is not known where they were read, and no search was run for more. The judgements after ROB-ME "
        "count fewer studies, those eligible for each result; their notes say which are not."
    )
