"""One CSV file as text cells, with every problem of the file itself (encoding, shape, header)."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hccmeta.evidence.problems import problem
from hccmeta.evidence.schema import TableSchema

VALID_LINE, COMPLETE_LINE = LINE_RULES = ("line is valid CSV", "row has as many cells as the header")


def read_cells(path: Path, schema: TableSchema) -> tuple[list[tuple[int, dict[str, str]]], list[dict]]:
    """Records (line, {column: text}) of one table and the problems of its file."""
    text, problems = _read_text(path, schema.name)
    if text is None:
        return [], problems
    lines, broken = _split(text, schema.name)
    problems += broken
    if not lines:
        return [], problems or [_file_problem(schema.name, "file is not empty", "Write the header line of the schema.")]
    header = lines[0][1]
    header_problems = _check_header(header, schema)
    problems += header_problems
    known = [(index, name) for index, name in enumerate(header) if name in schema.columns]
    records = []
    for line, cells in lines[1:]:
        if len(cells) == len(header):
            records.append((line, {name: cells[index] for index, name in known}))
        else:
            problems.append(_wrong_length(schema.name, line, cells, len(header)))
    return records, problems


def _file_problem(table: str, rule: str, fix: str, row: int | None = None, value="") -> dict:
    return problem(table, row, "", value, rule, fix)


def _read_text(path: Path, table: str) -> tuple[str | None, list[dict]]:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return None, [_file_problem(table, "table is a plain file", f"Replace {path.name} by the file itself.")]
    if not path.exists():
        fix = f"Add {path.name}; a table without rows has its header line."
        return None, [_file_problem(table, "every table of the schema has its file", fix)]
    try:
        raw = path.read_bytes()
    except OSError as error:
        fix = f"Make {path.name} readable ({error.strerror})."
        return None, [_file_problem(table, "file can be read", fix)]
    if not raw.strip():
        return None, [_file_problem(table, "file is not empty", "Write the header line of the schema.")]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        fix = "Save the file as CSV UTF-8."
        value = repr(raw[error.start : error.start + 1])[2:-1]
        return None, [_file_problem(table, "encoding is UTF-8", fix, line, value)]


def _split(text: str, table: str) -> tuple[list[tuple[int, list[str]]], list[dict]]:
    """Lines (number, cells); stops where quotes do not close, because what follows cannot be told apart."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines, problems, start = [], [], 1
    try:
        for cells in reader:
            if cells:
                lines.append((start, cells))
            else:
                problems.append(_file_problem(table, "no blank lines", "Delete the line.", start))
            start = reader.line_num + 1
    except csv.Error as error:
        fix = f"Mend the quotes or the length of this cell ({error}); the lines after it were not read."
        problems.append(_file_problem(table, VALID_LINE, fix, start))
    return lines, problems


def _check_header(header: list[str], schema: TableSchema) -> list[dict]:
    if len(header) == 1 and len(schema.columns) > 1:
        fix = "Save with the comma as separator; the header is: " + ",".join(schema.columns)
        return [_file_problem(schema.name, "columns are separated by commas", fix, 1, header[0])]
    unknown = "Correct the name, or describe it in the schema."
    problems = [
        problem(schema.name, 1, name, name, "column is in the schema", unknown)
        for name in dict.fromkeys(header)
        if name not in schema.columns
    ]
    problems += [
        problem(schema.name, 1, name, name, "each column stands once", "Delete or rename one of them.")
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    problems += [
        problem(schema.name, 1, name, "", "every column of the schema is present", f"Add the column {name}.")
        for name in schema.columns
        if name not in header
    ]
    return problems


def _wrong_length(table: str, line: int, cells: list[str], expected: int) -> dict:
    fix = f"Found {len(cells)} cells, expected {expected}: look for a comma that needs quotes or a missing one."
    return _file_problem(table, COMPLETE_LINE, fix, line, ",".join(cells))
