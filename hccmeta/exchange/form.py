"""The spreadsheet form for a new study: one sheet per table, help in row 2, drop-down lists from the schema."""

from __future__ import annotations

import io
from pathlib import Path

from ..errors import DataError
from ..evidence.schema import Field, TableSchema, read_schema

HELP_MARK = "Help: "
GUIDE, LISTS = "Read me", "lists"
OWN_SHEETS = (GUIDE, LISTS)
FIRST_ROW = 3
ROWS = 500  # rows with drop-down lists

_GUIDE = """How to fill in this form
1. One sheet is one table, one row is one fact. Leave the sheets that you do not need empty.
2. Row 1 names the columns, row 2 explains them. Begin in row 3. Do not change rows 1 and 2.
3. Columns with a dark blue head are required in every row that you fill.
    Leave a cell empty where the paper says nothing: never NA, NR, - or 0.
4. Begin with the sheets studies (one row) and arms (one row per arm), then responses, survival,
    hazard_ratios, adverse_events, characteristics.
5. A study_id is the first author and the year, for example smith2026. An arm_id is the study_id and a suffix:
    smith2026_rt. The key of a row is its arm_id, the endpoint and what else tells it apart: smith2026_rt_orr_r11.
6. printed is the text exactly as the paper prints it, for example 18 (45.0%). Every number beside it stands in it.
7. source is the DOI, PMID or registry id of the report (doi:10.1000/xyz), locator the place in it (Table 2);
    how says printed, calculated, inferred or digitised.
8. Times are months. Percentages go without the sign into printed_pct; limits of a share, and survival at a time,
    are fractions from 0 to 1.
9. Type plain text and numbers. Formulas, macros and links to other files are refused. Where a cell turns into
    a date or a percentage, format it as text or number and type it again.
10. Save as .xlsx, close the file and run: python -m hccmeta import NAME_OF_THIS_FILE.xlsx
    It lists everything that must be mended, with sheet, row and column. Nothing is added before all is well."""


def write_form(path: Path | str, *, schemas: dict[str, TableSchema] | None = None) -> Path:
    """Write an empty form and return its path; an existing file is never replaced.

    Parameters
    ----------
    path : path
        Ends in `.xlsx`.
    schemas : dict, optional
        Table name -> TableSchema (default: the project's schema).

    Returns
    -------
    Path

    Raises
    ------
    DataError
        The file exists, its folder does not, or its name does not end in `.xlsx`.
    """
    path = Path(path)
    if path.suffix != ".xlsx":
        raise DataError(f"The form is an .xlsx file: call it {path.with_suffix('.xlsx').name}.")
    if not path.parent.is_dir():
        raise DataError(f"There is no folder {path.parent}: make it, or choose another.")
    content = io.BytesIO()
    _workbook(read_schema() if schemas is None else schemas).save(content)
    try:
        with open(path, "xb") as handle:
            handle.write(content.getvalue())
    except FileExistsError:
        raise DataError(f"{path} exists and is not replaced: choose another name, or delete it first.") from None
    return path


def _workbook(schemas: dict[str, TableSchema]):
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    book = Workbook()
    guide = book.active
    guide.title = GUIDE
    guide.column_dimensions["A"].width = 120
    for number, line in enumerate(_GUIDE.splitlines(), 1):
        cell = _put_text(guide, number, 1, line)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.font = Font(bold=number == 1, size=14 if number == 1 else 11)
    lists = book.create_sheet(LISTS)
    ranges: dict[tuple, str] = {}
    for schema in schemas.values():
        _add_sheet(book, schema, lists, ranges)
    book.move_sheet(lists, offset=len(book.sheetnames))
    lists.sheet_state = "hidden"
    return book


def _put_text(sheet, row: int, column: int, text: str):
    """A cell that holds `text` as text, whatever it begins with."""
    cell = sheet.cell(row, column, text)
    cell.data_type = "s"
    return cell


def _add_sheet(book, schema: TableSchema, lists, ranges: dict) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(schema.name)
    pointers = {columns[0]: table for columns, table, _ in schema.foreign_keys if len(columns) == 1}
    for number, field in enumerate(schema.fields, 1):
        letter = get_column_letter(number)
        head = _put_text(sheet, 1, number, field.name)
        head.font = Font(bold=True, color="FFFFFF" if field.required else "000000")
        head.fill = PatternFill("solid", fgColor="1F4E79" if field.required else "D9E2EC")
        text = _put_text(sheet, 2, number, (HELP_MARK if number == 1 else "") + help_text(field))
        text.alignment = Alignment(wrap_text=True, vertical="top")
        text.font = Font(italic=True, size=9)
        sheet.column_dimensions[letter].width = 26 if field.type == "string" else 15
        if field.type == "string":
            sheet.column_dimensions[letter].number_format = "@"
        _add_list(sheet, letter, field, pointers.get(field.name), lists, ranges)
    sheet.row_dimensions[2].height = 110
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 2)


def help_text(field: Field) -> str:
    """Row 2 of the form: what the column holds, in which unit, and whether it must be filled."""
    parts = ["REQUIRED." if field.required else "", field.description]
    parts += [f"Unit: {field.unit}." if field.unit else ""]
    parts += {"integer": ["Whole number."], "number": ["Number with a decimal point."]}.get(field.type, [])
    return " ".join(part for part in parts if part)


def _add_list(sheet, letter: str, field: Field, pointer: str | None, lists, ranges: dict) -> None:
    """Drop-down list: closed for the choices of the schema, open for keys, which may also stand in the tables."""
    from openpyxl.worksheet.datavalidation import DataValidation

    if field.enum:
        source = ranges.get(field.enum) or ranges.setdefault(field.enum, _write_list(lists, len(ranges) + 1, field))
    elif pointer is not None:
        source = f"'{pointer}'!$A${FIRST_ROW}:$A${FIRST_ROW + ROWS - 1}"
    else:
        return
    choice = DataValidation(type="list", formula1=source, allow_blank=True, showErrorMessage=bool(field.enum))
    choice.errorTitle, choice.error = field.name, "Choose a value from the list, or leave the cell empty."
    choice.add(f"{letter}{FIRST_ROW}:{letter}{FIRST_ROW + ROWS - 1}")
    sheet.add_data_validation(choice)


def _write_list(lists, column: int, field: Field) -> str:
    from openpyxl.utils import get_column_letter

    for row, value in enumerate(field.enum, 1):
        _put_text(lists, row, column, str(value)).number_format = "@"
    letter = get_column_letter(column)
    return f"'{LISTS}'!${letter}$1:${letter}${len(field.enum)}"
