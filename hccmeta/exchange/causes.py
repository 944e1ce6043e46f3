"""Which rows moved which headline result: computed anew with the rows of one study as they were."""

from __future__ import annotations

from ..evidence.cells import parse_records
from ..evidence.load import Tables, _frame
from .analyses import headline_analyses
from .row_changes import RowChange
from .shown import Shown, change_text, same, shown_of, shown_text

MOST_STUDIES = 25
MOST_ROWS = 40
_TITLE = "Which rows moved which result (computed anew at both versions with the present code)"


def describe_causes(schemas, old: dict, new: dict, rows: list[RowChange]) -> list[str]:
    """Lines per headline analysis that the rows moved: old and new value, and the part of each study.

    Parameters
    ----------
    schemas : dict
    old, new : dict
        Table name -> records at both versions.
    rows : list of RowChange

    Returns
    -------
    list of str
    """
    if not rows:
        return []
    first, last = (headline_analyses(tables_of(schemas, records)) for records in (old, new))
    moved = {}
    for name in dict.fromkeys([*first, *last]):
        results = tuple(found[name].compute() if name in found else None for found in (first, last))
        if not same(*map(shown_of, results)):
            moved[name] = results
    parts = _parts(schemas, old, new, rows, list(moved))
    lines = []
    for name, results in moved.items():
        lines.append(f"  {(last.get(name) or first[name]).label}: {change_text(*map(shown_of, results))}")
        lines += _rows_behind(rows, results, {study: found[name] for study, found in parts.items()})
    return ["", _TITLE, *lines] if lines else []


def _parts(schemas, old, new, rows, names: list[str]) -> dict[str, dict[str, Shown | None]]:
    """study -> name of a result -> the result with that study's rows as they were."""
    studies = list(dict.fromkeys(change.study for change in rows if change.study))
    parts = {}
    for study in studies if names and 1 < len(studies) <= MOST_STUDIES else ():
        analyses = headline_analyses(tables_of(schemas, _without(schemas, old, new, study)))
        parts[study] = {name: shown_of(analyses[name].compute()) if name in analyses else None for name in names}
    return parts


def _without(schemas, old: dict, new: dict, study: str) -> dict[str, list[dict]]:
    """Records of the new version with those of one study as they were."""
    study_of = {row["arm_id"]: row["study_id"] for records in (old, new) for row in records.get("arms", ())}

    def belongs(row):
        return (row.get("study_id") or study_of.get(row.get("arm_id"))) == study

    return {
        table: [row for row in new.get(table, ()) if not belongs(row)]
        + [row for row in old.get(table, ()) if belongs(row)]
        for table in schemas
    }


def tables_of(schemas, records: dict[str, list[dict]]) -> Tables:
    """Tables of records; a cell that does not parse under the present schema is missing."""
    frames = {}
    for name, schema in schemas.items():
        typed, _ = parse_records(schema, list(enumerate(records.get(name, ()), 2)))
        frames[name] = _frame(schema, typed)
    return Tables(frames, schemas)


def _rows_behind(rows: list[RowChange], results, without: dict[str, Shown | None]) -> list[str]:
    used = _used(results)
    behind = [change for change in rows if change.key in used]
    now = shown_of(results[1])
    lines = []
    for study in dict.fromkeys(change.study for change in behind):
        part = f" (without its changes: {shown_text(without[study])})" if study in without else ""
        lines.append(f"    {study}{' (moves nothing alone)' if part and same(without[study], now) else part}")
        own = [change.text() for change in behind if change.study == study]
        lines += [f"      {text}" for text in own[:MOST_ROWS]]
        lines += [f"      and {len(own) - MOST_ROWS} more rows"] if len(own) > MOST_ROWS else []
    return lines


def _used(results) -> set[str]:
    """Every id in the study tables of the results."""
    found = set()
    for result in results:
        if result is None:
            continue
        for column in result.studies.columns:
            if column.endswith(("_id", "_id_1", "_id_2")) or column in ("experimental_arm", "control_arm"):
                found |= set(result.studies[column].dropna().astype(str))
    return found
