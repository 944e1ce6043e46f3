"""The check that finds our errors: files, cells, keys and rules over several columns."""

from __future__ import annotations

from hccmeta.errors import DataError
from hccmeta.evidence.load import Tables, check_records, read_folder
from hccmeta.evidence.problems import describe, problem, problem_frame


def check_tables(folder_or_tables=None):
    """Problems of the evidence tables against schema, keys and cross-column rules.

    Parameters
    ----------
    folder_or_tables : path or Tables, optional
        Folder with the CSVs (default: the project's), or tables in memory.

    Returns
    -------
    DataFrame
        table, row (line in the file, header = 1), column, value, rule, fix; no rows = nothing to mend.

    Notes
    -----
    Arithmetic rules that a faithful copy of a wrong print can break pass over rows with `print_confirmed` = yes;
    `audit_numbers` reports those.

    Examples
    --------
    >>> len(check_tables())
    0
    """
    if isinstance(folder_or_tables, Tables):
        tables = folder_or_tables
        records = {name: _records(frame, tables.schemas[name].columns) for name, frame in tables}
        missing = [
            problem(name, None, column, "", "every column of the schema is present", f"Add the column {column}.")
            for name, frame in tables
            for column in tables.schemas[name].columns
            if column not in frame
        ]
        return problem_frame(missing + check_records(tables.schemas, records)[1])
    return problem_frame(read_folder(folder_or_tables)[2])


def report_check(folder=None) -> tuple[str, int]:
    """Text for the terminal and exit code (0 = all well, 1 = problems)."""
    try:
        schemas, data, problems = read_folder(folder)
    except (DataError, FileNotFoundError) as error:
        return str(error), 1
    if problems:
        return describe(problems), 1
    rows = sum(map(len, data.values()))
    return f"{len(schemas)} tables, {rows} rows: no problem found.", 0


def _records(frame, columns: list[str]) -> list[tuple[int, dict[str, str]]]:
    import pandas as pd

    present = [name for name in columns if name in frame]
    texts = {
        name: ["" if missing else str(value) for value, missing in zip(frame[name], pd.isna(frame[name]), strict=True)]
        for name in present
    }
    return [(index + 2, {name: texts[name][index] for name in present}) for index in range(len(frame))]
