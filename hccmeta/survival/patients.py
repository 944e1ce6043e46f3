"""Reading patient data (time, event): every problem is collected before anything is computed."""

from __future__ import annotations

import numpy as np

from hccmeta.effects.inputs import Columns
from hccmeta.errors import DataError

DRAW_COLUMNS = ("imputation", "draw")
TIE_TOLERANCE = np.finfo(float).eps ** 0.5  # 1.49e-8


def read_patients(ipd, *, caller, labels=()):
    """A checked copy of `ipd`: time as float, event as 0 or 1, times that differ by rounding alone made equal.

    `labels` names further columns that must be there and filled, such as arm. An arm column is checked where present.
    """
    if hasattr(ipd, "columns") and "event" in ipd.columns and ipd["event"].dtype == bool:
        ipd = ipd.assign(event=ipd["event"].astype(int))
    columns = Columns(ipd, ("time", "event"), caller=caller)
    for name in dict.fromkeys([*labels, *(["arm"] if "arm" in ipd.columns else [])]):
        _read_label(columns, ipd, name)
    if columns.has("time"):
        wrong = ~(np.isfinite(columns["time"]) & (columns["time"] >= 0))
        _rule_once(columns, wrong, "time", "months >= 0", "give the follow-up time of every patient")
    if columns.has("event"):
        wrong = ~np.isin(columns["event"], (0, 1))
        _rule_once(columns, wrong, "event", "1 (event) or 0 (censored)", "code the status of every patient")
    for name in (name for name in DRAW_COLUMNS if name in ipd.columns and ipd[name].nunique(dropna=False) > 1):
        columns.problems.append(dict(
            table="", row="", column=name, value="several", rule="one draw of the patients",
            fix="stacked draws are not extra patients: take one imputation, or pool the draws (hccmeta.survival.draws)",
        ))  # fmt: skip
    columns.refuse()
    if len(ipd) == 0:
        raise DataError(f"{caller} needs at least one patient; the table has no rows.")
    return ipd.assign(time=merge_near_ties(columns["time"]), event=columns["event"].astype(int))


def split_draws(patients, *, caller):
    """Patients without the columns that number their draws, and the numbers; None where there are no draws.

    The column is imputation (printed statistics) or draw (clicks); a table of both kinds of study may have both.
    """
    names = [name for name in DRAW_COLUMNS if name in getattr(patients, "columns", ())]
    if not names:
        return patients, None
    numbers = patients[names].bfill(axis=1).iloc[:, 0]
    if gone := int(numbers.isna().sum()):
        raise DataError(
            f"{caller}: {gone} rows have no number in {' or '.join(names)}. Number the draws of every study; patients "
            "that are known are one draw."
        )
    return patients.drop(columns=names), numbers.to_numpy()


def _rule_once(columns, wrong, name, rule, fix):
    """A rule for the rows that were readable as numbers; text was reported already."""
    text = {p["row"] for p in columns.problems if p["column"] == name}
    columns.rule(wrong & ~columns.index.isin(text), name, rule, fix)


def _read_label(columns, ipd, name):
    if name not in ipd.columns:
        columns.problems.append(dict(table="", row="", column=name, value="", rule="the column exists",
                                     fix=f"add a column {name}"))  # fmt: skip
        return
    columns.values[name] = ipd[name].to_numpy(object)
    columns.rule(ipd[name].isna().to_numpy(), name, "a label", f"name the {name} of every patient")


def merge_near_ties(time):
    """Times closer than rounding (1.49e-8, absolute or of the mean time) become one, as in R's survival."""
    values, position = np.unique(time, return_inverse=True)
    gap = np.diff(values)
    scale = max(1.0, float(np.abs(values).mean())) if len(values) else 1.0
    first = np.concatenate([[True], gap > TIE_TOLERANCE * scale])
    return values[first][np.cumsum(first) - 1][position]


def by_arm(patients):
    """(arm, its rows) in order of first appearance; one nameless group where there is no arm column."""
    if "arm" not in patients.columns:
        return [(None, patients)]
    return list(patients.groupby("arm", sort=False))
