"""Clicked curve, at-risk table and totals as read, with every contradiction among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hccmeta.effects.inputs import check_columns_once
from hccmeta.errors import DataError
from hccmeta.km.denoise import USUAL_NOISE, Path, monotone_path
from hccmeta.km.expected import Counts

BEYOND_AXIS = 0.05
A_PIXEL = 0.003  # of the time axis
SLACK = 0.02
MOST_PATIENTS = 1_000_000


@dataclass(frozen=True)
class Clicks:
    """Consistent input of a reconstruction; `counts` is None without an at-risk table."""

    path: Path
    counts: Counts | None
    n: int
    total_events: int | None
    notes: tuple[str, ...]


def read_clicks(curve, at_risk, n, total_events, *, on_conflict: str, time_noise: float) -> Clicks:
    """Check curve, counts and totals against each other.

    Raises
    ------
    DataError
        Lists every problem. With on_conflict="fit" contradictions between the numbers are resolved instead and noted;
        values that cannot be read (missing, negative, percent) are always refused.
    """
    problems = []
    time, survival = _columns(curve, "curve", ("time", "survival"), problems)
    counted, n_at_risk = np.zeros(0), np.zeros(0)
    if at_risk is not None:
        counted, n_at_risk = _columns(at_risk, "at_risk", ("time", "n_at_risk"), problems)
    _check_curve(time, survival, problems)
    _check_counts(counted, n_at_risk, at_risk is not None, problems)
    n = _whole_number("n", n, 1, problems)
    total_events = _whole_number("total_events", total_events, 0, problems)
    if n is None and not (len(counted) and counted.min() <= 0):
        fix = "give n, or an at-risk table that starts at time 0"
        problems.append(_problem("at_risk", "n", None, "the number of patients is needed", fix))
    _stop(problems)

    by_time = np.argsort(counted, kind="stable")
    counted, n_at_risk = counted[by_time], np.round(n_at_risk[by_time]).astype(int)
    n = int(n_at_risk[0]) if n is None else n
    conflicts, notes = [], []
    n_at_risk = _agree_at_risk(counted, n_at_risk, n, conflicts, notes)
    if len(counted) and counted[0] > 0:
        counted, n_at_risk = np.append(0.0, counted), np.append(n, n_at_risk)
    path, counts = _follow_up(time, survival, counted, n_at_risk, time_noise, conflicts, notes)
    total_events = _agree_events(path, counts, n, total_events, conflicts, notes)
    if on_conflict == "raise":
        _stop(conflicts)
    return Clicks(path, counts, n, total_events, tuple(notes) if conflicts else ())


def _columns(table, name, columns, problems):
    """Two columns as float arrays; what is missing or not a number becomes a problem."""
    if hasattr(table, "columns"):
        check_columns_once(table, name)
    values = []
    for column in columns:
        try:
            values.append(np.asarray(table[column], dtype=float))
        except (KeyError, IndexError, TypeError, ValueError):
            rule = f"a column {column} of numbers is needed"
            problems.append(_problem(name, column, None, rule, f"name the columns {' and '.join(columns)}"))
            values.append(np.zeros(0))
    for column, value in zip(columns, values, strict=True):
        for row in np.flatnonzero(~np.isfinite(value)):
            problems.append(_problem(name, column, value[row], "a finite number", "fill in or delete the row", row))
    usable = len(values[0]) == len(values[1])
    keep = np.isfinite(values[0]) & np.isfinite(values[1]) if usable else slice(0, 0)
    return values[0][keep], values[1][keep]


def _check_curve(time, survival, problems):
    if len(time) < 2 or not time.max(initial=0) > 0:
        problems.append(_problem("curve", "time", None, "at least two clicks, one after time 0", "click more points"))
        return
    if survival.max() > 1.5 and survival.min() >= -100 * BEYOND_AXIS:
        rule = "survival is a fraction between 0 and 1, this looks like percent"
        problems.append(_problem("curve", "survival", survival.max(), rule, "divide survival by 100"))
    else:
        for row in np.flatnonzero((survival < -BEYOND_AXIS) | (survival > 1 + BEYOND_AXIS)):
            rule, fix = "survival lies between 0 and 1", "check the calibration of the axis"
            problems.append(_problem("curve", "survival", survival[row], rule, fix, row))
    for row in np.flatnonzero(time < -SLACK * time.max()):
        rule, fix = "time is not negative", "check the calibration of the axis"
        problems.append(_problem("curve", "time", time[row], rule, fix, row))


def _check_counts(counted, n_at_risk, given, problems):
    if given and not len(counted):
        problems.append(_problem("at_risk", "time", None, "at least one printed count", "leave at_risk out (None)"))
    for row in np.flatnonzero((n_at_risk < 0) | (np.abs(n_at_risk - np.round(n_at_risk)) > 1e-9)):
        rule = "a whole number of patients"
        problems.append(_problem("at_risk", "n_at_risk", n_at_risk[row], rule, "copy the printed count", row))
    for row in np.flatnonzero(counted < 0):
        problems.append(_problem("at_risk", "time", counted[row], "time is not negative", "correct the time", row))
    times, number = np.unique(counted, return_counts=True)
    for time in times[number > 1]:
        problems.append(_problem("at_risk", "time", time, "one count per time", "delete the repeated row"))


def _whole_number(name, value, least, problems):
    if value is None:
        return None
    try:
        whole = int(value)
        good = bool(whole == value and least <= whole <= MOST_PATIENTS)
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        rule = f"a whole number from {least} to {MOST_PATIENTS:,}"
        problems.append(_problem("totals", name, value, rule, f"correct {name}"))
        return None
    return whole


def _agree_at_risk(counted, n_at_risk, n, conflicts, notes):
    """At-risk numbers that start at n and never rise."""
    if len(counted) and counted[0] <= 0 and n_at_risk[0] != n:
        rule = f"the count at time 0 equals n = {n}"
        conflicts.append(_problem("at_risk", "n_at_risk", n_at_risk[0], rule, "correct n or the table", 0))
        notes.append(f"The count at time 0 ({n_at_risk[0]}) was replaced by n = {n}.")
        n_at_risk = np.append(n, n_at_risk[1:])
    before = np.minimum.accumulate(np.append(n, n_at_risk))[:-1]
    for row in np.flatnonzero(n_at_risk > before):
        rule = f"numbers at risk never rise (at time {counted[row]:g}: {n_at_risk[row]} after {before[row]})"
        conflicts.append(_problem("at_risk", "n_at_risk", n_at_risk[row], rule, "re-read the table of the figure", row))
        notes.append(f"At-risk count {n_at_risk[row]} at time {counted[row]:g} was lowered to {before[row]}.")
    return np.minimum(n_at_risk, before)


def _follow_up(time, survival, counted, n_at_risk, time_noise, conflicts, notes):
    """Monotone path and counts up to the end of follow-up; a printed 0 ends it, whatever was clicked after."""
    empty = counted[n_at_risk == 0]
    if len(empty):
        inside = time < empty[0]
        if inside.sum() >= 2 and time[inside].max() > 0:
            after, before = survival[~inside], survival[inside]
            if len(after) and after.min() < before.min() - SLACK - BEYOND_AXIS:
                rule = f"nobody is at risk from time {empty[0]:g} on, but the curve still falls"
                conflicts.append(_problem("at_risk", "n_at_risk", 0, rule, "re-read the table or the last clicks"))
                notes.append(f"Clicks from time {empty[0]:g} on were left out: nobody is at risk there.")
            time, survival = time[inside], survival[inside]
        else:
            rule = f"nobody is at risk from time {empty[0]:g} on, but all clicks lie there"
            conflicts.append(_problem("at_risk", "n_at_risk", 0, rule, "check the units of time"))
            notes.append(f"The count 0 at time {empty[0]:g} was dropped.")
        counted, n_at_risk = counted[n_at_risk > 0], n_at_risk[n_at_risk > 0]
    path = monotone_path(time, survival, time_noise=time_noise)
    if not len(counted):
        return path, None
    moved = _behind_counts(time, path, counted, n_at_risk) if path.exact else time
    if moved is not time:
        path = monotone_path(moved, survival, time_noise=time_noise)
    return path, Counts(counted, n_at_risk, max(path.end, float(counted[-1])), True)


def _behind_counts(time, path, counted, n_at_risk):
    """Times of the clicks; a drop less than a pixel before a printed count that is too high for it moves onto it."""
    before = path.survival[np.maximum(np.searchsorted(path.time, counted, side="left") - 1, 0)]
    left = n_at_risk[:-1] * before[1:] / np.maximum(before[:-1], 1e-9)
    for k in np.flatnonzero(left < n_at_risk[1:] - 0.5) + 1:
        near = (time >= counted[k] - A_PIXEL * path.end) & (time < counted[k])
        time = np.where(near, counted[k], time)
    return time


def _agree_events(path, counts, n, total_events, conflicts, notes):
    """Total events that curve and counts allow; curve and counts themselves must not contradict each other."""
    slack = max(SLACK, 4 * path.sigma)
    least, most = 0.0, n * (1 - max(path.survival[-1] - slack, 0.0))
    if counts is not None:
        high, low = _bounds(path, np.append(counts.time, counts.end), slack)
        start, stop = counts.n_at_risk, np.append(counts.n_at_risk[1:], 0)
        kept = np.minimum(high[1:] / np.maximum(low[:-1], 1e-9), 1)
        for k in np.flatnonzero(kept[:-1] < stop[:-1] / start[:-1] - 1e-9):
            fall = f"from {low[k] + slack:.3f} to {high[k + 1] - slack:.3f}"
            rule = f"{start[k]} to {stop[k]} at risk cannot bring the curve {fall} (time {counts.time[k]:g} on)"
            conflicts.append(_problem("at_risk", "n_at_risk", stop[k], rule, "re-read the table or the clicks", k + 1))
            notes.append(f"The curve falls {fall} after time {counts.time[k]:g}, more than the counts allow.")
        least = float(np.ceil(np.minimum(stop * (1 / np.maximum(kept, 1e-9) - 1), start - stop).sum() - 1e-9))
        most = min(n, float(np.minimum(start * (1 - low[1:] / high[:-1]) + 1, start - stop).sum()))
    if total_events is None:
        return None
    if total_events > n:
        rule = f"no more events than n = {n} patients"
    elif not least <= total_events <= np.ceil(most):
        rule = f"curve and counts allow {least:.0f} to {np.ceil(most):.0f} events"
    else:
        return total_events
    conflicts.append(_problem("totals", "total_events", total_events, rule, "correct total_events, n or the clicks"))
    notes.append(f"The total of {total_events} events was dropped: {rule}.")
    return None


def _bounds(path, time, slack):
    """Highest and lowest survival at the given times that monotone clicks and their noise allow."""
    noise = path.sigma if path.exact else max(path.sigma, USUAL_NOISE)
    wait = (4 * path.time_noise * noise + 1e-9) * path.end
    before = np.searchsorted(path.time, time - wait, side="right") - 1
    after = np.searchsorted(path.time, time + wait, side="left")
    low = np.where(time > 0, np.append(path.survival, path.survival[-1])[after], 1.0)
    return path.survival[np.maximum(before, 0)] + slack, np.maximum(low - slack, 0)


def _problem(table, column, value, rule, fix, row=None):
    row = "" if row is None else int(row)
    return {"table": table, "row": row, "column": column, "value": value, "rule": rule, "fix": fix}


def _stop(problems):
    if problems:
        lines = [_line(problem) for problem in problems]
        fit = ' on_conflict="fit" fits contradictory numbers and reports the misfit.'
        raise DataError("The curve cannot be reconstructed:\n" + "\n".join(lines) + "\n" + fit.strip(), problems)


def _line(problem):
    place = f"{problem['table']}, row {problem['row']}" if problem["row"] != "" else problem["table"]
    value = problem["value"]
    number = isinstance(value, (int, float, np.number))
    value = "" if value is None else f" = {value:g}" if number else f" = {value!r:.40}"
    return f"- {place}: {problem['column']}{value}: {problem['rule']}; {problem['fix']}."
