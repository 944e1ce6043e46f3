"""The front page: every answer stands with the figure or table it names, and text of papers cannot become markup."""

import json

import nbformat
import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.report.index import write_index


@pytest.fixture
def reports(tmp_path, monkeypatch):
    monkeypatch.setenv("HCCMETA_REPORTS", str(tmp_path))
    monkeypatch.setenv("HCCMETA_OUTPUTS", str(tmp_path / "ledger"))
    return tmp_path


def page_of(reports):
    cell = nbformat.v4.new_markdown_cell("# 01 Made up\n\n**Which?**")
    notebook = reports / "01_a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), notebook)
    outputs = list(dict.fromkeys((reports / "ledger").read_text().split()))
    (reports / ".stamps").mkdir()
    (reports / ".stamps" / "01_a.json").write_text(json.dumps({"outputs": outputs}))
    write_index(reports, [notebook], None)
    return (reports / "index.html").read_text(encoding="utf-8")


def forest(name, *, key=False):
    counts = pd.DataFrame({"study": ["A", "B", "C"], "events": [3, 9, 4], "n": [20, 30, 25]})
    hm.save_figure(hm.plot_forest(hm.pool_rates(counts)), name, caption=f"caption of {name}", key=key)


def test_an_answer_is_followed_by_what_it_shows_and_then_by_the_other_key_figures(reports):
    forest("01_key", key=True)
    forest("01_quiet")
    forest("01_first", key=True)
    hm.save_table(pd.DataFrame({"arm": ["x"], "share": [1 / 3]}), "01_table")
    hm.save_answer("01_one", "First?", "The first.", shows=("01_first",))
    hm.save_answer("01_two", "Second?", "The second.", shows=("01_table",))
    page = page_of(reports)
    places = [
        page.index(text) for text in ("The first.", "01_first.svg", "The second.", "<td>0.333</td>", "01_key.svg")
    ]
    assert places == sorted(places)
    assert page.count('src="figures/01_first.svg"') == 1 and "01_quiet.svg" not in page


def test_what_was_not_written_in_this_selection_is_left_out(reports):
    hm.save_figure(None, "01_gone")
    hm.save_answer("01_one", "First?", "The first.", shows=("01_gone",))
    assert "01_gone" not in page_of(reports)


def test_words_of_a_cell_can_wrap_and_sentences_keep_a_width(reports):
    told = "One patient died of a tracheoesophageal fistula induced by immunotherapy and targeted therapy."
    hm.save_table(pd.DataFrame({"attribution": ["treatment_related"], "printed": [told]}), "01_table")
    hm.save_answer("01_one", "First?", "The first.", shows=("01_table",))
    assert f'<td>treatment related</td><td class="long">{told}</td>' in page_of(reports)


def test_a_cell_of_a_table_is_no_markup(reports):
    hm.save_table(pd.DataFrame({"printed": ["<script>x</script>", "50 (1.5)"]}), "01_table")
    hm.save_answer("01_one", "First?", "The first.", shows=("01_table",))
    page = page_of(reports)
    assert "<script>" not in page and "<td>50 (1.5)</td>" in page
