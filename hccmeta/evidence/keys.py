"""Keys of the tables: unique where they must be, and found where they point to."""

from __future__ import annotations

from difflib import get_close_matches

from hccmeta.evidence.problems import problem
from hccmeta.evidence.schema import TableSchema


def check_keys(schemas: dict[str, TableSchema], data: dict[str, list[dict]], incomplete=()) -> list[dict]:
    """Problems of primary keys, unique columns and foreign keys; `data` holds the tables that could be read.

    A key that points into an `incomplete` table is not judged: its row may stand in a line that could not be read.
    """
    problems = []
    for name, rows in data.items():
        schema = schemas[name]
        single = [(field.name,) for field in schema.fields if field.unique]
        for columns in dict.fromkeys([schema.primary_key, *single]):
            problems += _repeated(name, rows, columns)
        for columns, target, target_columns in schema.foreign_keys:
            if target in data and target not in incomplete:
                problems += _unresolved(name, rows, columns, target, data[target], target_columns)
    return problems


def _repeated(table: str, rows: list[dict], columns: tuple[str, ...]) -> list[dict]:
    first, problems = {}, []
    for row in rows:
        key = tuple(row[column] for column in columns)
        if not columns or all(part is None for part in key):
            continue
        if key in first:
            fix = f"The key stands in line {first[key]} already: delete the row or correct its key."
            text = " + ".join("" if part is None else str(part) for part in key)
            rule = f"key {' + '.join(columns)} is unique"
            problems.append(problem(table, row.line_number, columns[0], text, rule, fix))
        else:
            first[key] = row.line_number
    return problems


def _unresolved(table, rows, columns, target, target_rows, target_columns) -> list[dict]:
    known = {tuple(row[column] for column in target_columns) for row in target_rows}
    names = [str(key[0]) for key in known]
    problems = []
    for row in rows:
        key = tuple(row[column] for column in columns)
        if any(part is None for part in key) or key in known:
            continue
        near = get_close_matches(str(key[0]), names, n=1)
        fix = (f"Did you mean {near[0]}? " if near else "") + f"Correct the key, or add it to {target}.csv."
        problems.append(problem(table, row.line_number, columns[0], key[0], f"key is in {target}.csv", fix))
    return problems
