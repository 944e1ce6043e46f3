"""Audit of hazard ratios: ratio, interval, p value and number of events against each other."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from hccmeta.evidence.findings import span
from hccmeta.evidence.printed import decimals_of, print_number, printed_numbers
from hccmeta.evidence.rules_survival import asymmetry

_TABLES = ("hazard_ratios", "prognostic_factors")
_HAIR = 0.01
_CLEAR = 0.5  # distance of two z values beyond rounding from which no choice of test explains it


def ratio_v_interval(audit):
    """Does the ratio lie in the middle of its interval on the log scale?"""
    for table in _TABLES:
        for row in audit[table]:
            gap = asymmetry(row["hr"], row["ci_low"], row["ci_high"], row["printed"])
            if gap:
                digits = decimals_of(row["printed"], row["hr"])
                middle = f"{math.sqrt(row['ci_low'] * row['ci_high']):.{digits}f}"
                why = f"Middle of the log interval; off by {gap:.1%} of its half-width beyond rounding."
                why += "" if gap > _HAIR else " A limit that is cut off instead of rounded explains it."
                shown = print_number(row["printed"], row["hr"])
                severity = "warning" if gap > _HAIR else "info"
                yield audit.finding(table, row, "ratio_v_interval", severity, shown, middle, why)


def interval_v_p(audit):
    """Does the p value agree with the ratio and its interval (Wald test)?"""
    for table in _TABLES:
        for row in audit[table]:
            if not _has_interval(row) or row["p_value"] is None or not row["hr"]:
                continue
            z_low, z_high = wald_z(row)
            p_low, p_high = _p_range(row)
            gap = max(0.0, _z(p_high) - z_high, z_low - _z(p_low))
            if gap == 0:
                continue
            across, one_sided = _crosses(row), _z(2 * p_high) <= z_high and _z(2 * p_low) >= z_low
            severity = "error" if (gap > _CLEAR or across) and not one_sided else "warning"
            shown = (row["p_relation"] if row["p_relation"] in ("<", ">") else "") + _p_text(row)
            implied = _two_p(z_low, z_high)
            why = "p of the Wald test from ratio and interval, over their rounding"
            why += "; the interval and the p value disagree on significance." if across else "."
            if severity == "warning":
                why += f" {'A one-sided' if one_sided else 'Another'} test may explain the difference."
            yield audit.finding(table, row, "interval_v_p", severity, shown, implied, why)


def log_rank_v_ratio(audit):
    """Does the log-rank p value of a factor agree with the hazard ratio of the same factor?"""
    ratios = {}
    for row in audit["prognostic_factors"]:
        if _has_interval(row) and row["hr"] is not None:
            ratios[row["arm_id"], row["population"], row["endpoint"], row["factor"]] = row
    for row in audit["prognostic_factors"]:
        ratio = ratios.get((row["arm_id"], row["population"], row["endpoint"], row["factor"]))
        if row["test"] != "log-rank" or row["p_value"] is None or ratio is None:
            continue
        z_low, z_high = wald_z(ratio)
        p_low, p_high = _p_range(row)
        if max(_z(p_high) - z_high, z_low - _z(p_low)) > 2 * _CLEAR:
            why = f"p of the Wald test of {ratio['factor_id']}; log-rank and Wald test rarely differ so much."
            implied = _two_p(z_low, z_high)
            yield audit.finding(
                "prognostic_factors", row, "log_rank_v_ratio", "warning", _p_text(row), implied, why
            )


def interval_v_events(audit):
    """Is the interval of a hazard ratio as wide as the numbers of events demand?"""
    events = {
        (row["arm_id"], row["population"], row["endpoint"]): row["value"]
        for row in audit["survival"]
        if row["statistic"] == "events" and row["value"]
    }
    for row in audit["hazard_ratios"]:
        arms = (row["experimental_arm"], row["control_arm"])
        counts = [events.get((arm, row["population"], row["endpoint"])) for arm in arms]
        if None in counts or not _has_interval(row) or row["subgroup_variable"] is not None:
            continue
        z = -ndtri((1 - row["ci_level"]) / 2)
        needed = math.sqrt(1 / counts[0] + 1 / counts[1])
        widest = _standard_error(row)[1]
        if widest < 0.85 * needed:
            shown = "-".join(print_number(row["printed"], row[name]) for name in ("ci_low", "ci_high"))
            centre = row["hr"] or math.sqrt(row["ci_low"] * row["ci_high"])
            implied = f"{centre * math.exp(-z * needed):.2f}-{centre * math.exp(z * needed):.2f}"
            why = f"{counts[0]:g} and {counts[1]:g} events give a log SE near {needed:.2f}, not {widest:.2f}."
            yield audit.finding("hazard_ratios", row, "interval_v_events", "warning", shown, implied, why)


def wald_z(row) -> tuple[float, float]:
    """Smallest and largest |z| = |log ratio| / se over the rounding of ratio and limits."""
    half = _half(row, "hr")
    ends = [abs(math.log(max(row["hr"] + shift, 1e-12))) for shift in (-half, half)]
    lowest = 0.0 if row["hr"] - half <= 1 <= row["hr"] + half else min(ends)
    narrow, wide = _standard_error(row)
    return lowest / wide, max(ends) / narrow


def _has_interval(row) -> bool:
    return None not in (row["ci_low"], row["ci_high"], row["ci_level"]) and 0 < row["ci_low"] < row["ci_high"]


def _standard_error(row) -> tuple[float, float]:
    z = -ndtri((1 - row["ci_level"]) / 2)
    low, high = _half(row, "ci_low"), _half(row, "ci_high")
    inner = math.log(row["ci_high"] - high) - math.log(row["ci_low"] + low)
    outer = math.log(row["ci_high"] + high) - math.log(max(row["ci_low"] - low, low / 10))
    return max(inner, 1e-9) / (2 * z), outer / (2 * z)


def _half(row, column: str) -> float:
    """Half a unit of the last printed digit; a p value stands last in the text."""
    number = _p_number(row) if column == "p_value" else None
    return number.half_unit if number else 0.5 * 10.0 ** -decimals_of(row["printed"], row[column])


def _p_number(row):
    return next((found for found in reversed(printed_numbers(row["printed"])) if found.value == row["p_value"]), None)


def _p_range(row) -> tuple[float, float]:
    if row["p_relation"] == "<":
        return 0.0, row["p_value"]
    if row["p_relation"] == ">":
        return row["p_value"], 1.0
    half = _half(row, "p_value")
    return max(0.0, row["p_value"] - half), min(1.0, row["p_value"] + half)


def _crosses(row) -> bool:
    """The interval and the p value fall on different sides of significance at the level of the interval."""
    p_low, p_high = _p_range(row)
    alpha = 1 - row["ci_level"]
    excludes = row["ci_low"] - _half(row, "ci_low") > 1 or row["ci_high"] + _half(row, "ci_high") < 1
    includes = row["ci_low"] + _half(row, "ci_low") < 1 < row["ci_high"] - _half(row, "ci_high")
    return (excludes and p_low > alpha) or (includes and p_high < alpha)


def _z(p: float) -> float:
    return math.inf if p <= 0 else float(-ndtri(p / 2))


def _p_text(row) -> str:
    number = _p_number(row)
    return number.text if number else f"{row['p_value']:g}"


def _two_p(z_low: float, z_high: float) -> str:
    values = [2 * float(ndtr(-z)) for z in (z_high, z_low)]
    return span(*[float(f"{value:.2g}") for value in values])


RULES = (ratio_v_interval, interval_v_p, log_rank_v_ratio, interval_v_events)
