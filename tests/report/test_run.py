"""The run: what is out of date, what is refused before anything is written, and what a failing notebook leaves."""

import json
import signal
import subprocess
import sys
import time

import nbformat
import pytest

import hccmeta as hm
from hccmeta.__main__ import main
from hccmeta.evidence import selections
from hccmeta.paths import project_root
from hccmeta.report import leftovers, run, stamps
from hccmeta.report.manifest import files_of as manifest_files


def notebook(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Tables, selections and reports of a made-up project."""
    for name in ("data", "selections", "reports"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "arms.csv").write_text("a\n1\n")
    (tmp_path / "data" / "search.csv").write_text("a\n1\n")
    (tmp_path / "selections" / "mine.yaml").write_text("where: {}\n")
    monkeypatch.setattr(stamps, "project_root", lambda: tmp_path)
    monkeypatch.setattr(stamps, "data_folder", lambda: tmp_path / "data")
    monkeypatch.setattr(stamps, "selections_folder", lambda: tmp_path / "selections")
    monkeypatch.setattr(stamps, "code_hash", lambda: "code")
    return tmp_path


@pytest.fixture
def stamped(places):
    """A notebook that read arms and the selection `mine` and wrote one file, and its stamp."""
    source = notebook(places / "01_a.ipynb", "1")
    (places / "reports" / "out.csv").write_text("x\n")
    stamp = places / "reports" / "01_a.json"
    before = stamps.all_inputs(source)
    stamps.write_stamp(stamp, before, ["arms.csv", "selections/mine.yaml"], ["out.csv"], places / "reports")
    return lambda: stamps.is_current(stamp, source, places / "reports")


@pytest.mark.parametrize(
    ("file", "current"),
    [
        ("data/search.csv", True),
        ("README.md", True),
        ("data/arms.csv", False),
        ("selections/mine.yaml", False),
        ("reports/out.csv", False),
        ("01_a.ipynb", False),
    ],
)
def test_only_what_was_read_or_written_makes_a_notebook_stale(places, stamped, file, current):
    assert stamped()
    (places / file).write_text("changed\n")
    assert stamped() is current


def test_a_table_edited_during_the_run_makes_the_notebook_stale(places):
    source = notebook(places / "01_a.ipynb", "1")
    before = stamps.all_inputs(source)
    (places / "data" / "arms.csv").write_text("a\n2\n")
    stamps.write_stamp(places / "s.json", before, ["arms.csv"], [], places / "reports")
    assert not stamps.is_current(places / "s.json", source, places / "reports")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"inputs": null}'])
def test_a_damaged_stamp_is_no_stamp(places, stamped, content):
    (places / "reports" / "01_a.json").write_text(content)
    assert not stamped()


@pytest.mark.parametrize("text", ["where: {colour: [red]}", "arms: [nobody]", "- a", "group_by: colour"])
def test_a_selection_that_cannot_be_used_stops_the_run_before_any_notebook(text, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(selections, "selections_folder", lambda: tmp_path)
    (tmp_path / "bad.yaml").write_text(text)
    reports = tmp_path / "reports"
    assert run.build(reports, selection=tmp_path / "bad.yaml") == 1
    assert "No report was written" in capsys.readouterr().err
    assert not reports.exists()


def test_two_runs_do_not_write_to_one_place(tmp_path):
    with run._claim(tmp_path), pytest.raises(hm.HccmetaError, match="Another run"):
        run._claim(tmp_path)
    run._claim(tmp_path).close()


@pytest.mark.parametrize("jobs", ["0", "-1", "abc", "1.5"])
def test_the_number_of_jobs_is_a_whole_number(jobs, capsys):
    with pytest.raises(SystemExit):
        main(["report", "--jobs", jobs])
    assert "whole number" in capsys.readouterr().err


def execute(source, reports, **parameters):
    """The runner's child process: its exit code and what it says."""
    job = json.dumps({"notebook": str(source), "reports": str(reports), "parameters": parameters})
    command = [sys.executable, "-m", "hccmeta.report.execute", job]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def files_of(folder):
    return {file.name for file in folder.rglob("*") if file.is_file()}


def test_a_failing_notebook_leaves_the_page_with_its_traceback_and_no_stamp(tmp_path):
    source = notebook(tmp_path / "01_a.ipynb", "raise ValueError('no <u>such</u> arm')")
    code, said = execute(source, tmp_path / "reports")
    assert code == 1 and "01_a.ipynb stopped in cell 0: ValueError" in said
    assert files_of(tmp_path / "reports") == {"01_a.failed.html"}
    page = (tmp_path / "reports" / "notebooks" / "01_a.failed.html").read_text(encoding="utf-8")
    assert "ValueError" in page and "<u>such</u>" not in page


def test_a_kernel_that_dies_is_told_in_one_sentence(tmp_path):
    source = notebook(tmp_path / "01_a.ipynb", "import os; os._exit(1)")
    code, said = execute(source, tmp_path / "reports")
    assert code == 1 and "01_a.ipynb stopped because its kernel died" in said
    assert not files_of(tmp_path / "reports")


def test_unknown_parameters_are_refused_with_the_known_ones(tmp_path):
    source = notebook(tmp_path / "01_a.ipynb", "1")
    code, said = execute(source, tmp_path / "reports", colour="red")
    assert code == 1 and "has no parameter colour" in said


def test_the_stamp_names_what_was_read(tmp_path):
    lines = ["import hccmeta as hm", "tables = hm.load_tables(selection='set_a')", "len(tables.responses)"]
    code, _ = execute(notebook(tmp_path / "01_a.ipynb", *lines), tmp_path / "reports")
    stamp = json.loads((tmp_path / "reports" / ".stamps" / "01_a.json").read_text())
    read = {"arms.csv", "studies.csv", "responses.csv", "selections/set_a.yaml"}
    assert code == 0 and set(stamp["inputs"]) == {"notebook", "code"} | read


def test_a_warning_tells_no_place_of_this_computer(tmp_path):
    lines = "import warnings; from hccmeta.paths import *\nwarnings.warn('few'); print(project_root() / 'data')"
    code, _ = execute(notebook(tmp_path / "01_a.ipynb", lines), tmp_path / "reports")
    page = (tmp_path / "reports" / "notebooks" / "01_a.ipynb").read_text(encoding="utf-8")
    assert code == 0 and "cell.py:2: UserWarning: few" in page
    assert str(project_root()) not in page and "ipykernel_" not in page


def test_the_manifest_lists_what_a_rebuild_makes(tmp_path):
    for name in ("tables/a.csv", "export/a.csv", "selections/mine/tables/a.csv", ".stamps/a.json", "manifest.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    assert list(manifest_files(tmp_path)) == ["tables/a.csv"]


def run_of(reports, *notebooks):
    """A complete run in which every notebook writes the given files."""
    reports.mkdir(exist_ok=True)
    (reports / ".stamps").mkdir(exist_ok=True)
    leftovers.note_written(reports)
    paths = []
    for name, files in notebooks:
        for file in files:
            (reports / file).parent.mkdir(exist_ok=True)
            (reports / file).write_text(name)
        stamps.write_stamp(reports / ".stamps" / f"{name}.json", {}, [], files, reports)
        paths.append(reports.parent / f"{name}.ipynb")
    return leftovers.remove_orphans(reports, paths)


def test_outputs_that_no_notebook_writes_any_more_are_removed(tmp_path):
    reports = tmp_path / "reports"
    run_of(reports, ("01_a", ["tables/old.csv", "tables/kept.csv"]), ("02_b", ["figures/b.svg"]))
    (reports / "tables" / "mine.csv").write_text("by hand")
    assert run_of(reports, ("01_a", ["tables/kept.csv", "tables/new.csv"])) == ["figures/b.svg", "tables/old.csv"]
    assert files_of(reports) == {"kept.csv", "new.csv", "mine.csv", "01_a.json", "written"}


def test_an_output_that_moves_to_another_notebook_stays(tmp_path):
    reports = tmp_path / "reports"
    run_of(reports, ("01_a", ["tables/x.csv"]), ("02_b", []))
    assert run_of(reports, ("01_a", []), ("02_b", ["tables/x.csv"])) == []
    assert (reports / "tables" / "x.csv").is_file()


def test_a_file_that_someone_changed_or_that_lies_elsewhere_is_never_removed(tmp_path):
    reports = tmp_path / "reports"
    (tmp_path / "precious.csv").write_text("01_a")
    run_of(reports, ("01_a", ["tables/x.csv", "../precious.csv"]))
    (reports / "tables" / "x.csv").write_text("my own numbers")
    assert run_of(reports, ("01_a", [])) == []
    assert files_of(tmp_path) >= {"x.csv", "precious.csv"}


def test_an_output_is_not_forgotten_by_a_run_that_was_stopped(tmp_path):
    reports = tmp_path / "reports"
    run_of(reports, ("01_a", ["tables/old.csv"]))
    leftovers.note_written(reports)  # the next run starts, replaces the stamp, and is stopped
    stamps.write_stamp(reports / ".stamps" / "01_a.json", {}, [], [], reports)
    assert run_of(reports, ("01_a", [])) == ["tables/old.csv"]


def test_half_written_files_are_cleared(tmp_path):
    for name in ("notebooks/01_a.part.ipynb", "tables/a.csv.part", "index.html.part", "notebooks/01_a.ipynb", "b.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    leftovers.remove_half_written(tmp_path)
    assert files_of(tmp_path) == {"01_a.ipynb", "b.part"}


def test_a_run_stopped_by_the_user_leaves_no_half_written_notebook(tmp_path):
    source = notebook(tmp_path / "01_a.ipynb", "import time; open('started', 'w').close(); time.sleep(60)")
    job = json.dumps({"notebook": str(source), "reports": str(tmp_path / "reports"), "parameters": {}})
    child = subprocess.Popen([sys.executable, "-m", "hccmeta.report.execute", job], cwd=project_root(),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=60) != 0
    assert not files_of(tmp_path / "reports")
