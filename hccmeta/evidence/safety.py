"""Selection of adverse events: one row per arm for one event and grade, grades never merged."""

from __future__ import annotations

from difflib import get_close_matches

from hccmeta.errors import MethodError
from hccmeta.evidence.load import needs_tables
from hccmeta.evidence.sieve import ADVANCED, Sieve, check_where, joined, preferences


def check_event(tables, event) -> None:
    """Raise MethodError for an event that no study reports; in a saved selection it may just be absent."""
    known = list(tables.adverse_events["event"].dropna().unique())
    if isinstance(event, str) and (event in known or tables.selection):
        return
    nearest = get_close_matches(str(event).lower(), known, n=8, cutoff=0.4) or known[:8]
    raise MethodError(
        f"event = {event!r} stands in no row of adverse_events. Nearest: {', '.join(nearest)}. All {len(known)}: "
        'sorted(tables.adverse_events["event"].unique()).'
    )


@needs_tables
def select_adverse_events(
    tables,
    *,
    event="any",
    grade="ge3",
    phase="whole",
    attribution=("treatment_related", "treatment_emergent", "any_cause", "not_stated"),
    population=("treated", "all", "evaluable", "per_protocol", "psm"),
    overlap="largest",
    where=None,
    settings=ADVANCED,
):
    """Patients with an adverse event of a grade, one row per arm and independent group of patients.

    Parameters
    ----------
    tables : Tables
    event : str
        Event as in the table, "any" = any event.
    grade : str
        Exactly as printed: "any", "1" ... "5", "3-4", "ge3", ...; grade 3-4 and grade >= 3 are never merged.
    phase : str
        whole, preoperative, postoperative, adjuvant or during_rt.
    attribution, population : tuple of str
        Ordered preferences.
    overlap, where, settings
        As in `select_responses`.

    Returns
    -------
    DataFrame
        study, study_id, arm_id, cohort_id, year, events, n, event, grade, attribution, population, and arm and study
        columns; `.attrs["discarded"]` with reasons.
    """
    for column, value in (("grade", grade), ("phase", phase)):
        preferences(tables, "adverse_events", column, value)
    check_event(tables, event)
    rows = joined(tables, tables.adverse_events)
    check_where(tables, "adverse_events", rows, where)
    rows = rows[(rows["event"] == event) & (rows["grade"] == grade) & (rows["phase"] == phase)]
    sieve = Sieve(rows, "ae_id", "arm_id")
    sieve.drop_by_use(settings)
    sieve.drop(sieve.rows["events"].isna() | sieve.rows["n"].isna(), "no count or no denominator")
    sieve.keep_where(where)
    sieve.prefer(
        ["arm_id"],
        attribution=preferences(tables, "adverse_events", "attribution", attribution),
        population=preferences(tables, "adverse_events", "population", population),
    )
    sieve.drop_pooled_arms()
    sieve.resolve_overlap(overlap)
    columns = ["events", "n", "event", "grade", "attribution", "phase", "population"]
    return sieve.result(["study", "study_id", "arm_id", "cohort_id", "year", *columns])
