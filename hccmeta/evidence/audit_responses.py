"""Audit of counts: percentages that no count gives, cells that do not sum, response intervals recomputed."""

from __future__ import annotations

import math

from hccmeta.effects.proportion import CI_METHODS, proportion_ci
from hccmeta.evidence.findings import span
from hccmeta.evidence.printed import decimals_of, find_printed, print_number
from hccmeta.evidence.rules_counts import COUNTED, blocks, count_range, counts_that_print


def percentage_v_count(audit):
    """GRIM: is there a count of n whose percentage rounds to the printed one, and is it the printed count?"""
    for table in COUNTED:
        for row in audit[table]:
            printed, n = row["printed_pct"], row["n"]
            if printed is None or not n or row["how"] == "calculated":
                continue
            digits = decimals_of(row["printed"], printed)
            rounded, cut = counts_that_print(printed, n, digits), _counts_that_truncate(printed, n, digits)
            text = print_number(row["printed"], printed)
            if row["events"] is None:
                if rounded:
                    continue
                severity = "warning" if cut else "error"
                near = sorted({math.floor(printed * n / 100), math.ceil(printed * n / 100)})
                implied = " or ".join(f"{100 * count / n:.{digits}f}" for count in near)
                why = f"No count of {n} rounds to it" + (f"; {cut[0]}/{n} cut off does." if cut else ".")
            elif row["events"] in rounded:
                continue
            else:
                severity = "warning" if row["events"] in cut else "error"
                implied = f"{100 * row['events'] / n:.{digits}f}"
                why = f"{row['events']}/{n} is {implied}% when rounded"
                why += ", the printed percentage is cut off." if severity == "warning" else _other_counts(rounded, n)
            yield audit.finding(table, row, "percentage_v_count", severity, text, implied, why)


def _counts_that_truncate(percent: float, n: int, digits: int) -> list[int]:
    unit = 10.0**-digits
    first, last = math.ceil(percent * n / 100 - 1e-9), math.ceil((percent + unit) * n / 100 - 1e-9)
    return [count for count in range(first, last) if 0 <= count <= n]


def _other_counts(counts: list[int], n: int) -> str:
    return f"; it is the percentage of {span(counts[0], counts[-1])}." if counts else f"; no count of {n} gives it."


def cells_v_total(audit):
    """Do CR, PR, SD, PD (and NE) sum to n?"""
    for cell in _cells(audit):
        if not all(part in cell for part in ("CR", "PR", "SD", "PD")):
            continue
        parts = [cell[part] for part in ("CR", "PR", "SD", "PD", "NE") if part in cell]
        low, high = count_range(parts)
        n = parts[0]["n"]
        if n is None or low <= n <= high:
            continue
        names = " + ".join(row["endpoint"] for row in parts)
        why = f"{names} of this block ({parts[0]['lesion_scope']}, {parts[0]['population']}) against its n"
        if high < n and "NE" not in cell and not _rates_fill_n(cell, n):
            severity, why = "warning", why + "; patients without a category may not have been evaluable."
        else:
            severity, why = "error", why + "."
        yield audit.finding("responses", parts[0], "cells_v_total", severity, str(n), span(low, high), why)


def _rates_fill_n(cell, n: int) -> bool:
    """DCR and PD of the block account for every patient, so none was without a category."""
    return "DCR" in cell and cell["DCR"]["events"] + cell["PD"]["events"] == n


def sums_v_rates(audit):
    """CR + PR against the ORR, CR + PR + SD against the DCR."""
    for cell in _cells(audit):
        for parts, whole in ((("CR", "PR"), "ORR"), (("CR", "PR", "SD"), "DCR")):
            if whole not in cell or not all(part in cell for part in parts):
                continue
            low, high = count_range([cell[part] for part in parts])
            first, last = count_range([cell[whole]])
            if low > last or high < first:
                why = f"{' + '.join(parts)} against the {whole} of the same block."
                yield audit.finding(
                    "responses", cell[whole], "sums_v_rates", "error", span(first, last), span(low, high), why
                )


def _cells(audit):
    for rows in blocks(audit).values():
        yield {row["endpoint"]: row for row in rows if row["events"] is not None}


def interval_recomputed(audit):
    """Which method gives the printed interval of a response rate?"""
    for row in audit["responses"]:
        if None in (row["events"], row["n"], row["ci_low"], row["ci_high"], row["ci_level"]):
            continue
        limits = (row["ci_low"], row["ci_high"])
        digits = [_percent_digits(row["printed"], limit) for limit in limits]
        printed = "-".join(f"{100 * limit:.{digit}f}" for limit, digit in zip(limits, digits, strict=True))
        low, high = count_range([row])
        tried = {
            (method, count, level): _limits(count, row["n"], method, level)
            for level in dict.fromkeys((row["ci_level"], 0.95, 0.9, 0.99))
            for count in range(low, high + 1)
            for method in (*CI_METHODS, "mid-p")
        }
        fits = [key for key, value in tried.items() if _same(value, limits, digits)]
        stated = [key for key in fits if key[2] == row["ci_level"]]
        if stated:
            names = ", ".join(dict.fromkeys(method for method, _, _ in stated))
            why = f"Reproduced at the stated level of {row['ci_level']:.0%} by: {names}."
            yield audit.finding("responses", row, "interval_recomputed", "info", printed, printed, why)
            continue
        nearest = min(tried, key=lambda key: (key[2] != row["ci_level"], _distance(tried[key], limits)))
        implied = "-".join(f"{100 * limit:.{digit}f}" for limit, digit in zip(tried[nearest], digits, strict=True))
        why = f"No method gives it at the stated level; nearest: {nearest[0]}"
        why += f"; at {fits[0][2]:.0%} {fits[0][0]} does." if fits else "."
        yield audit.finding("responses", row, "interval_recomputed", "error", printed, implied, why)


def _percent_digits(text: str | None, fraction: float) -> int:
    """Decimals, in percent, with which a fraction is printed as a percentage or as a fraction."""
    as_percent = find_printed(text, fraction, (100.0,))
    if as_percent:
        return as_percent.decimals
    as_fraction = find_printed(text, fraction)
    return max(0, as_fraction.decimals - 2) if as_fraction else 1


def _limits(events: int, n: int, method: str, level: float) -> tuple[float, float]:
    if method == "mid-p":
        return _mid_p(events, n, level)
    low, high = proportion_ci(events, n, method=method, level=level)
    return float(low), float(high)


def _mid_p(events: int, n: int, level: float) -> tuple[float, float]:
    """Clopper-Pearson with half the probability of the observed count."""
    from scipy.optimize import brentq
    from scipy.stats import binom

    tail = (1 - level) / 2

    def upper(p):
        return binom.sf(events, n, p) + binom.pmf(events, n, p) / 2

    low = 0.0 if events == 0 else brentq(lambda p: upper(p) - tail, 0, events / n)
    high = 1.0 if events == n else brentq(lambda p: 1 - upper(p) - tail, events / n, 1)
    return low, high


def _same(value, limits, digits) -> bool:
    return all(
        abs(max(0.0, min(1.0, got)) - limit) <= (0.5 * 10.0**-digit) / 100 * (1 + 1e-9)
        for got, limit, digit in zip(value, limits, digits, strict=True)
    )


def _distance(value, limits) -> float:
    return max(abs(got - limit) for got, limit in zip(value, limits, strict=True))


RULES = (percentage_v_count, cells_v_total, sums_v_rates, interval_recomputed)
