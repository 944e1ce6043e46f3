"""The empty form: one sheet per table, lists and help from the schema, never over an existing file."""

import openpyxl
import pytest
from openpyxl.utils import range_boundaries

from hccmeta.errors import DataError
from hccmeta.evidence.schema import read_schema
from hccmeta.exchange.form import FIRST_ROW, OWN_SHEETS, help_text, write_form
from hccmeta.exchange.import_form import import_form

SCHEMAS = read_schema()


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    return write_form(tmp_path_factory.mktemp("form") / "NEW.xlsx")


@pytest.fixture(scope="module")
def book(form):
    return openpyxl.load_workbook(form)


def choices(book, formula):
    sheet, _, cells = formula.lstrip("=").rpartition("!")
    column, top, _, bottom = range_boundaries(cells.replace("$", ""))
    return [book[sheet.strip("'")].cell(row, column).value for row in range(top, bottom + 1)]


def test_one_sheet_per_table_with_names_and_help(book):
    assert set(book.sheetnames) == {*OWN_SHEETS, *SCHEMAS}
    for name, schema in SCHEMAS.items():
        assert [cell.value for cell in book[name][1]] == schema.columns
        for field, cell in zip(schema.fields, book[name][2], strict=True):
            assert help_text(field) in cell.value
            assert ("REQUIRED" in cell.value) == field.required


def test_required_columns_look_different(book):
    for name, schema in SCHEMAS.items():
        fills = {field.required: set() for field in schema.fields}
        for field, cell in zip(schema.fields, book[name][1], strict=True):
            fills[field.required].add(cell.fill.fgColor.rgb)
        assert all(len(colours) == 1 for colours in fills.values()) and len(set().union(*fills.values())) == len(fills)


def test_every_closed_list_is_a_drop_down(book):
    for name, schema in SCHEMAS.items():
        lists = {}
        for choice in book[name].data_validations.dataValidation:
            column, top, _, _ = range_boundaries(str(choice.sqref))
            assert top == FIRST_ROW
            lists[schema.columns[column - 1]] = choice
        for field in schema.fields:
            if field.enum:
                assert choices(book, lists[field.name].formula1) == [str(value) for value in field.enum]
                assert lists[field.name].showErrorMessage
        assert {columns[0] for columns, _, _ in schema.foreign_keys if len(columns) == 1} <= set(lists)


def test_form_holds_no_formula(book):
    assert not [c for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f"]


def test_existing_file_is_not_replaced(tmp_path):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(b"two hours of work")
    with pytest.raises(DataError, match="exists and is not replaced"):
        write_form(path)
    assert path.read_bytes() == b"two hours of work"


@pytest.mark.parametrize("name, words", [("new.xlsm", "xlsx"), ("nowhere/new.xlsx", "no folder")])
def test_name_must_fit(tmp_path, name, words):
    with pytest.raises(DataError, match=words):
        write_form(tmp_path / name)


def test_empty_form_is_refused(form, folder):
    with pytest.raises(DataError, match="the form has rows"):
        import_form(form, folder)
