"""Saved subgroups: `selections/<name>.yaml` holds the filters that a reviewer chose."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import DataError
from ..paths import selections_folder
from .reads import note_read

_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,60}$")
KEYS = {"description", "where", "group_by", "arms"}


def selection_path(name: str, *, must_exist: bool = True) -> Path:
    """File of a selection; DataError when the name is not a plain name or, unless told otherwise, has no file."""
    if not _NAME.fullmatch(name):
        raise DataError(f"{name!r} cannot name a selection: use lower-case letters, digits, - and _ (at most 61).")
    path = selections_folder() / f"{name}.yaml"
    if must_exist and not path.is_file():
        known = ", ".join(sorted(file.stem for file in selections_folder().glob("*.yaml"))) or "none yet"
        raise DataError(f"There is no selection {name!r}. Saved selections: {known}.")
    return path


def load_selection(name: str) -> dict:
    """The saved selection: a dict with description, where (column -> list of values), group_by, arms (list or None).

    Raises
    ------
    DataError
        No such selection, or a file that is no mapping of the known keys.
    """
    path = selection_path(name)
    content = _read_yaml(path)
    note_read(f"selections/{name}.yaml")
    if not isinstance(content, dict):
        raise DataError(f"{path.name} must hold a mapping with the keys {', '.join(sorted(KEYS))}.")
    problems = [f"unknown key {key!r}" for key in content if key not in KEYS]
    where = content.get("where") or {}
    if not isinstance(where, dict) or not all(_is_list_of_text(values) for values in where.values()):
        problems.append("`where` must map a column to a list of values")
    arms = content.get("arms")
    if arms is not None and not _is_list_of_text(arms):
        problems.append("`arms` must be a list of arm ids")
    problems += [
        f"`{key}` must be one text" for key in ("description", "group_by") if not isinstance(content.get(key, ""), str)
    ]
    if problems:
        raise DataError(f"{path.name}: {'; '.join(problems)}. Keys: {', '.join(sorted(KEYS))}.")
    return {
        "name": name,
        "description": content.get("description", ""),
        "where": where,
        "group_by": content.get("group_by", ""),
        "arms": arms,
    }


def _is_list_of_text(values) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _read_yaml(path: Path):
    """Content of a YAML file with every scalar as its text (`yes` is no truth value); a key stands once."""
    import yaml

    class Loader(yaml.BaseLoader):
        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", node.start_mark)
            return super().construct_mapping(node, deep)

    try:
        return Loader(path.read_text(encoding="utf-8")).get_single_data() or {}
    except (yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise DataError(f"{path.name} cannot be read as YAML: {error}") from None


def save_selection(name: str, *, where: dict, group_by: str = "", description: str = "") -> Path:
    """Write `selections/<name>.yaml` and return its path; a file of that name is replaced."""
    import yaml

    path = selection_path(name, must_exist=False)
    path.parent.mkdir(exist_ok=True)
    content = {
        "description": description,
        "where": {str(column): [str(value) for value in values] for column, values in where.items() if values},
        "group_by": group_by,
    }
    part = path.with_suffix(".part")
    part.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    part.replace(path)
    return path


def arm_mask(arms, where: dict):
    """Which rows of the joined arm and study columns satisfy `where` (column -> list of values, compared as text)."""
    import pandas as pd

    unknown = [column for column in where if column not in arms.columns]
    if unknown:
        raise DataError(
            f"A selection filters by {', '.join(unknown)}, which is no column of arms or studies. "
            f"Columns: {', '.join(arms.columns)}."
        )
    mask = pd.Series(True, index=arms.index)
    for column, values in where.items():
        mask &= arms[column].astype("string").fillna("").isin([str(value) for value in values])
    return mask


def apply_selection(tables, chosen: dict):
    """The tables with only the arms of a selection, and what belongs to them and to their studies.

    Raises
    ------
    DataError
        A filter or grouping by an unknown column, an unknown arm, or no arm left.
    """
    from hccmeta.evidence.sieve import arm_table

    frames = tables.frames
    arms = arm_table(tables)
    if chosen["group_by"] and chosen["group_by"] not in {*arms.columns, *frames["responses"].columns}:
        raise DataError(f"selection {chosen['name']!r} groups by {chosen['group_by']!r}, which is no column.")
    mask = arm_mask(arms, chosen["where"])
    if chosen["arms"] is not None:
        unknown = sorted(set(chosen["arms"]) - set(arms["arm_id"]))
        if unknown:
            raise DataError(f"selection {chosen['name']!r} names arms that are in no table: {', '.join(unknown)}.")
        mask &= arms["arm_id"].isin(chosen["arms"])
    kept = set(arms.loc[mask, "arm_id"])
    if not kept:
        raise DataError(f"selection {chosen['name']!r} leaves no arm: loosen its filters.")
    kept_studies = set(arms.loc[mask, "study_id"])

    def of_selection(rows):
        for column, allowed in (
            ("arm_id", kept),
            ("experimental_arm", kept),
            ("arm_1", kept),
            ("study_id", kept_studies),
        ):
            if column in rows:
                return rows[rows[column].isin(allowed)].reset_index(drop=True)
        return rows

    filtered = {name: of_selection(rows) for name, rows in frames.items()}
    curves = set(filtered["km_curves"]["curve_id"])
    for name in ("km_points", "km_at_risk"):
        filtered[name] = filtered[name][filtered[name]["curve_id"].isin(curves)].reset_index(drop=True)
    return type(tables)(filtered, tables.schemas, chosen, tables.read)
