"""Response by dose and fractionation: the dose as printed, BED10 and EQD2 where they follow, arm by arm."""

from __future__ import annotations

import numpy as np

from ..effects.proportion import effects_proportion
from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.select import select_responses
from ..evidence.sieve import ADVANCED, arms_where
from .sentences import counts_text

ALPHA_BETA = 10.0
COLUMNS = ("study", "setting", "rt_modality", "dose_printed", "dose_low", "dose_high", "per_fraction_low",
           "per_fraction_high", "bed10_low", "bed10_high", "eqd2_low", "eqd2_high", "bed10_how", "events", "n",
           "criteria")  # fmt: skip
GRAY = {"Gy": 1.0, "cGy": 0.01}


def biological_dose(dose, per_fraction):
    """Biologically effective dose D (1 + d / 10) in Gy of a total dose D in fractions of d (Gy, alpha/beta 10)."""
    return dose * (1 + per_fraction / ALPHA_BETA)


def equivalent_dose(bed10):
    """Dose in fractions of 2 Gy with the same effect: BED10 / 1.2 (Gy, alpha/beta 10)."""
    return bed10 / (1 + 2 / ALPHA_BETA)


def _printed(tables, variable: str):
    """arm_id -> (low, high) in Gy of a printed treatment detail; one number is both."""
    rows = tables.characteristics
    rows = rows[(rows["variable"] == variable) & rows["unit"].isin(list(GRAY))]
    found = {}
    for row in rows.to_dict("records"):
        ends = row["value_low"], row["value_high"]
        low, high = ends if all(end == end for end in ends) else (row["value"], row["value"])
        found[row["arm_id"]] = low * GRAY[row["unit"]], high * GRAY[row["unit"]]
    return found


@needs_tables
def dose_table(tables, *, endpoint: str = "ORR", criteria=("RECIST1.1", "mRECIST", "not_stated"), where=None):
    """Arms with a stated dose, their fractionation, BED10 and EQD2 (alpha/beta 10), and their response.

    Parameters
    ----------
    tables : Tables
    endpoint, criteria
        As in `select_responses`; perioperative arms and overlapping cohorts stay, because nothing is pooled.
    where : dict, optional
        Column of arm or study -> list of values.

    Returns
    -------
    DataFrame
        study, setting, rt_modality, dose_printed, dose_low, dose_high, per_fraction_low, per_fraction_high, bed10_low,
        bed10_high, eqd2_low, eqd2_high (Gy), bed10_how (printed; prescription or median: of one dose and one number of
        fractions; ends: of the lowest and the highest dose; missing), events, n, criteria; ordered by BED10.
    """
    import pandas as pd

    arms = arms_where(tables, where)
    stated = arms[["rt_dose_low", "rt_dose_high", "rt_dose_median"]].notna().any(axis=1) & (arms["rt"] == "yes")
    arms = arms[stated & (arms["design"] != "protocol")]
    text = tables.arms.set_index("arm_id")["printed"]
    responses = select_responses(
        tables,
        endpoint=endpoint,
        criteria=criteria,
        overlap="keep",
        settings=(*ADVANCED, "perioperative", "case_report"),
    ).set_index("arm_id")
    per_fraction, bed10 = _printed(tables, "rt_dose_per_fraction"), _printed(tables, "rt_bed10")
    rows = []
    for arm in arms.to_dict("records"):
        arm_id, low, high = arm["arm_id"], arm["rt_dose_low"], arm["rt_dose_high"]
        size = per_fraction.get(arm_id, (low / _float(arm["fractions_high"]), high / _float(arm["fractions_low"])))
        if arm_id in bed10:
            ends, how = bed10[arm_id], "printed"
        elif arm["rt_bed10"] == arm["rt_bed10"]:
            ends = arm["rt_bed10"], arm["rt_bed10"]
            how = "prescription" if low == high else "median"
        else:
            ends = biological_dose(low, size[0]), biological_dose(high, size[1])
            how = "ends" if ends[0] == ends[0] else "missing"
        answer = responses.loc[arm_id] if arm_id in responses.index else {}
        rows.append({
            "study": arm["study"], "setting": arm["setting"], "rt_modality": arm["rt_modality"],
            "dose_printed": text[arm_id], "dose_low": low, "dose_high": high, "per_fraction_low": size[0],
            "per_fraction_high": size[1], "bed10_low": ends[0], "bed10_high": ends[1],
            "eqd2_low": equivalent_dose(ends[0]), "eqd2_high": equivalent_dose(ends[1]), "bed10_how": how,
            "events": answer.get("events"), "n": answer.get("n"), "criteria": answer.get("criteria"),
        })  # fmt: skip
    table = pd.DataFrame(rows, columns=COLUMNS)
    middle = (table["bed10_low"] + table["bed10_high"]) / 2
    return table.iloc[np.argsort(middle.fillna(np.inf), kind="stable")].reset_index(drop=True)


def _float(value) -> float:
    return np.nan if value is None or value != value else float(value)


def _bed_text(row) -> str:
    low, high = f"{row['bed10_low']:.3g}", f"{row['bed10_high']:.3g}"
    about = "about " if row["bed10_how"] == "median" else ""
    return f"{about}{low} Gy" if low == high else f"{low}-{high} Gy"


@takes(table=COLUMNS)
def dose_rows(table):
    """Arms with BED10 and response as rows of a forest plot, in the order of BED10."""
    rows = table[table["bed10_low"].notna() & table["events"].notna()].reset_index(drop=True)
    place = rows["setting"].map(lambda setting: " (before surgery)" if setting == "perioperative" else "")
    label = [
        f"{row['study']}{where}: {_bed_text(row)}" for row, where in zip(rows.to_dict("records"), place, strict=True)
    ]
    return effects_proportion(rows.assign(study=label)) if len(rows) else rows.assign(yi=[], vi=[])


@takes(table=COLUMNS)
def dose_sentence(table, *, endpoint: str = "ORR") -> str:
    """BED10 and response arm by arm, and why no dose-response relation is estimated."""
    if table.empty:
        return "No arm of this selection states a dose."
    known = table[table["bed10_low"].notna()]
    parts = []
    for row in known[known["events"].notna()].to_dict("records"):
        where = ", before surgery" if row["setting"] == "perioperative" else ""
        parts.append(f"{row['study']}{where} {_bed_text(row)}: {counts_text(row)}")
    shown = f" - {len(parts)} of them give {endpoint}, by BED10: {'; '.join(parts)}" if parts else ""
    return (
        f"Arms with RT + ICI that state a dose: {len(table)}, of which {len(known)} allow BED10 (alpha/beta 10; "
        f"EQD2 = BED10/1.2){shown}. Doses are medians, ranges or single "
        "prescriptions and differ with technique and setting: no dose-response relation is estimated."
    )
