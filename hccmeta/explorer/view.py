"""What the explorer shows for a choice of filters: plain functions, no widgets."""

from __future__ import annotations

from dataclasses import dataclass

from ..evidence.select import select_responses
from ..evidence.sieve import arm_table
from ..pooling.glmm_moderators import pool_proportion_by
from ..report.response import pool_rates
from ..report.sentences import FEWEST, sentence

FILTERS = ("treatment", "setting", "rt_modality", "timing", "line", "antiangiogenic", "design", "country")
GROUPINGS = ("", "setting", "rt_modality", "timing", "line", "design", "criteria", "evidence_grade")
ENDPOINTS = {
    "ORR": "objective response", "DCR": "disease control", "CR": "complete response", "PR": "partial response",
    "SD": "stable disease", "PD": "progressive disease",
}  # fmt: skip


@dataclass(frozen=True)
class View:
    """Rows selected, the pooled result (k = 0 when no study is left), the subgroup result, and the sentence."""

    rows: object
    result: object
    groups: object
    sentence: str


def filter_choices(tables, *, endpoint: str = "ORR") -> dict[str, list[str]]:
    """Filter column -> values that occur among arms reporting the endpoint (columns with one value are left out)."""
    reporting = set(tables.responses.loc[tables.responses["endpoint"] == endpoint, "arm_id"])
    arms = arm_table(tables)
    arms = arms[arms["arm_id"].isin(reporting)]
    found = {}
    for column in FILTERS:
        if column in arms:
            values = sorted(arms[column].dropna().astype(str).unique())
            if len(values) > 1:
                found[column] = values
    return found


def response_view(
    tables,
    *,
    endpoint="ORR",
    criteria=("RECIST1.1", "mRECIST", "not_stated"),
    lesion_scope="overall",
    where=None,
    group_by="",
) -> View:
    """Select, pool and say it, exactly as the response notebook does.

    Parameters
    ----------
    tables : Tables
    endpoint, criteria, lesion_scope
        As in `select_responses`.
    where : dict, optional
        Column -> list of values; columns without values do not filter.
    group_by : str
        Column that forms subgroups, or "" for none.

    Returns
    -------
    View
    """
    filters = {column: list(values) for column, values in (where or {}).items() if values}
    rows = select_responses(
        tables, endpoint=endpoint, criteria=criteria, lesion_scope=lesion_scope, where=filters or None
    )
    outcome = f"{endpoint} ({lesion_scope.replace('_', ' ')})"
    if rows.empty:
        return View(rows, pool_rates(rows), None, f"No arm in this selection reports the {outcome}: loosen a filter.")
    result = pool_rates(rows)
    groups = None
    text = sentence(result, outcome=outcome)
    if group_by:
        groups = pool_proportion_by(rows, group_by, min_k=FEWEST)
        text += " " + sentence(groups, outcome=outcome)
    return View(rows, result, groups, text)
