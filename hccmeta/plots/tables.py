"""Reading the tables that figures show: every problem is named, in one error."""

from __future__ import annotations

from ..effects.inputs import Columns, check_columns_once, missing
from ..errors import DataError

NO_NAME = "(no name)"


def need_columns(table, columns, *, caller: str, what: str = "") -> None:
    """Raise DataError unless `table` is a DataFrame with all `columns`, each column of the table once."""
    if not hasattr(table, "columns"):
        raise DataError(
            f"{caller} needs {what or 'a DataFrame'} with the columns {', '.join(map(str, columns))}; "
            f"it was given {type(table).__name__}."
        )
    names = list(table.columns)
    absent = [name for name in columns if name not in names]
    if absent:
        problems = [
            dict(table=what, row="", column=name, value="", rule="the column exists", fix=f"add a column {name}")
            for name in absent
        ]
        raise DataError(
            f"{caller}: {what or 'the table'} lacks the column{'s' * (len(absent) > 1)} "
            f"{', '.join(map(str, absent))} (it has {', '.join(map(str, names)) or 'none'}).", problems
        )  # fmt: skip
    check_columns_once(table, caller)


def read_table(table, *, caller: str, what: str = "", numbers=(), texts=(), optional=(), counts: bool = False):
    """The table with its number columns as floats and its text columns as one line each.

    Parameters
    ----------
    table : DataFrame
    caller, what : str
        Function and table, as the error names them.
    numbers, texts : sequence of str
        Columns that must be there; an empty cell is NaN, or "(no name)".
    optional : sequence of str
        Number columns that may be there.
    counts : bool
        Do events and n have to be whole numbers with 0 <= events <= n?

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        A column is missing or double, or a cell of a number column holds something else; all are listed.
    """
    from .style import one_line

    need_columns(table, (*numbers, *texts), caller=caller, what=what)
    read = Columns(table, numbers, optional=optional, caller=caller)
    if counts:
        read.counts("events", "n")
    read.refuse()
    words = {name: [one_line(cell) or NO_NAME for cell in table[name]] for name in texts}
    return table.assign(**read.values, **words)


def first_column(table, names, *, caller: str) -> str:
    """The first of `names` that is a column of `table`."""
    for name in names:
        if name in table.columns:
            return name
    listed = ", ".join(map(str, table.columns))
    raise DataError(f"{caller} needs one of the columns {', '.join(names)}; the table has {listed}.")


def filled(value) -> bool:
    """Is a cell neither empty nor missing?"""
    return not missing(value) and str(value).strip() != ""
