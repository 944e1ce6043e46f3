"""Export: numbers that a reader can recompute, text that cannot run, references that parse."""

import csv
import io
import math
import re

import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.exchange.analyses import headline_analyses, headline_results
from hccmeta.exchange.export import analysis_csv, coverage, export, index_csv, revman_csv
from hccmeta.exchange.references import bibtex, ris
from hccmeta.report.outputs import results_table

EVIL = "=cmd|' /C calc'!A0"


def read(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture(scope="module")
def tables(small_base):
    return hm.load_tables(small_base / "extracted")


@pytest.fixture(scope="module")
def results(tables):
    return headline_results(tables, landmarks=False)


def test_every_analysis_gives_its_inputs(results):
    for name, (_, result) in results.items():
        rows = read(analysis_csv(result))
        assert len(rows) == result.k, name
        for row in rows:
            assert row["study"] and row["yi"] and row.get("source", "none for pairs of rows")
            if "xi" in row:
                x, n = float(row["xi"]), float(row["ni"])
                if 0 < x < n:
                    assert math.isclose(float(row["yi"]), math.log(x / (n - x)), rel_tol=1e-12)
                    assert math.isclose(float(row["vi"]), 1 / x + 1 / (n - x), rel_tol=1e-12)
            if "ratio" in row:
                width = math.log(float(row["ratio_high"]) / float(row["ratio_low"]))
                assert math.isclose(float(row["yi"]), math.log(float(row["ratio"])), rel_tol=1e-12)
                assert math.isclose(math.sqrt(float(row["vi"])), width / (2 * 1.959963984540054), rel_tol=1e-9)


def test_two_arm_counts_give_the_odds_ratio(results):
    row = read(analysis_csv(results["comparison_orr_or"][1]))[0]
    a, n1, c, n2 = (float(row[name]) for name in ("ai", "n1i", "ci", "n2i"))
    assert math.isclose(float(row["yi"]), math.log(a * (n2 - c) / (c * (n1 - a))), rel_tol=1e-12)


def test_index_holds_the_numbers_of_the_report(tables, results):
    index = {row["analysis"]: row for row in read(index_csv(results))}
    assert set(index) == set(results)
    rows = hm.select_responses(tables, endpoint="ORR", where={"treatment": ["RT + ICI"]})
    pooled = hm.pool_rates(rows)
    row = index["response_orr"]
    assert (row["scale"], int(row["k"]), row["ci_method"]) == ("logit", pooled.k, "profile")
    assert math.isclose(float(row["display_estimate"]), pooled.display.estimate, rel_tol=1e-12)
    assert math.isclose(float(row["ci_low"]), pooled.ci_low, rel_tol=1e-12)


def test_what_the_report_does_not_pool_is_not_exported():
    tables = hm.load_tables()
    results, every = headline_results(tables, landmarks=False), headline_analyses(tables)
    assert {result.k for _, result in results.values()} >= {1, 3}
    few = {name for name, one in every.items() if (result := one.compute()) is not None and result.k == 2}
    assert few and not few & set(results)
    causes = [set(result.studies["attribution"]) for name, (_, result) in results.items() if name.startswith("safety")]
    assert all(len(one) == 1 for one in causes) and set.union(*causes) >= {"treatment_related", "any_cause"}


def test_analyses_are_lazy_and_named_as_files(tables):
    names = headline_analyses(tables)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)
    assert len({one.label for one in names.values()}) == len(names)


def test_text_cannot_run_in_a_spreadsheet(tmp_path, tables):
    studies = tables.studies.assign(label=EVIL, title="@SUM(A1)")
    survival = tables.survival.iloc[:0]
    evil = tables.replace(studies=studies, survival=survival)
    export(evil, tmp_path)
    files = sorted(tmp_path.rglob("*.csv"))
    assert len(files) > 10
    for file in files:
        for row in csv.reader(file.read_text(encoding="utf-8").splitlines()):
            for cell in row:
                number = re.fullmatch(r"-?(\d.*|inf)", cell)
                assert number or cell[:1] not in tuple("=+-@\t\r"), (file.name, cell)
    assert "'" + EVIL in (tmp_path / "analyses" / "response_orr.csv").read_text(encoding="utf-8")


def test_export_writes_all_files_and_drops_old_ones(tmp_path, tables):
    plain = tables.replace(survival=tables.survival.iloc[:0])
    (tmp_path / "analyses").mkdir()
    (tmp_path / "analyses" / "gone.csv").write_text("old", encoding="utf-8")
    text = export(plain, tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {
        "analyses", "analyses.csv", "README.txt", "recompute.R", "revman.csv", "studies.bib", "studies.ris"
    }  # fmt: skip
    index = read((tmp_path / "analyses.csv").read_text(encoding="utf-8"))
    assert {row["analysis"] for row in index} == {file.stem for file in (tmp_path / "analyses").iterdir()}
    assert f"{len(index)} analyses" in text


def test_revman_rows(results):
    rows = read(revman_csv(results))
    assert len(rows) == sum(result.k for _, result in results.values())
    odds = [row for row in rows if row["Analysis name"].startswith("ORR, odds ratio")]
    assert odds and all(row["Experimental cases"] and row["Control N"] and not row["GIV Mean"] for row in odds)
    hazard = next(row for row in rows if row["Analysis name"].startswith("OS, hazard ratio"))
    _, result = results["comparison_os_hr"]
    assert math.isclose(float(hazard["GIV SE"]) ** 2, result.studies["vi"].iloc[0], rel_tol=1e-12)
    assert not hazard["Experimental cases"]


def test_coverage_names_what_is_not_exported(results):
    known = results_table({"ORR": results["response_orr"][1]}).to_csv(index=False)
    other = results_table({"made up": hm.pool_proportion(pd.DataFrame({"events": [1, 2], "n": [9, 9]}))})
    text = coverage(results, {"01_a.csv": known, "09_b.csv": other.to_csv(index=False), "x.csv": "a,b\n1,2\n"})
    assert text.startswith("1 of 2") and "09_b, made up" in text and "01_a" not in text


def test_ris_has_one_record_per_study(tables):
    lines = ris(tables.studies).split("\r\n")
    assert [line[6:] for line in lines if line.startswith("ID")] == list(tables.studies["study_id"])
    assert sum(line.startswith("TY  - ") for line in lines) == lines.count("ER  - ") == len(tables.studies)
    assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in lines if line)


def test_bibtex_is_balanced_and_escaped(tables):
    title = "50 % of A & B_{2} #1 $x$ ~ ^ \\end"
    text = bibtex(tables.studies.assign(title=title))
    entries = re.findall(r"^@(?:article|misc)\{(\w+),$", text, re.MULTILINE)
    assert entries == list(tables.studies["study_id"])
    depth = 0
    for char in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert r"{{50 \% of A \& B\_\{2\} \#1 \$x\$ " in text


def test_references_of_a_study_with_little_known():
    bare = pd.DataFrame([{
        "study_id": "x2026", "label": "X 2026", "title": None, "first_author": None, "year": None, "journal": None,
        "doi": None, "pmid": None, "pmcid": None, "registry": "NCT0", "design": "registry_record",
    }])  # fmt: skip
    assert ris(bare).split("\r\n")[:3] == ["TY  - GEN", "ID  - x2026", "TI  - X 2026"]
    assert bibtex(bare).startswith("@misc{x2026,\n  title = {{X 2026}},\n  note = {NCT0}\n}")
