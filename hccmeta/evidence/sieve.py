"""The sieve behind `select_*`: rows joined with arm and study leave one by one, each with its reason."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from hccmeta.errors import DataError, MethodError, check_choice
from hccmeta.evidence.problems import describe, problem

TREATMENTS = ("RT + ICI", "ICI without RT", "RT without ICI", "neither", "unclear")
RT_ICI = {"treatment": [TREATMENTS[0]]}
NO_RATE = ("protocol", "case_report", "registry_record")  # designs without a share of patients
OVERLAP = ("largest", "raise", "keep")
ADVANCED = ("unresectable", "recurrent_metastatic", "mixed", "not_stated")
_SOURCE_COLUMNS = ["printed", "how", "evidence_grade", "source", "locator", "note"]
ANALYSES = ("primary", "long_follow_up", "psm", "interim", "subgroup")


def preferences(tables, table: str, column: str, wanted) -> tuple:
    """Ordered preferences as a tuple, each of them in the schema's list of the column."""
    wanted = tuple(wanted) if isinstance(wanted, list | tuple) else (wanted,)
    field = next(field for field in tables.schemas[table].fields if field.name == column)
    for value in wanted:
        check_choice(column, value, field.enum)
    return wanted


def check_where(tables, table: str, rows, where) -> None:
    """Raise MethodError for a `where` that is neither None, a function, nor a dict of columns and values of `rows`.

    `rows` are those of the table, joined with arm and study. A value that only another arm has gives an empty result;
    with a saved selection an unknown one may just be left out.
    """
    if where is None or callable(where):
        return
    if not isinstance(where, dict):
        raise MethodError(f"where = {where!r:.200}: give a dict column -> value(s), or a function of the joined table.")
    listed = {field.name: field.enum for name in (table, "arms", "studies") for field in tables.schemas[name].fields}
    listed["treatment"] = TREATMENTS
    arms, problems = arm_table(tables), []
    for column, values in _filters(where).items():
        if column not in rows:
            named = ", ".join(sorted(name for name in rows if not name.startswith("_")))
            problems.append(f"{column!r} is no column of the joined table. Choose from: {named}.")
            continue
        known = {*rows[column].dropna(), *arms.get(column, ()), *(listed.get(column) or ())}
        unknown = [str(value) for value in values if not isinstance(value, Hashable) or value not in known]
        if unknown and not tables.selection:
            occur = ", ".join(sorted(map(str, dict.fromkeys(rows[column].dropna()))))
            problems.append(f"{column} is never {', '.join(unknown)}. Values that occur: {occur:.600}.")
    if problems:
        raise MethodError(f"where: {' '.join(problems)}")


def _filters(where: dict) -> dict[str, list]:
    """column -> list of values; one value may stand alone."""
    kinds = list | tuple | set | frozenset
    return {column: list(values) if isinstance(values, kinds) else [values] for column, values in where.items()}


def arms_where(tables, where):
    """`arm_table` with only the arms that `where` (column -> value(s), or a function of the table) lets through."""
    arms = arm_table(tables)
    check_where(tables, "arms", arms, where)
    if callable(where):
        return arms[where(arms)]
    for column, values in _filters(where or {}).items():
        arms = arms[arms[column].isin(values)]
    return arms


def treatment_class(rt, ici) -> str:
    """RT + ICI, ICI without RT, RT without ICI, neither, or unclear."""
    if rt in ("part", "not_stated") or ici == "not_stated":
        return "unclear"
    if ici == "none":
        return "RT without ICI" if rt == "yes" else "neither"
    return "RT + ICI" if rt == "yes" else "ICI without RT"


def arm_table(tables):
    """One row per arm with the columns of its study and `treatment`, the class of its treatment."""
    arms = tables.arms.drop(columns=_SOURCE_COLUMNS).rename(columns={"label": "arm_label", "n": "n_arm"})
    arms["treatment"] = [treatment_class(rt, ici) for rt, ici in zip(arms["rt"], arms["ici"], strict=True)]
    studies = tables.studies.drop(columns=_SOURCE_COLUMNS).rename(columns={"label": "study"})
    return arms.merge(studies, how="left", on="study_id", suffixes=("", "_study"))


def joined(tables, rows, *, arm: str = "arm_id"):
    """Rows with the columns of their arm and study: `study` is the label, `n_arm` the size of the arm."""
    rows = rows.drop(columns="study_id", errors="ignore").reset_index(drop=True)
    rows = rows.merge(arm_table(tables), how="left", left_on=arm, right_on="arm_id", suffixes=("", "_arm"))
    order = {name: place for place, name in enumerate(tables.arms["arm_id"])}
    rows["_arm_order"] = rows[arm].map(order)
    return rows.sort_values(["year", "study_id", "_arm_order"], kind="stable", ignore_index=True)


class Discarded(pd.DataFrame):
    """Rows left out; equal as a whole, so that tables that carry them in `attrs` can be concatenated."""

    @property
    def _constructor(self):
        return Discarded

    def __eq__(self, other) -> bool:
        return isinstance(other, pd.DataFrame) and self.equals(other)

    __hash__ = None


class Sieve:
    """Rows that are still in, and those that left with their reason."""

    def __init__(self, rows, key: str, arm: str):
        self.rows, self.key, self.arm, self.left = rows, key, arm, []

    def drop(self, mask, reason) -> None:
        """Remove the rows of a boolean mask; `reason` is a text or a function of the row."""
        mask = mask.fillna(False).astype(bool)
        gone = self.rows[mask]
        texts = [reason(row) if callable(reason) else reason for row in gone.to_dict("records")]
        self.left.append(gone[[self.key, "study", "study_id", self.arm]].assign(reason=pd.array(texts, dtype="string")))
        self.rows = self.rows[~mask]

    def drop_by_use(self, settings) -> None:
        """Rows that may not be pooled, and settings that were not asked for."""
        choices = (*ADVANCED, "perioperative", "case_report")
        settings = tuple(settings) if isinstance(settings, list | tuple | set | frozenset) else (settings,)
        for value in settings:
            check_choice("settings", value, choices)
        self.drop(
            self.rows["use"].isin(["do_not_pool", "subgroup"]) | (self.rows["analysis"] == "subgroup"),
            lambda row: f"use is {row['use']}: {row['use_reason']}",
        )
        if "case_report" not in settings:
            self.drop(self.rows["design"] == "case_report", "case report")
        asked = self.rows["setting"].isin(settings) | (self.rows["design"] == "case_report")
        self.drop(~asked, lambda row: f"setting is {row['setting']}")

    def keep_where(self, where) -> None:
        """Rows that a `where` as `check_where` accepts it lets through."""
        if callable(where):
            self.drop(~where(self.rows).astype(bool), "left out by `where`")
            return
        for column, values in _filters(where or {}).items():
            self.drop(~self.rows[column].isin(values), lambda row, column=column: f"{column} is {row[column]}")

    def prefer(self, unit, **ranked) -> None:
        """Per unit (columns), the row that ranks first on the ordered preferences; unlisted values leave."""
        for column, values in ranked.items():
            self.drop(~self.rows[column].isin(values), lambda row, column=column: f"{column} is {row[column]}")
        ranks = {f"_{column}": self.rows[column].map(values.index) for column, values in ranked.items()}
        ranks["_analysis"] = self.rows["analysis"].map(ANALYSES.index)
        self.rows = self.rows.assign(**ranks).sort_values(list(ranks), kind="stable")
        first = self.rows.drop_duplicates(unit).set_index(unit)[[*ranked, self.key]]

        def reason(row):
            chosen = first.loc[tuple(row[name] for name in unit) if len(unit) > 1 else row[unit[0]]]
            told = ", ".join(str(chosen[column]) for column in ranked if row[column] != chosen[column])
            return f"{told} preferred" if told else f"{chosen[self.key]} is the row of this arm that was chosen"

        self.drop(self.rows.duplicated(unit), reason)
        self.rows = self.rows.sort_index()

    def drop_pooled_arms(self) -> None:
        """An arm that pools others leaves where one of them is in."""
        others = self.rows.loc[self.rows["role"] != "pooled", "study_id"]
        pooled = (self.rows["role"] == "pooled") & self.rows["study_id"].isin(others)
        self.drop(pooled, "pooled arm: its parts are in")

    def resolve_overlap(self, overlap: str) -> None:
        """One study per cohort: the one with most patients, then the earliest."""
        check_choice("overlap", overlap, OVERLAP)
        if overlap == "keep" or self.rows.empty:
            return
        size = self.rows.fillna({"n": 0}).groupby(["cohort_id", "study_id"], sort=False)["n"].sum().reset_index()
        shared = size[size.duplicated("cohort_id", keep=False)]
        if overlap == "raise" and len(shared):
            cohorts = shared.groupby("cohort_id", sort=True)["study_id"].agg(", ".join)
            self.refuse("studies", "cohort_id", {name: f"one study per cohort: {ids}" for name, ids in cohorts.items()})
        largest = shared.sort_values("n", ascending=False, kind="stable").drop_duplicates("cohort_id")
        kept = dict(zip(largest["cohort_id"], largest["study_id"], strict=True))
        self.drop(
            self.rows["cohort_id"].isin(kept) & ~self.rows["study_id"].isin(kept.values()),
            lambda row: f"cohort {row['cohort_id']} is in with {kept[row['cohort_id']]}, the larger study",
        )

    def refuse(self, table: str, column: str, rules: dict[str, str]) -> None:
        """DataError for patients who are counted twice: value -> rule."""
        fix = 'Choose overlap="largest" or "keep", or leave studies out with `where`.'
        problems = [problem(table, None, column, value, rule, fix) for value, rule in rules.items()]
        raise DataError(describe(problems), problems)

    def result(self, columns: list[str]):
        """The selected table, `columns` first; `.attrs["discarded"]` holds what was left out."""
        rows = self.rows.drop(columns=[name for name in self.rows if name.startswith("_")])
        rows = rows[[*columns, *(name for name in rows if name not in columns)]].reset_index(drop=True)
        twice = rows["study"].duplicated(keep=False)
        rows["study"] = rows["study"].where(~twice, rows["study"] + ", " + rows["arm_label"])
        rows.attrs["discarded"] = Discarded(pd.concat(self.left, ignore_index=True))
        return rows
