"""Rules of keys and structure: rows belong to the study, arm and block that their keys name."""

from __future__ import annotations

import re
from collections import defaultdict

_ID = {"responses": "response_id", "survival": "survival_id", "adverse_events": "ae_id"}
_CRITERIA = {
    "mrecist": "mRECIST", "mr": "mRECIST", "recist": "RECIST1.1", "r11": "RECIST1.1", "path": "pathologic",
}  # fmt: skip
_PATHOLOGICAL = {"PCR", "MPR", "PCR_OR_MPR", "NO_PATH_RESPONSE"}
_RADIOLOGICAL = {"ORR", "DCR", "CR", "PR", "SD", "PD", "NE"}
_OUTCOMES = ("responses", "survival", "adverse_events", "hazard_ratios")
FACTS = {
    "responses": ("arm_id", "population", "subgroup", "analysis", "lesion_scope", "criteria", "assessor", "endpoint"),
    "survival": (
        "arm_id", "population", "subgroup", "analysis", "endpoint", "time_origin", "statistic", "time_months",
        "probability",
    ),
    "hazard_ratios": (
        "study_id", "experimental_arm", "control_arm", "population", "analysis", "endpoint", "model", "adjusted_for",
        "data_cut", "subgroup_variable", "subgroup_level",
    ),
    "adverse_events": (
        "arm_id", "population", "subgroup", "analysis", "phase", "event", "scale", "grade", "attribution",
    ),
    "prognostic_factors": (
        "study_id", "arm_id", "population", "endpoint", "factor", "level_1", "level_2", "test", "model",
    ),
}  # fmt: skip


def arm_id_names_its_study(data):
    """arm_id is study_id and a suffix."""
    for row in data["arms"]:
        if row["arm_id"] and row["study_id"] and not row["arm_id"].startswith(row["study_id"] + "_"):
            yield "arms", [row], "arm_id", f"Write {row['study_id']}_... or correct study_id."


def row_id_names_its_arm(data):
    """The key of a row begins with its arm_id."""
    for table, key in _ID.items():
        for row in data[table]:
            if row[key] and row["arm_id"] and not row[key].startswith(row["arm_id"] + "_"):
                yield table, [row], "arm_id", f"{key} is {row[key]}: correct the arm or the key."


def row_id_names_its_endpoint(data):
    """The key of a response or survival row names its endpoint."""
    for table in ("responses", "survival"):
        for row in data[table]:
            key, endpoint = row[_ID[table]], row["endpoint"]
            if key and endpoint and f"_{endpoint.lower()}_" not in f"_{key}_":
                yield table, [row], "endpoint", f"{_ID[table]} is {key}: correct the endpoint or the key."


def row_id_names_its_criteria(data):
    """A key that names response criteria or a population names those of its row."""
    words = {
        "criteria": _CRITERIA,
        "population": {name: name for name in ("psm", "resected", "treated", "evaluable")},
    }
    for row in data["responses"]:
        for column, names in words.items():
            named = {names[part] for part in (row["response_id"] or "").split("_") if part in names}
            if named and row[column] is not None and row[column] not in named:
                yield "responses", [row], column, f"response_id is {row['response_id']}: correct one of them."


def row_id_names_its_landmark(data):
    """A key that names a landmark (`l12`) names the time of its row."""
    for row in data["survival"]:
        named = re.search(r"_l(\d+)(_|$)", row["survival_id"] or "")
        if named and row["statistic"] == "landmark" and row["time_months"] not in (None, float(named[1])):
            yield "survival", [row], "time_months", f"survival_id is {row['survival_id']}: correct one of them."


def criteria_fit_endpoint(data):
    """Pathological endpoints have pathological criteria, and no others do."""
    for row in data["responses"]:
        if row["criteria"] is not None and row["endpoint"] in _RADIOLOGICAL | _PATHOLOGICAL:
            if (row["criteria"] == "pathologic") != (row["endpoint"] in _PATHOLOGICAL):
                yield "responses", [row], "criteria", f"The endpoint is {row['endpoint']}: correct one of them."


def one_row_per_fact(data):
    """One fact stands in one row, whatever its key."""
    for table, columns in FACTS.items():
        first = {}
        for row in data[table]:
            fact = tuple(row[column] for column in columns)
            if row["statistic"] == "event_time" or row["use"] == "do_not_pool" or all(part is None for part in fact):
                continue
            if fact in first:
                fix = f"Line {first[fact]} holds the same fact: delete one, or correct what tells them apart."
                yield table, [row], columns[0], fix
            else:
                first[fact] = row.line_number


def arms_belong_to_the_study(data):
    """The arms of a comparison belong to its study."""
    study_of = {row["arm_id"]: row["study_id"] for row in data["arms"]}
    columns = {
        "hazard_ratios": ("experimental_arm", "control_arm"),
        "comparisons": ("arm_1", "arm_2"),
        "prognostic_factors": ("arm_id",),
    }
    for table, names in columns.items():
        for row in data[table]:
            for name in names:
                if row[name] in study_of and row["study_id"] and study_of[row[name]] != row["study_id"]:
                    yield table, [row], name, f"It belongs to {study_of[row[name]]}, the row to {row['study_id']}."


def two_sides_differ(data):
    """The two sides of a comparison differ."""
    for row in data["hazard_ratios"]:
        if row["experimental_arm"] is not None and row["experimental_arm"] == row["control_arm"]:
            yield "hazard_ratios", [row], "control_arm", "Name the other arm, or leave it empty for groups inside one."
    for row in data["comparisons"]:
        same_arm = row["arm_2"] in (None, row["arm_1"])
        if same_arm and row["group_1"] == row["group_2"] and row["paired"] == "no" and row["variable"] is None:
            yield "comparisons", [row], "group_1", "Name the two groups inside the arm."
    for row in data["prognostic_factors"]:
        if row["level_1"] is not None and row["level_1"] == row["level_2"]:
            yield "prognostic_factors", [row], "level_2", "Name the other level."


def use_has_its_reason(data):
    """A row that may not be pooled says why, and selected patients are never `ok`."""
    for table in _OUTCOMES:
        for row in data[table]:
            if row["use"] not in (None, "ok") and row["use_reason"] is None:
                yield table, [row], "use_reason", f"Say why use is {row['use']}."
            selected = row["population"] in ("subgroup", "responders") or row["analysis"] == "subgroup"
            if row["use"] == "ok" and (selected or row["subgroup_variable"] is not None):
                yield table, [row], "use", "Write subgroup or do_not_pool."


def subgroup_is_named(data):
    """A subgroup says which patients, and the matched cohort is called psm throughout."""
    for table in _OUTCOMES:
        for row in data[table]:
            if row["population"] == "subgroup" and row["subgroup"] is None and row["subgroup_variable"] is None:
                column = "subgroup_variable" if table == "hazard_ratios" else "subgroup"
                yield table, [row], column, "Name the subgroup as `variable: level`."
            if row["analysis"] is not None and (row["population"] == "psm") != (row["analysis"] == "psm"):
                if row["population"] is not None and "subgroup" not in (row["population"], row["analysis"]):
                    yield table, [row], "population", "Write psm in population and in analysis, or in neither."


def relation_is_given(data):
    """A printed p value says whether it is =, < or >."""
    for table, value, relation in (
        ("hazard_ratios", "p_value", "p_relation"),
        ("prognostic_factors", "p_value", "p_relation"),
        ("comparisons", "value", "relation"),
    ):
        for row in data[table]:
            if row[value] is not None and row[relation] is None:
                yield table, [row], relation, "Write =, < or >."


def judgement_fits_its_tool(data):
    """Judgements of bias and certainty use the words of their tool."""
    bias = {
        "JBI": {"yes", "no", "unclear", "not_applicable"},
        "ROBINS": {"low", "moderate", "serious", "critical", "no_information"},
        "RoB": {"low", "some_concerns", "high"},
    }
    for row in data["risk_of_bias"]:
        words = next((bias[name] for name in bias if (row["tool"] or "").startswith(name)), None)
        if words and row["judgement"] is not None and row["judgement"] not in words:
            yield "risk_of_bias", [row], "judgement", f"{row['tool']} knows: {', '.join(sorted(words))}."
    levels = {"high", "moderate", "low", "very_low"}
    for row in data["certainty"]:
        if row["domain"] and row["judgement"]:
            if (row["domain"] in ("starting_level", "overall")) != (row["judgement"] in levels):
                yield "certainty", [row], "judgement", f"Choose a word that fits the domain {row['domain']}."


def judgements_are_complete(data):
    """Each judgement of bias has two passes and the agreed one."""
    passes = defaultdict(list)
    for row in data["risk_of_bias"]:
        if row["tool"] != "not applicable":
            passes["risk_of_bias", row["study_id"], row["tool"], row["outcome"], row["domain"]].append(row)
    for row in data["missing_results"]:
        passes["missing_results", row["synthesis"], row["domain"]].append(row)
    for (table, *_), rows in passes.items():
        missing = {"1", "2", "agreed"} - {row["assessment"] for row in rows}
        if missing:
            yield table, rows, "assessment", f"Add the row(s) {', '.join(sorted(missing))}."


def syntheses_are_known(data):
    """What is missing is judged for an outcome of certainty.csv."""
    known = {row["outcome"] for row in data["certainty"] if row["outcome"]}
    for row in data["missing_results"] if known else ():
        if row["synthesis"] and row["synthesis"] not in known:
            yield "missing_results", [row], "synthesis", f"Write one of: {', '.join(sorted(known))}."


STRUCTURE = (
    arm_id_names_its_study, row_id_names_its_arm, row_id_names_its_endpoint, row_id_names_its_criteria,
    row_id_names_its_landmark, criteria_fit_endpoint, one_row_per_fact, arms_belong_to_the_study, two_sides_differ,
    use_has_its_reason, subgroup_is_named, relation_is_given, judgement_fits_its_tool, judgements_are_complete,
    syntheses_are_known,
)  # fmt: skip
ARITHMETIC = ()
