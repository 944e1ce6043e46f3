"""Reading what `plot_survival` draws: curves, bands, points, printed values, numbers at risk."""

from __future__ import annotations

import numpy as np

from ..errors import DataError, MethodError
from .tables import need_columns, read_table

OPTIONAL = ("low", "high", "ci_low", "ci_high", "pi_low", "pi_high", "n_at_risk", "n_studies", "censored",
            "time_low", "time_high", "share", "look")  # fmt: skip
OTHER_NAMES = {"ci_low": "low", "ci_high": "high"}


def _curve(label, table, caller):
    import pandas as pd

    table = table.to_frame() if not hasattr(table, "columns") and hasattr(table, "to_frame") else table
    table = _numbers(table, ("time", "survival"), caller=caller, what=f"curve {label!r}")
    table = table.rename(columns={old: new for old, new in OTHER_NAMES.items() if new not in table.columns})
    table = table.dropna(subset=["time", "survival"]).sort_values("time", kind="stable")
    bad = ~table["survival"].between(-1e-9, 1 + 1e-9)
    if len(table) == 0 or bad.any():
        raise DataError(f"{caller}: the survival of curve {label!r} must lie in 0-1 and have at least one row.")
    if not table["time"].between(0, np.inf, inclusive="left").all():
        raise DataError(f"{caller}: the times of curve {label!r} must be months from 0 on.")
    if table["time"].iloc[0] > 0:
        bounds = [name for name in ("low", "high", "pi_low", "pi_high") if name in table.columns]
        known = {"time": 0.0, "survival": 1.0} | dict.fromkeys(bounds, 1.0) | table.filter(["look"]).iloc[0].to_dict()
        table = pd.concat([pd.DataFrame([known]), table], ignore_index=True)
    return table


def is_pooled(table) -> bool:
    """Is it a curve pooled at a grid of times, whose n_at_risk is that of the start of each interval?"""
    return "n_studies" in table.columns


def _numbers(table, columns, *, caller: str, what: str):
    return read_table(table, numbers=columns, optional=OPTIONAL, caller=caller, what=what)


def read_curves(curves, *, caller: str) -> dict:
    """Curves by label, sorted by time and starting at (0, 1)."""
    if not isinstance(curves, dict):
        curves = curves.to_frame() if not hasattr(curves, "columns") and hasattr(curves, "to_frame") else curves
        if hasattr(curves, "columns") and "arm" in curves.columns:
            curves = dict(list(curves.groupby("arm", sort=False)))
        else:
            curves = {"All patients": curves}
    if not curves:
        raise DataError(f"{caller} needs at least one curve.")
    return {str(label): _curve(label, table, caller) for label, table in curves.items()}


def read_marks(given, tables: dict, columns, name: str) -> dict:
    """Tables drawn over the curves, keyed by the curve's label."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        need_columns(given, columns, caller="plot_survival", what=name)
        if "curve" in given.columns:
            given = dict(list(given.groupby("curve", sort=False)))
        elif len(tables) == 1:
            given = {next(iter(tables)): given}
        else:
            raise DataError(f"plot_survival: with several curves `{name}` needs a column `curve`, or a dict of tables.")
    unknown = [str(label) for label in given if str(label) not in tables]
    if unknown:
        raise DataError(f"plot_survival: `{name}` has labels without a curve: {', '.join(unknown)}.")
    marks = {}
    for label, table in given.items():
        marks[str(label)] = _numbers(table, columns, caller="plot_survival", what=f"{name}[{label!r}]")
    return marks


def read_at_risk(at_risk, tables: dict) -> dict:
    """Tables with time and n_at_risk by label, marked `exact` where only these times are known."""
    if isinstance(at_risk, dict):
        given = read_marks(at_risk, tables, ("time", "n_at_risk"), "at_risk")
        return {label: table.assign(exact=True) for label, table in given.items()}
    if not isinstance(at_risk, bool):
        raise MethodError(f"at_risk = {at_risk!r}: True, False, or a dict of label -> table with time and n_at_risk.")
    known = {label: table for label, table in tables.items() if "n_at_risk" in table.columns} if at_risk else {}
    for label, table in known.items():
        if is_pooled(table):
            known[label] = table.assign(time=table["time"].shift(1), exact=True)
    return {label: table.dropna(subset=["time", "n_at_risk"]) for label, table in known.items()}


def at_risk_counts(table, times) -> list[tuple[float, float]]:
    """(time, patients with time >= t): those at risk at the first row at or after t, none after the last row.

    A printed or pooled table knows its own times only: these are given, at most 13 of them; of a pooled curve those at
    `times` where there are some.
    """
    rows = table.sort_values("time", kind="stable")
    time, count = rows["time"].to_numpy(float), rows["n_at_risk"].to_numpy(float)
    if is_pooled(table) and np.isin(time, times).sum() > 1:
        time, count = (column[np.isin(time, times)] for column in (time, count))
    if "exact" in table.columns:
        every = -(-len(time) // 13) or 1
        return list(zip(time[::every], count[::every], strict=True))
    at = np.searchsorted(time, np.asarray(times, float) - 1e-9, side="left")
    return list(zip(times, np.append(count, 0.0)[at], strict=True))
