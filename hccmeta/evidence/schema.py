"""The schema and codebook of every table, read from `data/datapackage.json` (Frictionless)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from hccmeta.errors import DataError
from hccmeta.paths import schema_file


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    unit: str
    description: str
    required: bool
    unique: bool
    enum: tuple
    pattern: str | None
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class TableSchema:
    name: str
    title: str
    description: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...]

    @property
    def columns(self) -> list[str]:
        return [field.name for field in self.fields]


TYPES = ("string", "integer", "number")


def _as_tuple(names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _field(entry: dict) -> Field:
    limits = entry.get("constraints", {})
    re.compile(limits.get("pattern") or "")
    return Field(
        name=entry["name"],
        type=entry.get("type", "string"),
        unit=entry.get("unit", ""),
        description=entry.get("description", ""),
        required=limits.get("required", False),
        unique=limits.get("unique", False),
        enum=tuple(limits.get("enum", ())),
        pattern=limits.get("pattern"),
        minimum=limits.get("minimum"),
        maximum=limits.get("maximum"),
    )


def _table(resource: dict) -> TableSchema:
    schema = resource["schema"]
    return TableSchema(
        name=resource["name"],
        title=resource.get("title", resource["name"]),
        description=resource.get("description", ""),
        fields=tuple(_field(entry) for entry in schema["fields"]),
        primary_key=_as_tuple(schema.get("primaryKey", ())),
        foreign_keys=tuple(
            (_as_tuple(key["fields"]), key["reference"]["resource"], _as_tuple(key["reference"]["fields"]))
            for key in schema.get("foreignKeys", ())
        ),
    )


def read_schema(folder: Path | None = None) -> dict[str, TableSchema]:
    """Schema beside `folder` (`../datapackage.json`) or, absent that, the project's: table name -> TableSchema."""
    beside = folder.resolve().parent / "datapackage.json" if folder is not None else None
    path = beside if beside is not None and beside.is_file() else schema_file()
    try:
        resources = json.loads(path.read_text(encoding="utf-8"))["resources"]
        schemas = {resource["name"]: _table(resource) for resource in resources}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, re.error) as error:
        message = f"The schema {path.name} cannot be read ({error!r}): restore it from the repository."
        raise DataError(message) from error
    if faults := _faults(schemas):
        raise DataError(f"The schema {path.name} cannot be used: {'; '.join(faults)}. Mend it or restore it.")
    return schemas


def _faults(schemas: dict[str, TableSchema]) -> list[str]:
    """Types, limits and keys of the schema that mean nothing, and would check nothing."""
    faults = []
    for name, schema in schemas.items():
        for field in schema.fields:
            if field.type not in TYPES:
                faults.append(f"{name}.{field.name} has the unknown type {field.type!r}")
            if any(isinstance(limit, str) for limit in (field.minimum, field.maximum)):
                faults.append(f"a limit of {name}.{field.name} is text")
        named = [(name, column) for column in schema.primary_key]
        for columns, target, target_columns in schema.foreign_keys:
            named += [(name, column) for column in columns] + [(target, column) for column in target_columns]
        for table, column in named:
            if table not in schemas:
                faults.append(f"a key of {name} points to {table}, which is no table")
            elif column not in schemas[table].columns:
                faults.append(f"a key of {name} names {table}.{column}, which is no column")
    return faults
