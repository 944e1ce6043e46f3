"""What notebooks write: names are checked, bytes are stable, formulas are disarmed."""

import json

import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.report.outputs import output_folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HCCMETA_REPORTS", str(tmp_path))
    monkeypatch.delenv("HCCMETA_OUTPUTS", raising=False)
    return tmp_path


def test_a_table_is_written_with_twelve_digits(folder):
    hm.save_table(pd.DataFrame({"x": [1 / 3]}), "thirds")
    assert (folder / "tables/thirds.csv").read_text() == "x\n0.333333333333\n"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_cell_that_a_spreadsheet_would_run_is_disarmed(folder, cell):
    hm.save_table(pd.DataFrame({"label": [cell]}), "cells")
    assert (folder / "tables/cells.csv").read_bytes().splitlines()[1].strip(b'"').startswith(b"'")


def test_numbers_below_zero_stay_numbers(folder):
    hm.save_table(pd.DataFrame({"x": [-1.5]}), "negative")
    assert (folder / "tables/negative.csv").read_text() == "x\n-1.5\n"


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", "x" * 90, "a b"])
def test_a_name_that_could_leave_the_folder_is_refused(folder, name):
    with pytest.raises(hm.DataError, match="lower-case"):
        hm.save_table(pd.DataFrame({"x": [1]}), name)
    assert not list(folder.rglob("*"))


def test_a_figure_is_the_same_bytes_twice_and_its_caption_is_escaped(folder):
    counts = pd.DataFrame({"study": ["A", "B"], "events": [3, 9], "n": [20, 30]})

    def write():
        shown = hm.save_figure(
            hm.plot_forest(hm.pool_proportion(counts)), "forest", caption="<script>x</script>", key=True
        )
        return shown, {file.suffix: file.read_bytes() for file in (folder / "figures").iterdir()}

    shown, first = write()
    assert write()[1] == first
    assert "<script>" not in shown.data
    assert json.loads(first[".json"])["key"] is True


def test_an_answer_is_escaped_when_shown(folder):
    shown = hm.save_answer("x", "q", "<b>5</b>")
    assert "<b>5</b>" not in shown.data.removeprefix('<p class="answer" style="font-size:115%"><b>')


def test_without_the_runner_nothing_published_is_overwritten(monkeypatch):
    monkeypatch.delenv("HCCMETA_REPORTS")
    assert output_folder().name == "interactive"


@pytest.mark.parametrize("given", ["x", 5, [1], {}], ids=lambda value: type(value).__name__)
def test_what_cannot_be_written_is_refused_before_a_file_is_made(given, tmp_path, monkeypatch):
    monkeypatch.setenv("HCCMETA_REPORTS", str(tmp_path))
    with pytest.raises(hm.DataError, match="save_table takes a DataFrame"):
        hm.save_table(given, "x")
    with pytest.raises(hm.DataError, match="save_figure takes Axes"):
        hm.save_figure(given, "x")
    if not isinstance(given, str):
        with pytest.raises(hm.DataError, match="save_answer takes a text as answer"):
            hm.save_answer("x", "Question?", given)
        with pytest.raises(hm.DataError, match="cannot name an output"):
            hm.save_table(pd.DataFrame({"a": [1]}), given)
    if not isinstance(given, dict):
        with pytest.raises(hm.DataError, match="results_table takes a dict"):
            hm.results_table(given)
    with pytest.raises(hm.DataError, match="source_rows takes a DataFrame as rows"):
        hm.source_rows(given)
    assert not list(tmp_path.rglob("*.*"))
