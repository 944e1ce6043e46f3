"""Reading the tables that figures show: missing columns are named, in one error."""

from __future__ import annotations

from ..errors import DataError


def need_columns(table, columns, *, caller: str, what: str = "") -> None:
    """Raise DataError unless `table` is a DataFrame with all `columns`."""
    if not hasattr(table, "columns"):
        raise DataError(
            f"{caller} needs {what or 'a DataFrame'} with the columns {', '.join(columns)}; "
            f"it was given {type(table).__name__}."
        )
    missing = [name for name in columns if name not in table.columns]
    if missing:
        problems = [
            dict(table=what, row="", column=name, value="", rule="the column exists", fix=f"add a column {name}")
            for name in missing
        ]
        raise DataError(
            f"{caller}: {what or 'the table'} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)} "
            f"(it has {', '.join(map(str, table.columns)) or 'none'}).", problems
        )  # fmt: skip


def first_column(table, names, *, caller: str) -> str:
    """The first of `names` that is a column of `table`."""
    for name in names:
        if name in table.columns:
            return name
    raise DataError(f"{caller} needs one of the columns {', '.join(names)}; the table has {', '.join(table.columns)}.")


def filled(value) -> bool:
    """Is a cell neither empty nor missing?"""
    return value is not None and type(value).__name__ != "NAType" and value == value and str(value).strip() != ""
