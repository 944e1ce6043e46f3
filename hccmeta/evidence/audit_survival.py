"""Audit of time-to-event rows: intervals, medians, landmarks, event counts, and facts printed twice."""

from __future__ import annotations

import math
from collections import defaultdict

from hccmeta.evidence.printed import decimals_of, print_number
from hccmeta.evidence.rules_keys import FACTS
from hccmeta.evidence.rules_survival import ESTIMATES, groups, landmarks, share

_PERCENT = (100.0, 1.0)
_TWICE = {
    "responses": (FACTS["responses"], ("events", "printed_pct")),
    "survival": (FACTS["survival"], ("value",)),
    "hazard_ratios": (FACTS["hazard_ratios"], ("hr", "p_value")),
    "adverse_events": (FACTS["adverse_events"], ("events", "printed_pct")),
    "characteristics": (("arm_id", "population", "variable", "level", "timepoint"), ("events", "printed_pct")),
}


def estimate_v_interval(audit):
    """Does the estimate lie inside its own interval?"""
    for table, column in ESTIMATES.items():
        if table == "published_metas":
            continue
        for row in audit[table]:
            value = row[column] if column else share(row)
            low, high = row["ci_low"], row["ci_high"]
            if value is None or (low is None and high is None):
                continue
            if (low is not None and value < low) or (high is not None and value > high):
                shown = [_shown(row, limit) if limit is not None else "not reached" for limit in (low, high)]
                implied, why = "-".join(shown), "The estimate lies outside its own interval."
                yield audit.finding(table, row, "estimate_v_interval", "error", _shown(row, value), implied, why)


def landmark_order(audit):
    """Do the landmark rates of one curve never rise?"""
    for rows in _curves(audit):
        marks = landmarks(rows)
        for earlier, later in zip(marks, marks[1:], strict=False):
            if later["time_months"] > earlier["time_months"] and later["value"] > earlier["value"]:
                implied = f"at most {_shown(earlier, earlier['value'])}"
                why = f"The rate at {later['time_months']:g} months is above that at {earlier['time_months']:g} months."
                yield audit.finding(
                    "survival", later, "landmark_order", "error", _shown(later, later["value"]), implied, why
                )


def median_v_landmark(audit):
    """Are the rates before the median at least 50 %, and those after it at most 50 %?"""
    for rows in _curves(audit):
        for median in (row for row in rows if row["statistic"] == "median"):
            reached, time = median["value"] is not None, median["value"] or math.inf
            told = f"the median of {_shown(median, time)} months" if reached else "a median that was not reached"
            for mark in landmarks(rows) if reached or median["status"] == "not_reached" else ():
                slack = 0.5 * 10.0 ** -decimals_of(mark["printed"], mark["value"], _PERCENT) / 100 + 1e-9
                shown = _shown(mark, mark["value"])
                if mark["time_months"] < time and mark["value"] < 0.5 - slack:
                    why = f"It comes before {told}."
                    yield audit.finding("survival", mark, "median_v_landmark", "error", shown, "at least 50", why)
                elif mark["time_months"] > time and mark["value"] > 0.5 + slack:
                    why = f"It comes after {told}."
                    yield audit.finding("survival", mark, "median_v_landmark", "error", shown, "at most 50", why)


def landmark_v_events(audit):
    """Do the rates agree with the number of events, where follow-up leaves no choice?"""
    for rows in _curves(audit):
        counts = {row["statistic"]: row["value"] for row in rows if row["value"] is not None}
        n = counts.get("n") or audit.arm_n.get(rows[0]["arm_id"])
        events = counts.get("events")
        if n is None:
            continue
        for mark in landmarks(rows):
            unit = 10.0 ** -decimals_of(mark["printed"], mark["value"], _PERCENT) / 100
            shown, time = _shown(mark, mark["value"]), mark["time_months"]
            if events == 0 and mark["value"] < 1 - unit / 2:
                why = "There was no event."
                yield audit.finding("survival", mark, "landmark_v_events", "error", shown, "100", why)
            elif events and time >= counts.get("follow_up_max", float("inf")) and mark["value"] > 1 - events / n + unit:
                implied = f"at most {100 * (1 - events / n):.1f}"
                why = f"All {events:g} events of {n:g} patients lie before {time:g} months, the end of follow-up."
                yield audit.finding("survival", mark, "landmark_v_events", "error", shown, implied, why)
            elif time < counts.get("follow_up_min", 0) and abs(round(mark["value"] * n) / n - mark["value"]) > unit:
                implied = f"{100 * round(mark['value'] * n) / n:.1f}"
                why = f"Nobody was censored before {time:g} months: the rate must be a count of {n:g}."
                yield audit.finding("survival", mark, "landmark_v_events", "error", shown, implied, why)


def progression_v_survival(audit):
    """Is PFS below OS, and are the two not the same number?"""
    found = groups(audit)
    for key, rows in found.items():
        deaths = found.get((*key[:4], "OS", key[5]), []) if key[4] == "PFS" else []
        for row in (row for row in rows if row["statistic"] in ("median", "landmark") and row["value"] is not None):
            for death in deaths:
                if (death["statistic"], death["time_months"]) != (row["statistic"], row["time_months"]):
                    continue
                if death["value"] is None or row["value"] < death["value"]:
                    continue
                same = row["value"] == death["value"]
                if same and row["statistic"] == "landmark":
                    continue
                shown, other = _shown(row, row["value"]), _shown(death, death["value"])
                why = "The median PFS is the median OS of the same patients." if same else "PFS exceeds OS."
                implied = f"below the OS of {other}"
                severity = "warning" if same else "error"
                yield audit.finding("survival", row, "progression_v_survival", severity, shown, implied, why)


def printed_twice(audit):
    """Is a fact that is printed in two places the same in both?"""
    for table, (facts, columns) in _TWICE.items():
        found = defaultdict(list)
        for row in audit[table]:
            if row["statistic"] != "event_time":
                found[tuple(row[name] for name in facts)].append(row)
        for rows in found.values():
            main = next((row for row in rows if row["use"] != "do_not_pool"), rows[0])
            for row in (row for row in rows if row is not main):
                for column in columns:
                    gap = _gap_in_units(row, main, column)
                    if gap <= 0.5:
                        continue
                    shown, other = _shown(row, row[column]), _shown(main, main[column])
                    why = f"{row['locator']} and {main['locator']} print the same fact differently"
                    why += "." if gap > 1 else "; one of them may be cut off."
                    severity = "error" if gap > 1 else "warning"
                    yield audit.finding(table, row, "printed_twice", severity, shown, other, why)


def _gap_in_units(row, main, column: str) -> float:
    """Distance of two prints of a number in units of the last digit of the coarser one."""
    if None in (row[column], main[column]):
        return 0.0
    scales = _PERCENT if _is_share(row) else (1.0,)
    digits = min(decimals_of(other["printed"], other[column], scales) for other in (row, main))
    scale = 100.0 if row["statistic"] == "landmark" else 1.0
    return abs(row[column] - main[column]) * scale * 10.0**digits * (1 - 1e-9)


def _curves(audit):
    return groups(audit).values()


def _shown(row, value: float) -> str:
    return print_number(row["printed"], value, (1.0, 100.0) if _is_share(row) else (1.0,))


def _is_share(row) -> bool:
    return row["statistic"] == "landmark" or row["response_id"] is not None


RULES = (
    estimate_v_interval, landmark_order, median_v_landmark, landmark_v_events, progression_v_survival, printed_twice,
)  # fmt: skip
