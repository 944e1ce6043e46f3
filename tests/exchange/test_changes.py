"""Comparison with an older version: changed results, by how much, and the rows behind them."""

import json
import subprocess

import pandas as pd
import pytest

from hccmeta.errors import DataError
from hccmeta.evidence.schema import read_schema
from hccmeta.exchange.changes import describe_changes, pooled_numbers
from hccmeta.exchange.import_form import import_form
from hccmeta.exchange.row_changes import row_changes
from hccmeta.exchange.shown import Shown, change_text, same
from hccmeta.pooling.glmm import pool_proportion
from hccmeta.report.outputs import results_table

from .conftest import EXAMPLE

SCHEMAS = read_schema()


def git(root, *arguments):
    own = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *own, *arguments], check=True, capture_output=True)


def write_reports(root, counts, answer):
    folder = root / "reports" / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    pooled = {"ORR": pool_proportion(pd.DataFrame(counts, columns=["events", "n"])),
              "DCR": pool_proportion(pd.DataFrame({"events": [30], "n": [40]}))}  # fmt: skip
    results_table(pooled).to_csv(folder / "01_categories.csv", index=False, float_format="%.12g")
    text = json.dumps({"question": "How many respond?", "answer": answer, "headline": True})
    (folder / "01_response.answer.json").write_text(text, encoding="utf-8")


@pytest.fixture
def repository(tmp_path, folder):
    """A git repository with the small tables and made-up reports, committed as the tag v1."""
    write_reports(tmp_path, [(20, 50), (30, 60)], "45 %.")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "data", "reports")
    git(tmp_path, "commit", "-qm", "first")
    git(tmp_path, "tag", "v1")
    return tmp_path


def test_nothing_changed(repository):
    assert "Nothing changed" in describe_changes("v1", root=repository)


def test_new_study_moves_the_result_and_its_rows_are_named(repository):
    import_form(EXAMPLE, repository / "data" / "extracted")
    text = describe_changes("v1", root=repository)
    lines = text.splitlines()
    moved = next(line for line in lines if line.strip().startswith("ORR, RT + ICI, advanced disease:"))
    assert "k = 3 ->" in moved and "k = 4" in moved and "points" in moved
    behind = lines[lines.index(moved) + 1 : lines.index(moved) + 5]
    assert any("+ responses: madeup2099_rt_orr_r11_all" in line for line in behind)
    assert not any("median" in line for line in behind)
    assert "responses.csv: 6 added" in text
    assert "make report" in lines[-1]


def test_each_study_has_its_part(repository):
    folder = repository / "data" / "extracted"
    responses = (folder / "responses.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in responses if not line.startswith("liu2024")]
    (folder / "responses.csv").write_text("".join(kept), encoding="utf-8")
    import_form(EXAMPLE, folder)
    lines = describe_changes("v1", root=repository).splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().startswith("ORR, RT + ICI, advanced disease:"))
    block = lines[start : next(i for i in range(start + 1, len(lines)) if not lines[i].startswith("    "))]
    parts = {line.split()[0]: line for line in block if "without its changes" in line}
    assert set(parts) == {"liu2024", "madeup2099"}
    assert "k = 4" in parts["liu2024"] and "not pooled, k = 2" in parts["madeup2099"]
    assert any(line.strip().startswith("- responses: liu2024") for line in block)


def test_reports_are_compared_as_written(repository):
    write_reports(repository, [(20, 50), (36, 60)], "50 %.")
    text = describe_changes("v1", root=repository)
    assert "was: 45 %." in text and "now: 50 %." in text and "(headline)" in text
    old, new = (pool_proportion(pd.DataFrame(counts, columns=["events", "n"])).display.estimate
                for counts in ([(20, 50), (30, 60)], [(20, 50), (36, 60)]))  # fmt: skip
    assert f"01_categories, ORR: {100 * old:.1f} %" in text and f"k = 2 ({100 * (new - old):+.2f} points)" in text
    assert "01_categories, DCR" not in text


def test_version_without_reports_says_so(repository):
    git(repository, "rm", "-rq", "--cached", "reports")
    git(repository, "commit", "-qm", "without")
    assert "not part of that version" in describe_changes("HEAD", root=repository)


@pytest.mark.parametrize("ref", ["nope", "", " ", "--output=out", "-h", "v1\nv1", "v1..v1", "HEAD~9"])
def test_unknown_version(repository, ref):
    before = sorted(repository.rglob("*"))
    with pytest.raises(DataError, match="There is no version"):
        describe_changes(ref, root=repository)
    assert sorted(repository.rglob("*")) == before


def test_outside_git(folder, tmp_path):
    with pytest.raises(DataError, match="no git repository"):
        describe_changes("HEAD", root=tmp_path)


def test_rows_by_key_whatever_their_order():
    arms = [{"arm_id": "a1_x", "study_id": "a1", "n": "10"}, {"arm_id": "a1_y", "study_id": "a1", "n": "20"}]
    responses = [{"response_id": "a1_x_orr", "arm_id": "a1_x", "events": "3"}]
    old = {"arms": arms, "responses": responses}
    new = {"arms": [arms[1], arms[0] | {"n": "11", "line": ""}], "responses": []}
    found = row_changes(SCHEMAS, old, new)
    assert [(change.kind, change.key, change.study) for change in found] == [
        ("changed", "a1_x", "a1"), ("removed", "a1_x_orr", "a1")
    ]  # fmt: skip
    assert found[0].text() == "~ arms: a1_x (n 10 -> 11)"


def test_empty_cell_and_absent_column_are_the_same():
    old = {"arms": [{"arm_id": "a1_x", "study_id": "a1"}]}
    new = {"arms": [{"arm_id": "a1_x", "study_id": "a1", "line": ""}]}
    assert row_changes(SCHEMAS, old, new) == []


def test_numbers_and_their_difference():
    one, two = Shown(0.5, 0.4, 0.6, "PLO", "3"), Shown(0.512, 0.41, 0.6, "PLO", "4")
    assert change_text(one, two) == "50.0 % [40.0 to 60.0], k = 3 -> 51.2 % [41.0 to 60.0], k = 4 (+1.20 points)"
    ratio = Shown(0.5, 0.4, 0.625, "HR", "2")
    assert change_text(ratio, ratio._replace(estimate=0.6)).endswith("(+0.100)")
    assert change_text(None, one).startswith("no study -> 50.0 %")
    assert same(one, one._replace(estimate=0.5 + 1e-13)) and not same(one, one._replace(k="4"))
    assert not same(one, None) and same(None, None)
    nan = Shown(*[float("nan")] * 3, "PLO", "2")
    assert change_text(nan, one) == "not pooled, k = 2 -> 50.0 % [40.0 to 60.0], k = 3"
    assert same(nan, nan) and not same(nan, nan._replace(estimate=0.5))


def test_only_tables_of_pooled_results_are_read_as_such():
    assert pooled_numbers("label,value\nORR,3\n") == {}
    assert pooled_numbers("") == {}
