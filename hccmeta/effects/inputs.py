"""Reading number columns of a table: every problem is collected before anything is refused."""

from __future__ import annotations

import numpy as np

from hccmeta.errors import DataError, MethodError

SHOWN = 10
MOST_PATIENTS = 10**9


def missing(value) -> bool:
    """Is a cell empty: None, NaN, NA or NaT?"""
    no_value = value is None or type(value).__name__ in ("NAType", "NaTType")
    return no_value or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


def check_columns_once(df, caller):
    """Raise DataError where two columns of a table have the same name."""
    double = [str(name) for name in dict.fromkeys(df.columns[df.columns.duplicated()])]
    if double:
        raise DataError(f"{caller}: columns of the same name: {', '.join(double)}; rename or drop one of each.")


class Columns:
    """Number columns of one table as float arrays, and the problems found in them."""

    def __init__(self, df, required, *, optional=(), caller):
        self.caller, self.problems, self.values = caller, [], {}
        if not hasattr(df, "columns"):
            raise DataError(
                f"{caller} needs a pandas DataFrame with the columns {', '.join(required)}; "
                f"it was given {type(df).__name__}."
            )
        self.source, self.index = df, df.index
        check_columns_once(df, caller)
        for name in (*required, *optional):
            if name in df.columns:
                self.values[name] = self._numbers(name, df[name])
            elif name in required:
                self.add("", name, "", "a column of that name", f"add a column {name}")

    def __getitem__(self, name):
        return self.values[name]

    def add(self, row, column, value, rule, fix):
        self.problems.append(dict(table="", row=row, column=column, value=value, rule=rule, fix=fix))

    def _numbers(self, name, series):
        values = series.to_numpy()
        if values.dtype.kind in "fiu":
            return values.astype(float)
        out = np.full(len(values), np.nan)
        for i, value in enumerate(values):
            if isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_)):
                out[i] = value
            elif not missing(value):
                self.add(self.index[i], name, value, "a number or empty", "write the number without text")
        return out

    def rule(self, broken, column, rule, fix):
        """Record a problem in every row where `broken` holds."""
        if broken.any():
            for i in np.flatnonzero(broken):
                self.add(self.index[i], column, self.values[column][i], rule, fix)

    def has(self, *names):
        return all(name in self.values for name in names)

    def counts(self, events, n):
        """Rules of a pair of counts: whole numbers with 0 <= events <= n and n >= 1."""
        if not self.has(events, n):
            return
        x, size = self[events], self[n]
        for name, value in ((events, x), (n, size)):
            self.rule(np.isfinite(value) & (value != np.round(value)), name, "a whole number",
                      "give the count of patients")  # fmt: skip
            self.rule(np.abs(value) > MOST_PATIENTS, name, f"at most {MOST_PATIENTS:,} patients", "correct the count")
        self.rule(x < 0, events, f"0 <= {events}", "correct the count")
        self.rule(size < 1, n, f"{n} >= 1", "correct the count or leave the row out")
        self.rule((x > size) & (size >= 1), events, f"{events} <= {n}", "correct the count")

    def words(self, name, values):
        """Column of words as numbers by a closed list; another word is a problem, an empty cell is missing."""
        if name not in self.source.columns:
            self.add("", name, "", "a column of that name", f"add a column {name}")
            return None
        out = np.full(len(self.index), np.nan)
        for i, word in enumerate(self.source[name]):
            if word in values:
                out[i] = values[word]
            elif isinstance(word, str):
                self.add(self.index[i], name, word, "one of " + ", ".join(values), "use one of these words")
        return out

    def refuse(self):
        """Raise one DataError with every problem, if there are any."""
        if not self.problems:
            return
        lines = [
            (f"row {p['row']}, " if p["row"] != "" else "") + f"{p['column']}"
            + (f" = {p['value']!s}" if p["row"] != "" else "") + f": expected {p['rule']}; {p['fix']}"
            for p in self.problems
        ]  # fmt: skip
        more = f"\n  and {len(lines) - SHOWN} more (see .problems)" if len(lines) > SHOWN else ""
        head = f"{self.caller}: {len(lines)} problem{'s' if len(lines) > 1 else ''} in the table:"
        raise DataError("\n  ".join([head, *lines[:SHOWN]]) + more, self.problems)


def number_columns(df, names, *, caller):
    """The table with the number columns `names` as plain numbers, or one DataError with every cell that is none."""
    columns = Columns(df, names, caller=caller)
    columns.refuse()
    return df.assign(**{name: columns[name] for name in names if getattr(df[name].dtype, "kind", "") not in "iuf"})


def check_whole(name, value, least):
    """Raise MethodError unless the option is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise MethodError(f"{name} = {value!r} must be a whole number of {least} or more.")


def check_level(level):
    """Raise MethodError unless `level` is a fraction in (0, 1)."""
    if isinstance(level, bool) or not isinstance(level, (int, float, np.number)) or not 0 < level < 1:
        raise MethodError(f"level = {level!r} must be a fraction between 0 and 1, such as 0.95.")


def check_seed(seed):
    """Raise MethodError unless `seed` is a whole number >= 0."""
    check_whole("seed", seed, 0)


def check_add(add):
    """Raise MethodError unless `add` is a finite number >= 0."""
    if isinstance(add, bool) or not isinstance(add, (int, float, np.number)) or not 0 <= add < np.inf:
        raise MethodError(f"add = {add!r} must be a number of 0 or more, such as 0.5.")


def label_rows(df):
    """Study labels: column study, else study_id, else arm_id; 'Row 1', 'Row 2', ... where there is none."""
    rows = [f"Row {i + 1}" for i in range(len(df))]
    name = next((name for name in ("study", "study_id", "arm_id") if name in df.columns), None)
    cells = (
        rows
        if name is None
        else [row if missing(cell) else str(cell) for cell, row in zip(df[name], rows, strict=True)]
    )
    return np.array(cells, dtype=object)
