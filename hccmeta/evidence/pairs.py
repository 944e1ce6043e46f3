"""Comparisons: two arms of one study side by side, with the contrast they stand for."""

from __future__ import annotations

from hccmeta.errors import MethodError, takes
from hccmeta.evidence.load import needs_tables
from hccmeta.evidence.select import select_hazard_ratios, select_responses
from hccmeta.evidence.sieve import ADVANCED, TREATMENTS, arm_table, preferences

RT_CONTRAST = "RT + ICI v ICI without RT"


def contrast_of(experimental: str, control: str) -> str:
    return f"{experimental} v {control}"


def _check_contrast(contrast) -> None:
    sides = str(contrast).split(" v ")
    if contrast and (len(sides) != 2 or not set(sides) <= set(TREATMENTS)):
        raise MethodError(f"contrast = {contrast!r}: write 'A v B' with two of {', '.join(TREATMENTS)}, or '' for all.")


@needs_tables
def pair_responses(
    tables,
    *,
    endpoint="ORR",
    criteria=("RECIST1.1", "mRECIST", "not_stated"),
    lesion_scope="overall",
    population=("psm", "all", "treated", "evaluable", "per_protocol"),
    contrast=RT_CONTRAST,
    settings=ADVANCED,
):
    """Response counts of two arms of one study in one row, for `effects_two_arm`.

    Parameters
    ----------
    tables : Tables
    endpoint, criteria, lesion_scope, settings
        As in `select_responses`.
    population : tuple of str
        Ordered preferences; both arms must report the same population and criteria.
    contrast : str
        Treatment classes compared, for example "RT + ICI v ICI without RT"; "" for all.

    Returns
    -------
    DataFrame
        study, study_id, contrast, criteria, population, experimental_arm, control_arm, events_1, n_1, events_2, n_2
        (1 = experimental), use, note, response_id_1, response_id_2.
    """
    import pandas as pd

    _check_contrast(contrast)
    criteria = preferences(tables, "responses", "criteria", criteria)
    population = preferences(tables, "responses", "population", population)
    pairs, done = [], set()
    for wanted_population in population:
        for wanted_criteria in criteria:
            rows = select_responses(
                tables, endpoint=endpoint, criteria=wanted_criteria, lesion_scope=lesion_scope,
                population=wanted_population, overlap="keep", settings=settings,
            )  # fmt: skip
            for study_id, arms in rows.groupby("study_id", sort=False):
                experimental, control = arms[arms["role"] == "experimental"], arms[arms["role"] == "control"]
                if study_id in done or len(experimental) != 1 or len(control) != 1:
                    continue
                done.add(study_id)
                pairs.append(_pair(experimental.iloc[0], control.iloc[0], tables))
    columns = ["study", "study_id", "contrast", "criteria", "population", "experimental_arm", "control_arm",
               "events_1", "n_1", "events_2", "n_2", "use", "note", "cohort_id", "year", "response_id_1",
               "response_id_2"]  # fmt: skip
    table = pd.DataFrame(pairs, columns=columns)
    table = table[table["contrast"] == contrast] if contrast else table
    return table.sort_values(["year", "study_id"], kind="stable", ignore_index=True)


def _pair(one, two, tables) -> dict:
    label = tables.studies.set_index("study_id").loc[one["study_id"], "label"]
    worst = "check" if "check" in (one["use"], two["use"]) else "ok"
    return {
        "study": label, "study_id": one["study_id"], "contrast": contrast_of(one["treatment"], two["treatment"]),
        "criteria": one["criteria"], "population": one["population"], "experimental_arm": one["arm_id"],
        "control_arm": two["arm_id"], "events_1": int(one["events"]), "n_1": int(one["n"]),
        "events_2": int(two["events"]), "n_2": int(two["n"]), "use": worst,
        "note": "" if worst == "ok" else str(one["use_reason"] if one["use"] == "check" else two["use_reason"]),
        "cohort_id": one["cohort_id"], "year": one["year"], "response_id_1": one["response_id"],
        "response_id_2": two["response_id"],
    }  # fmt: skip


@needs_tables
def contrast_hazard_ratios(tables, *, endpoint="OS", contrast=RT_CONTRAST, **options):
    """Hazard ratios of one contrast of treatments: `select_hazard_ratios` with the class of both arms.

    Returns
    -------
    DataFrame
        As `select_hazard_ratios`, with `control_treatment` and `contrast`.
    """
    _check_contrast(contrast)
    rows = select_hazard_ratios(tables, endpoint=endpoint, **options)
    treatment = arm_table(tables).set_index("arm_id")["treatment"]
    rows["control_treatment"] = rows["control_arm"].map(treatment)
    rows["contrast"] = [contrast_of(a, b) for a, b in zip(rows["treatment"], rows["control_treatment"], strict=True)]
    return rows[rows["contrast"] == contrast].reset_index(drop=True) if contrast else rows


@needs_tables
@takes(study_id=str)
def hazard_ratio_rows(tables, study_id: str, *, endpoint="OS"):
    """Every hazard ratio between two arms that a study prints for an endpoint, labelled by its analysis.

    Returns
    -------
    DataFrame
        study (label of the analysis), estimate, ci_low, ci_high, ci_level and the columns of hazard_ratios.
    """
    rows = tables.hazard_ratios
    rows = rows[(rows["study_id"] == study_id) & (rows["endpoint"] == endpoint) & rows["control_arm"].notna()]
    words = {"univariable": "crude", "multivariable": "adjusted", "not_stated": "model not stated"}
    labels = [
        f"{endpoint}, {words.get(model, model)}, "
        + ("matched" if population == "psm" else "all patients")
        + f" (n = {n})"
        for model, population, n in zip(rows["model"], rows["population"], rows["n"], strict=True)
    ]
    return rows.assign(study=labels, estimate=rows["hr"]).reset_index(drop=True)
