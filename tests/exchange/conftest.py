import csv
import shutil

import openpyxl
import pytest

from hccmeta.evidence.schema import read_schema
from hccmeta.paths import data_folder, project_root

EXAMPLE = project_root() / "examples" / "new_study" / "madeup2099.xlsx"
STUDIES = ("kim2024", "liu2024", "zhai2025", "pan2024")


def belongs(row):
    """Is the row of one of the studies?"""
    names = [row[column] for column in ("study_id", "arm_id", "record_id") if row.get(column)]
    return bool(names) and any(names[0] == study or names[0].startswith(study + "_") for study in STUDIES)


@pytest.fixture(scope="session")
def small_base(tmp_path_factory):
    """The rows of four studies of the project's tables."""
    base = tmp_path_factory.mktemp("base") / "data"
    (base / "extracted").mkdir(parents=True)
    shutil.copy(data_folder().parent / "datapackage.json", base)
    for name in read_schema():
        with open(data_folder() / f"{name}.csv", newline="", encoding="utf-8") as handle:
            rows = csv.DictReader(handle)
            kept, header = [row for row in rows if belongs(row)], rows.fieldnames
        with open(base / "extracted" / f"{name}.csv", "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
    return base


@pytest.fixture
def folder(tmp_path, small_base):
    """A copy of the small tables with their schema, for one test."""
    shutil.copytree(small_base, tmp_path / "data")
    return tmp_path / "data" / "extracted"


@pytest.fixture
def edited(tmp_path):
    """Function that writes the worked example with some cells changed: {(sheet, row, column name): value}."""

    def write(cells, *, number_format=None, change=None):
        book = openpyxl.load_workbook(EXAMPLE)
        for (sheet, row, column), value in cells.items():
            head = next(cell for cell in book[sheet][1] if cell.value == column)
            cell = book[sheet].cell(row, head.column)
            cell.value = value
            if number_format:
                cell.number_format = number_format
        if change:
            change(book)
        path = tmp_path / "edited.xlsx"
        book.save(path)
        return path

    return write
