"""The sentence behind the case timeline."""

from __future__ import annotations

from ..errors import takes


def _course(timeline, measure: str) -> str:
    rows = timeline[(timeline["measure"] == measure) & timeline["value"].notna()]
    if rows.empty:
        return ""
    unit = rows["unit"].iloc[0]
    return " → ".join(f"{value:g}" for value in rows["value"]) + f" {unit}"


@takes(timeline=("study_id", "measure", "label", "event", "value", "unit"))
def timeline_sentence(timeline) -> str:
    """Responses and the course of tumour size and markers of one case, as printed."""
    if timeline.empty:
        return "No case report is in this selection."
    responses = timeline[timeline["measure"] == "response"]
    told = "; ".join(f"{row['event']} {row['label']}" for row in responses.to_dict("records"))
    courses = {"tumour size": "tumour_size", "AFP": "afp", "PIVKA-II": "pivka_ii"}
    parts = [f"{name} {text}" for name, measure in courses.items() if (text := _course(timeline, measure))]
    return f"One patient ({timeline['study_id'].iloc[0]}): {told}; {'; '.join(parts)}. A single case proves no effect."
