"""The explorer as one HTML file: the tables' response rows and the estimators in JavaScript, no server, no network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from inspect import signature
from pathlib import Path

from ..evidence.select import select_responses
from ..evidence.sieve import ADVANCED, ANALYSES, RT_ICI, Sieve, arm_table, joined
from ..report.index import STYLE
from .view import ENDPOINTS, FILTERS, GROUPINGS
from .widgets import WARNING

SCRIPTS = ("page_numerics.js", "page_pooling.js", "page_rows.js", "page_forest.js", "page.js")
CRITERIA = {
    "RECIST 1.1, else mRECIST, else not stated": ["RECIST1.1", "mRECIST", "not_stated"],
    "mRECIST, else RECIST 1.1, else not stated": ["mRECIST", "RECIST1.1", "not_stated"],
    "RECIST 1.1, else mRECIST": ["RECIST1.1", "mRECIST"],
    "RECIST 1.1 only": ["RECIST1.1"],
    "mRECIST only": ["mRECIST"],
}
SCOPES = ("overall", "in_field", "out_of_field", "non_irradiated", "tumour_thrombus")
ARM_COLUMNS = ("arm_id", "arm_label", "study_id", "study", "cohort_id", "role")
ROW_COLUMNS = ("response_id", "arm_id", "endpoint", "lesion_scope", "criteria", "population", "evidence_grade",
               "locator", "rank", "order", "events", "n", "use")  # fmt: skip


def candidate_rows(tables):
    """Response rows that may be pooled, before criteria, filters and overlap.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    DataFrame
        The columns ROW_COLUMNS: `order` is the place in the report's order, `rank` that of population, then analysis,
        in `select_responses`.
    """
    responses = tables.responses
    sieve = Sieve(joined(tables, responses[responses["endpoint"].isin(ENDPOINTS)]), "response_id", "arm_id")
    sieve.drop_by_use(ADVANCED)
    sieve.drop(sieve.rows["events"].isna() | sieve.rows["n"].isna(), "no count or no denominator")
    populations = signature(select_responses).parameters["population"].default
    sieve.drop(~sieve.rows["population"].isin(populations), "population")
    rows = sieve.rows
    place = rows["population"].map(populations.index) * len(ANALYSES) + rows["analysis"].map(ANALYSES.index)
    return rows.assign(rank=place, order=range(len(rows)))[list(ROW_COLUMNS)]


def page_data(tables) -> dict:
    """Everything the page knows: candidate rows, all arms with the columns of filters and groupings, the choices."""
    rows, arms = candidate_rows(tables), arm_table(tables)
    own = {"evidence_grade", "criteria"}
    columns = list(dict.fromkeys([*ARM_COLUMNS, *FILTERS, *(name for name in GROUPINGS if name and name not in own)]))
    reported = set(rows["endpoint"])
    return {
        "endpoints": [[name, text] for name, text in ENDPOINTS.items() if name in reported] or [["ORR", "no rows"]],
        "scopes": [scope for scope in SCOPES if scope in set(rows["lesion_scope"])] or ["overall"],
        "criteria": [[label, values] for label, values in CRITERIA.items()],
        "filters": [*FILTERS, "evidence_grade"],
        "groupings": list(GROUPINGS),
        "start": RT_ICI,
        "selection": tables.selection.get("name", ""),
        "arms": _records(arms, columns),
        "rows": _records(rows, list(ROW_COLUMNS)),
    }


def _records(table, columns: list[str]) -> list[dict]:
    """Rows as dicts; missing values are None, whole numbers int."""
    plain = table[columns].astype(object).where(table[columns].notna(), None)
    return [
        {name: value if value is None or isinstance(value, str) else int(value) for name, value in record.items()}
        for record in plain.to_dict("records")
    ]


def page_html(data: dict) -> str:
    """The page as text. Scripts and style are allowed by their hash alone, so nothing in the tables can run."""
    here = Path(__file__).parent
    script = "\n".join((here / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = STYLE + (here / "page.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
    parts = {
        "policy": policy + "base-uri 'none'; form-action 'none'",
        "style": style,
        "script": script,
        "warning": WARNING,
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    template = (here / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def write_explorer(tables, reports: Path) -> None:
    """Write `explorer.html`, the page on which a reader chooses a subgroup offline, into the folder `reports`."""
    reports.mkdir(parents=True, exist_ok=True)
    part = reports / "explorer.html.part"
    part.write_text(page_html(page_data(tables)), encoding="utf-8")
    part.replace(reports / "explorer.html")
