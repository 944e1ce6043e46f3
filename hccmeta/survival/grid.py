"""Survival curves of several studies on one grid: conditional survival and patients at risk per interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hccmeta.effects.inputs import Columns, label_rows
from hccmeta.errors import DataError
from hccmeta.survival.mixture import check_mixture

STEPS = (1.0, 2.0, 3.0, 4.0, 6.0, 12.0)
MOST_INTERVALS = 12
SAME = 1e-9


class Curve(NamedTuple):
    """One study after time 0: survival, number at risk since the row before; `stepwise` if there was a row at 0.

    `at_zero` and `events_at_zero`: survival after, and number of, events at time 0.
    """

    time: np.ndarray
    survival: np.ndarray
    n_at_risk: np.ndarray
    stepwise: bool
    at_zero: float = 1.0
    events_at_zero: float = 0.0


class Intervals(NamedTuple):
    """(k, p) arrays over a grid: survival at both ends of each interval, patients at its start; NaN and 0 if absent."""

    times: np.ndarray
    start: np.ndarray
    end: np.ndarray
    n: np.ndarray


def read_curves(curves, *, allow_mixed, caller):
    """Checked curves by study, in input order, and a note where unlike ones were mixed on purpose."""
    columns = Columns(curves, ("time", "survival", "n_at_risk"), caller=caller)
    if not {"study", "study_id", "arm_id"} & set(curves.columns):
        columns.problems.append(dict(table="", row="", column="study", value="", rule="the column exists",
                                     fix="name the study of every row"))  # fmt: skip
    for name, upper, rule in (("time", np.inf, "months >= 0"), ("survival", 1, "a fraction from 0 to 1"),
                              ("n_at_risk", np.inf, "patients >= 0")):  # fmt: skip
        if columns.has(name):
            value = columns[name]
            inside = np.isfinite(value) & (value >= 0) & (value <= upper + SAME)
            columns.rule(~inside, name, rule, "correct the value")
    if columns.problems and not columns.has("time", "survival", "n_at_risk"):
        columns.refuse()
    if len(curves) == 0:
        raise DataError(f"{caller} needs curves; the table has no rows.")
    labels, out, wrong = label_rows(curves), {}, {problem["row"] for problem in columns.problems}
    for study in dict.fromkeys(labels):
        rows = np.flatnonzero(labels == study)
        rows = rows[np.argsort(columns["time"][rows], kind="stable")]
        if wrong.isdisjoint(curves.index[rows]):
            _check_course(columns, rows)
        out[study] = _one_curve(*(columns[name][rows] for name in ("time", "survival", "n_at_risk")))
    columns.refuse()
    return out, check_mixture(curves, labels, allow_mixed, caller)


def _check_course(columns, rows):
    change = {name: np.diff(columns[name][rows]) for name in ("time", "survival", "n_at_risk")}
    for name, step, rule in (
        ("time", change["time"] <= 0, "one row per study and time"),
        ("survival", change["survival"] > SAME, "survival that never rises"),
        ("n_at_risk", change["n_at_risk"] > SAME, "a number at risk that never rises"),
    ):
        broken = np.zeros(len(columns[name]), bool)
        broken[rows[1:][step]] = True
        columns.rule(broken, name, rule, "correct the curve")


def _one_curve(time, survival, n):
    if time[0] > 0:
        return Curve(time, survival, n, stepwise=False)
    return Curve(time[1:], survival[1:], n[1:], True, survival[0], round((1 - survival[0]) * n[0]))


def choose_grid(curves, min_studies, min_at_risk):
    """Times of the curves where all share one grid, else the finest round steps that make at most 12 intervals.

    Returns the times and a note on the choice (empty for the shared grid).
    """
    union = np.unique(np.concatenate([c.time for c in curves.values()]))
    if all(np.array_equal(c.time, union[: len(c.time)]) for c in curves.values()):
        return union, ()
    if not all(c.stepwise for c in curves.values()):
        raise DataError(
            "The curves have no grid in common, and without a row at time 0 a curve is known at its own times only. "
            "Give every curve at the same times, or give Kaplan-Meier tables that start at time 0."
        )
    steps = [STEPS[-1] * 2**i for i in range(12)]
    for step in (*STEPS, *steps[1:]):
        times = np.arange(1, int(union[-1] / step) + 1) * step
        cells = read_intervals(curves, times)
        usable = _usable(cells.n, min_studies, min_at_risk)
        if usable <= MOST_INTERVALS:
            times = times[:usable]
            break
    return times, (f"The curves share no grid; intervals of {step:g} months were chosen.",)


def read_intervals(curves, times) -> Intervals:
    """Survival at both ends and the number at risk at the start of each interval that a study's follow-up covers."""
    k, p = len(curves), len(times)
    start, end, n = np.full((k, p), np.nan), np.full((k, p), np.nan), np.zeros((k, p))
    lows = np.concatenate([[0.0], times[:-1]])
    for i, (study, curve) in enumerate(curves.items()):
        if not curve.stepwise:
            _check_on_grid(study, curve, times)
        level = np.append(curve.at_zero, curve.survival)
        covered = (times <= max(curve.time, default=0) + SAME) | (level[-1] == 0)
        a = np.searchsorted(curve.time, lows + SAME, side="right")
        b = np.searchsorted(curve.time, times + SAME, side="right")
        first = lows == 0
        at_start = np.append(curve.n_at_risk, 0)[a] + np.where(first, curve.events_at_zero, 0)
        before = np.where(first, 1.0, level[a])
        use = covered & (before > 0) & (at_start > 0)
        start[i], end[i], n[i] = (np.where(use, v, gone) for v, gone in ((before, np.nan), (level[b], np.nan),
                                                                        (at_start, 0)))  # fmt: skip
    return Intervals(np.asarray(times, float), start, end, n)


def _check_on_grid(study, curve, times):
    inside = times[times <= curve.time[-1] + SAME]
    missing = [t for t in inside if np.abs(curve.time - t).min() > SAME]
    if missing:
        raise DataError(
            f"The curve of {study} has no row at {', '.join(f'{t:g}' for t in missing)} months and none at time 0: "
            "it is known at its own times only. Leave these times out or give its Kaplan-Meier table from time 0."
        )


def stop(cells: Intervals, min_studies, min_at_risk):
    """The intervals before the first with too few studies or patients, and a note where some were cut off."""
    keep = _usable(cells.n, min_studies, min_at_risk)
    if keep == len(cells.times):
        return cells, ()
    last = f"at {cells.times[keep - 1]:g} months" if keep else "before its first interval"
    note = f"The curve stops {last}: later fewer than {min_studies} studies or {min_at_risk} patients are at risk."
    return Intervals(cells.times[:keep], cells.start[:, :keep], cells.end[:, :keep], cells.n[:, :keep]), (note,)


def _usable(n, min_studies, min_at_risk):
    enough = ((n > 0).sum(axis=0) >= min_studies) & (n.sum(axis=0) >= min_at_risk)
    return int(np.argmin(enough)) if not enough.all() else len(enough)
