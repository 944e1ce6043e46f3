"""Rows of the survival table as printed items: each with its name, its value and the rounding of its digits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite, nan
from numbers import Integral

from hccmeta.effects.inputs import check_columns_once
from hccmeta.errors import DataError

COUNTS = ("n", "events", "events_min", "deaths", "progressions", "relapses")
MONTHS = ("median", "quartile", "rmst", "event_time", "follow_up_median", "follow_up_min", "follow_up_max")
STATISTICS = (*COUNTS, *MONTHS, "landmark")
MAY_BE_OPEN = ("median", "quartile", "follow_up_median")
MOST_PATIENTS, MOST_MONTHS = 1_000_000, 1200
CURVE_ITEMS = ("landmark", "median", "quartile", "rmst")


@dataclass(frozen=True)
class Item:
    """One printed number, or one printed interval (`low`, `high`), with half the unit of its last digit."""

    name: str
    statistic: str
    value: float = nan
    half: float = nan
    time: float = nan
    low: float = nan
    high: float = nan
    level: float = 0.95
    probability: float = nan
    reached: bool = True
    row: object = ""


def read_items(table, *, label: str = "statistics", need_n: bool = True) -> tuple[Item, ...]:
    """Check the rows of one arm and endpoint and turn them into items; DataError lists every bad row."""
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise DataError(f"{label}: expected a DataFrame with rows of the survival table, not {type(table).__name__}.")
    check_columns_once(table, label)
    problems = _bad_frame(table, label)
    if not problems:
        records = [{"row": index, **row} for index, row in zip(table.index, table.to_dict("records"), strict=True)]
        problems = [problem for row in records for problem in _bad_row(row)]
        if need_n and not any(row["statistic"] == "n" for row in records):
            problems.append(_problem("", "statistic", "n", "the number of patients is missing", "add a row n"))
    if not problems:
        shown = [row for row in records if _text(row.get("status")) != "not_reported"]
        digits = _digits_by_kind(shown)
        repeats = _by_name([item for row in shown for item in _items_of(row, digits)])
        problems = [problem for same in repeats for problem in _bad_repeats(same)]
    if problems:
        listed = "; ".join(
            f"row {bad['row']}, {bad['column']} = {bad['value']!r}: {bad['rule']} ({bad['fix']})" for bad in problems
        )
        raise DataError(f"{label}: {len(problems)} problem(s) in the printed statistics: {listed}.", problems)
    return tuple(min(same, key=lambda item: item.half) for same in repeats)


def can_be_drawn(items) -> bool:
    """Whether the items say where the curve runs: a point or an area of it, or a time until which S stays high."""
    kinds = {i.statistic for i in items if i.reached}
    lasting = {"follow_up_median", "follow_up_max"} & kinds and any(i.statistic == "median" for i in items)
    return bool(kinds & set(CURVE_ITEMS) or lasting or any(i.statistic == "median_interval" for i in items))


def _problem(row, column, value, rule, fix):
    return {"table": "survival", "row": row, "column": column, "value": value, "rule": rule, "fix": fix}


def _bad_frame(table, label):
    lacking = [c for c in ("statistic", "value") if c not in table.columns]
    problems = [_problem("", c, "", "the column is missing", "add it (see the survival table)") for c in lacking]
    for key in ("study_id", "arm_id", "endpoint", "population"):
        if key in table.columns and table[key].dropna().nunique() > 1:
            found = ", ".join(map(str, sorted(table[key].dropna().unique(), key=str)))
            problems.append(_problem("", key, found, "one arm and endpoint are expected", f"select one {key}"))
    return problems


def _bad_row(row):
    statistic, value, time = row["statistic"], _number(row["value"]), _number(row.get("time_months"))
    status = _text(row.get("status"))

    def bad(column, rule, fix):
        return _problem(row["row"], column, row.get(column), rule, fix)

    if not isinstance(statistic, str) or statistic not in STATISTICS:
        return [bad("statistic", "unknown statistic", "one of " + ", ".join(STATISTICS))]
    if status == "not_reported" or (status == "not_reached" and statistic in MAY_BE_OPEN):
        return []
    problems = []
    if not isfinite(value):
        problems.append(bad("value", f"{statistic} needs a number", "enter it, or a status"))
    elif statistic in COUNTS and (value < 0 or value != round(value)):
        problems.append(bad("value", f"{statistic} is a count", "enter a whole number of patients"))
    elif statistic in COUNTS and value > MOST_PATIENTS:
        problems.append(bad("value", f"at most {MOST_PATIENTS:,} patients", "correct the count"))
    elif statistic == "n" and value < 1:
        problems.append(bad("value", "n is at least 1", "enter the number of patients"))
    elif statistic == "landmark" and not 0 <= value <= 1:
        problems.append(bad("value", "landmark survival is a fraction from 0 to 1", "divide by 100"))
    elif statistic in MONTHS and not 0 <= value <= MOST_MONTHS:
        problems.append(bad("value", f"{statistic} is a time in months", "enter months from the time origin"))
    if statistic in ("landmark", "rmst") and not 0 < time <= MOST_MONTHS:
        problems.append(bad("time_months", f"{statistic} needs its time", "enter months above 0"))
    low, high = _number(row.get("ci_low")), _number(row.get("ci_high"))
    if low > high:
        problems.append(bad("ci_low", "the lower limit is above the upper", "enter ci_low <= ci_high"))
    if statistic == "landmark" and (low < 0 or high > 1):
        problems.append(bad("ci_high", "limits of a landmark are fractions from 0 to 1", "divide by 100"))
    level = _number(row.get("ci_level"))
    if isfinite(level) and not 0 < level < 1:
        problems.append(bad("ci_level", "the level is a fraction", "enter 0.95, not 95"))
    return problems


def _by_name(items) -> list[list[Item]]:
    groups = {}
    for item in items:
        groups.setdefault(item.name, []).append(item)
    return list(groups.values())


def _bad_repeats(same):
    """The same number may stand twice with different digits: the finer then counts."""
    finest = min(same, key=lambda item: item.half)
    return [
        _problem(other.row, "value", other.value, f"{other.name} is given twice and differs", "keep one")
        for other in same
        if not _agree(finest, other)
    ]


def _agree(finest, other):
    pairs = [(getattr(finest, field), getattr(other, field)) for field in ("value", "low", "high")]
    slack = finest.half + other.half + 1e-9
    return finest.reached == other.reached and not any(abs(a - b) > slack for a, b in pairs)


def _items_of(row, digits):
    statistic, time = row["statistic"], _number(row.get("time_months"))
    reached = _text(row.get("status")) != "not_reached"
    value = _number(row["value"]) if reached else nan
    at = f" {time:g}" if statistic in ("landmark", "rmst") else ""
    at = f" {value:g}" if statistic == "event_time" or (statistic == "quartile" and reached) else at
    probability = _number(row.get("probability"))
    at = f" {100 * probability:g}%" if statistic == "quartile" and isfinite(probability) else at
    level = _number(row.get("ci_level"))
    level = level if isfinite(level) else 0.95
    common = dict(time=time, level=level, probability=probability, reached=reached, row=row["row"])
    half = 0.0 if statistic in COUNTS else _half_unit(row, "value", digits)
    items = [Item(statistic + at, statistic, value, half, **common)]
    low, high = _number(row.get("ci_low")), _number(row.get("ci_high"))
    if statistic in ("median", "landmark") and (isfinite(low) or isfinite(high)):
        half = _half_unit(row, "ci_low" if isfinite(low) else "ci_high", digits)
        name = f"{statistic}{at} interval"
        items.append(Item(name, f"{statistic}_interval", value, half, low=low, high=high, **common))
    return items


def _digits_by_kind(records):
    """Decimals of each kind of number: a float forgets its trailing zeros, so the finest of a kind stands for all."""
    digits = {}
    for row in records:
        for column in ("value", "ci_low", "ci_high"):
            if isfinite(_number(row.get(column))):
                key = _kind_of_number(row, column)
                least = 2 if row["statistic"] == "landmark" else 0
                digits[key] = max(digits.get(key, least), _decimals(row[column]))
    return digits


def _kind_of_number(row, column):
    return row["statistic"], "value" if column == "value" else "limit"


def _half_unit(row, column, digits):
    """Half the unit of the last digit: of the number as `printed` where it stands there, else of the value.

    Whole limits that are not part of `printed` have the digits of the number beside which they stand.
    """
    number = _number(row.get(column))
    for token in re.findall(r"\d+(?:\.\d+)?", _text(row.get("printed")).replace("·", ".")):
        decimals = len(token.partition(".")[2])
        if row["statistic"] == "landmark" and abs(float(token) / 100 - number) < 1e-9:
            return 0.5 * 10.0 ** -(decimals + 2)
        if abs(float(token) - number) < 1e-9:
            return 0.5 * 10.0**-decimals
    if column != "value" and _text(row.get("printed")) and number == round(number):
        return _half_unit(row, "value", digits)
    return 0.5 * 10.0 ** -digits.get(_kind_of_number(row, column), 1)


def _decimals(number) -> int:
    if isinstance(number, Integral):
        return 0
    text = f"{float(number):.6f}".rstrip("0")
    return max(1, len(text.partition(".")[2]))


def _number(value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return nan


def _text(value) -> str:
    return value.strip() if isinstance(value, str) else ""
