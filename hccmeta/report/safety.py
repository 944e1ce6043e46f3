"""Tables and sentences behind the safety notebook."""

from __future__ import annotations

from ..evidence.load import needs_tables
from ..evidence.sieve import arm_table
from .sentences import result_text

GRADES = {
    "any": "of any grade",
    "ge3": "of grade 3 or more",
    "3-4": "of grade 3-4",
    "3": "of grade 3",
    "5": "of grade 5",
}
SEVERE = ("3", "4", "5")


def safety_sentence(harms: dict, *, event: str) -> str:
    """Severe and any adverse events by the grade as printed, with the number of studies behind each."""
    what = "an adverse event" if event == "any" else event
    parts = [f"{GRADES[grade]}: {result_text(result)}" for grade, result in harms.items() if result.k]
    if not parts:
        return f"No study in this selection reports {what} over the whole treatment."
    return f"Patients with {what} after RT + ICI, by the grade as printed (never merged) - {'; '.join(parts)}."


@needs_tables
def event_table(tables, *, where=None, phase=("whole", "preoperative", "during_rt")):
    """Adverse events by arm: patients with any grade and with grade 3 or more, where grades are printed one by one.

    Parameters
    ----------
    tables : Tables
    where : dict, optional
        Column of arm or study -> list of values.
    phase : tuple of str
        Phases shown.

    Returns
    -------
    DataFrame
        arm, phase, event, grade (any, ge3), events, n, how ("printed", or "sum of grades": each patient
        counted once at the worst grade).
    """
    import pandas as pd

    arms = arm_table(tables).set_index("arm_id")
    rows = tables.adverse_events
    rows = rows[
        rows["phase"].isin(phase) & (rows["event"] != "any") & (rows["use"] == "ok") & (rows["scale"] == "CTCAE")
    ]
    for column, values in (where or {}).items():
        rows = rows[rows["arm_id"].map(arms[column]).isin(values)]
    found = []
    for (arm_id, part, event), group in rows.groupby(["arm_id", "phase", "event"], sort=False):
        by_grade = group.drop_duplicates("grade").set_index("grade")
        base = {"arm": arms.loc[arm_id, "study"], "phase": part, "event": event}
        single = [grade for grade in ("1", "2", "3", "4", "5") if grade in by_grade.index]
        for grade, wanted in (("any", single), ("ge3", [g for g in single if g in SEVERE])):
            if grade in by_grade.index:
                cell = by_grade.loc[grade]
                found.append(
                    base | {"grade": grade, "events": int(cell["events"]), "n": int(cell["n"]), "how": "printed"}
                )
            elif wanted and len(single) > 1:
                cells = by_grade.loc[wanted]
                total = {"events": int(cells["events"].sum()), "n": int(cells["n"].iloc[0]), "how": "sum of grades"}
                found.append(base | {"grade": grade} | total)
    return pd.DataFrame(found, columns=["arm", "phase", "event", "grade", "events", "n", "how"])


@needs_tables
def pair_adverse_events(tables, *, event: str = "any"):
    """Adverse events with and without radiotherapy in the same study, grade by grade as printed."""
    import pandas as pd

    arms = arm_table(tables).set_index("arm_id")
    rows = tables.adverse_events
    rows = rows[(rows["event"] == event) & rows["use"].isin(["ok", "check"])]
    roles = rows["arm_id"].map(arms["role"])
    keys = ["phase", "grade", "attribution", "population"]
    one, two = rows[roles == "experimental"], rows[roles == "control"]
    pair = one.assign(study=one["arm_id"].map(arms["study"])).merge(
        two.assign(study=two["arm_id"].map(arms["study"])), on=["study", *keys], suffixes=("_1", "_2")
    )
    return pd.DataFrame(pair[["study", *keys, "arm_id_1", "events_1", "n_1", "arm_id_2", "events_2", "n_2"]])
