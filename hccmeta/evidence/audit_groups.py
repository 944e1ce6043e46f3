"""Audit of two groups: p values of contingency tables, standardised differences, levels that sum to n."""

from __future__ import annotations

import math
import re
from collections import defaultdict

import numpy as np

from hccmeta.evidence.findings import span
from hccmeta.evidence.printed import decimals_of, find_printed

_SURVIVAL = re.compile(r"log-?rank|cox", re.IGNORECASE)


def contingency_p(audit):
    """Does Fisher's test or a chi-square test of the printed counts give the printed p value?"""
    for row in audit["comparisons"]:
        if row["statistic"] != "p" or row["value"] is None or row["paired"] == "yes" or _is_survival(audit, row):
            continue
        shown = _p_text(row)
        table = _table_of(audit, row)
        if table is None:
            why = "The counts behind it are not printed: not checkable."
            yield audit.finding("comparisons", row, "contingency_p", "info", shown, "not checkable", why)
            continue
        values = contingency_tests(table)
        low, high = _p_range(row)
        fits = [name for name, p in values.items() if low * (1 - 1e-9) <= p <= high * (1 + 1e-9)]
        counts = " v ".join("/".join(str(count) for count in column) for column in table.T)
        if fits:
            why = f"{counts}: given by {', '.join(fits)}."
            yield audit.finding("comparisons", row, "contingency_p", "info", shown, shown, why)
            continue
        nearest = min(abs(math.log(max(p, 1e-300) / max(row["value"], 1e-300))) for p in values.values())
        severity = "error" if nearest > math.log(1.5) or row["relation"] != "=" else "warning"
        implied = span(*[float(f"{p:.2g}") for p in (min(values.values()), max(values.values()))])
        tests = "; ".join(f"{name} {p:.2g}" for name, p in values.items())
        yield audit.finding("comparisons", row, "contingency_p", severity, shown, implied, f"{counts}: {tests}.")


def contingency_tests(table: np.ndarray) -> dict[str, float]:
    """p values of the usual tests of a levels x 2 table: chi-square, with Yates' correction, Fisher."""
    from scipy.stats import chi2_contingency, fisher_exact

    table = table[table.sum(axis=1) > 0]
    if len(table) < 2 or (table.sum(axis=0) == 0).any():
        return {"no difference possible": 1.0}
    values = {"chi-square": float(chi2_contingency(table, correction=False)[1])}
    if table.shape == (2, 2):
        values["chi-square with Yates' correction"] = float(chi2_contingency(table, correction=True)[1])
        values["Fisher's exact test"] = float(fisher_exact(table)[1])
    return values


def paired_not_checkable(audit):
    """Paired comparisons cannot be recomputed from margins."""
    for row in audit["comparisons"]:
        if row["paired"] != "yes" or row["statistic"] != "p" or row["value"] is None:
            continue
        why = "The same patients were judged twice: not checkable from margins."
        if None not in (row["events_1"], row["events_2"]):
            gap = abs(row["events_1"] - row["events_2"])
            smallest = min(1.0, 2 * 0.5**gap)
            if smallest > _p_range(row)[1]:
                why += f" The margins differ by {gap}; the exact McNemar test gives at least {smallest:.2g}."
        yield audit.finding("comparisons", row, "paired_not_checkable", "info", _p_text(row), "not checkable", why)


def standardised_difference(audit):
    """Do the printed counts give the printed standardised mean difference?"""
    for row in audit["comparisons"]:
        if row["statistic"] != "SMD" or row["value"] is None or row["level"] is None:
            continue
        shares = [_share(audit, row[arm], row) for arm in ("arm_1", "arm_2")]
        before = [_share(audit, row[arm], row, population="all") for arm in ("arm_1", "arm_2")]
        if None in shares:
            continue
        values = {
            difference / math.sqrt(variance)
            for base in (shares, before)
            if None not in base
            for variance in (_variance(*base), _variance(base[0]), _variance(base[1]))
            if variance > 0
            for difference in (shares[0] - shares[1], shares[1] - shares[0])
        }
        half = 0.5 * 10.0 ** -decimals_of(row["printed"], row["value"])
        gap = min((abs(value - row["value"]) for value in values), default=0.0)
        if gap > half * (1 + 1e-6):
            nearest = min(values, key=lambda value: abs(value - row["value"]))
            number = find_printed(row["printed"], row["value"])
            why = "Difference of the printed shares over their standard deviation (pooled, or of either group)."
            severity = "error" if gap > 0.02 else "warning"
            shown = number.text if number else f"{row['value']:g}"
            yield audit.finding(
                "comparisons", row, "standardised_difference", severity, shown, f"{nearest:.3f}", why
            )


def levels_v_total(audit):
    """Do the levels of a variable whose percentages sum to 100 sum to n?"""
    for rows in _variables(audit).values():
        if len(rows) < 2 or any(row["printed_pct"] is None or row["n"] is None for row in rows):
            continue
        percent, total = sum(row["printed_pct"] for row in rows), sum(row["events"] for row in rows)
        n = rows[0]["n"]
        if abs(percent - 100) <= 0.06 * len(rows) and total != n and all(row["n"] == n for row in rows):
            why = f"Sum of the {len(rows)} levels of {rows[0]['variable']}; their percentages sum to {percent:.1f}."
            yield audit.finding("characteristics", rows[0], "levels_v_total", "error", str(n), str(total), why)


def matched_totals(audit):
    """Has a matched arm the same n wherever it is printed?"""
    found = defaultdict(list)
    for table in ("responses", "characteristics", "adverse_events"):
        for row in audit[table]:
            if row["population"] == "psm" and row["n"] is not None and row["timepoint"] in (None, "baseline"):
                found[row["arm_id"]].append((table, row))
    for rows in found.values():
        sizes = [row["n"] for _, row in rows]
        usual = max(sizes, key=sizes.count)
        for table, row in rows:
            if row["n"] != usual:
                why = f"The matched arm has {usual} patients in {sizes.count(usual)} other places."
                yield audit.finding(table, row, "matched_totals", "error", str(row["n"]), str(usual), why)


def _variables(audit) -> dict:
    found = defaultdict(list)
    for row in audit["characteristics"]:
        if row["statistic"] == "count" and row["events"] is not None:
            found[row["arm_id"], row["population"], row["variable"], row["timepoint"]].append(row)
    return found


def _share(audit, arm, row, population=None) -> float | None:
    for cell in _variables(audit).get((arm, population or row["population"], row["variable"], "baseline"), []):
        if cell["level"] == row["level"] and cell["n"]:
            return cell["events"] / cell["n"]
    return None


def _variance(*shares: float) -> float:
    return sum(share * (1 - share) for share in shares) / len(shares)


def _is_survival(audit, row) -> bool:
    times = {entry["endpoint"] for entry in audit["survival"]} | {"OS", "PFS", "RFS"}
    return bool(_SURVIVAL.search(row["test"] or "")) or row["endpoint"] in times


def _table_of(audit, row) -> np.ndarray | None:
    """Levels x groups: from the row itself, from the response counts, or from the levels of the characteristic."""
    if None not in (row["events_1"], row["n_1"], row["events_2"], row["n_2"]):
        return _two_by_two(row["events_1"], row["n_1"], row["events_2"], row["n_2"])
    if row["arm_2"] in (None, row["arm_1"]):
        return None
    arms = (row["arm_1"], row["arm_2"])
    responses = [_response(audit, arm, row) for arm in arms]
    if None not in responses:
        return _two_by_two(*responses[0], *responses[1])
    levels = [_variables(audit).get((arm, row["population"], row["variable"], "baseline"), []) for arm in arms]
    counts = [{cell["level"]: cell["events"] for cell in cells} for cells in levels]
    if not counts[0] or set(counts[0]) != set(counts[1]) or len(counts[0]) < 2:
        return None
    return np.array([[counts[0][level], counts[1][level]] for level in counts[0]])


def _two_by_two(events_1: int, n_1: int, events_2: int, n_2: int) -> np.ndarray:
    return np.array([[events_1, events_2], [n_1 - events_1, n_2 - events_2]])


def _response(audit, arm, row) -> tuple[int, int] | None:
    wanted = (arm, row["population"], row["endpoint"], "overall")
    for cell in audit["responses"]:
        found = (cell["arm_id"], cell["population"], cell["endpoint"], cell["lesion_scope"])
        if found == wanted and cell["use"] != "do_not_pool" and None not in (cell["events"], cell["n"]):
            return cell["events"], cell["n"]
    return None


def _p_range(row) -> tuple[float, float]:
    if row["relation"] in ("<", ">"):
        return (0.0, row["value"]) if row["relation"] == "<" else (row["value"], 1.0)
    half = 0.5 * 10.0 ** -decimals_of(row["printed"], row["value"])
    return max(0.0, row["value"] - half), min(1.0, row["value"] + half)


def _p_text(row) -> str:
    number = find_printed(row["printed"], row["value"])
    sign = row["relation"] if row["relation"] in ("<", ">") else ""
    return sign + (number.text if number else f"{row['value']:g}")


RULES = (contingency_p, paired_not_checkable, standardised_difference, levels_v_total, matched_totals)
