"""A filled form becomes rows of the tables: checked with them as one, added to all tables or to none."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from ..evidence.load import check_records, read_folder
from ..evidence.problems import describe, problem
from ..evidence.read import read_cells
from ..evidence.schema import TableSchema, read_schema
from ..paths import data_folder
from .form_rows import FormRow, TableLine, read_form

_IDENTIFIERS = ("doi", "pmid", "pmcid")


@dataclass(frozen=True)
class Imported:
    """Rows added per table, and the ids of the studies they belong to."""

    added: dict[str, int]
    studies: tuple[str, ...]
    written: bool


def import_form(path: Path | str, folder: Path | str | None = None, *, check_only: bool = False) -> Imported:
    """Check a filled form together with the tables and append its rows.

    Parameters
    ----------
    path : path
        The form, an .xlsx file from `write_form`.
    folder : path, optional
        Folder with the CSV tables (default: the project's).
    check_only : bool
        Check, add nothing.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        Lists every problem with sheet, row, column, value, rule and fix; then no table has changed.

    Notes
    -----
    The rules are those of `check_tables` on the tables with the new rows. All new files are written and checked
    beside the old ones before the first is exchanged; if one exchange fails, the others are undone.
    """
    folder = Path(folder) if folder is not None else data_folder()
    schemas = read_schema(folder)
    rows, problems = read_form(path, schemas)
    known, old_bytes = _read_tables(folder, schemas)
    problems += _check_together(schemas, known, rows, problems)
    if problems:
        raise DataError(describe_form(Path(path).name, problems), problems)
    new_bytes = {name: _appended(old_bytes[name], found) for name, found in rows.items()}
    _check_staged(folder, new_bytes, sum(map(len, known.values())) + sum(map(len, rows.values())))
    if not check_only:
        _exchange(folder, old_bytes, new_bytes)
    return Imported(
        added={name: len(found) for name, found in rows.items()},
        studies=tuple(texts["study_id"] for _, texts in rows.get("studies", ())),
        written=not check_only,
    )


def _read_tables(folder: Path, schemas: dict[str, TableSchema]) -> tuple[dict[str, list], dict[str, bytes]]:
    """Records and bytes of every table; DataError where the tables have problems of their own."""
    own = read_folder(folder)[2]
    if own:
        first = "The tables have problems of their own; mend them before importing.\n"
        raise DataError(first + describe(own), own)
    content = {name: (folder / f"{name}.csv").read_bytes() for name in schemas}
    records = {}
    for name, schema in schemas.items():
        lines, _ = read_cells(folder / f"{name}.csv", schema)
        records[name] = [(TableLine(f"{line} of the table"), texts) for line, texts in lines]
    return records, content


def _check_together(schemas, known: dict, rows: dict, cell_problems: list[dict]) -> list[dict]:
    """Problems of the tables with the new rows, without those of cells that are reported already."""
    together = {name: [*known[name], *rows.get(name, ())] for name in schemas}
    found = check_records(schemas, together)[1] + _same_report(together["studies"])
    reported = {(entry["table"], _number(entry["row"]), entry["column"]) for entry in cell_problems}
    return [entry for entry in found if (entry["table"], _number(entry["row"]), entry["column"]) not in reported]


def _same_report(studies: list) -> list[dict]:
    """A report that is in the tables under another study_id."""
    problems, first = [], {}
    for line, texts in studies:
        for column in _IDENTIFIERS:
            value = texts.get(column, "").lower()
            holder = first.setdefault((column, value), texts.get("study_id"))
            if value and holder != texts.get("study_id") and isinstance(line, FormRow):
                fix = f"{holder} has it: if it is the same report, add only new rows to that study."
                problems.append(problem("studies", line, column, texts[column], f"{column} stands in one study", fix))
    return problems


def _number(row) -> str | None:
    """Row of the form without its words; lines of the tables keep theirs."""
    return str(row).removesuffix(" of the form") if isinstance(row, FormRow) else row


def describe_form(name: str, problems: list[dict]) -> str:
    """All problems as lines that say sheet, row and column as the person sees them."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"{name}: {count}; nothing was added."]
    by_sheet = defaultdict(list)
    for entry in problems:
        by_sheet[entry["table"]].append(entry)
    for sheet, entries in by_sheet.items():
        lines.append(f"Sheet {sheet}")
        for entry in entries:
            row = entry["row"]
            place = f"row {_number(row)}" if isinstance(row, FormRow) else f"line {row} {sheet}.csv" if row else "sheet"
            column = f", column {entry['column']}" if entry["column"] else ""
            value = f" = {entry['value']!r}" if entry["value"] else ""
            lines.append(f"  {place}{column}{value}: {entry['rule']}. {entry['fix']}")
    return "\n".join(lines)


def _appended(content: bytes, rows: list) -> bytes:
    """The bytes of a table with rows at its end, in the order of its header and with its line ends."""
    end = "\r\n" if b"\r\n" in content else "\n"
    header = next(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerows([texts.get(column, "") for column in header] for _, texts in rows)
    gap = b"" if content.endswith(b"\n") else end.encode()
    return content + gap + text.getvalue().encode("utf-8")


def _check_staged(folder: Path, new_bytes: dict[str, bytes], expected_rows: int) -> None:
    """The tables as they would stand on disk pass the check and have every row."""
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "extracted"
        shutil.copytree(folder, staged, ignore=lambda _, names: [n for n in names if not n.endswith(".csv")])
        beside = folder.resolve().parent / "datapackage.json"
        if beside.is_file():
            shutil.copy(beside, scratch)
        for name, content in new_bytes.items():
            (staged / f"{name}.csv").write_bytes(content)
        _, data, problems = read_folder(staged)
    if problems or sum(map(len, data.values())) != expected_rows:
        raise DataError("The new rows do not survive writing; nothing was added.\n" + describe(problems), problems)


def _exchange(folder: Path, old_bytes: dict[str, bytes], new_bytes: dict[str, bytes]) -> None:
    """Replace the tables one after the other; on any failure put the old ones back."""
    if any((folder / f"{name}.csv").read_bytes() != content for name, content in old_bytes.items()):
        raise DataError("The tables changed while the form was checked; nothing was added. Run the import again.")
    parts, done = {}, []
    try:
        for name, content in new_bytes.items():
            parts[name] = _part(folder / f"{name}.csv", content)
        for name, part in parts.items():
            done.append(name)
            part.replace(folder / f"{name}.csv")
    except BaseException:
        for name in done:
            _part(folder / f"{name}.csv", old_bytes[name]).replace(folder / f"{name}.csv")
        raise
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _part(file: Path, content: bytes) -> Path:
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    shutil.copymode(file, part)
    return part
