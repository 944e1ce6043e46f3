"""Rules that compare what was entered with the text the paper prints."""

from __future__ import annotations

import re

from hccmeta.evidence.printed import printed_numbers, same_number

_PERCENT = (100.0, 1.0)
_PLAIN = (1.0,)
_TIME = (1.0, 1 / 12)  # months, or the years of a `1-year rate`

# column -> scales on which it may stand in `printed`; exact columns must stand there, counts may stand elsewhere
_EXACT = {
    "responses": {"printed_pct": _PLAIN, "ci_low": _PERCENT, "ci_high": _PERCENT},
    "adverse_events": {"printed_pct": _PLAIN},
    "characteristics": {"printed_pct": _PLAIN, "value": _PLAIN, "value_low": _PLAIN, "value_high": _PLAIN},
    "survival": {"value": _PLAIN, "ci_low": _PLAIN, "ci_high": _PLAIN},
    "hazard_ratios": {"hr": _PLAIN, "ci_low": _PLAIN, "ci_high": _PLAIN, "p_value": _PLAIN},
    "prognostic_factors": dict.fromkeys(("median_1", "median_2", "hr", "ci_low", "ci_high", "p_value"), _PLAIN),
    "comparisons": {"value": _PLAIN},
    "published_metas": {"value": _PERCENT, "ci_low": _PERCENT, "ci_high": _PERCENT},
    "case_timeline": {"value": _PLAIN},
}
_COUNTS = {
    "responses": ("events",),
    "adverse_events": ("events",),
    "characteristics": ("events",),
    "prognostic_factors": ("n_1", "n_2"),
    "comparisons": ("events_1", "events_2"),
}
_CONTEXT = {
    "responses": {"n": _PLAIN, "ci_level": _PERCENT},
    "adverse_events": {"n": _PLAIN},
    "characteristics": {"n": _PLAIN},
    "survival": {"time_months": _TIME, "ci_level": _PERCENT, "probability": _PERCENT},
    "hazard_ratios": {"ci_level": _PERCENT, "n": _PLAIN, "events": _PLAIN},
    "prognostic_factors": {"ci_level": _PERCENT},
    "comparisons": {"n_1": _PLAIN, "n_2": _PLAIN},
    "published_metas": {"ci_level": _PERCENT, "k": _PLAIN, "n": _PLAIN},
    "case_timeline": {"day": _PLAIN},
}


def printed_text_given(data):
    """A row read as printed carries the printed text."""
    for table in _EXACT:
        for row in data[table]:
            if row["how"] == "printed" and row["printed"] is None:
                yield table, [row], "printed", "Copy the text from the paper, or set `how` to what was done."


def entered_number_is_printed(data):
    """Numbers entered as printed stand in the printed text."""
    for table, columns in _EXACT.items():
        for row, numbers in _printed_rows(data, table):
            for column, scales in columns.items():
                value = row[column]
                if value is not None and not _stands_in(value, _scales(table, row, scales), numbers):
                    yield table, [row], column, f"Compare it with the printed text {row['printed']!r}."


def printed_dose_is_entered(data):
    """Doses of an arm stand in its printed text, where that text prints doses."""
    for row in data["arms"]:
        numbers = printed_numbers(row["printed"])
        if row["how"] != "printed" or not re.search(r"\d ?Gy", row["printed"] or ""):
            continue
        for column in ("rt_dose_low", "rt_dose_median", "rt_dose_high", "rt_bed10", "rt_eqd2"):
            calculated = column in ("rt_bed10", "rt_eqd2") and row["rt_bed10_how"] != "printed"
            if row[column] is not None and not calculated and not _stands_in(row[column], _PLAIN, numbers):
                yield "arms", [row], column, f"Compare it with the printed text {row['printed']!r}."


def printed_count_is_entered(data):
    """A printed text that lacks the entered count has no other number left over."""
    for table, columns in _COUNTS.items():
        for row, numbers in _printed_rows(data, table):
            if row["events_how"] not in (None, "printed"):
                continue
            missing = [name for name in columns if row[name] is not None and not _stands_in(row[name], _PLAIN, numbers)]
            if missing and _left_over(table, row, numbers):
                yield table, [row], missing[0], f"Compare it with the printed text {row['printed']!r}."


def printed_number_is_entered(data):
    """Every number of a printed cell without words is entered."""
    for table in _COUNTS:
        for row, numbers in _printed_rows(data, table):
            if not re.search(r"[A-Za-z]", row["printed"]) and _left_over(table, row, numbers):
                number = _left_over(table, row, numbers)[0]
                yield table, [row], "printed", f"{number.text} is printed: enter it in its column."


def _printed_rows(data, table):
    for row in data[table]:
        numbers = printed_numbers(row["printed"])
        if row["how"] == "printed" and numbers and row["statistic"] != "criterion":
            yield row, numbers


def _scales(table: str, row, scales):
    return _PERCENT if table == "survival" and row["statistic"] == "landmark" else scales


def _stands_in(value: float, scales, numbers) -> bool:
    return any(same_number(value * scale, number.value) for scale in scales for number in numbers)


def _left_over(table: str, row, numbers) -> list:
    known = dict.fromkeys(_COUNTS[table], _PLAIN) | _EXACT[table] | _CONTEXT.get(table, {})
    values = [row[name] * scale for name, scales in known.items() if row[name] is not None for scale in scales]
    words = ("level", "grade", "factor", "level_1", "level_2")
    values += [number.value for name in words for number in printed_numbers(row[name])]
    return [
        number for number in numbers
        if not number.loose and not any(same_number(value, number.value) for value in values)
    ]


STRUCTURE = (
    printed_text_given, entered_number_is_printed, printed_dose_is_entered, printed_count_is_entered,
    printed_number_is_entered,
)  # fmt: skip
ARITHMETIC = ()
