"""A saved subgroup: round trip, refusals, and the same numbers in the explorer and in the report."""

import pytest

import hccmeta as hm
from hccmeta.evidence import selections
from hccmeta.explorer.view import response_view


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(selections, "selections_folder", lambda: tmp_path)
    return tmp_path


def test_what_is_saved_is_loaded():
    selections.save_selection("rt_only", where={"treatment": ["RT + ICI"], "setting": []}, group_by="timing")
    chosen = selections.load_selection("rt_only")
    assert chosen["where"] == {"treatment": ["RT + ICI"]}
    assert chosen["group_by"] == "timing"


@pytest.mark.parametrize("name", ["../x", "a/b", "", "Ä", "x" * 70, ".hidden"])
def test_names_that_are_no_plain_names_are_refused(name, folder):
    with pytest.raises(hm.DataError, match="cannot name a selection"):
        selections.save_selection(name, where={})
    assert not list(folder.iterdir())


def test_an_unknown_name_lists_what_exists(folder):
    selections.save_selection("mine", where={})
    with pytest.raises(hm.DataError, match="mine"):
        hm.load_tables(selection="other")


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "where: 3",
        "where: {treatment: RT}",
        "unknown: 1",
        "arms: {a: 1}",
        "!!python/object/apply:os.system [ls]",
    ],
)
def test_files_that_are_no_selection_are_refused(text, folder):
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(hm.DataError, match="bad.yaml"):
        hm.load_tables(selection="bad")


def test_a_filter_on_an_unknown_column_names_the_columns(folder):
    selections.save_selection("odd", where={"colour": ["red"]})
    with pytest.raises(hm.DataError, match="colour"):
        hm.load_tables(selection="odd")


def test_a_selection_that_leaves_nothing_says_so():
    selections.save_selection("none", where={"treatment": ["no such treatment"]})
    with pytest.raises(hm.DataError, match="leaves no arm"):
        hm.load_tables(selection="none")


def test_explorer_and_report_give_the_same_numbers():
    where = {"treatment": ["RT + ICI"], "timing": ["concurrent"]}
    shown = response_view(hm.load_tables(), where=where)
    selections.save_selection("concurrent", where=where)
    tables = hm.load_tables(selection="concurrent")
    rows = hm.select_responses(tables, where={"treatment": ["RT + ICI"]})
    again = hm.pool_rates(rows)
    assert list(rows["arm_id"]) == list(shown.rows["arm_id"])
    assert again.estimate == shown.result.estimate
    assert hm.sentence(again, outcome="ORR (overall)") == shown.sentence


def test_nothing_of_other_arms_is_left():
    selections.save_selection("one", where={"arm_id": ["zhai2025_rt"]})
    tables = hm.load_tables(selection="one")
    assert set(tables.survival["arm_id"]) == {"zhai2025_rt"}
    assert set(tables.studies["study_id"]) == {"zhai2025"}
    assert tables.hazard_ratios.empty


def test_scalars_are_text_and_keys_stand_once(folder):
    (folder / "plain.yaml").write_text("where: {rt: [yes], year: [2024]}\n")
    assert selections.load_selection("plain")["where"] == {"rt": ["yes"], "year": ["2024"]}
    (folder / "twice.yaml").write_text("where: {rt: [yes], rt: [no]}\n")
    with pytest.raises(hm.DataError, match="'rt' stands twice"):
        selections.load_selection("twice")


@pytest.mark.parametrize(
    "text",
    [
        "where: {rt: &a [*a]}",
        "description: &a [x, x]\nwhere: {rt: [*a, *a]}",
        "where: {rt: [{a: 1}]}",
        "where: " + "[" * 3000 + "]" * 3000,
        "group_by: [rt, line]",
        "group_by: colour",
    ],
)
def test_nested_and_recursive_content_is_refused(text, folder):
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(hm.DataError, match="bad"):
        hm.load_tables(selection="bad")


def test_a_name_ends_where_it_ends():
    with pytest.raises(hm.DataError, match="cannot name"):
        selections.selection_path("set_a\n")
