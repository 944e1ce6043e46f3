"""Rows of the tables that were added, removed or changed between two versions."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from ..evidence.schema import TableSchema


@dataclass(frozen=True)
class RowChange:
    """One row that differs; `columns` holds old and new text of each changed cell."""

    table: str
    key: str
    kind: str  # added, removed, changed
    study: str
    row: dict = field(repr=False)
    columns: dict = field(default_factory=dict)

    def text(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        cells = "; ".join(f"{name} {_shown(old)} -> {_shown(new)}" for name, (old, new) in self.columns.items())
        return f"{sign} {self.table}: {self.key}" + (f" ({cells})" if cells else "")


def _shown(text: str) -> str:
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return "(empty)" if text == "" else text if len(text) <= 40 else text[:37] + "..."


def read_rows(text: str) -> list[dict]:
    """Records of a CSV text; cells that a line lacks are empty."""
    return [
        {name: value or "" for name, value in row.items() if name is not None}
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]


def row_changes(schemas: dict[str, TableSchema], old: dict[str, list], new: dict[str, list]) -> list[RowChange]:
    """Differences of the tables (name -> records), by key, in the order of the schema."""
    study_of = {row.get("arm_id"): row.get("study_id", "") for rows in (old, new) for row in rows.get("arms", ())}
    changes = []
    for name, schema in schemas.items():
        before, after = (_by_key(schema, rows.get(name, [])) for rows in (old, new))
        for key in dict.fromkeys([*before, *after]):
            one, two = before.get(key), after.get(key)
            if one == two:
                continue
            kind = "added" if one is None else "removed" if two is None else "changed"
            row = two or one
            study = row.get("study_id") or study_of.get(row.get("arm_id"), "")
            columns = {} if kind != "changed" else {
                column: (one.get(column, ""), two.get(column, ""))
                for column in dict.fromkeys([*one, *two])
                if one.get(column, "") != two.get(column, "")
            }  # fmt: skip
            if kind != "changed" or columns:
                changes.append(RowChange(name, _shown(" / ".join(key)), kind, study, row, columns))
    return changes


def _by_key(schema: TableSchema, rows: list[dict]) -> dict[tuple, dict]:
    return {tuple(row.get(column, "") for column in schema.primary_key): row for row in rows}
