"""Tables and sentences behind the safety notebook."""

from __future__ import annotations

from ..effects.proportion import effects_proportion
from ..errors import takes
from ..evidence.load import needs_tables
from ..evidence.safety import check_event
from ..evidence.sieve import arm_table, arms_where, joined
from ..pooling.result import PooledResult
from .sentences import FEWEST, result_text, studies_side_by_side, studies_text

GRADES = {
    "any": "of any grade",
    "ge3": "of grade 3 or more",
    "3-4": "of grade 3-4",
    "3": "of grade 3",
    "5": "of grade 5",
}
SEVERE = ("3", "4", "5")
LIVER = {
    "liver injury, radiation-induced (RILD) or immune-related": (
        "non-classic radiation-induced liver disease",
        "liver injury",
    ),
    "Child-Pugh score up by 2 or more": ("child-pugh increase >=2",),
    "hepatitis": ("hepatitis",),
    "severe rise of liver enzymes or bilirubin": ("alt increased", "ast increased", "tbil increased"),
    "liver dysfunction or ascites after surgery": ("liver dysfunction", "ascites"),
}


@takes(grades={"grade": ("attribution",)})
def by_attribution(grades: dict) -> dict:
    """Selections of one grade each, split by what the paper attributes the events to: (grade, attribution) -> rows.

    Counts of different attribution answer different questions and are never pooled with each other.
    """
    return {
        (grade, attribution): part.reset_index(drop=True)
        for grade, rows in grades.items()
        for attribution, part in rows.groupby("attribution", sort=False)
    }


@takes(harms={"grade and cause": ("study", "events", "n")})
def harm_rows(harms: dict):
    """Rows of `by_attribution` stacked for one forest plot: study with its attribution, grade in words."""
    import pandas as pd

    frames = [
        rows.assign(study=rows["study"] + f", {_cause(attribution)}", grade=GRADES[grade])
        for (grade, attribution), rows in harms.items()
    ]
    for frame in frames:
        frame.attrs.clear()
    return effects_proportion(pd.concat(frames, ignore_index=True)) if frames else pd.DataFrame()


def _cause(attribution: str) -> str:
    """`treatment-related`, `any cause`, `cause not stated`."""
    return {"not_stated": "cause not stated", "any_cause": "any cause"}.get(attribution, attribution.replace("_", "-"))


@takes(harms={"grade and cause": PooledResult})
def safety_sentence(harms: dict, *, event: str) -> str:
    """Any adverse event by grade and attribution as printed: pooled from three studies on, study by study below."""
    what = "an adverse event" if event == "any" else event
    parts = {}
    for (grade, attribution), result in harms.items():
        shown = studies_side_by_side(result) if result.k < FEWEST else result_text(result)
        parts.setdefault(GRADES[grade], []).append(f"{_cause(attribution)} {shown}")
    if not parts:
        return f"No study in this selection reports {what} over the whole treatment."
    told = "; ".join(f"{grade}: {' and '.join(shown)}" for grade, shown in parts.items())
    return f"Patients with {what} after RT + ICI, by grade and cause as printed (never merged) - {told}."


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

    arms = arms_where(tables, where).set_index("arm_id")
    rows = tables.adverse_events
    rows = rows[
        rows["phase"].isin(phase) & (rows["event"] != "any") & (rows["use"] == "ok") & (rows["scale"] == "CTCAE")
    ]
    rows = rows[rows["arm_id"].isin(arms.index)]
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

    check_event(tables, event)
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


@needs_tables
def fatal_events(tables, *, where=None):
    """Deaths from adverse events (grade 5), every printed row of the whole treatment, with the words of the paper.

    Parameters
    ----------
    tables : Tables
    where : dict, optional
        Column of arm or study -> list of values.

    Returns
    -------
    DataFrame
        study, arm_id, event, grade (5, or 4-5 where printed together), attribution, events, n, printed, note, locator,
        source, evidence_grade; `any` counts patients, the other rows name the cause. Named events without a death are
        left out.
    """
    rows = _of_arms(tables, where)
    rows = rows[rows["grade"].isin(["5", "4-5"]) & (rows["phase"] == "whole") & rows["events"].notna()]
    rows = rows[(rows["event"] == "any") | (rows["events"] > 0)]
    columns = ["study", "arm_id", "event", "grade", "attribution", "events", "n", "printed", "note", "locator",
               "source", "evidence_grade"]  # fmt: skip
    return rows[columns].reset_index(drop=True)


@takes(table=("study", "arm_id", "event", "grade", "attribution", "events", "n", "printed"))
def fatal_sentence(table) -> str:
    """Deaths from adverse events by study, with the cause in the words of the paper where it is printed."""
    counts = table[(table["event"] == "any") & (table["grade"] == "5")].drop_duplicates("arm_id")
    if counts.empty:
        return "No study in this selection prints deaths from adverse events: none is known and none is excluded."
    named = table[table["event"] != "any"]
    parts = []
    for row in counts.to_dict("records"):
        deaths = named[named["arm_id"] == row["arm_id"]]
        told = deaths[deaths["attribution"] != "any_cause"]
        causes = [f"“{text}”" for text in told["printed"]] or list(deaths["event"])
        why = f" ({'; '.join(causes)})" if causes else " (cause not printed)" if row["events"] else ""
        parts.append(f"{row['study']} {row['events']:.0f}/{row['n']:.0f} {row['attribution'].replace('_', ' ')}{why}")
    total = f"{counts['events'].sum():.0f} in {counts['n'].sum():.0f} patients of {studies_text(len(counts))}"
    return f"Deaths from adverse events (grade 5) after RT + ICI: {total} - {'; '.join(parts)}."


@needs_tables
def liver_table(tables, *, where=None):
    """Liver toxicity as printed: radiation-induced liver disease, Child-Pugh rise, hepatitis, severe enzyme rise.

    Parameters
    ----------
    tables : Tables
    where : dict, optional
        Column of arm or study -> list of values; studies that match are shown with all their arms.

    Returns
    -------
    DataFrame
        kind (key of `LIVER`), study, arm, treatment, event_printed, grade, attribution, events, n, printed,
        evidence_grade, locator, source.
    """
    studies = _of_arms(tables, where)["study_id"].unique()
    rows = _of_arms(tables, None)
    rows = rows[rows["study_id"].isin(studies) & rows["use"].isin(["ok", "check"]) & rows["events"].notna()]
    rows = rows[rows["phase"].isin(["whole", "preoperative", "postoperative"])]
    rows = rows.assign(kind=rows["event"].map({event: kind for kind, events in LIVER.items() for event in events}))
    blood = rows["kind"].eq("severe rise of liver enzymes or bilirubin")
    severe = rows["grade"].isin(["3", "ge3", "3-4"]) | (rows["grade"].isin(SEVERE) & (rows["events"] > 0))
    rows = rows[rows["kind"].notna() & (~blood | severe)]
    order = {kind: place for place, kind in enumerate(LIVER)}
    rows = rows.assign(_order=rows["kind"].map(order)).sort_values("_order", kind="stable")
    columns = ["kind", "study", "arm_label", "treatment", "event_printed", "grade", "attribution", "events", "n",
               "printed", "evidence_grade", "locator", "source"]  # fmt: skip
    return rows[columns].rename(columns={"arm_label": "arm"}).reset_index(drop=True)


@takes(table=("kind", "study", "arm", "treatment", "event_printed", "grade", "attribution", "events", "n"))
def liver_sentence(table) -> str:
    """Liver toxicity study by study; what no study prints is said."""
    parts, silent = [], []
    for kind in LIVER:
        rows = table[(table["kind"] == kind) & (table["treatment"] == "RT + ICI")]
        shown = []
        for row in rows.to_dict("records"):
            grade = "" if row["grade"] in ("any", "not_stated") else f", grade {row['grade'].replace('ge', '≥ ')}"
            text = f"{row['study']} {row['events']:.0f}/{row['n']:.0f} {row['event_printed']}{grade}"
            others = table[(table["study"] == row["study"]) & (table["treatment"] != "RT + ICI")]
            others = others[(others["event_printed"] == row["event_printed"]) & (others["grade"] == row["grade"])]
            beside = "".join(
                f" v {two['events']:.0f}/{two['n']:.0f} in {two['arm']}" for two in others.to_dict("records")
            )
            shown.append(f"{text} ({row['attribution'].replace('_', ' ')}){beside}")
        if shown:
            parts.append(f"{kind}: {', '.join(shown)}")
        else:
            silent.append(kind)
    if not parts:
        return "No study in this selection prints liver toxicity after RT + ICI."
    missing = f" Not printed by any: {', '.join(silent)}." if silent else ""
    return f"Liver toxicity after RT + ICI, as printed - {'; '.join(parts)}. Too few studies of each to pool.{missing}"


def _of_arms(tables, where):
    """Adverse events with the columns of their arm and study."""
    rows = joined(tables, tables.adverse_events)
    return rows[rows["arm_id"].isin(arms_where(tables, where)["arm_id"])]
