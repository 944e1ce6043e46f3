"""Import of a filled form: all rows or none, every problem at once, nothing that could do harm."""

import datetime
import io
import zipfile
from pathlib import Path

import pytest

import hccmeta as hm
from hccmeta.errors import DataError
from hccmeta.exchange.import_form import _exchange, import_form
from hccmeta.exchange.import_report import describe_import

from .conftest import EXAMPLE

ORR = 7  # row of ORR in the responses of the example


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def refused(path, folder):
    """Problems of a form that must leave every table as it was."""
    before = contents(folder)
    with pytest.raises(DataError) as caught:
        import_form(path, folder)
    assert contents(folder) == before
    return caught.value


def places(error):
    return {(entry["table"], str(entry["row"]).split(" ")[0], entry["column"]) for entry in error.problems}


def test_example_is_appended_behind_the_old_bytes(folder):
    before = contents(folder)
    done = import_form(EXAMPLE, folder)
    after = contents(folder)
    assert done.added == {"studies": 1, "arms": 1, "responses": 6, "survival": 2, "adverse_events": 1}
    for name, content in after.items():
        assert content.startswith(before[name])
        lines = content[len(before[name]) :].decode().splitlines()
        assert len(lines) == done.added.get(Path(name).stem, 0)
    tables = hm.load_tables(folder)
    row = tables.responses.set_index("response_id").loc["madeup2099_rt_orr_r11_all"]
    assert (row["events"], row["n"], row["printed"], row["locator"]) == (18, 40, "18 (45.0%)", "Table 2")
    assert "contradict" in describe_import(done, folder)


def test_check_only_adds_nothing(folder):
    before = contents(folder)
    done = import_form(EXAMPLE, folder, check_only=True)
    assert not done.written and contents(folder) == before
    assert "would be added" in describe_import(done, folder)


def test_second_import_names_every_key(folder):
    import_form(EXAMPLE, folder)
    error = refused(EXAMPLE, folder)
    keys = {(entry["table"], entry["value"]) for entry in error.problems if "is unique" in entry["rule"]}
    assert len(keys) == 11
    assert ("arms", "madeup2099_rt") in keys


def test_files_without_final_newline_and_with_crlf_stay_as_they_are(folder):
    arms, studies = folder / "arms.csv", folder / "studies.csv"
    arms.write_bytes(arms.read_bytes().rstrip(b"\n"))
    studies.write_bytes(studies.read_bytes().replace(b"\n", b"\r\n"))
    import_form(EXAMPLE, folder)
    assert studies.read_bytes().count(b"\r\n") == studies.read_bytes().count(b"\n")
    assert hm.load_tables(folder).arms["arm_id"].iloc[-1] == "madeup2099_rt"


@pytest.mark.parametrize(
    "column, value, number_format, rule",
    [
        ("events", "=9+9", None, "no formula"),
        ("note", "=HYPERLINK('http://example.org')", None, "no formula"),
        ("note", "@SUM(1)", None, "no spreadsheet formula"),
        ("note", "+cmd|' /C calc'!A0", None, "no spreadsheet formula"),
        ("note", "-2+3", None, "no spreadsheet formula"),
        ("printed", datetime.datetime(2026, 5, 18), None, "no date"),
        ("n", datetime.date(2026, 5, 18), None, "no date"),
        ("printed", 18, None, "stored as text"),
        ("events", "18", None, "not as text"),
        ("events", 18.5, None, "whole number"),
        ("printed_pct", "45,0", None, "decimal point"),
        ("printed_pct", 0.45, "0%", "percentage"),
        ("criteria", "RECIST1.1 ", None, "blanks"),
        ("criteria", "recist", None, "in the list"),
        ("assessor", "NA", None, "missing value is an empty cell"),
        ("locator", "Table\n2", None, "one line"),
        ("locator", True, None, "TRUE or FALSE"),
        ("events", "#N/A", None, "spreadsheet error"),
        ("use", None, None, "required"),
        ("arm_id", "madeup2099_xx", None, "key is in arms"),
        ("events", 41, None, "events_within_n"),
        ("printed_pct", 54.0, None, "percentage_fits_count"),
    ],
)
def test_bad_cell_is_named_where_the_person_sees_it(folder, edited, column, value, number_format, rule):
    path = edited({("responses", ORR, column): value}, number_format=number_format)
    error = refused(path, folder)
    found = [entry for entry in error.problems if entry["column"] == column and rule in entry["rule"]]
    assert found and found[0]["table"] == "responses" and str(found[0]["row"]).split(" ")[0] == str(ORR)
    assert f"row {ORR}, column {column}" in str(error)


def test_all_problems_come_at_once(folder, edited):
    path = edited({
        ("studies", 3, "design"): "single arm", ("studies", 3, "year"): "2099", ("responses", 4, "events"): "=15",
        ("survival", 3, "value"): 171, ("adverse_events", 3, "n"): "forty",
    })  # fmt: skip
    expected = {("studies", "3", "design"), ("studies", "3", "year"), ("responses", "4", "events"),
                ("survival", "3", "value"), ("adverse_events", "3", "n")}  # fmt: skip
    assert expected <= places(refused(path, folder))


def test_same_report_under_another_name(folder, edited):
    known = hm.load_tables(folder).studies.dropna(subset="doi").iloc[0]
    error = refused(edited({("studies", 3, "doi"): known["doi"].upper()}), folder)
    assert any(known["study_id"] in entry["fix"] for entry in error.problems if entry["column"] == "doi")


def rows_one_up(book):
    book["responses"].delete_rows(2)


def merge(book):
    book["responses"].merge_cells("A3:A4")


def new_column(book):
    sheet = book["responses"]
    sheet.cell(1, sheet.max_column + 1, "mood")


def rename_column(book):
    book["responses"]["A1"] = "id"


def value_without_column(book):
    sheet = book["responses"]
    sheet.cell(5, sheet.max_column + 3, "hello")


def more_sheets(book):
    book.create_sheet("results")["A1"] = 3


def endless(book):
    book["responses"].cell(9000, 1, "x")


@pytest.mark.parametrize(
    "change, rule",
    [(rows_one_up, "help row"), (merge, "merged"), (new_column, "in the schema"), (rename_column, "response_id exist"),
     (value_without_column, "below a column name"), (more_sheets, "every sheet"), (endless, "sheet is a form")],
)  # fmt: skip
def test_form_that_was_rebuilt_is_refused(folder, edited, change, rule):
    error = refused(edited({}, change=change), folder)
    assert any(rule in entry["rule"] for entry in error.problems)


def test_empty_sheet_of_an_older_form_may_lack_columns(folder, edited):
    def older(book):
        book["certainty"].delete_cols(2)
        del book["search"]

    assert import_form(edited({}, change=older), folder).written


def test_row_typed_over_the_help_row_is_not_lost(folder, edited):
    def over_help(book):
        book["comparisons"]["A2"] = "madeup2099_rt_v_nothing"

    error = refused(edited({}, change=over_help), folder)
    assert any(entry["table"] == "comparisons" and "help row" in entry["rule"] for entry in error.problems)


def repacked(path, *, add=None, replace=None):
    """The example with parts added, or text replaced in a part: {part: (old, new)}."""
    content = io.BytesIO()
    with zipfile.ZipFile(EXAMPLE) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename in (replace or {}):
                one, two = replace[part.filename]
                assert one in data
                data = data.replace(one, two)
            new.writestr(part.filename, data)
        for name, data in (add or {}).items():
            new.writestr(name, data)
    path.write_bytes(content.getvalue())
    return path


TYPES = "[Content_Types].xml"
MACRO = {TYPES: (b"spreadsheetml.sheet.main+xml", b"sheet.macroEnabled.main+xml")}
ENTITY = {"xl/workbook.xml": (b"<workbook", b'<!DOCTYPE x [<!ENTITY a "b">]><workbook')}


@pytest.mark.parametrize(
    "options, words",
    [
        ({"add": {"xl/vbaProject.bin": b"Sub AutoOpen()"}}, "macros"),
        ({"add": {"xl/macrosheets/sheet1.xml": b"<x/>"}}, "macros"),
        ({"replace": MACRO}, "macros under another name"),
        ({"add": {"xl/externalLinks/externalLink1.xml": b"<x/>"}}, "links to other files"),
        ({"add": {"xl/connections.xml": b"<x/>"}}, "links to other files"),
        ({"add": {"xl/embeddings/object.bin": b"x"}}, "embedded objects"),
        ({"replace": ENTITY}, "declares entities"),
        ({"add": {"xl/media/zeros.bin": bytes(60_000_000)}}, "unpacks to"),
        ({"add": {f"xl/x{i}.xml": b"<x/>" for i in range(400)}}, "unpacks to"),
        ({"add": {"XL/workbook.xml": b"<x/>"}}, "stands twice"),
    ],
)
def test_harmful_file_is_refused(folder, tmp_path, options, words):
    assert words in str(refused(repacked(tmp_path / "new.xlsx", **options), folder))


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("new.xlsx", b"study_id,label\nx2026,X", "not what its name says"),
        ("new.xlsx", b"", "not what its name says"),
        ("new.xlsx", b"PK\x03\x04broken", "not what its name says"),
        ("new.xlsx", bytes(6_000_000), "larger than"),
        ("new.xlsm", EXAMPLE.read_bytes(), "no .xlsx file"),
        ("new.csv", b"a,b", "no .xlsx file"),
        (None, b"", "no file"),
    ],
)
def test_file_of_another_kind_is_refused(folder, tmp_path, name, content, words):
    path = tmp_path / (name or "absent.xlsx")
    if name:
        path.write_bytes(content)
    assert words in str(refused(path, folder))


def test_damaged_sheet_is_refused(folder, tmp_path):
    path = repacked(tmp_path / "new.xlsx", replace={"xl/worksheets/sheet2.xml": (b"</sheetData>", b"</sheetDat")})
    assert "damaged" in str(refused(path, folder))


def test_tables_with_problems_of_their_own_take_nothing(folder):
    studies = folder / "studies.csv"
    studies.write_text(studies.read_text(encoding="utf-8").replace("cohort", "kohort", 1), encoding="utf-8")
    assert "problems of their own" in str(refused(EXAMPLE, folder))


def test_failure_while_files_are_written_leaves_all_as_it_was(folder):
    (folder / "responses.csv.part").mkdir()
    before = {name: (folder / name).read_bytes() for name in ("studies.csv", "arms.csv", "responses.csv")}
    with pytest.raises(OSError):
        import_form(EXAMPLE, folder)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not (folder / "studies.csv.part").exists()


def test_failure_between_two_exchanges_is_undone(folder, monkeypatch):
    old = {file.stem: file.read_bytes() for file in folder.glob("*.csv")}
    replace, calls = Path.replace, []

    def disk_full_at_the_second(self, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError("no space left")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", disk_full_at_the_second)
    with pytest.raises(OSError, match="no space"):
        _exchange(folder, old, {name: old[name] + b"x" for name in ("studies", "arms", "responses")})
    assert {file.stem: file.read_bytes() for file in folder.glob("*.csv")} == old
    assert not list(folder.glob("*.part"))


def test_tables_that_changed_meanwhile_are_not_overwritten(folder):
    old = {file.stem: file.read_bytes() for file in folder.glob("*.csv")}
    (folder / "arms.csv").write_bytes(old["arms"] + b"new line\n")
    with pytest.raises(DataError, match="changed while"):
        _exchange(folder, old, {"studies": b"x"})
    assert (folder / "studies.csv").read_bytes() == old["studies"]
