"""Which rows a defensible analysis could use: response criteria, doubtful rows, shared patients, uncertain counts."""

from __future__ import annotations

from typing import NamedTuple

from hccmeta.errors import MethodError

ROW_CHOICES = ("criteria", "use", "overlap", "evidence_grade", "counts")
ALL, OK_ONLY, FULL_TEXT = "all", "ok only", "full text only"
COUNTS = {"extracted": "events", "lowest": "events_min", "highest": "events_max"}
PREFERRED = ("RECIST1.1", "mRECIST")  # order of preference where an arm reports several


class RowSet(NamedTuple):
    """One choice of rows: the value of every row choice, and the table that it leaves."""

    choices: dict
    table: object


def row_options(data):
    """Row choices that the table's columns allow, each with all its values."""
    columns, out = set(data.columns), {}
    if "criteria" in columns and data["criteria"].nunique() > 1:
        several = data.groupby(_unit(data, "arm_id"), sort=False)["criteria"].nunique().gt(1).any()
        known = _by_preference(data["criteria"])
        out["criteria"] = [*([f"{name} first" for name in known] if several else [ALL]), *(f"{n} only" for n in known)]
    if "use" in columns and {"ok", "check"} <= set(data["use"]):
        out["use"] = [ALL, OK_ONLY]
    if "cohort_id" in columns and _unit(data, "study_id").groupby(data["cohort_id"]).nunique().gt(1).any():
        out["overlap"] = ["largest", "keep"]
    if "evidence_grade" in columns and "full_text" in set(data["evidence_grade"].dropna()):
        out["evidence_grade"] = [ALL, FULL_TEXT] if data["evidence_grade"].nunique() > 1 else [ALL]
    if {"events", "n", "events_min", "events_max"} <= columns:
        low, high = (data[name].fillna(data["events"]) for name in ("events_min", "events_max"))
        out["counts"] = list(COUNTS) if (low < high).any() else ["extracted"]
    return {name: values for name, values in out.items() if len(values) > 1}


def row_sets(data, chosen):
    """Every combination of row choices that leaves other rows than the ones before, and sentences on the rest.

    `chosen` maps each row choice that is open to the values wanted, in order.
    """
    found, seen, left_out = [], set(), []
    for choices in combinations(chosen):
        table = _rows(data, choices)
        name = ", ".join(f"{key} {value}" for key, value in choices.items()) or "all rows"
        signature = tuple(table.index), tuple(table["events"]) if "counts" in choices else ()
        if len(table) < 2:
            left_out.append(f"{name}: {len(table)} {'study' if len(table) == 1 else 'studies'}")
        elif signature in seen:
            left_out.append(f"{name}: the same rows as another choice")
        else:
            seen.add(signature)
            found.append(RowSet(choices, table))
    return found, left_out


def combinations(options):
    """Dicts of one value per key, first key slowest."""
    out = [{}]
    for key, values in options.items():
        out = [row | {key: value} for row in out for value in values]
    return out


def _rows(data, choices):
    table = data
    if choices.get("use") == OK_ONLY:
        table = table[table["use"] == "ok"]
    if choices.get("evidence_grade") == FULL_TEXT:
        table = table[table["evidence_grade"] == "full_text"]
    if "criteria" in choices:
        table = _by_criteria(table, choices["criteria"])
    if choices.get("overlap") == "largest":
        table = _largest(table)
    if "counts" in choices and choices["counts"] != "extracted":
        bound = table[COUNTS[choices["counts"]]]
        table = table.assign(events=bound.where(bound.notna(), table["events"]))
    return table


def _by_criteria(table, choice):
    """Rows of one criterion; or of every arm the row whose criterion comes first."""
    if choice == ALL:
        return table
    name, _, how = choice.rpartition(" ")
    if how == "only":
        return table[table["criteria"] == name]
    order = [name, *(other for other in _by_preference(table["criteria"]) if other != name)]
    rank = table["criteria"].map({other: i for i, other in enumerate(order)}).fillna(len(order))
    ranked = _unit(table, "arm_id").loc[rank.sort_values(kind="stable").index]
    first = ranked.drop_duplicates().index
    return table[table.index.isin(first)]


def _largest(table):
    """Of the studies that share a cohort_id all rows of the one with most patients; the first on ties."""
    study, cohort = _unit(table, "study_id"), table["cohort_id"]
    total = _size(table).groupby([cohort, study], sort=False).sum().sort_values(ascending=False, kind="stable")
    kept = total.reset_index().drop_duplicates("cohort_id").iloc[:, 1]
    return table[cohort.isna() | study.isin(kept)]


def _size(table):
    if "n" in table.columns:
        return table["n"].astype(float)
    if {"n_1", "n_2"} <= set(table.columns):
        return table["n_1"].astype(float) + table["n_2"].astype(float)
    if "vi" in table.columns:
        return 1 / table["vi"].astype(float)
    raise MethodError("overlap 'largest' needs a column n, n_1 and n_2, or vi to tell which study is the largest.")


def _unit(table, name):
    """Who a row belongs to: the column, else the study's label, else the row itself."""
    for column in (name, "study_id", "study"):
        if column in table.columns:
            return table[column].rename("unit")
    return table.index.to_series().rename("unit")


def _by_preference(criteria):
    names = criteria.dropna().unique()
    return [*(name for name in PREFERRED if name in names), *sorted(str(n) for n in names if n not in PREFERRED)]
