"""What changed since a version: answers, pooled results, and the rows of the evidence that moved them."""

from __future__ import annotations

import json
import math
from pathlib import Path

from ..evidence.schema import read_schema
from ..paths import project_root
from .causes import MOST_ROWS, describe_causes
from .git_files import files_at, files_now, resolve
from .row_changes import RowChange, read_rows, row_changes
from .shown import Shown, change_text, same

_DATA, _TABLES = "data/extracted", "reports/tables"
_NUMBERS = ("display_estimate", "display_ci_low", "display_ci_high")


def describe_changes(base: str, *, root: Path | None = None) -> str:
    """Text that says which headline results changed since a version, by how much, and which rows caused it.

    Parameters
    ----------
    base : str
        Git tag, branch or commit.
    root : path, optional
        Folder of the project.

    Returns
    -------
    str

    Raises
    ------
    DataError
        No such version.

    Notes
    -----
    `reports/tables` is compared as it was written at both versions. The causes are computed anew with the present
    code: the change of one study is what the result loses when that study's rows go back to the old version.
    """
    root = project_root() if root is None else root
    commit, date = resolve(root, base)
    old_files, new_files = files_at(root, commit, _DATA, ".csv"), files_now(root, _DATA, ".csv")
    schemas = read_schema(root / _DATA)
    old, new = ({Path(name).stem: read_rows(text) for name, text in files.items()} for files in (old_files, new_files))
    rows = row_changes(schemas, old, new)
    reported = _reported(files_at(root, commit, _TABLES, ""), files_now(root, _TABLES, ""))
    caused = describe_causes(schemas, old, new, rows)
    lines = [f"Since {base} ({commit[:10]}, {date}):", *reported, *caused, *_listed(rows)]
    if rows and caused and not reported:
        lines.append("reports/tables did not change: `make report` brings it up to date with the rows.")
    return "\n".join(lines if len(lines) > 1 else [lines[0], "Nothing changed: neither results nor rows."])


def _reported(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Changed answers and pooled results of reports/tables; the other changed tables by name."""
    if new and not old:
        return ["reports/tables is not part of that version; its results were computed anew from its rows."]
    answers, pooled, others = [], [], []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name.endswith(".answer.json"):
            answers += _answer_lines(name, before, after)
            continue
        found = _pooled_lines(name, before or "", after or "") if name.endswith(".csv") else []
        pooled += found
        others += [] if found else [name]
    lines = ["", "Answers that changed", *answers] if answers else []
    lines += ["", "Pooled results that changed", *pooled] if pooled else []
    return lines + (["", "Other result tables that changed: " + ", ".join(others)] if others else [])


def _answer_lines(name: str, before: str | None, after: str | None) -> list[str]:
    old, new = (json.loads(text) if text else {} for text in (before, after))
    mark = " (headline)" if (new or old).get("headline") else ""
    lines = [f"  {name.removesuffix('.answer.json')}{mark}: {(new or old).get('question', '')}"]
    return [*lines, f"    was: {old.get('answer', '(no such answer)')}", f"    now: {new.get('answer', '(gone)')}"]


def _pooled_lines(name: str, before: str, after: str) -> list[str]:
    """Rows of a table of pooled results whose displayed numbers differ."""
    old, new = (pooled_numbers(text) for text in (before, after))
    lines = []
    for label in dict.fromkeys([*old, *new]):
        one, two = old.get(label), new.get(label)
        if not same(one, two):
            lines.append(f"  {name.removesuffix('.csv')}, {label}: {change_text(one, two)}")
    return lines


def pooled_numbers(text: str) -> dict[str, Shown]:
    """Label -> numbers, of a CSV that holds pooled results."""
    found = {}
    for row in read_rows(text):
        label = row.get("label") or row.get("group")
        if label and all(name in row for name in (*_NUMBERS, "measure", "k")):
            numbers = [float(row[name]) if row[name] else math.nan for name in _NUMBERS]
            found[label] = Shown(*numbers, row["measure"], row["k"])
    return found


def _listed(rows: list[RowChange]) -> list[str]:
    """All changed rows, counted by table."""
    lines = ["", "Rows that changed"] if rows else []
    for table in dict.fromkeys(change.table for change in rows):
        own = [change for change in rows if change.table == table]
        counts = {kind: sum(change.kind == kind for change in own) for kind in ("added", "removed", "changed")}
        lines.append(f"  {table}.csv: " + ", ".join(f"{count} {kind}" for kind, count in counts.items() if count))
        lines += [f"    {change.text()}" for change in own[:MOST_ROWS]]
        lines += [f"    and {len(own) - MOST_ROWS} more"] if len(own) > MOST_ROWS else []
    return lines
