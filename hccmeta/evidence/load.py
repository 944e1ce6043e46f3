"""Tables in: every CSV of the contract, read without guessing, checked, as typed DataFrames."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path

from hccmeta.errors import DataError
from hccmeta.evidence.cells import parse_records
from hccmeta.evidence.keys import check_keys
from hccmeta.evidence.problems import describe, problem
from hccmeta.evidence.read import LINE_RULES, read_cells
from hccmeta.evidence.reads import note_read
from hccmeta.evidence.rules import check_rules
from hccmeta.evidence.schema import TableSchema, read_schema
from hccmeta.evidence.selections import apply_selection, load_selection
from hccmeta.paths import data_folder

_DTYPES = {"integer": "Int64", "number": "float64"}


@dataclass(frozen=True, eq=False)
class Tables:
    """The evidence: one DataFrame per table as an attribute (`tables.responses`).

    Text columns are `string`, counts `Int64`, other numbers `float64`; missing is NA. Row i stands in line i + 2 of
    its file. `replace(responses=...)` gives a copy with other rows.
    """

    frames: dict = field(repr=False)
    schemas: dict[str, TableSchema] = field(repr=False)
    selection: dict = field(default_factory=dict, repr=False)
    read: set = field(default_factory=set, repr=False)

    def __getattr__(self, name: str):
        if name in ("frames", "schemas", "read") or name.startswith("__") or name not in self.frames:
            raise AttributeError(f"no table {name!r}")
        self._note(name)
        return self.frames[name]

    def _note(self, *names: str) -> None:
        """Remember which tables were used; the report reruns a notebook only when one of those changes."""
        new = set(names) - self.read
        self.read.update(new)
        note_read(*(f"{name}.csv" for name in sorted(new)))

    def __dir__(self):
        return sorted({*object.__dir__(self), *self.frames})

    def __iter__(self):
        self._note(*self.frames)
        return iter(self.frames.items())

    def __repr__(self) -> str:
        return (
            "Tables(" + ", ".join(f"{name}: {len(rows)} rows" for name, rows in self.frames.items() if len(rows)) + ")"
        )

    def replace(self, **frames) -> Tables:
        return Tables({**self.frames, **frames}, self.schemas, self.selection, self.read)


def needs_tables(function):
    """Refuse anything but `Tables` as first argument, with a sentence that says where they come from."""

    @wraps(function)
    def checked(tables, *args, **options):
        if not isinstance(tables, Tables):
            given = type(tables).__name__
            raise DataError(f"{function.__name__} needs the tables that load_tables() returns; it was given {given}.")
        return function(tables, *args, **options)

    return checked


def load_tables(folder: Path | str | None = None, *, selection: str = "") -> Tables:
    """Read and check the evidence tables.

    Parameters
    ----------
    folder : path, optional
        Folder with the CSVs (default: the project's `data/extracted`); the schema is `../datapackage.json` or,
        absent that, the project's.
    selection : str
        Name of a saved subgroup (`selections/<name>.yaml`): only its arms and studies are kept.

    Returns
    -------
    Tables
        Frozen; one DataFrame per table as attribute.

    Raises
    ------
    DataError
        Lists every problem; `.problems` holds them as dicts table, row, column, value, rule, fix.

    Examples
    --------
    >>> tables = load_tables()
    >>> tables.responses["events"].dtype
    Int64Dtype()
    """
    schemas, data, problems = read_folder(folder)
    if problems:
        raise DataError(describe(problems), problems)
    tables = Tables({name: _frame(schemas[name], rows) for name, rows in data.items()}, schemas)
    return apply_selection(tables, load_selection(selection)) if selection else tables


def read_folder(folder: Path | str | None = None) -> tuple[dict[str, TableSchema], dict[str, list[dict]], list[dict]]:
    """Schemas, typed rows of every readable table, and all problems of files, cells, keys and rules."""
    folder = Path(folder) if folder is not None else data_folder()
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: give the folder that holds the CSV files.")
    schemas = read_schema(folder)
    records, problems = {}, _strangers(folder, schemas)
    for name, schema in schemas.items():
        records[name], found = read_cells(folder / f"{name}.csv", schema)
        problems += found
        if any(entry["row"] in (None, 1) or entry["rule"] == "encoding is UTF-8" for entry in found):
            del records[name]
    incomplete = {entry["table"] for entry in problems if entry["rule"] in LINE_RULES}
    data, found = check_records(schemas, records, incomplete)
    return schemas, data, problems + found


def check_records(
    schemas: dict[str, TableSchema], records: dict, incomplete=()
) -> tuple[dict[str, list[dict]], list[dict]]:
    """Typed rows of tables given as text cells, and the problems of their cells, keys and rules."""
    data, problems = {}, []
    for name in records:
        data[name], found = parse_records(schemas[name], records[name])
        problems += found
    return data, problems + check_keys(schemas, data, incomplete) + check_rules(data)


def _strangers(folder: Path, schemas: dict[str, TableSchema]) -> list[dict]:
    rule = "every CSV of the folder is in the schema"
    return [
        problem(path.stem, None, "", path.name, rule, "Rename or remove the file.")
        for path in sorted(folder.glob("*.csv"))
        if path.stem not in schemas
    ]


def _frame(schema: TableSchema, rows: list[dict]):
    import pandas as pd

    columns = {
        entry.name: pd.array([row[entry.name] for row in rows], dtype=_DTYPES.get(entry.type, "string"))
        for entry in schema.fields
    }
    return pd.DataFrame(columns)
