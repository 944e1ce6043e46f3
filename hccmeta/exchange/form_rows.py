"""Rows of a filled form as text cells, with every cell that a spreadsheet made into something else."""

from __future__ import annotations

import datetime
import math
import re
from pathlib import Path

from ..evidence.cells import NUMBER
from ..evidence.problems import problem
from ..evidence.schema import Field, TableSchema
from .form import FIRST_ROW, HELP_MARK, OWN_SHEETS
from .workbook_file import open_workbook

MOST_ROWS = 5_000


class FormRow(str):
    """Row of a sheet as its person sees it; tells new rows from lines of the tables in messages."""


class TableLine(str):
    """Line of a table that exists."""


def read_form(path: Path | str, schemas: dict[str, TableSchema]) -> tuple[dict[str, list], list[dict]]:
    """Records (FormRow, {column: text}) per table, and the problems of sheets and cells.

    Raises
    ------
    DataError
        A file that is not opened at all (`open_workbook`).
    """
    book = open_workbook(path)
    records, problems = {}, []
    for sheet in book.worksheets:
        if sheet.title in OWN_SHEETS:
            continue
        if sheet.title not in schemas:
            if any(cell.value is not None for row in _cells(sheet) for cell in row):
                rule, fix = "every sheet is a table of the schema", "Rename it as in the form, or delete it."
                problems.append(problem(sheet.title, None, "", sheet.title, rule, fix))
            continue
        records[sheet.title], found = _read_sheet(sheet, schemas[sheet.title])
        problems += found
    for sheet in book.chartsheets:
        problems.append(problem(sheet.title, None, "", "", "a form has no charts", "Delete the sheet."))
    if not problems and not any(records.values()):
        fix = f"Enter at least one row from row {FIRST_ROW} of a sheet."
        problems.append(problem("studies", None, "", "", "the form has rows", fix))
    return {name: rows for name, rows in records.items() if rows}, problems


def _cells(sheet):
    return sheet.iter_rows(max_row=min(sheet.max_row, MOST_ROWS), max_col=min(sheet.max_column, 200))


def _read_sheet(sheet, schema: TableSchema) -> tuple[list, list[dict]]:
    if sheet.max_row > MOST_ROWS or sheet.max_column > 200:
        fix = f"Delete the rows and columns behind the data: a form has at most {MOST_ROWS} rows and 200 columns."
        return [], [problem(schema.name, None, "", f"{sheet.max_row} x {sheet.max_column}", "sheet is a form", fix)]
    rows = list(_cells(sheet))
    if _untouched(rows):
        return [], []
    columns, problems = _header(rows, schema)
    problems += [
        problem(schema.name, FormRow(area.min_row), "", str(area), "no merged cells", "Split them; one value per cell.")
        for area in sheet.merged_cells.ranges
    ]
    records = []
    for number, cells in enumerate(rows[FIRST_ROW - 1 :], FIRST_ROW):
        if all(cell.value is None for cell in cells):
            continue
        texts = {}
        for cell in cells:
            field = columns.get(cell.column)
            if field is None:
                if cell.value is not None and cell.column > len(columns):
                    fix = "Move it into a column of the form."
                    place = (schema.name, FormRow(number), cell.column_letter, cell.value)
                    problems.append(problem(*place, "every cell stands below a column name", fix))
                continue
            texts[field.name], message = cell_text(field, cell)
            if message:
                problems.append(problem(schema.name, FormRow(number), field.name, cell.value, *message))
        records.append((FormRow(f"{number} of the form"), texts))
    return records, problems


def _untouched(rows: list) -> bool:
    """No data below the help row, and the help row still in its place: an older form may lack newer columns here."""
    second = [cell.value for cell in rows[1]] if len(rows) > 1 else []
    helped = not any(second) or any(str(value).startswith(HELP_MARK) for value in second)
    return helped and all(cell.value is None for row in rows[FIRST_ROW - 1 :] for cell in row)


def _header(rows: list, schema: TableSchema) -> tuple[dict[int, Field], list[dict]]:
    """Column number -> field, and what is wrong with rows 1 and 2."""
    fields = {field.name: field for field in schema.fields}
    found, problems = {}, []
    for cell in rows[0] if rows else ():
        if cell.value is None:
            continue
        name = cell.value
        if name not in fields or fields[name] in found.values():
            rule = "column is in the schema" if name not in fields else "each column stands once"
            fix = "Restore row 1 from a fresh form."
            problems.append(problem(schema.name, FormRow(1), str(name), name, rule, fix))
            continue
        found[cell.column] = fields[name]
    missing = [field.name for field in schema.fields if field.required and field not in found.values()]
    if missing:
        fix = "Restore row 1 from a fresh form."
        problems.append(problem(schema.name, FormRow(1), missing[0], "", f"columns {', '.join(missing)} exist", fix))
    second = rows[1] if len(rows) > 1 else ()
    if any(cell.value is not None for cell in second) and not any(
        str(cell.value).startswith(HELP_MARK) for cell in second
    ):
        fix = f"Restore the help row from a fresh form; data begin in row {FIRST_ROW}."
        problems.append(problem(schema.name, FormRow(2), "", second[0].value, "row 2 is the help row", fix))
    return found, problems


def cell_text(field: Field, cell) -> tuple[str, tuple[str, str] | None]:
    """Text of a cell as it goes into the table, and (rule, fix) where the spreadsheet changed what was typed."""
    value = cell.value
    if value is None:
        return "", None
    if cell.data_type == "f" or not isinstance(value, str | int | float | datetime.date | datetime.time):
        return "", _not_plain(value)
    if cell.data_type == "e":
        return "", ("cell is no spreadsheet error", "Type the value, or leave the cell empty.")
    if isinstance(value, str):
        if field.type != "string" and NUMBER.fullmatch(value):
            return value, ("number is stored as a number, not as text", "Format the cell as Number and type it again.")
        return value, None
    if isinstance(value, bool):
        return "", ("cell is text or number, not TRUE or FALSE", "Format the cell as Text and type it again.")
    if isinstance(value, int | float):
        return _number_text(field, cell)
    rule = "cell is no date or time"
    return "", (rule, "The spreadsheet made a date of it: format the cell as Text and type what the paper prints.")


def _not_plain(value) -> tuple[str, str]:
    if isinstance(value, datetime.timedelta):
        return "cell is no date or time", "Format the cell as Text and type what the paper prints."
    return "cell is no formula", "Type the value itself."


def _number_text(field: Field, cell) -> tuple[str, tuple[str, str] | None]:
    value = cell.value
    text = str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
    if "%" in re.sub(r'"[^"]*"', "", cell.number_format):
        fix = f"The cell holds {text}: format it as Number and type the number that the column asks for."
        return text, ("number is not formatted as a percentage", fix)
    if field.type == "string" and text not in field.enum:
        fix = "Digits such as a last 0 may be lost: format the cell as Text and type it exactly as printed."
        return text, ("text is stored as text, not as a number", fix)
    return text, None
