"""Rules of counts: events, denominators, percentages, and the cells of a response table."""

from __future__ import annotations

import math
from collections import defaultdict

from hccmeta.evidence.printed import decimals_of

COUNTED = ("responses", "adverse_events", "characteristics")
BLOCK = ("arm_id", "population", "subgroup", "analysis", "lesion_scope", "criteria", "assessor")
_CELLS = ("CR", "PR", "SD", "PD", "NE", "ORR", "DCR")


def events_within_n(data):
    """Events lie between 0 and n."""
    for table in COUNTED:
        for row in data[table]:
            if row["events"] is not None and row["n"] is not None and row["events"] > row["n"]:
                yield table, [row], "events", f"n is {row['n']}: correct events or n."
    for row in data["comparisons"]:
        for side in "12":
            events, n = row[f"events_{side}"], row[f"n_{side}"]
            if events is not None and n is not None and events > n:
                yield "comparisons", [row], f"events_{side}", f"n_{side} is {n}: correct events or n."


def events_within_bounds(data):
    """The bounds of a count are in order: events_min <= events <= events_max <= n."""
    for table in ("responses", "adverse_events"):
        for row in data[table]:
            chain = [row[name] for name in ("events_min", "events", "events_max", "n") if row[name] is not None]
            if chain != sorted(chain) and not _too_many(row):
                yield table, [row], "events_min", "Order the bounds around events."


def _too_many(row) -> bool:
    return row["events"] is not None and row["n"] is not None and row["events"] > row["n"]


def inferred_count_has_its_range(data):
    """A count from a percentage carries all counts that give the printed percentage."""
    for table in ("responses", "adverse_events"):
        for row in data[table]:
            if row["events_how"] != "from_percent" or row["printed_pct"] is None or row["n"] is None:
                continue
            counts = counts_that_print(row["printed_pct"], row["n"], _decimals(row))
            if counts and (row["events_min"], row["events_max"]) != (counts[0], counts[-1]):
                fix = f"{row['printed_pct']:g}% of {row['n']} is {counts[0]} to {counts[-1]}: write these bounds."
                yield table, [row], "events_min", fix


def characteristic_has_its_value(data):
    """A count has events, a percentage printed_pct, a mean or median its value, a criterion its text or limits."""
    needs = {
        "count": ("events", "value"), "percent": ("printed_pct",), "mean": ("value",), "median": ("value",),
        "range": ("value_low", "value_high"), "criterion": ("value_text", "value", "value_low", "value_high"),
        "prescribed": ("value_text", "value", "value_low", "value_high"),
    }  # fmt: skip
    for row in data["characteristics"]:
        names = needs.get(row["statistic"], ())
        if names and all(row[name] is None for name in names):
            yield "characteristics", [row], names[0], f"Enter {' or '.join(names)} of this {row['statistic']}."
        if row["statistic"] == "count" and None not in (row["events"], row["value"]):
            yield "characteristics", [row], "value", "A count has no value: move it to the column it belongs to."


def count_says_how(data):
    """events_how and n_how agree with what is entered."""
    for table in ("responses", "adverse_events"):
        for row in data[table]:
            for count in ("events", "n"):
                how = row[f"{count}_how"]
                if how is not None and how != "not_printed" and row[count] is None:
                    yield table, [row], count, f"{count}_how is {how}: enter the count, or write not_printed."
            if row["events"] is not None and row["events_how"] == "not_printed":
                yield table, [row], "events_how", "Say where the count comes from."


def n_within_arm(data):
    """n is at most the number of patients of the arm."""
    size = {row["arm_id"]: row["n"] for row in data["arms"] if row["n"] is not None}
    for table in COUNTED:
        for row in data[table]:
            if row["n"] is not None and row["n"] > size.get(row["arm_id"], math.inf):
                yield table, [row], "n", f"The arm has {size[row['arm_id']]} patients: correct arm_id or n."
    for row in data["comparisons"]:
        for side in "12":
            arm, n = row[f"arm_{side}"] or row["arm_1"], row[f"n_{side}"]
            if n is not None and n > size.get(arm, math.inf):
                yield "comparisons", [row], f"n_{side}", f"The arm has {size[arm]} patients: correct the arm or n."
    for row in data["hazard_ratios"]:
        arms = [size.get(arm, math.inf) for arm in (row["experimental_arm"], row["control_arm"]) if arm]
        if row["n"] is not None and row["n"] > sum(arms):
            yield "hazard_ratios", [row], "n", f"The arms have {sum(arms)} patients: correct the arms or n."
        if row["n"] is not None and row["events"] is not None and row["events"] > row["n"]:
            yield "hazard_ratios", [row], "events", f"n is {row['n']}: correct events or n."
    for row in data["prognostic_factors"]:
        total = sum(row[name] or 0 for name in ("n_1", "n_2"))
        if total > size.get(row["arm_id"], math.inf):
            yield "prognostic_factors", [row], "n_1", f"The arm has {size[row['arm_id']]} patients: correct n_1 or n_2."


def whole_arm_has_its_n(data):
    """Responses and adverse events of the whole arm have the n of the arm."""
    size = {row["arm_id"]: row["n"] for row in data["arms"] if row["n"] is not None}
    for table in ("responses", "adverse_events"):
        for row in data[table]:
            whole = row["population"] == "all" and row["subgroup"] is None and row["phase"] in (None, "whole")
            if whole and row["n"] is not None and row["n"] < size.get(row["arm_id"], 0):
                fix = f"The arm has {size[row['arm_id']]} patients: correct arm_id or n, or name the population."
                yield table, [row], "n", fix


def same_n_in_a_block(data):
    """The cells of one response table share their denominator."""
    for rows in blocks(data).values():
        usual = max((row["n"] for row in rows if row["n"]), key=[row["n"] for row in rows].count, default=None)
        for row in rows:
            if row["n"] is not None and row["n"] != usual:
                yield "responses", [row, *rows], "n", f"The other cells have n = {usual}."


def percentage_fits_count(data):
    """printed_pct is events / n within one unit of its last printed digit."""
    for table in COUNTED:
        for row in data[table]:
            events, n, printed = row["events"], row["n"], row["printed_pct"]
            if events is None or not n or printed is None:
                continue
            unit = 10.0 ** -_decimals(row)
            if abs(100 * events / n - printed) >= unit * (1 + 1e-9):
                fix = f"{events}/{n} is {100 * events / n:.2f}%: correct events, n or the percentage."
                yield table, [row], "printed_pct", fix


def response_cells_add_up(data):
    """CR + PR = ORR, ORR + SD = DCR, and CR + PR + SD + PD + NE = n."""
    for rows in blocks(data).values():
        cell = {row["endpoint"]: row for row in rows if row["endpoint"] in _CELLS and row["events"] is not None}
        for parts, whole in ((("CR", "PR"), "ORR"), (("CR", "PR", "SD"), "DCR"), (("ORR", "SD"), "DCR")):
            if whole in cell and all(part in cell for part in parts):
                low, high = count_range([cell[part] for part in parts])
                total_low, total_high = count_range([cell[whole]])
                if low > total_high or high < total_low:
                    fix = f"{' + '.join(parts)} = {_span(low, high)}, {whole} = {_span(total_low, total_high)}."
                    yield "responses", [cell[whole], *(cell[part] for part in parts)], "events", fix
        if all(part in cell for part in ("CR", "PR", "SD", "PD")):
            parts = [cell[part] for part in ("CR", "PR", "SD", "PD", "NE") if part in cell]
            low, high = count_range(parts)
            n = parts[0]["n"]
            if n is not None and (low > n or ("NE" in cell and high < n)):
                yield "responses", parts, "events", f"The cells sum to {_span(low, high)}, n is {n}."


def blocks(data) -> dict:
    """Rows of each response table: one arm, population, lesion scope and criteria."""
    blocks = defaultdict(list)
    for row in data["responses"]:
        if row["endpoint"] in _CELLS and row["use"] != "do_not_pool":
            blocks[tuple(row[name] for name in BLOCK)].append(row)
    return blocks


def count_range(rows) -> tuple[int, int]:
    """Smallest and largest sum of the counts; a count from a percentage has its own bounds."""
    low = sum(row["events"] if row["events_min"] is None else row["events_min"] for row in rows)
    high = sum(row["events"] if row["events_max"] is None else row["events_max"] for row in rows)
    return low, high


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _decimals(row) -> int:
    return decimals_of(row["printed"], row["printed_pct"])


def counts_that_print(percent: float, n: int, decimals: int) -> list[int]:
    """All counts x of n whose percentage rounds to `percent` at `decimals` digits (either way at an exact half)."""
    half = 0.5 * 10.0**-decimals
    first = max(0, math.ceil((percent - half) * n / 100 - 1e-9))
    last = min(n, math.floor((percent + half) * n / 100 + 1e-9))
    return list(range(first, last + 1))


def grades_nest(data):
    """No grade has more patients than `any` grade, no event more than `any` event of the same grade."""
    keys = ("arm_id", "population", "subgroup", "analysis", "phase", "scale", "attribution")
    found = {(*(row[key] for key in keys), row["event"], row["grade"]): row for row in data["adverse_events"]}
    for key, row in found.items():
        *block, event, grade = key
        wider = [found.get((*block, event, "any"))] if grade != "any" else []
        wider += [found.get((*block, "any", grade))] if event != "any" else []
        wider += [found.get((*block, event, "ge3"))] if grade in ("3", "4", "5", "3-4", "4-5", "3-5") else []
        for other in wider:
            if other and None not in (row["events"], other["events"]) and row["events"] > other["events"]:
                fix = f"Line {other.line_number} ({other['event']}, grade {other['grade']}) has {other['events']}."
                yield "adverse_events", [row, other], "events", fix


STRUCTURE = (characteristic_has_its_value, events_within_bounds, inferred_count_has_its_range, count_says_how)
ARITHMETIC = (
    events_within_n, n_within_arm, whole_arm_has_its_n, same_n_in_a_block, percentage_fits_count,
    response_cells_add_up, grades_nest,
)  # fmt: skip
