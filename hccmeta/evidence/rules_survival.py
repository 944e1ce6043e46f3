"""Rules of time-to-event rows: medians, landmarks, intervals, follow-up, hazard ratios, curves."""

from __future__ import annotations

import math
from collections import defaultdict

from hccmeta.evidence.printed import decimals_of

_COUNTS = ("n", "events", "events_min", "deaths", "progressions", "relapses")
_LONGEST = 240  # months; a larger time is in days
ESTIMATES = {
    "survival": "value", "hazard_ratios": "hr", "prognostic_factors": "hr", "published_metas": "value",
    "responses": None,
}  # fmt: skip
GROUP = ("arm_id", "population", "subgroup", "analysis", "endpoint", "time_origin")


def statistic_has_its_columns(data):
    """A landmark has its time, a quartile its probability, a median its status."""
    needs = {"landmark": "time_months", "rmst": "time_months", "quartile": "probability", "median": "status"}
    for row in data["survival"]:
        column = needs.get(row["statistic"])
        if column and row[column] is None:
            yield "survival", [row], column, f"Enter the {column} of this {row['statistic']}."
        if row["time_months"] is not None and row["statistic"] not in ("landmark", "rmst"):
            yield "survival", [row], "time_months", f"Leave it empty: the time of a {row['statistic']} is its value."
        if row["value"] is None and row["status"] in (None, "reached"):
            yield "survival", [row], "value", "Enter the value, or say in status that it was not reached or reported."
        if row["value"] is not None and row["status"] in ("not_reached", "not_reported"):
            yield "survival", [row], "status", "A value is entered: write reached, or remove the value."
    for row in data["prognostic_factors"]:
        for side in "12":
            median, status = row[f"median_{side}"], row[f"status_{side}"]
            if (median is not None) != (status == "reached"):
                yield "prognostic_factors", [row], f"status_{side}", "Write reached beside a median, and only there."


def value_has_its_scale(data):
    """Landmarks are fractions, counts are whole numbers, times are months."""
    for row in data["survival"]:
        value, statistic = row["value"], row["statistic"]
        if statistic == "landmark":
            for column in ("value", "ci_low", "ci_high"):
                if row[column] is not None and row[column] > 1:
                    fix = f"Write the fraction, not the percentage: {row[column] / 100:.6g}."
                    yield "survival", [row], column, fix
        elif statistic in _COUNTS:
            if value is not None and value != int(value):
                yield "survival", [row], "value", f"{statistic} is a count: enter a whole number."
        elif value is not None and value > _LONGEST:
            yield "survival", [row], "value", f"Enter months (more than {_LONGEST} is taken for days)."
        if row["time_months"] is not None and row["time_months"] > _LONGEST:
            yield "survival", [row], "time_months", f"Enter months (more than {_LONGEST} is taken for days)."


def interval_is_ordered(data):
    """ci_low < ci_high, and an interval has its level."""
    for table in ESTIMATES:
        for row in data[table]:
            low, high = row["ci_low"], row["ci_high"]
            if low is not None and high is not None and low >= high:
                yield table, [row], "ci_low", f"ci_high is {high:g}: exchange or correct the limits."
            if (low is not None or high is not None) and row["ci_level"] is None:
                yield table, [row], "ci_level", "Enter the level of the interval, for example 0.95."
    for row in data["characteristics"]:
        if None not in (row["value_low"], row["value_high"]) and row["value_low"] > row["value_high"]:
            yield "characteristics", [row], "value_low", f"value_high is {row['value_high']:g}: exchange them."


def estimate_within_interval(data):
    """An estimate lies inside its interval: ci_low <= estimate <= ci_high."""
    for table, column in ESTIMATES.items():
        for row in data[table]:
            value = share(row) if column is None else row[column]
            low, high = row["ci_low"], row["ci_high"]
            if value is None or (low is not None and high is not None and low >= high):
                continue
            if (low is not None and value < low) or (high is not None and value > high):
                limits = f"{low if low is not None else ''}-{high if high is not None else ''}"
                yield table, [row], column or "events", f"The interval is {limits}: correct it or the estimate."
    for row in data["characteristics"]:
        ends = (row["value_low"], row["value_high"])
        if row["spread"] in ("range", "IQR", "CI") and row["value"] is not None and None not in ends:
            if not ends[0] <= row["value"] <= ends[1]:
                yield "characteristics", [row], "value", f"It lies outside {ends[0]:g}-{ends[1]:g}."


def share(row) -> float | None:
    """events / n, where both are known."""
    return row["events"] / row["n"] if row["events"] is not None and row["n"] else None


def ratio_interval_is_symmetric(data):
    """A ratio lies near the middle of its interval on the log scale."""
    for table in ("hazard_ratios", "prognostic_factors"):
        for row in data[table]:
            gap = asymmetry(row["hr"], row["ci_low"], row["ci_high"], row["printed"])
            if gap is not None and gap > 0.1:
                middle = math.sqrt(row["ci_low"] * row["ci_high"])
                yield table, [row], "hr", f"The middle of the interval is {middle:.3g}: compare with the paper."


def asymmetry(ratio, low, high, printed: str | None) -> float | None:
    """Distance of log(ratio) from the middle of its log interval beyond rounding, as a share of half the width."""
    if None in (ratio, low, high) or not 0 < low < high or ratio <= 0:
        return None
    ends = {value: _rounded_from(printed, value) for value in (ratio, low, high)}
    smallest, largest = ((math.log(ends[low][side]) + math.log(ends[high][side])) / 2 for side in (0, 1))
    distance = max(0.0, math.log(ends[ratio][0]) - largest, smallest - math.log(ends[ratio][1]))
    return distance / ((math.log(high) - math.log(low)) / 2)


def _rounded_from(printed: str | None, value: float) -> tuple[float, float]:
    """Smallest and largest number that is printed as `value`."""
    half = 0.5 * 10.0 ** -decimals_of(printed, value)
    return max(value - half, half / 10), value + half


def counts_fit_group(data):
    """Events, deaths, progressions and relapses are at most n, and n is at most the arm."""
    size = {row["arm_id"]: row["n"] for row in data["arms"] if row["n"] is not None}
    for rows in groups(data).values():
        n = next((row["value"] for row in rows if row["statistic"] == "n"), None)
        limit = min(value for value in (n, size.get(rows[0]["arm_id"]), math.inf) if value is not None)
        whole = {row["statistic"]: row for row in rows if row["statistic"] in ("events", "n")}
        for row in rows:
            if row["statistic"] in _COUNTS and row["value"] is not None and row["value"] > limit:
                yield "survival", [row], "value", f"There are {limit:g} patients: correct it, the arm or n."
            if row["statistic"] == "n" and row["population"] == "all" and row["value"] is not None:
                if row["value"] < size.get(row["arm_id"], 0):
                    fix = f"The arm has {size[row['arm_id']]} patients: correct it or name the population."
                    yield "survival", [row], "value", fix
            if row["statistic"] == "events_min" and "events" in whole and row["value"] is not None:
                if whole["events"]["value"] is not None and row["value"] > whole["events"]["value"]:
                    yield "survival", [row], "value", "It is larger than events."


def landmarks_never_rise(data):
    """Survival at a later time is not higher."""
    for rows in groups(data).values():
        marks = landmarks(rows)
        for earlier, later in zip(marks, marks[1:], strict=False):
            if later["value"] > earlier["value"] and later["time_months"] > earlier["time_months"]:
                fix = f"At {earlier['time_months']:g} months it is {earlier['value']:g}."
                yield "survival", [later, earlier], "value", fix


def median_fits_landmarks(data):
    """Landmarks before the median are at least one half, landmarks after it at most one half."""
    for rows in groups(data).values():
        for median in (row for row in rows if row["statistic"] == "median" and row["value"] is not None):
            for mark in landmarks(rows):
                slack = 0.5 * 10.0 ** -decimals_of(mark["printed"], mark["value"], (100.0, 1.0)) / 100 + 1e-9
                early = mark["time_months"] < median["value"] and mark["value"] < 0.5 - slack
                late = mark["time_months"] > median["value"] and mark["value"] > 0.5 + slack
                if early or late:
                    fix = f"The median is {median['value']:g} months (line {median.line_number})."
                    yield "survival", [mark, median], "value", fix


def progression_comes_before_death(data):
    """PFS is never above OS in the same patients."""
    found = groups(data)
    for key, rows in found.items():
        if key[4] != "PFS":
            continue
        other = found.get((*key[:4], "OS", key[5]), [])
        for row in rows:
            for death in other:
                same = row["statistic"] == death["statistic"] in ("median", "landmark")
                if same and row["time_months"] == death["time_months"] and None not in (row["value"], death["value"]):
                    if row["value"] > death["value"]:
                        fix = f"OS is {death['value']:g} (line {death.line_number}): look for exchanged endpoints."
                        yield "survival", [row, death], "value", fix


def times_within_follow_up(data):
    """The shortest follow-up, its median and the longest are in order, and no median exceeds the longest."""
    for rows in groups(data).values():
        time = {row["statistic"]: row for row in rows if row["value"] is not None}
        for low, high in (
            ("follow_up_min", "follow_up_median"), ("follow_up_median", "follow_up_max"),
            ("follow_up_min", "follow_up_max"), ("median", "follow_up_max"),
        ):  # fmt: skip
            if low in time and high in time and time[low]["value"] > time[high]["value"]:
                yield "survival", [time[low], time[high]], "value", f"{high} is {time[high]['value']:g} months."


def curves_are_survival_curves(data):
    """A digitised curve starts at (0, 1) and never rises, and the number at risk never rises."""
    points, at_risk = defaultdict(list), defaultdict(list)
    for row in data["km_points"]:
        if None not in (row["time_months"], row["survival"]):
            points[row["curve_id"]].append(row)
    for row in data["km_at_risk"]:
        if None not in (row["time_months"], row["n_at_risk"]):
            at_risk[row["curve_id"]].append(row)
    size = {row["curve_id"]: row["n"] for row in data["km_curves"]}
    for rows in points.values():
        rows.sort(key=lambda row: (row["time_months"], -row["survival"]))
        if (rows[0]["time_months"], rows[0]["survival"]) != (0, 1):
            yield "km_points", [rows[0]], "survival", "Add the point (0, 1)."
        for earlier, later in zip(rows, rows[1:], strict=False):
            if later["survival"] > earlier["survival"]:
                yield "km_points", [later], "survival", f"It was {earlier['survival']:g} before."
    for curve, rows in at_risk.items():
        rows.sort(key=lambda row: row["time_months"])
        if size.get(curve) is not None and rows[0]["time_months"] == 0 and rows[0]["n_at_risk"] != size[curve]:
            yield "km_at_risk", [rows[0]], "n_at_risk", f"The curve has n = {size[curve]}."
        for earlier, later in zip(rows, rows[1:], strict=False):
            if later["n_at_risk"] > earlier["n_at_risk"]:
                yield "km_at_risk", [later], "n_at_risk", f"It was {earlier['n_at_risk']} before."


def groups(data) -> dict:
    """Rows of `survival` by arm, population, subgroup, analysis, endpoint and time origin; do_not_pool rows too."""
    found = defaultdict(list)
    for row in data["survival"]:
        found[tuple(row[name] for name in GROUP)].append(row)
    return found


def landmarks(rows) -> list:
    """Landmark rows with time and value, by time."""
    marks = [row for row in rows if row["statistic"] == "landmark" and None not in (row["value"], row["time_months"])]
    return sorted((row for row in marks if row["value"] <= 1), key=lambda row: row["time_months"])


STRUCTURE = (statistic_has_its_columns, value_has_its_scale, interval_is_ordered, curves_are_survival_curves)
ARITHMETIC = (
    estimate_within_interval, ratio_interval_is_symmetric, counts_fit_group, landmarks_never_rise,
    median_fits_landmarks, progression_comes_before_death, times_within_follow_up,
)  # fmt: skip
