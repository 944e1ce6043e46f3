"""Reading: typed tables from good files, one error that lists everything from bad ones."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hccmeta as hm
from hccmeta.paths import schema_file

from .made_up import SCHEMA, clean_rows, write_folder


def problems_of(folder):
    with pytest.raises(hm.DataError) as caught:
        hm.load_tables(folder)
    for entry in caught.value.problems:
        assert list(entry) == ["table", "row", "column", "value", "rule", "fix"]
    return caught.value


def rewrite(folder, table, change):
    path = folder / f"{table}.csv"
    path.write_bytes(change(path.read_bytes()))


def test_columns_have_the_types_of_the_schema(folder):
    tables = hm.load_tables(folder)
    assert tables.responses["events"].dtype == "Int64"
    assert tables.responses["ci_low"].dtype == "float64"
    assert tables.responses["note"].dtype == "string"
    assert tables.responses["ci_low"].notna().sum() == 1
    assert len(tables.search) == 0 and "hits" in tables.search
    assert set(dict(tables)) == set(SCHEMA)


def test_tables_are_frozen_and_replace_makes_a_copy(folder):
    tables = hm.load_tables(folder)
    with pytest.raises(FrozenInstanceError):
        tables.frames = {}
    fewer = tables.replace(responses=tables.responses.head(1))
    assert len(fewer.responses) == 1 and len(tables.responses) > 1
    with pytest.raises(AttributeError):
        _ = tables.respones


@pytest.mark.parametrize("change", [lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: raw.replace(b"\n", b"\r\n")])
def test_byte_order_mark_and_windows_line_ends_are_fine(folder, change):
    before = hm.load_tables(folder).responses
    rewrite(folder, "responses", change)
    assert hm.load_tables(folder).responses.equals(before)


FILE_DAMAGE = {
    "empty": (lambda raw: b"", None, "file is not empty"),
    "blank": (lambda raw: b"\n \n", None, "file is not empty"),
    "latin-1": (lambda raw: raw.replace(b"Table 2", b"Tabl\xe9 2", 1), 2, "encoding is UTF-8"),
    "utf-16": (lambda raw: raw.decode().encode("utf-16"), 1, "encoding is UTF-8"),
    "missing column": (lambda raw: raw.replace(b",endpoint,", b",", 1), 1, "every column of the schema is present"),
    "unknown column": (lambda raw: raw.replace(b",endpoint,", b",endpiont,", 1), 1, "column is in the schema"),
    "repeated column": (lambda raw: raw.replace(b",n_how,", b",n,", 1), 1, "each column stands once"),
    "semicolons": (lambda raw: raw.replace(b",", b";"), 1, "columns are separated by commas"),
    "one cell more": (lambda raw: raw.replace(b"\nalpha", b"\nx,alpha", 1), 2, "row has as many cells as the header"),
    "open quote": (lambda raw: raw.replace(b"\nalpha", b'\n"alpha', 1), 2, "line is valid CSV"),
    "blank line": (lambda raw: raw.replace(b"\nalpha", b"\n\nalpha", 1), 2, "no blank lines"),
}


@pytest.mark.parametrize("damage", FILE_DAMAGE)
def test_damaged_file_names_table_line_and_rule(folder, damage):
    change, line, rule = FILE_DAMAGE[damage]
    rewrite(folder, "responses", change)
    found = [entry for entry in problems_of(folder).problems if entry["rule"] == rule]
    assert found and (found[0]["table"], found[0]["row"]) == ("responses", line)


def test_missing_file_directory_link_and_stranger(folder, tmp_path):
    (folder / "search.csv").unlink()
    (folder / "certainty.csv").unlink()
    (folder / "certainty.csv").mkdir()
    (folder / "arms.csv").rename(tmp_path / "arms.csv")
    (folder / "arms.csv").symlink_to(tmp_path / "arms.csv")
    (folder / "respones.csv").write_text("x\n")
    found = {(entry["table"], entry["row"], entry["rule"]) for entry in problems_of(folder).problems}
    assert found == {
        ("search", None, "every table of the schema has its file"),
        ("certainty", None, "table is a plain file"),
        ("arms", None, "table is a plain file"),
        ("respones", None, "every CSV of the folder is in the schema"),
    }


def test_folder_that_does_not_exist():
    with pytest.raises(hm.DataError, match="no folder"):
        hm.load_tables("no/such/place")


CELL_DAMAGE = [
    ("n", "NA", "a missing value is an empty cell", "empty"),
    ("n", "-", "a missing value is an empty cell", "empty"),
    ("use_reason", "NR", "a missing value is an empty cell", "empty"),
    ("n", "forty", "whole number", "digits"),
    ("n", "40.0", "whole number", "percentage"),
    ("n", "1,000", "whole number", "1000"),
    ("ci_low", "0,293", "number with a decimal point", "0.293"),
    ("printed_pct", "45.0%", "number with a decimal point", "without the sign"),
    ("ci_low", "29.3", "at least 0 and at most 1", "0.293"),
    ("ci_level", "95", "at least 0.5 and at most 0.9999", "0.95"),
    ("ci_low", "nan", "a missing value is an empty cell", "empty"),
    ("ci_low", "inf", "number with a decimal point", "empty"),
    ("events", "9" * 400, "whole number", ""),
    ("printed_pct", "1e400", "number is finite and at most 1e+12", ""),
    ("events", "-1", "at least 0", ""),
    ("criteria", "RECIST", "value is in the list of the schema", "RECIST1.1"),
    ("response_id", "Alpha 1", "value has the form ^[a-z0-9][a-z0-9_]*$", ""),
    ("arm_id", "alpha2020_rtt", "key is in arms.csv", "alpha2020_rt"),
    ("arm_id", "", "cell is required", ""),
    ("note", '=HYPERLINK("http://x","y")', "text is no spreadsheet formula", "Reword"),
    ("note", "@SUM(A1)", "text is no spreadsheet formula", "Reword"),
    ("note", "+1+cmd|' /C calc'!A0", "text is no spreadsheet formula", "Reword"),
    ("note", "-2+3", "text is no spreadsheet formula", "Reword"),
    ("note", "a\x00b", "text is one line without control characters", ""),
    ("note", "a\x1bb", "text is one line without control characters", ""),
    ("note", "two\nlines", "text is one line without control characters", "one line"),
    ("note", " padded ", "no blanks before or after", "padded"),
]


@pytest.mark.parametrize(("column", "value", "rule", "advice"), CELL_DAMAGE)
def test_damaged_cell_names_place_rule_and_remedy(tmp_path, rows, column, value, rule, advice):
    rows["responses"][4][column] = value
    error = problems_of(write_folder(tmp_path / "extracted", rows))
    if rule == "whole number" and len(value) > 100:
        rule = "number is finite and at most 1e+12"
    found = [entry for entry in error.problems if entry["rule"] == rule]
    assert [(entry["table"], entry["row"], entry["column"]) for entry in found] == [("responses", 6, column)]
    assert advice in found[0]["fix"] and len(found[0]["value"]) <= 80
    assert str(error).isprintable() or "\n" in str(error)
    assert not any(char in str(error) for char in "\x00\x1b")


@pytest.mark.parametrize("text", ["-0.117", "-3 days", "+2 (grade)", "≥60", "–", "-0.2 to 0.3"])
def test_printed_text_that_begins_with_a_sign_is_text(tmp_path, rows, text):
    rows["studies"][0]["printed"] = text
    hm.load_tables(write_folder(tmp_path / "extracted", rows))


def test_one_error_lists_every_problem_of_every_table(tmp_path, rows):
    rows["responses"][0]["arm_id"] = "alpha2020_rx"
    rows["responses"][1]["events"] = 400
    rows["arms"][2]["n"] = "many"
    rows["survival"].append(dict(rows["survival"][0]))
    folder = write_folder(tmp_path / "extracted", rows)
    rewrite(folder, "adverse_events", lambda raw: raw.replace(b"CTCAE", b"\xff", 1))
    rewrite(folder, "studies", lambda raw: raw.replace(b",year,", b",jahr,", 1))
    error = problems_of(folder)
    places = {(entry["table"], entry["row"], entry["column"]) for entry in error.problems}
    assert places >= {
        ("responses", 2, "arm_id"), ("responses", 3, "events"), ("arms", 4, "n"), ("survival", 16, "survival_id"),
        ("adverse_events", 2, ""), ("studies", 1, "year"), ("studies", 1, "jahr"),
    }  # fmt: skip
    for table, line, _ in places:
        assert f"{table}.csv" + (f", line {line}" if line else "") in str(error)
    assert len(str(error).splitlines()) == len(error.problems) + 1


def test_an_unreadable_table_does_not_flood_the_list_with_broken_keys(folder):
    (folder / "arms.csv").unlink()
    assert [entry["table"] for entry in problems_of(folder).problems] == ["arms"]


def test_schema_beside_the_folder_is_used_and_a_broken_one_is_named(folder):
    beside = folder.parent / "datapackage.json"
    beside.write_text('{"resources": [{"name": "studies", "schema": {}}]}')
    with pytest.raises(hm.DataError, match="datapackage.json cannot be read"):
        hm.load_tables(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 3000), junk=st.binary(min_size=1, max_size=6), cut=st.integers(0, 40))
def test_any_bytes_load_or_raise_a_data_error(tmp_path_factory, position, junk, cut):
    folder = write_folder(tmp_path_factory.mktemp("fuzz") / "extracted", clean_rows())
    path = Path(folder / "responses.csv")
    raw = path.read_bytes()
    path.write_bytes(raw[:position] + junk + raw[position + cut :])
    try:
        hm.load_tables(folder)
    except hm.DataError as error:
        assert error.problems and str(error)


@pytest.mark.parametrize("digits", ["３０", "٣٠", "४"])
def test_digits_of_other_scripts_are_no_numbers(folder, digits):
    rewrite(folder, "responses", lambda raw: raw.replace(b",40,", f",{digits},".encode(), 1))
    assert any(entry["value"] == digits and entry["rule"] == "whole number" for entry in problems_of(folder).problems)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("studies", lambda raw: b""),
        ("studies", lambda raw: raw + b"\xff"),
        ("studies", lambda raw: raw.replace(b"\n", b"\n,", 2).replace(b"\n,", b"\n", 1)),
        ("arms", lambda raw: raw.replace(b"\n", b'\n"', 1)),
    ],
)
def test_a_table_that_cannot_be_read_is_the_only_problem(folder, table, change):
    rewrite(folder, table, change)
    assert {entry["table"] for entry in problems_of(folder).problems} == {table}
    assert len(problems_of(folder).problems) == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"type": "integer"', '"type": "intger"', "unknown type"),
        ('"minimum": 0', '"minimum": "0"', "is text"),
        ('"pattern": "', '"pattern": "(', "cannot be read"),
        ('"resource": "studies"', '"resource": "studdies"', "no table"),
        ('"study_id"\n    ],', '"study"\n    ],', "no column"),
    ],
)
def test_a_schema_that_would_check_nothing_is_refused(folder, old, new, says):
    text = schema_file().read_text(encoding="utf-8")
    assert old in text
    (folder.parent / "datapackage.json").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(hm.DataError, match=says):
        hm.load_tables(folder)
